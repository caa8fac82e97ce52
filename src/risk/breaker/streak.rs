//! Stops in a row and the rate of wins (rulebook §6).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, shown};
use crate::{account::hold::Level, clock::Timestamp, config::breakers::StreakRules};

/// The name of its hold.
pub const NAME: &str = "streak";

/// How a trade ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeEnd {
    /// When.
    pub at: Timestamp,
    /// A 0DTE trade.
    pub zero_dte: bool,
    /// By its stop.
    pub stopped: bool,
    /// With profit after fees.
    pub won: bool,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Trades are counted from here: the last resume. What was looked at once is not held against
    /// the owner again.
    pub from: Option<Timestamp>,
    /// 0DTE stops in a row.
    pub stops: u32,
    /// Trades counted, at most those the rate is taken over.
    pub trades: u32,
    /// Wins among them.
    pub wins: u32,
    /// It tripped, and nobody resumed since.
    pub tripped: bool,
}

impl State {
    pub(super) fn resume(&mut self, now: Timestamp) {
        *self = Self { from: Some(now), ..Self::default() };
    }
}

/// One look.
pub(super) fn look(
    rules: &StreakRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let Some(trades) = &seen.trades else { return };
    let counted = || trades.iter().filter(|trade| state.from.is_none_or(|from| trade.at > from));
    let stops = counted().filter(|t| t.zero_dte).take_while(|t| t.stopped).count();
    let most = usize::try_from(rules.trades).unwrap_or(usize::MAX);
    let wins = counted().take(most).filter(|trade| trade.won).count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (stops, wins, count) = (number(stops), number(wins), number(counted().take(most).count()));
    (state.stops, state.wins, state.trades) = (stops, wins, count);
    let Some(cause) = cause(rules, state).filter(|_| !state.tripped) else { return };
    state.tripped = true;
    let until = Until::Resumed;
    let trip = Trip { name: NAME, level: Level::Reducing, cause, until, critical: None };
    steps.push(trip.step(seen.now));
}

fn cause(rules: &StreakRules, state: &State) -> Option<String> {
    if state.stops >= rules.stops {
        return Some(format!("{} 0DTE stops in a row >= {}", state.stops, rules.stops));
    }
    let rate = win_percent(rules, state)?;
    (rate < rules.win_percent).then(|| {
        format!(
            "win rate {} < {} % over the last {} trades",
            shown(rate),
            rules.win_percent,
            rules.trades
        )
    })
}

/// The win rate; `None` before there were enough trades.
pub(super) fn win_percent(rules: &StreakRules, state: &State) -> Option<Decimal> {
    let enough = state.trades >= rules.trades && state.trades > 0;
    enough.then(|| Decimal::from(state.wins) / Decimal::from(state.trades) * Decimal::ONE_HUNDRED)
}
