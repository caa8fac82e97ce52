//! Exits (rulebook §4.2).
//!
//! "All closes when the underlying is within 25 ES points of the short put": the put meant is that of
//! the two sold far below. Theirs is the undefined risk that gaps can jump and stress must size;
//! they are held naked. The hedge's own short put is covered, and near it the hedge begins to pay:
//! 50 points above it lies the put bought, at 25 delta, which the market visits about every other
//! time, so that a close there would be the usual end and not an emergency.

use super::Parts;
use crate::{
    account::ExitReason,
    strategy::{
        closing::{Scope, closing, open_legs},
        ladder::{Urgency, profit_target},
        manage::{ExitAction, ExitMemory, Managed, Warning, Watched},
        mark::Mark,
    },
};

/// One round of watching a position.
pub fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    let mut actions = Vec::new();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions, memory, mark: Mark::Missing };
    }
    let parts = Parts::of(watched.position);
    let naked = parts.map(Parts::naked).filter(|scope| watched.holds(*scope));
    if memory.closing_part.is_some_and(|(_, scope)| !watched.holds(scope)) {
        memory.closing_part = None;
    }
    let mark = match naked {
        Some(scope) => {
            let bound = watched.credit(scope) * watched.rulebook.lt112.stop_credits;
            watched.observe(scope, bound, &mut memory)
        }
        None => watched.mark(Scope::All),
    };
    if let Some((parts, scope)) = parts.zip(naked) {
        actions.extend(near(watched, parts, &mut memory));
        naked_triggers(watched, scope, mark, &mut memory);
        actions.extend(watched.no_mark_alert(mark, &mut memory));
    }
    let due = watched.days_left(Scope::All).is_some_and(|days| {
        days <= i64::from(watched.rulebook.lt112.hedge_days) && mark.is_expected()
    });
    if memory.closing.is_none() && due {
        memory.closing = Some(ExitReason::Dte);
    }
    actions.extend(order(watched, naked, &memory));
    Managed { actions, memory, mark }
}

/// The naked puts close alone at their stop, and at 30 days.
fn naked_triggers(watched: &Watched<'_>, scope: Scope, mark: Mark, memory: &mut ExitMemory) {
    if memory.closing.is_some() || memory.closing_part.is_some() {
        return;
    }
    let days = i64::from(watched.rulebook.lt112.naked_days);
    let near = watched.days_left(scope).is_some_and(|left| left <= days);
    let reason = if watched.is_stopped(memory) {
        Some(ExitReason::Stop)
    } else {
        (near && mark.is_expected()).then_some(ExitReason::Dte)
    };
    memory.closing_part = reason.map(|reason| (reason, scope));
}

/// All closes once two observations in a row find the underlying within 25 points of the naked puts'
/// strike, or below it; at 50 that is told.
fn near(watched: &Watched<'_>, parts: Parts, memory: &mut ExitMemory) -> Option<ExitAction> {
    let rules = &watched.rulebook.lt112;
    let distance = parts.naked.and_then(|strike| watched.distance(strike));
    if watched.is_near(distance, rules.near_points, memory) {
        memory.closing.get_or_insert(ExitReason::NearStrike);
    }
    let told = distance.is_some_and(|distance| distance <= rules.near_warn_points);
    if told { memory.warn(Warning::NearStrike) } else { None }
}

/// The one order that should work: a close, or the profit order of the naked puts.
fn order(watched: &Watched<'_>, naked: Option<Scope>, memory: &ExitMemory) -> Option<ExitAction> {
    let Watched { rulebook, position, tick, .. } = *watched;
    if let Some(reason) = memory.closing {
        return watched.close_all(reason);
    }
    if let Some((reason, scope)) = memory.closing_part {
        return Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole });
    }
    let scope = naked?;
    let order = closing(position, scope)?;
    // The position's unit is two of them; the order's may be one.
    let credit = watched.credit(scope) * order.units_of(position);
    let limit = profit_target(credit, rulebook.lt112.profit_target_percent, tick)?;
    Some(ExitAction::RestProfit { limit, scope })
}
