//! The live driver: slots are handed over a little early by the ticker, and started exactly.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::TimeDelta;
use futures::{
    FutureExt,
    future::{Either, select},
};
use tokio::sync::mpsc;

use super::{
    ScheduleError,
    job::Slot,
    supervisor::{Core, Scheduler, Sequence},
    ticker,
};
use crate::{clock::Timestamp, vital::Turns};

/// A slot is handed over so long before its instant; the last stretch is slept exactly.
pub(super) const LEAD: TimeDelta = TimeDelta::seconds(2);

/// A slot not handed over by then is taken without the ticker: its polls are 500 ms apart, so it
/// has missed two of them.
const SWEEP_LEAD: TimeDelta = TimeDelta::seconds(1);

/// The wall clock is looked at this often, so a step of it shows.
pub(super) const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(500);

/// Handovers that may wait for the supervisor.
pub(super) const INBOX: usize = 1_024;

/// Slots of a job whose time is near, or past after a suspend, each with its instant to start: of
/// a deferred slot that is not its own.
#[derive(Debug)]
pub(super) struct Handover {
    pub job: usize,
    pub slots: Vec<(Timestamp, Slot)>,
}

/// What was handed over and waits for its instant: instant, job, slot.
type Waiting = BTreeSet<(Timestamp, usize, Slot)>;

impl Scheduler {
    /// The loop that starts what is due.
    pub fn turns(&self) -> Arc<Turns> {
        Arc::clone(&self.core.turns)
    }

    /// Runs live on the tokio runtime, catch-up first, until [`stop`](Self::stop) or a failure of
    /// the store. Runs under way go on; wait for them with [`idle`](Self::idle).
    pub async fn run_live(&self) -> Result<(), ScheduleError> {
        let core = &self.core;
        core.start(Sequence::Ordered).await?;
        let (sender, inbox) = mpsc::channel(INBOX);
        let ticking = async {
            let started = ticker::start(core, sender).await;
            if started.is_err() {
                self.stop();
            }
            started
        };
        // The first slot may be due before the ticker is ready.
        let (ticker, served) = futures::join!(ticking, core.turns.of(core.serve(inbox)));
        ticker?.stop().await;
        served?;
        core.check()
    }
}

impl Core {
    /// When the next slot of a job is handed over.
    pub fn handover_at(&self, job: usize) -> Option<Timestamp> {
        let mut state = self.state();
        let planned =
            state.timelines.get_mut(job)?.peek(&self.jobs[job], &self.calendar).map(|s| s.at);
        let deferred = state.deferred.iter().find(|entry| entry.1 == job).map(|entry| entry.0);
        planned.into_iter().chain(deferred).min().map(|at| at - LEAD)
    }

    /// Takes the slots of a job whose time is near or past; nothing is handed over twice.
    pub fn hand_over(&self, job: usize) -> Option<Handover> {
        let until = self.rt.now() + LEAD;
        let mut state = self.state();
        let slots =
            state.timelines.get_mut(job)?.take_until(&self.jobs[job], &self.calendar, until);
        let ready: Vec<_> = state
            .deferred
            .iter()
            .filter(|(at, index, _)| *index == job && *at <= until)
            .copied()
            .collect();
        for entry in &ready {
            state.deferred.remove(entry);
        }
        let deferred = ready.into_iter().map(|(at, _, slot)| (at, slot));
        let slots: Vec<_> = deferred.chain(slots.into_iter().map(|slot| (slot.at, slot))).collect();
        (!slots.is_empty()).then_some(Handover { job, slots })
    }

    /// Starts what was handed over, each slot at its instant, until the scheduler ends.
    pub async fn serve(
        self: &Arc<Self>,
        mut inbox: mpsc::Receiver<Handover>,
    ) -> Result<(), ScheduleError> {
        let mut ended = self.ended.subscribe();
        let mut waiting = Waiting::new();
        while !*ended.borrow() {
            while let Ok(handover) = inbox.try_recv() {
                note(&mut waiting, handover);
            }
            self.sweep(&mut waiting);
            let now = self.rt.now();
            let due = take_due(&mut waiting, now);
            if !due.is_empty() {
                self.process(due, now, Sequence::Ordered).await?;
                continue;
            }
            let look = now + LOOK_EVERY;
            let wake = waiting.first().map_or(look, |(at, ..)| look.min(*at));
            let sleep =
                if wake < look { self.rt.sleep_exactly(wake) } else { self.rt.sleep_until(wake) };
            let stop = ended.changed().map(drop).boxed();
            match select(select(inbox.recv().boxed(), stop), sleep).await {
                Either::Left((Either::Left((Some(handover), _)), _)) => {
                    note(&mut waiting, handover);
                }
                // The ticker is gone: the sweep stands in, at the pace of the look.
                Either::Left((Either::Left((None, _)), sleep)) => sleep.await,
                Either::Left((Either::Right(_), _)) | Either::Right(_) => {}
            }
        }
        Ok(())
    }

    /// Takes what the ticker should have handed over and did not.
    fn sweep(&self, waiting: &mut Waiting) {
        let late = self.rt.now() - LEAD + SWEEP_LEAD;
        for job in 0..self.jobs.len() {
            if self.handover_at(job).is_some_and(|at| at <= late)
                && let Some(handover) = self.hand_over(job)
            {
                tracing::debug!(job = self.jobs[job].name, "taken without the ticker");
                note(waiting, handover);
            }
        }
    }
}

fn note(waiting: &mut Waiting, Handover { job, slots }: Handover) {
    waiting.extend(slots.into_iter().map(|(at, slot)| (at, job, slot)));
}

/// Takes the slots up to `now`, by job in order.
fn take_due(waiting: &mut Waiting, now: Timestamp) -> Vec<(usize, Vec<Slot>)> {
    let mut due: BTreeMap<usize, Vec<Slot>> = BTreeMap::new();
    while waiting.first().is_some_and(|entry| entry.0 <= now) {
        if let Some((_, job, slot)) = waiting.pop_first() {
            due.entry(job).or_default().push(slot);
        }
    }
    due.into_iter().collect()
}

#[cfg(test)]
mod tests;
