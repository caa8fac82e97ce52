//! Limit 15: one intent for a slot.

use super::refusal::Refusal;
use crate::{
    account::IntentId,
    strategy::{Candidate, Purpose, Snapshot},
};

/// Neither this id nor any other entry of the strategy exists for the slot.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    id: &IntentId,
) -> Result<(), Refusal> {
    let open = snapshot.open_intents.iter().any(|intent| {
        let same_slot = intent.slot == snapshot.slot && intent.strategy == candidate.strategy;
        intent.id == *id || (same_slot && intent.purpose == Purpose::Entry)
    });
    if open || snapshot.slot_intents.contains(id) {
        return Err(Refusal::Duplicate { id: id.clone() });
    }
    Ok(())
}
