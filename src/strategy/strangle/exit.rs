//! Exits (rulebook §4.3, §4.7): half the credit, 21 days, a loss of twice the credit, VIX, and the
//! defence by the delta of the shorts.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::defence::{self, Step};
use crate::{
    account::{ExitReason, Position},
    instrument::AssetClass,
    strategy::{
        AdjustReason,
        closing::{Scope, closing, open_legs},
        ladder::{Urgency, profit_target},
        manage::{ExitAction, ExitMemory, Managed, Warning, Watched},
        mark::Mark,
        universal,
    },
};

/// One round of watching a position.
pub fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    if memory.closing_part.is_some_and(|(_, scope)| !watched.holds(scope)) {
        memory.closing_part = None;
    }
    let scope = held(watched.position);
    let bound = watched.credit(scope) * watched.rulebook.strangle.stop_credits;
    let mark = watched.observe(scope, bound, &mut memory);
    let step = defence::step(watched, mark, &mut memory);
    if memory.closing.is_none() {
        memory.closing = trigger(watched, scope, mark, step, &mut memory);
    }
    if let Some(Step::CloseSide(side)) = step {
        memory.closing_part.get_or_insert((ExitReason::Defence, side));
    }
    let mut actions = Vec::new();
    if step.is_some() {
        actions.extend(memory.warn(Warning::Delta));
    }
    actions.extend(order(watched, scope, step, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    Managed { actions, memory, mark }
}

/// What is held: both sides, or the one the defence has left, which goes on by its own credit.
pub(super) fn held(position: &Position) -> Scope {
    let holds = |scope| closing(position, scope).is_some();
    match (holds(Scope::Puts), holds(Scope::Calls)) {
        (true, false) => Scope::Puts,
        (false, true) => Scope::Calls,
        _ => Scope::All,
    }
}

/// Why all is to be closed now, if it is.
fn trigger(
    watched: &Watched<'_>,
    scope: Scope,
    mark: Mark,
    step: Option<Step>,
    memory: &mut ExitMemory,
) -> Option<ExitReason> {
    let storm = vix_above(watched, memory);
    if watched.is_stopped(memory) {
        return Some(ExitReason::Stop);
    }
    if step == Some(Step::CloseAll) {
        return Some(ExitReason::Defence);
    }
    storm.or_else(|| universal::days_exit(watched, scope, mark))
}

/// Equity strangles are closed once VIX has been above 30 for 15 minutes of this session's regular
/// hours; the night counts nothing, and a print that is old says nothing.
fn vix_above(watched: &Watched<'_>, memory: &mut ExitMemory) -> Option<ExitReason> {
    let Watched { rulebook, session, position, vix, now, .. } = *watched;
    let age = TimeDelta::seconds(i64::from(rulebook.limits.data_age_seconds));
    let level = vix.filter(|vix| session.contains(now) && now - vix.at <= age)?.level;
    if memory.since.is_some_and(|since| since < session.open) {
        memory.since = None;
    }
    let rules = &rulebook.strangle;
    let above = position.product.class() == AssetClass::Equity && level > rules.vix_to;
    watched.held_for(above, rules.vix_above_minutes, memory).then_some(ExitReason::VixAbove)
}

/// The one order that should work: a close, the roll of the untested side, or the profit order.
fn order(
    watched: &Watched<'_>,
    scope: Scope,
    step: Option<Step>,
    memory: &ExitMemory,
) -> Option<ExitAction> {
    let Watched { rulebook, position, tick, now, .. } = *watched;
    if let Some(reason) = memory.closing {
        return watched.close_all(reason);
    }
    if let Some((reason, scope)) = memory.closing_part {
        return Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole });
    }
    let rules = &rulebook.strangle;
    let retry = i64::from(rules.defence.retry_minutes);
    if step == Some(Step::Roll) && memory.may_adjust(now, retry) {
        return Some(ExitAction::Adjust { reason: AdjustReason::Defence });
    }
    let order = closing(position, scope)?;
    let credit: Decimal = watched.credit(scope) * order.units_of(position);
    let limit = profit_target(credit, rules.profit_target_percent, tick)?;
    Some(ExitAction::RestProfit { limit, scope: Scope::All })
}
