//! Orders whose legs filled unevenly: told, and where the rest cannot be had, what is held of them
//! is closed.

use serde_json::json;

use super::{describe, intent::IntentRecord, read, watch};
use crate::{
    account::{ExitReason, Position, PositionId},
    clock::Timestamp,
    notice::{self, Notice},
    store::{StoreError, WriteTx},
    strategy::{Purpose, closing::has_naked_short},
};

/// The position an intent leaves uneven when it ends, and why it is to be closed; `None` when its
/// legs are even or it goes on.
pub(in crate::desk) fn uneven_end(record: &IntentRecord) -> Option<(PositionId, ExitReason)> {
    if !record.state.is_terminal() {
        return None;
    }
    record.laggards()?;
    Some(match &record.intent.purpose {
        Purpose::Entry => (position_of(record), ExitReason::Incomplete),
        Purpose::Exit { position, reason } => (position.clone(), *reason),
        Purpose::Adjust { position, .. } => (position.clone(), ExitReason::Incomplete),
    })
}

/// What follows when an intent ends: an uneven position is closed from here on.
pub(super) fn end(
    tx: &mut WriteTx,
    record: &IntentRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some((position, reason)) = uneven_end(record) else { return Ok(()) };
    let row = read::position(tx, &position)?;
    if !row.as_ref().is_some_and(Position::is_open) {
        return Ok(());
    }
    if watch::close_from_now(tx, &position, reason)? {
        let data = json!({ "reason": reason, "uneven": record.id() });
        tx.journal(at, &position.0, "closing", &data)?;
    }
    tell(tx, record, "what is held of it is closed", at)
}

/// The same when a fill came after the end.
pub(super) fn after_late_fill(
    tx: &mut WriteTx,
    record: &IntentRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    if uneven_end(record).is_some() { end(tx, record, at) } else { Ok(()) }
}

/// Tells what is held of an uneven order, and what is done about it.
pub(super) fn tell(
    tx: &mut WriteTx,
    record: &IntentRecord,
    done: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = record.intent.purpose.position().cloned();
    let id = id.unwrap_or_else(|| position_of(record));
    let Some(position) = read::position(tx, &id)?.filter(Position::is_open) else { return Ok(()) };
    let told = Notice::LegsUneven {
        intent: record.id().clone(),
        held: describe::open_legs(&position),
        naked: has_naked_short(&position),
        done: done.to_owned(),
    };
    notice::raise(tx, at, told)
}

fn position_of(record: &IntentRecord) -> PositionId {
    PositionId(record.id().0.clone())
}
