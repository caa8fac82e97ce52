//! Exits (rulebook §4.1): the resting profit order, the stop, the evaluation, the time exit.

use rust_decimal::Decimal;

use super::{ZdteTimes, times};
use crate::{
    account::ExitReason,
    clock::Timestamp,
    config::rulebook::Friday0dteRules,
    money::to_f64,
    strategy::{
        closing::{Scope, has_naked_short, has_unbid_long, only_unbid_longs, open_legs, quote_of},
        ladder::{Urgency, profit_target},
        manage::{ExitAction, ExitMemory, Managed, Watched},
        mark::Mark,
    },
};

/// One round of watching a position.
pub fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    let mut actions = Vec::new();
    let Watched { rulebook, session, position, .. } = *watched;
    if open_legs(position).next().is_none() {
        return Managed { actions, memory, mark: Mark::Missing };
    }
    let times = times(rulebook, session);
    let bound = stop_loss(&rulebook.friday_0dte, position.credit, position.width);
    let mark = watched.observe(Scope::All, bound, &mut memory);
    if memory.closing.is_none() {
        memory.closing = trigger(watched, &times, mark, &mut memory);
    }
    actions.extend(order(watched, &times, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    actions.extend(watched.not_flat_alert(times.critical, &mut memory));
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

/// Why the position is to be closed now, if it is.
fn trigger(
    watched: &Watched<'_>,
    times: &ZdteTimes,
    mark: Mark,
    memory: &mut ExitMemory,
) -> Option<ExitReason> {
    let now = watched.now;
    if watched.is_stopped(memory) {
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
fn order(watched: &Watched<'_>, times: &ZdteTimes, memory: &ExitMemory) -> Option<ExitAction> {
    let Watched { rulebook, position, quotes, tick, now, .. } = *watched;
    let Some(reason) = memory.closing else {
        let percent = rulebook.friday_0dte.profit_target_percent;
        let limit = profit_target(position.credit, percent, tick)?;
        return Some(ExitAction::RestProfit { limit, scope: Scope::All });
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
