//! The virtual driver: the same supervisor, fed by sleeping from slot to slot.

use chrono::TimeDelta;
use futures::{FutureExt as _, future::select};

use super::{
    ScheduleError,
    supervisor::{Scheduler, Sequence},
};
use crate::{clock::Timestamp, signal as watch};

/// A step of the clock is noticed within so long: live, the clock is looked at this often.
const STEP_NOTICED: TimeDelta = super::live::LOOK_EVERY;

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

    /// Runs as the live driver does, catch-up first, until [`stop`](Self::stop) or a failure of the
    /// store, on a clock that may be put wrong: `stepped` tells of each step, which is noticed as
    /// late as live.
    pub async fn run_stepped(
        &self,
        mut stepped: watch::Receiver<u64>,
    ) -> Result<(), ScheduleError> {
        let core = &self.core;
        core.start(Sequence::Ordered).await?;
        let mut ended = core.ended.subscribe();
        while !*ended.borrow_and_update() {
            let next = core.next_due();
            let slot = async {
                match next {
                    Some(next) => core.rt.sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            let step = async {
                if stepped.changed().await.is_err() {
                    return std::future::pending().await; // no step will ever come
                }
                core.rt.sleep(STEP_NOTICED).await;
            };
            select(select(slot.boxed(), step.boxed()), ended.changed().boxed()).await;
            let now = core.rt.now();
            if next.is_some_and(|next| next <= now) && !*core.ended.borrow() {
                let due = core.state().take_due(core, now);
                core.process(due, now, Sequence::Ordered).await?;
            }
        }
        core.check()
    }
}
