//! The account's phase over time (rulebook §2): kept as a row, so that its hysteresis knows the
//! phase of every moment and outlives the program.

use super::{
    Desk,
    tables::{PHASE, PHASE_KEY, PhaseRow},
};
use crate::{
    notice::{self, Notice},
    risk::{Refusal, capital::capital},
    store::{Read, StoreError},
    strategy::Snapshot,
};

impl Desk {
    /// Writes the phase of a snapshot where it is not the one in force. What is missing from the
    /// snapshot changes nothing.
    pub(super) async fn note_phase(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (phase, net) = match capital(snapshot) {
            Ok(capital) => (Some(capital.phase.number), capital.net_liquidation),
            Err(Refusal::BelowFirstPhase { net_liquidation, .. }) => (None, net_liquidation),
            Err(_) => return Ok(()),
        };
        let known: Option<PhaseRow> = self.parts.store.read(|tx| tx.get(&PHASE, PHASE_KEY))?;
        if known.as_ref().is_some_and(|row| row.phase == phase) {
            return Ok(());
        }
        let now = snapshot.now;
        let row = PhaseRow { phase, since: now, net_liquidation_gbp: net.rounded() };
        let words = |phase: Option<u8>| phase.map_or("below P1".to_owned(), |n| format!("P{n}"));
        let text = known.map(|before| {
            let (before, after) = (words(before.phase), words(phase));
            format!("{before} to {after} at a net liquidation of {}", row.net_liquidation_gbp)
        });
        let write = move |tx: &mut crate::store::WriteTx| {
            tx.put(&PHASE, PHASE_KEY, &row)?;
            tx.journal(now, "desk", "phase", &row)?;
            text.map_or(Ok(()), |text| notice::raise(tx, now, Notice::Phase { text }))
        };
        self.write(write).await
    }
}
