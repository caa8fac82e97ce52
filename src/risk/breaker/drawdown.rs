//! Drawdown from the peak (rulebook §6): dollars, time-weighted, transfers taken out.
//!
//! The peak is carried in today's money: a transfer scales it as it scales the account, so that
//! `1 − net / peak` is the fall of the time-weighted index (domain/reference.md §6).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, Worth, minutes, seconds, shown, since};
use crate::{
    account::hold::Level, calendar::Session, clock::Timestamp, config::breakers::DrawdownRules,
    money::Usd,
};

/// The name of its hold.
pub const NAME: &str = "drawdown";
/// A rung that was told of is told of again only once the drawdown was so much below it, percent.
const REARM: Decimal = Decimal::ONE;

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The highest worth confirmed by two observations, in today's money.
    pub peak_usd: Option<Usd>,
    /// Transfers taken into account.
    pub transfers_usd: Option<Usd>,
    /// The last usable observation, if no unusable one came after it.
    pub last_usd: Option<Usd>,
    /// The drawdown two observations agree on, percent.
    pub percent: Option<Decimal>,
    /// New orders are half as large.
    pub halved: bool,
    /// The rung told of: 1 alert, 2 half, 3 REDUCING, 4 FLATTEN.
    pub rung: u8,
    /// First of the observations in a row that would flatten.
    pub beyond_since: Option<Timestamp>,
    /// A FLATTEN waits for the next window.
    pub queued: bool,
    /// No resume before, without an override.
    pub locked_until: Option<Timestamp>,
}

impl State {
    /// A resume. After FLATTEN the drawdown is measured anew; after REDUCING it is held against the
    /// same peak, and trips again only from below its bound.
    pub(super) fn resume(&mut self) {
        if self.rung == 4 {
            *self = Self { transfers_usd: self.transfers_usd, ..Self::default() };
        }
    }

    /// Takes transfers out: the peak and the last observation grow or shrink as the account did.
    fn take_transfers(&mut self, net: Usd, transfers: Usd) {
        let known = self.transfers_usd.replace(transfers).unwrap_or(transfers);
        let before = net - (transfers - known);
        if known == transfers || !before.is_positive() {
            return;
        }
        let scale = |usd: Usd| Usd(usd.0 * net.0 / before.0);
        self.peak_usd = self.peak_usd.map(scale);
        self.last_usd = self.last_usd.map(scale);
    }
}

/// One look.
pub(super) fn look(
    rules: &DrawdownRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let window = seen.session.as_ref().is_some_and(|session| in_window(rules, session, seen.now));
    if state.queued && window {
        state.queued = false;
        let cause = "drawdown: the FLATTEN queued for this session's window".to_owned();
        steps.push(flatten(Level::Flattening, cause, None, seen.now));
    }
    match seen.worth {
        Worth::NotLooked => {}
        Worth::Unusable => (state.last_usd, state.beyond_since) = (None, None),
        Worth::Usable { net, transfers } => {
            state.take_transfers(net, transfers);
            observe(rules, state, net, seen, window, steps);
        }
    }
}

fn observe(
    rules: &DrawdownRules,
    state: &mut State,
    net: Usd,
    seen: &Observation,
    window: bool,
    steps: &mut Vec<Step>,
) {
    let last = state.last_usd.replace(net);
    // Two observations agree that it was worth as much, and that it fell as far.
    let peak = match (state.peak_usd, last) {
        (Some(peak), Some(last)) => peak.max(last.min(net)),
        (Some(peak), None) => peak,
        (None, _) => net,
    };
    state.peak_usd = Some(peak);
    if let Some(last) = last {
        let percent = fall(peak, last.max(net));
        state.percent = Some(percent);
        if fall(peak, last.min(net)) < rules.half_until_percent {
            state.halved = false;
        }
        rungs(rules, state, percent, seen, steps);
    }
    if fall(peak, net) < rules.flatten_percent {
        state.beyond_since = None;
        return;
    }
    let first = since(state.beyond_since, seen.now);
    state.beyond_since = Some(first);
    if state.rung < 4 && seen.now - first >= seconds(rules.gap_seconds) {
        state.rung = 4;
        let days = chrono::TimeDelta::days(i64::from(rules.lock_days));
        state.locked_until = Some(seen.now + days);
        state.queued = !window;
        steps.push(trip(rules, fall(peak, net), window, seen));
    }
}

/// Alert, half size, REDUCING.
fn rungs(
    rules: &DrawdownRules,
    state: &mut State,
    percent: Decimal,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    if percent >= rules.half_percent {
        state.halved = true;
    }
    let bounds = [rules.alert_percent, rules.half_percent, rules.reducing_percent];
    let words = |bound: Decimal| format!("drawdown {} >= {bound} %", shown(percent));
    if state.rung == 4 {
        return;
    }
    while state.rung > 0 && percent < bounds[usize::from(state.rung) - 1] - REARM {
        state.rung -= 1;
    }
    for rung in state.rung + 1..=3 {
        let bound = bounds[usize::from(rung) - 1];
        if percent < bound {
            break;
        }
        state.rung = rung;
        match rung {
            1 => steps.push(Step::Tell { name: NAME, text: words(bound) }),
            2 => {
                let until = rules.half_until_percent;
                let text =
                    format!("{}: new orders are half as large until below {until} %", words(bound));
                steps.push(Step::Tell { name: NAME, text });
            }
            _ => steps.push(
                Trip {
                    name: NAME,
                    level: Level::Reducing,
                    cause: words(bound),
                    until: Until::Resumed,
                    critical: None,
                }
                .step(seen.now),
            ),
        }
    }
}

fn trip(rules: &DrawdownRules, percent: Decimal, window: bool, seen: &Observation) -> Step {
    let what = format!("drawdown {} >= {} %", shown(percent), rules.flatten_percent);
    if window {
        return flatten(Level::Flattening, what.clone(), Some(what), seen.now);
    }
    let cause = format!("{what}; FLATTEN waits for the next session's window");
    flatten(Level::Halted, cause.clone(), Some(cause), seen.now)
}

fn flatten(level: Level, cause: String, critical: Option<String>, now: Timestamp) -> Step {
    Trip { name: NAME, level, cause, until: Until::Resumed, critical }.step(now)
}

/// 09:45 to 15:45, both included.
fn in_window(rules: &DrawdownRules, session: &Session, now: Timestamp) -> bool {
    let from = session.open + minutes(rules.flatten_minutes_after_open);
    let to = session.close - minutes(rules.flatten_minutes_before_close);
    (from..=to).contains(&now)
}

fn fall(peak: Usd, net: Usd) -> Decimal {
    if !peak.is_positive() {
        return Decimal::ZERO;
    }
    ((peak.0 - net.0) / peak.0 * Decimal::ONE_HUNDRED).max(Decimal::ZERO)
}
