//! Exits (rulebook §4.1): the resting profit order, the stop, the evaluation, the time exit.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Mark, ZdteTimes, mark, mark::blind_until};
use crate::{
    account::{ExitReason, NetPrice, Position},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, rulebook::Friday0dteRules},
    market::OptionQuote,
    money::to_f64,
    strategy::{
        closing::{Scope, has_naked_short, has_unbid_long, only_unbid_longs, open_legs, quote_of},
        ladder::{Urgency, profit_target},
    },
};

/// What is looked at in one round of watching a position.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The figures in force.
    pub rulebook: &'a Rulebook,
    /// The session of the position's day.
    pub session: &'a Session,
    /// Its clocks.
    pub times: &'a ZdteTimes,
    /// The position, with what is still open.
    pub position: &'a Position,
    /// The quotes of its legs.
    pub quotes: &'a [OptionQuote],
    /// Tick of the position's net price.
    pub tick: Decimal,
    /// The moment of the quotes.
    pub now: Timestamp,
}

/// What must be remembered of a position from one round to the next; stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMemory {
    /// Usable observations in a row that lie beyond the stop.
    pub stop_observations: u32,
    /// The last usable mark.
    pub last_mark_at: Option<Timestamp>,
    /// The lack of marks was told; cleared by the next usable one.
    pub no_mark_alerted: bool,
    /// The evaluation was made.
    pub evaluated: bool,
    /// The position is being closed, and why: once set it stays.
    pub closing: Option<ExitReason>,
    /// The last CRITICAL for not being flat.
    pub critical_at: Option<Timestamp>,
}

/// What is to be done now. Actions repeat every round as long as they hold; the desk compares them
/// with what already works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitAction {
    /// The profit order rests at this debit.
    RestProfit {
        /// Net limit a unit.
        limit: NetPrice,
    },
    /// Cancel the profit order, have that confirmed, and close.
    Close {
        /// Why.
        reason: ExitReason,
        /// How much.
        scope: Scope,
        /// How hard.
        urgency: Urgency,
    },
    /// Tell that there was no usable mark for so long.
    AlertNoMark {
        /// Seconds since the last one.
        seconds: i64,
    },
    /// Tell, as CRITICAL, that the position is not flat.
    AlertNotFlat,
}

/// The outcome of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// What is to be done, in this order.
    pub actions: Vec<ExitAction>,
    /// What to remember.
    pub memory: ExitMemory,
    /// What the quotes said.
    pub mark: Mark,
}

/// One round of watching a position.
pub fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    let mut actions = Vec::new();
    let Watched { rulebook, session, position, quotes, now, .. } = *watched;
    if open_legs(position).next().is_none() {
        return Managed { actions, memory, mark: Mark::Missing };
    }
    let mark = mark(rulebook, session, position, quotes, now);
    observe(watched, mark, &mut memory);
    if memory.closing.is_none() {
        memory.closing = trigger(watched, mark, &mut memory);
    }
    actions.extend(order(watched, &memory));
    actions.extend(no_mark_alert(watched, mark, &mut memory));
    actions.extend(not_flat_alert(watched, &mut memory));
    Managed { actions, memory, mark }
}

/// How hard a close is pushed at a moment. A time exit walks to natural, stands at natural from
/// 15:00, and goes beyond it from 15:15; every other close walks the whole ladder at once.
pub fn urgency(times: &ZdteTimes, reason: ExitReason, now: Timestamp) -> Urgency {
    if reason != ExitReason::TimeExit {
        return Urgency::Whole;
    }
    if now >= times.width {
        Urgency::Beyond((now - times.width).num_seconds())
    } else if now >= times.natural {
        Urgency::AtNatural
    } else {
        Urgency::ToNatural
    }
}

/// The loss a unit, in points, at which a position is stopped: 2 × credit, or 1 × where the credit
/// is above a quarter of the width (a 2 × stop would sit at the wing).
pub fn stop_loss(rules: &Friday0dteRules, credit: Decimal, width: Option<Decimal>) -> Decimal {
    let rich = width.is_some_and(|width| credit * rules.rich_credit_width_divisor > width);
    credit * if rich { rules.stop_credits_rich } else { rules.stop_credits }
}

/// Counts a usable observation. A second round at one instant is no second observation, and an
/// unusable one breaks the row.
fn observe(watched: &Watched<'_>, mark: Mark, memory: &mut ExitMemory) {
    let Some(cost) = mark.cost() else {
        memory.stop_observations = 0;
        return;
    };
    if memory.last_mark_at == Some(watched.now) {
        return;
    }
    memory.last_mark_at = Some(watched.now);
    memory.no_mark_alerted = false;
    let position = watched.position;
    let bound = stop_loss(&watched.rulebook.friday_0dte, position.credit, position.width);
    // Longs alone, of an entry that has filled no short yet, were paid for: nothing to stop.
    let beyond = bound > Decimal::ZERO && cost - position.credit >= bound;
    memory.stop_observations = if beyond { memory.stop_observations + 1 } else { 0 };
}

/// Why the position is to be closed now, if it is.
fn trigger(watched: &Watched<'_>, mark: Mark, memory: &mut ExitMemory) -> Option<ExitReason> {
    let Watched { rulebook, times, now, .. } = *watched;
    if memory.stop_observations >= rulebook.common.marks.observations.max(1) {
        return Some(ExitReason::Stop);
    }
    if now >= times.exit {
        return Some(ExitReason::TimeExit);
    }
    if now >= times.evaluation && !memory.evaluated {
        memory.evaluated = mark.cost().is_some();
        if evaluation_closes(watched, mark) {
            return Some(ExitReason::Evaluation);
        }
    }
    None
}

/// The evaluation: profit of at least 25 % of the credit, or a short |delta| of at least 0.30. It
/// is made at the first usable mark; until there is one only the deltas are judged.
fn evaluation_closes(watched: &Watched<'_>, mark: Mark) -> bool {
    let rules = &watched.rulebook.friday_0dte;
    let credit = watched.position.credit;
    let wanted = credit * rules.evaluation_profit_percent / Decimal::ONE_HUNDRED;
    let in_profit = mark.cost().is_some_and(|cost| credit - cost >= wanted);
    let bound = to_f64(rules.evaluation_delta);
    let threatened = open_legs(watched.position)
        .filter(|leg| leg.quantity < 0)
        .filter_map(|leg| quote_of(&leg.instrument, watched.quotes))
        .any(|quote| !quote.is_broken() && quote.delta.abs() >= bound);
    in_profit || threatened
}

/// The one order that should work: the close, or the resting profit order.
fn order(watched: &Watched<'_>, memory: &ExitMemory) -> Option<ExitAction> {
    let Watched { rulebook, times, position, quotes, tick, now, .. } = *watched;
    let Some(reason) = memory.closing else {
        let percent = rulebook.friday_0dte.profit_target_percent;
        let limit = profit_target(position.credit, percent, tick)?;
        return Some(ExitAction::RestProfit { limit });
    };
    if only_unbid_longs(position, quotes) {
        return None;
    }
    let unbid = now >= times.shorts_alone && has_unbid_long(position, quotes);
    // Uneven legs: the shorts first, so that no close leaves one naked.
    let uneven = reason == ExitReason::Incomplete || has_naked_short(position);
    let alone = unbid || uneven;
    let scope = if alone { Scope::ShortsOnly } else { Scope::All };
    Some(ExitAction::Close { reason, scope, urgency: urgency(times, reason, now) })
}

fn no_mark_alert(watched: &Watched<'_>, mark: Mark, memory: &mut ExitMemory) -> Option<ExitAction> {
    let rules = &watched.rulebook.common.marks;
    if mark.cost().is_some() || !mark.is_expected() || memory.no_mark_alerted {
        return None;
    }
    let since = memory.last_mark_at.unwrap_or(watched.position.opened_at);
    let seconds = (watched.now - since.max(blind_until(rules, watched.session))).num_seconds();
    memory.no_mark_alerted = seconds >= i64::from(rules.alert_after_seconds);
    memory.no_mark_alerted.then_some(ExitAction::AlertNoMark { seconds })
}

/// CRITICAL every minute until flat. Longs that nobody bids for are left behind, not told.
fn not_flat_alert(watched: &Watched<'_>, memory: &mut ExitMemory) -> Option<ExitAction> {
    let Watched { times, position, quotes, now, .. } = *watched;
    // A clock that stepped back is no reason to be silent.
    let due =
        memory.critical_at.is_none_or(|last| last > now || now - last >= TimeDelta::minutes(1));
    if now < times.critical || !due || only_unbid_longs(position, quotes) {
        return None;
    }
    memory.critical_at = Some(now);
    Some(ExitAction::AlertNotFlat)
}
