//! Invariant 5: no opening order leaves while not ACTIVE, across restarts.
//!
//! When an order with an opening leg reaches the broker, no hold stands in the store that was there
//! before the order was written down as sent. What a person was told is halted stays so: after a
//! good answer to halt, reduce or flatten, and until the next change is asked for, the hold stands
//! in the store, whatever process runs.
//!
//! The lag: an order that left before the latch closed may arrive after it, late on the wire. So
//! the hold's `since` is held against the instant of the send, both by the daemon's clock, and the
//! hold must have been seen before the arrival. A hold of the same instant is not before.

use std::collections::BTreeMap;

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger},
    written_down::send_of,
};
use crate::{
    account::{
        Effect,
        hold::{Hold, Level},
    },
    clock::Timestamp,
    desk::latch::Change,
    sim::chaos::board::{Arrival, Sent},
    strategy::Purpose,
};

/// The invariant.
pub(super) struct Latch {
    eyes: Eyes,
    /// The first instant each hold was seen.
    seen: BTreeMap<(String, Timestamp), Timestamp>,
}

impl Latch {
    /// With these eyes.
    pub(super) fn new(eyes: Eyes) -> Self {
        Self { eyes, seen: BTreeMap::new() }
    }
}

impl Invariant for Latch {
    fn number(&self) -> u8 {
        5
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        let ledger = self.eyes.ledger(scene)?;
        if let Moment::Wire(arrival) = moment {
            return self.may_leave(&ledger, arrival);
        }
        for hold in &ledger.holds {
            self.seen.entry((hold.name.clone(), hold.since)).or_insert(scene.now);
        }
        answered_holds(scene, &ledger)
    }
}

/// True for an order with a leg that opens, unless it changes an open position: defence goes on
/// where entries do not (rulebook §6).
pub(super) fn opens(ledger: &Ledger, sent: &Sent) -> bool {
    match sent {
        Sent::Submit(order) => {
            let record =
                super::eyes::intent_of(&order.external_id).and_then(|id| ledger.intents.get(&id));
            let changes =
                record.is_some_and(|r| matches!(r.intent.purpose, Purpose::Adjust { .. }));
            !changes && order.legs.iter().any(|leg| leg.effect == Effect::Open)
        }
        Sent::Replace { external_id, .. } => super::eyes::intent_of(external_id)
            .and_then(|id| ledger.intents.get(&id))
            .is_some_and(crate::desk::intent::IntentRecord::is_entry),
    }
}

impl Latch {
    fn may_leave(&self, ledger: &Ledger, arrival: &Arrival) -> Result<(), Broken> {
        if !opens(ledger, &arrival.sent) {
            return Ok(());
        }
        let Some(send) = send_of(ledger, arrival) else { return Ok(()) };
        let before = |hold: &&Hold| {
            let seen = self.seen.get(&(hold.name.clone(), hold.since));
            hold.level > Level::Active
                && hold.since < send.at
                && seen.is_some_and(|seen| *seen < arrival.at)
        };
        match ledger.holds.iter().find(before) {
            Some(hold) => Err(Broken(format!(
                "`{}` opens and left at {}, while `{}` holds {} since {}: {}",
                send.external_id,
                send.at,
                hold.name,
                hold.level.name(),
                hold.since,
                hold.cause
            ))),
            None => Ok(()),
        }
    }
}

/// What people were told of the latch stands in the store.
fn answered_holds(scene: &Scene<'_>, ledger: &Ledger) -> Result<(), Broken> {
    let Some(last) = scene.log.asked.last() else { return Ok(()) };
    let (Some(answered), true) = (last.answered, last.change != Change::Resume) else {
        return Ok(());
    };
    let least = match last.change {
        Change::Halt => Level::Halted,
        Change::Flatten => Level::Flattening,
        Change::Reduce | Change::Resume => Level::Reducing,
    };
    if ledger.holds.iter().any(|hold| hold.level >= least) {
        return Ok(());
    }
    Err(Broken(format!(
        "{} was answered as done at {answered}, and the store has no such hold: {:?}",
        last.change.name(),
        ledger.holds
    )))
}
