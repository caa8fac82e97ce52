//! New orders are half as large in a drawdown (rulebook §6); half of one unit is none.

use super::refusal::Refusal;
use crate::strategy::{Candidate, Snapshot};

/// The units an order may have.
pub(super) fn units(snapshot: &Snapshot, candidate: &Candidate) -> u32 {
    if snapshot.halved_at.is_some() { candidate.units / 2 } else { candidate.units }
}

/// Half of what was wanted is at least one unit.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    match snapshot.halved_at {
        Some(percent) if units(snapshot, candidate) == 0 => {
            let until = snapshot.rulebook.breakers.drawdown.half_until_percent;
            Err(Refusal::HalfSize { percent, until, units: candidate.units })
        }
        _ => Ok(()),
    }
}
