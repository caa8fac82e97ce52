//! The virtual driver: the same supervisor, fed by sleeping from slot to slot.

use super::{
    ScheduleError,
    supervisor::{Scheduler, Sequence},
};
use crate::clock::Timestamp;

impl Scheduler {
    /// Runs everything due up to `until`, included, and returns when the last run has ended. The
    /// first call catches up on what was missed before it; later calls go on from the one before.
    /// After [`stop`](Self::stop) it returns once what runs has ended, wherever time is then.
    pub async fn run_until(&self, until: Timestamp) -> Result<(), ScheduleError> {
        let core = &self.core;
        core.start(Sequence::All).await?;
        while let Some(next) = core.next_due().filter(|next| *next <= until) {
            core.rt.sleep_until(next).await;
            if *core.ended.borrow() {
                break;
            }
            let now = core.rt.now();
            let due = core.state().take_due(core, now);
            core.process(due, now, Sequence::All).await?;
        }
        if !*core.ended.borrow() {
            core.rt.sleep_until(until).await;
        }
        self.idle().await;
        core.check()
    }
}
