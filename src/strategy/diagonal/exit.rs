//! Exits: half of the debit earned, VIX above 18, 21 days before the put sold expires.

use rust_decimal::Decimal;

use crate::{
    account::{ExitReason, NetPrice},
    instrument::tick::round_up,
    strategy::{
        closing::{Scope, open_legs},
        ladder::Urgency,
        manage::{ExitAction, ExitMemory, Managed, Watched},
        mark::Mark,
        universal::days_exit,
    },
};

/// One round of watching a position. There is no stop: the debit is the most it can lose.
pub(super) fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    let mark = watched.observe(Scope::All, Decimal::ZERO, &mut memory);
    if memory.closing.is_none() {
        memory.closing = trigger(watched, mark, &mut memory);
    }
    let mut actions = Vec::new();
    actions.extend(order(watched, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    Managed { actions, memory, mark }
}

fn trigger(watched: &Watched<'_>, mark: Mark, memory: &mut ExitMemory) -> Option<ExitReason> {
    let rules = &watched.rulebook.diagonal;
    // VIX has no print of its own before the open's noise is over: as marks, it waits.
    let high =
        mark.is_expected() && watched.vix.is_some_and(|vix| vix.level > rules.close_above_vix);
    if watched.held_for(high, rules.vix_minutes, memory) {
        return Some(ExitReason::VixAbove);
    }
    days_exit(watched, Scope::All, mark)
}

/// The close, or the sale that rests at the debit and half of it.
fn order(watched: &Watched<'_>, memory: &ExitMemory) -> Option<ExitAction> {
    if let Some(reason) = memory.closing {
        // A short left alone goes first, and then what is left.
        let scope = if reason == ExitReason::Incomplete { Scope::ShortsOnly } else { Scope::All };
        return Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole });
    }
    let rules = &watched.rulebook.diagonal;
    let debit = -watched.position.credit;
    let wanted = debit + debit * rules.profit_target_percent / Decimal::ONE_HUNDRED;
    let limit = NetPrice(round_up(wanted, watched.tick));
    (debit > Decimal::ZERO).then_some(ExitAction::RestProfit { limit, scope: Scope::All })
}
