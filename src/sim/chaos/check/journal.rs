//! Invariant 9: the journal replays to the same state.
//!
//! At each crash, each day's end and the end of the run the hash chain holds, every head that was
//! seen committed before is still in it, and the entries fold to the holds, intents, positions,
//! cash, runs and pauses of the tables ([`fold`]). No lag: state and entry are one transaction.

use super::{Broken, Invariant, Moment, Scene};
use crate::{
    desk::fold::{self, FoldOutcome},
    store::JournalHead,
};

/// The invariant.
#[derive(Default)]
pub(super) struct Journal {
    /// The last head that was seen committed.
    head: Option<JournalHead>,
}

impl Invariant for Journal {
    fn number(&self) -> u8 {
        9
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        match moment {
            Moment::Wire(_) => Ok(()),
            Moment::Step => {
                self.head = Some(scene.store.journal_head()?);
                Ok(())
            }
            Moment::Crash | Moment::DayEnd | Moment::End => {
                let known: Vec<JournalHead> =
                    self.head.iter().filter(|head| head.sequence > 0).cloned().collect();
                let found = scene.store.read(|tx| fold::verify(tx, &known))?;
                self.head = Some(scene.store.journal_head()?);
                if let Some(broken) = found.journal.broken {
                    let (at, why) = (broken.sequence, broken.why);
                    return Err(Broken(format!("the journal breaks at entry {at}: {why}")));
                }
                match found.state.outcome {
                    FoldOutcome::Same => Ok(()),
                    FoldOutcome::Differs => Err(Broken(found.state.differences.join("; "))),
                    FoldOutcome::Unknown => {
                        Err(Broken(found.state.reason.unwrap_or_else(|| "no reason".to_owned())))
                    }
                }
            }
        }
    }
}
