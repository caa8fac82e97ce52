//! The loss of one day (rulebook §6): against sizing capital, transfers taken out.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, Worth, shown};
use crate::{account::hold::Level, config::breakers::DayLossRules, money::Usd};

/// The name of its hold.
pub const NAME: &str = "day-loss";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The session the day's figures are of.
    pub date: Option<NaiveDate>,
    /// What the day began with: the last usable worth of the session before, transfers added.
    pub base_usd: Option<Usd>,
    /// Transfers taken into account.
    pub transfers_usd: Option<Usd>,
    /// The last usable worth.
    pub last_usd: Option<Usd>,
    /// The one before it in a row of the same day.
    pub row_usd: Option<Usd>,
    /// The loss two observations agree on, percent of sizing capital; below zero for a gain.
    pub percent: Option<Decimal>,
    /// It tripped on that day.
    pub tripped: bool,
}

/// One look.
pub(super) fn look(
    rules: &DayLossRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let Some(session) = &seen.session else { return };
    if state.date.is_none_or(|date| date < session.date) {
        let base = state.last_usd;
        let (transfers_usd, last_usd) = (state.transfers_usd, state.last_usd);
        let date = Some(session.date);
        *state = State { date, base_usd: base, transfers_usd, last_usd, ..State::default() };
    }
    let (net, transfers) = match seen.worth {
        Worth::NotLooked => return,
        Worth::Unusable => {
            state.row_usd = None;
            return;
        }
        Worth::Usable { net, transfers } => (net, transfers),
    };
    let moved = transfers - state.transfers_usd.replace(transfers).unwrap_or(transfers);
    let base = state.base_usd.map_or(net, |base| base + moved);
    (state.base_usd, state.last_usd) = (Some(base), Some(net));
    let Some(row) = state.row_usd.replace(net) else { return };
    let sizing = seen.stage_capital.map_or(base, |most| most.min(base));
    if !sizing.is_positive() {
        return;
    }
    let loss = base - (row + moved).max(net);
    let percent = loss.0 / sizing.0 * Decimal::ONE_HUNDRED;
    state.percent = Some(percent);
    if state.tripped || percent <= rules.percent {
        return;
    }
    state.tripped = true;
    let cause = format!(
        "day loss {} > {} % of sizing capital ({loss} of {sizing})",
        shown(percent),
        rules.percent
    );
    let until = seen.next_open.map_or(Until::Resumed, Until::At);
    let trip = Trip { name: NAME, level: Level::Reducing, cause, until, critical: None };
    steps.push(trip.step(seen.now));
}
