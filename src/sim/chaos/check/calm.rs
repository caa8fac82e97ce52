//! Invariant 10: once faults stop, every intent ends within a bounded time, and the desk is
//! reconciled.
//!
//! Whenever the daemon has been healthy for [`BOUND`], no send is older than that whose fate is not
//! known, and nothing that opens works longer than its ladder lasts. At the end no intent is open,
//! since the last session is over, and no hold says that ledger and broker differ.
//!
//! The bound: an order is proven absent at the earliest 30 s after its send, looks come every two
//! seconds at first and less often later, and the books are compared at least every minute while an
//! order is in flight. A halt an order of unknown fate brought stays until a person resumes: it is
//! not the desk's to end.

use chrono::TimeDelta;

use super::{Broken, Invariant, Moment, Scene, eyes::Eyes};
use crate::desk::{intent::AttemptStatus, reconcile::RECONCILIATION};

/// How long after the last fault everything must be known.
const BOUND: TimeDelta = TimeDelta::minutes(20);

/// The invariant.
pub(super) struct Calm(pub(super) Eyes);

impl Invariant for Calm {
    fn number(&self) -> u8 {
        10
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        let ended = matches!(moment, Moment::End);
        let step = matches!(moment, Moment::Step | Moment::DayEnd);
        let healthy = scene.healthy_since().is_some_and(|since| scene.now - since >= BOUND);
        if !(ended || step && healthy) {
            return Ok(());
        }
        let ledger = self.0.ledger(scene)?;
        for record in ledger.intents.values().filter(|record| !record.state.is_terminal()) {
            let (id, state) = (record.id(), record.state.name());
            if ended {
                return Err(Broken(format!("`{id}` is {state} at the end")));
            }
            let old = record.working().filter(|send| scene.now - send.at >= BOUND);
            if let Some(send) = old.filter(|send| send.status != AttemptStatus::Working) {
                return Err(Broken(format!(
                    "the fate of `{}` is {:?} since {}, and nothing has been wrong for {} min",
                    send.external_id,
                    send.status,
                    send.at,
                    BOUND.num_minutes()
                )));
            }
            if record.is_entry() && scene.now - record.created_at >= BOUND {
                let since = record.created_at;
                return Err(Broken(format!("the entry `{id}` of {since} is still {state}")));
            }
        }
        match ledger.holds.iter().find(|hold| ended && hold.name == RECONCILIATION) {
            Some(hold) => Err(Broken(format!("still not reconciled at the end: {}", hold.cause))),
            None => Ok(()),
        }
    }
}
