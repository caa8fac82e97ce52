//! Flat by 15:00: what is worth something is sold back, what is not is left to expire.

use rust_decimal::Decimal;

use super::Butterfly;
use crate::{
    account::ExitReason,
    strategy::{
        Rule,
        closing::{Scope, has_naked_short, has_unbid_long, only_unbid_longs, open_legs},
        ladder::Urgency,
        manage::{ExitAction, ExitMemory, Managed, Watched},
        mark::Mark,
    },
};

/// One round of watching a position. There is no stop: the debit is the most it can lose.
pub(super) fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    let Watched { rulebook, session, position, now, .. } = *watched;
    if open_legs(position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    let mark = watched.observe(Scope::All, Decimal::ZERO, &mut memory);
    let closes = Butterfly.closes_from(rulebook, session);
    if memory.closing.is_none() && closes.is_some_and(|from| now >= from) {
        memory.closing = Some(ExitReason::TimeExit);
    }
    let mut actions = Vec::new();
    actions.extend(order(watched, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    if let Some(by) = Butterfly.flat_by(rulebook, session) {
        actions.extend(watched.not_flat_alert(by, &mut memory));
    }
    Managed { actions, memory, mark }
}

/// The close. Longs that nobody bids for are left behind, and then the shorts are bought back alone.
fn order(watched: &Watched<'_>, memory: &ExitMemory) -> Option<ExitAction> {
    let Watched { position, quotes, .. } = *watched;
    let reason = memory.closing?;
    if only_unbid_longs(position, quotes) {
        return None;
    }
    let uneven = reason == ExitReason::Incomplete || has_naked_short(position);
    let alone = uneven || has_unbid_long(position, quotes);
    let scope = if alone { Scope::ShortsOnly } else { Scope::All };
    Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole })
}
