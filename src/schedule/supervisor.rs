//! The supervisor both drivers share: it takes due slots, decides what becomes of each, and runs
//! jobs so that none can harm another.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use futures::channel::oneshot;
use tokio::sync::watch;

use super::{
    JobBody, JobSet, ScheduleError,
    job::{Job, Overlap, Slot},
    ledger::{Ended, JOBS, JobState, RunStatus, STARTED, StartedRow, has_outcome, record},
    missed::{Fate, triage},
    run_id,
    slots::Timeline,
};
use crate::{
    calendar::Calendar,
    clock::{Runtime, Timestamp},
    store::{Read, Store, StoreError},
};

/// How long a job waits for those of lower order that are due at the same instant.
const ORDER_WAIT: TimeDelta = TimeDelta::seconds(2);

/// Runs jobs when they are due. Cheap to clone; all clones are one scheduler.
#[derive(Clone)]
pub struct Scheduler {
    pub(super) core: Arc<Core>,
}

pub(super) struct Core {
    pub store: Store,
    pub rt: Runtime,
    pub calendar: Calendar,
    /// Every job, disabled ones too.
    pub set: JobSet,
    /// The enabled ones, in the order they start in when due together.
    pub jobs: Vec<Arc<Job>>,
    /// Their bodies, in the same places.
    pub bodies: Vec<Arc<dyn JobBody>>,
    pub state: Mutex<State>,
    /// Runs under way.
    pub active: watch::Sender<usize>,
    /// The first failure of the store: nothing starts after it.
    pub broken: Mutex<Option<StoreError>>,
    /// Turns true with `broken` or `stop`.
    pub ended: watch::Sender<bool>,
}

/// What changes while the scheduler runs.
pub(super) struct State {
    /// Catch-up is done.
    pub started: bool,
    /// Slots to come, by job.
    pub timelines: Vec<Timeline>,
    /// Slots that wait for a further session: instant, job, slot.
    pub deferred: BTreeSet<(Timestamp, usize, Slot)>,
    /// Jobs under way.
    pub running: BTreeMap<usize, Running>,
}

/// A job under way, and what came meanwhile.
pub(super) struct Running {
    pub slot: Timestamp,
    pub queued: Option<Slot>,
    pub overlapped: Vec<Slot>,
}

/// Which of the jobs due together run one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    /// All: the virtual world.
    All,
    /// Those with an order; the others start at once: the live world.
    Ordered,
}

impl Scheduler {
    /// A scheduler of the enabled jobs of `jobs`, each with its body.
    pub fn new(
        store: Store,
        rt: Runtime,
        calendar: Calendar,
        jobs: JobSet,
        bodies: &BTreeMap<String, Arc<dyn JobBody>>,
    ) -> Result<Self, ScheduleError> {
        let enabled = jobs.clone().into_enabled();
        let body = |job: &Job| match bodies.get(&job.name) {
            Some(body) => Ok(Arc::clone(body)),
            None => Err(ScheduleError::NoBody { job: job.name.clone(), file: job.file.clone() }),
        };
        let bodies = enabled.iter().map(body).collect::<Result<Vec<_>, _>>()?;
        let state = State {
            started: false,
            timelines: Vec::new(),
            deferred: BTreeSet::new(),
            running: BTreeMap::new(),
        };
        let core = Core {
            store,
            rt,
            calendar,
            set: jobs,
            jobs: enabled.into_iter().map(Arc::new).collect(),
            bodies,
            state: Mutex::new(state),
            active: watch::Sender::new(0),
            broken: Mutex::new(None),
            ended: watch::Sender::new(false),
        };
        Ok(Self { core: Arc::new(core) })
    }

    /// The jobs in force.
    pub fn jobs(&self) -> &JobSet {
        &self.core.set
    }

    /// Starts nothing more; what runs, runs on. A live scheduler returns from `run_live`.
    pub fn stop(&self) {
        self.core.ended.send_replace(true);
    }

    /// Resolves when no run is under way.
    pub async fn idle(&self) {
        let mut active = self.core.active.subscribe();
        // The sender lives in `core`, so this cannot fail.
        let _ = active.wait_for(|count| *count == 0).await;
    }

    /// Runs a job now, besides its schedule; returns the run's id. It goes on by itself.
    pub fn run_now(&self, name: &str) -> Result<String, ScheduleError> {
        let core = &self.core;
        let job = core.set.get(name).map_err(ScheduleError::NoSuchJob)?;
        let Some(index) = core.jobs.iter().position(|job| job.name == name) else {
            return Err(ScheduleError::Disabled { job: job.name.clone() });
        };
        let slot = core.manual_slot(index)?;
        core.state()
            .start(index, slot.at)
            .map_err(|slot| ScheduleError::Busy { job: name.to_owned(), slot })?;
        core.active.send_modify(|count| *count += 1);
        let (task, rt) = (Arc::clone(core), core.rt.clone());
        rt.spawn(async move {
            let ended = task.perform(index, slot, true).await;
            task.finish(index, ended).await;
            task.active.send_modify(|count| *count -= 1);
        });
        Ok(run_id(name, slot.at))
    }
}

impl State {
    /// Marks a job as under way; the slot it runs already is the error.
    fn start(&mut self, job: usize, slot: Timestamp) -> Result<(), Timestamp> {
        if let Some(running) = self.running.get(&job) {
            return Err(running.slot);
        }
        self.running.insert(job, Running { slot, queued: None, overlapped: Vec::new() });
        Ok(())
    }

    /// Takes what is due at `now`, by job.
    pub fn take_due(&mut self, core: &Core, now: Timestamp) -> Vec<(usize, Vec<Slot>)> {
        let mut due: Vec<(usize, Vec<Slot>)> = Vec::new();
        for (index, timeline) in self.timelines.iter_mut().enumerate() {
            let slots = timeline.take_until(&core.jobs[index], &core.calendar, now);
            if !slots.is_empty() {
                due.push((index, slots));
            }
        }
        while let Some(entry) = self.deferred.first().copied().filter(|entry| entry.0 <= now) {
            self.deferred.remove(&entry);
            let (_, job, slot) = entry;
            match due.iter_mut().find(|(index, _)| *index == job) {
                Some((_, slots)) => slots.insert(0, slot),
                None => due.push((job, vec![slot])),
            }
        }
        due.sort_by_key(|(index, _)| *index);
        due
    }
}

impl Core {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error that ended everything, if there is one.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match broken.take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The store failed: nothing starts any more (design §4).
    pub fn break_down(&self, error: StoreError) {
        tracing::error!(%error, "the scheduler stops");
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert(error);
        self.ended.send_replace(true);
    }

    /// The instant of the next slot.
    pub fn next_due(&self) -> Option<Timestamp> {
        let mut state = self.state();
        let jobs = self.jobs.iter();
        let timelines = state.timelines.iter_mut().zip(jobs);
        let planned = timelines.filter_map(|(line, job)| line.peek(job, &self.calendar)).min();
        let deferred = state.deferred.first().map(|entry| entry.0);
        planned.map(|slot| slot.at).into_iter().chain(deferred).min()
    }

    /// Decides what becomes of due slots, records the missed, starts the rest.
    pub async fn process(
        self: &Arc<Self>,
        due: Vec<(usize, Vec<Slot>)>,
        now: Timestamp,
        sequence: Sequence,
    ) -> Result<(), ScheduleError> {
        let mut runs: Vec<(usize, Vec<Slot>)> = Vec::new();
        let mut missed: Vec<(usize, Ended)> = Vec::new();
        for (index, slots) in due {
            let mut run = Vec::new();
            for (slot, fate) in triage(&self.jobs[index], &self.calendar, &slots, now) {
                match fate {
                    Fate::Run => run.push(slot),
                    Fate::Later(at) => {
                        self.state().deferred.insert((at, index, slot));
                    }
                    Fate::Missed { reason, covered } => {
                        let mut ended = Ended::unstarted(slot, RunStatus::Missed, reason, now);
                        ended.alert = !covered && self.jobs[index].missed.alert;
                        missed.push((index, ended));
                    }
                }
            }
            if !run.is_empty() {
                runs.push((index, run));
            }
        }
        self.record_missed(missed).await?;
        self.launch(runs, sequence);
        Ok(())
    }

    /// Records missed slots in one transaction; of a job's alerts only the last is told.
    async fn record_missed(&self, mut missed: Vec<(usize, Ended)>) -> Result<(), ScheduleError> {
        if missed.is_empty() {
            return Ok(());
        }
        let mut later: BTreeMap<usize, u32> = BTreeMap::new();
        for (index, ended) in missed.iter_mut().rev().filter(|(_, ended)| ended.alert) {
            let count = later.entry(*index).or_default();
            ended.alert = *count == 0;
            *count += 1;
        }
        for (index, ended) in missed.iter_mut().filter(|(_, ended)| ended.alert) {
            let earlier = later.get(index).copied().unwrap_or(1) - 1;
            if let (Some(reason), 1..) = (&mut ended.row.reason, earlier) {
                *reason = format!("{reason}; {earlier} earlier slots too");
            }
        }
        let missed: Vec<_> = missed
            .into_iter()
            .map(|(index, ended)| (Arc::clone(&self.jobs[index]), ended))
            .collect();
        for (job, ended) in &missed {
            let reason = ended.row.reason.as_deref().unwrap_or_default();
            tracing::warn!(job = job.name, slot = %ended.row.slot, reason, "slot missed");
        }
        let write = self.store.write(move |tx| {
            for (job, mut ended) in missed {
                explain(tx, &job, &mut ended)?;
                record(tx, &job, &ended)?;
            }
            Ok(())
        });
        Ok(write.await?)
    }

    /// Starts runs: jobs in order, each job's slots one after another.
    pub fn launch(self: &Arc<Self>, mut runs: Vec<(usize, Vec<Slot>)>, sequence: Sequence) {
        if runs.is_empty() || *self.ended.borrow() {
            return;
        }
        self.active.send_modify(|count| *count += runs.len());
        if runs.len() == 1 {
            let (index, slots) = runs.remove(0);
            drop(self.start_runs(index, slots));
            return;
        }
        if sequence == Sequence::Ordered {
            for (index, slots) in runs.extract_if(.., |run| self.jobs[run.0].order.is_none()) {
                drop(self.start_runs(index, slots));
            }
        }
        let core = Arc::clone(self);
        self.rt.spawn(async move {
            for (index, slots) in runs {
                let done = core.start_runs(index, slots);
                let _ = core.rt.timeout(ORDER_WAIT, done).await;
            }
        });
    }

    /// Runs a job's slots in a task of its own; the receiver resolves when they have ended.
    fn start_runs(self: &Arc<Self>, index: usize, slots: Vec<Slot>) -> oneshot::Receiver<()> {
        let (done, ended) = oneshot::channel();
        let core = Arc::clone(self);
        self.rt.spawn(async move {
            for slot in slots {
                core.run_slot(index, slot).await;
            }
            core.active.send_modify(|count| *count -= 1);
            let _ = done.send(());
        });
        ended
    }

    /// Runs a slot, or notes it with the run that is under way.
    async fn run_slot(self: &Arc<Self>, index: usize, slot: Slot) {
        {
            let mut state = self.state();
            if state.start(index, slot.at).is_err() {
                let queues = self.jobs[index].run.overlap == Overlap::Queue;
                if let Some(running) = state.running.get_mut(&index) {
                    match &mut running.queued {
                        queued @ None if queues => *queued = Some(slot),
                        _ => running.overlapped.push(slot),
                    }
                }
                return;
            }
        }
        let ended = self.perform(index, slot, false).await;
        self.finish(index, ended).await;
    }

    /// Ends a run: records what overlapped it, and runs what waited for it.
    async fn finish(self: &Arc<Self>, index: usize, mut ended: Result<(), StoreError>) {
        loop {
            let waiting = {
                let mut state = self.state();
                let Some(running) = state.running.get_mut(&index) else { return };
                let overlapped = std::mem::take(&mut running.overlapped);
                let (was, queued) = (running.slot, running.queued.take());
                match queued {
                    Some(slot) => running.slot = slot.at,
                    None if overlapped.is_empty() || ended.is_err() => {
                        state.running.remove(&index);
                    }
                    None => {}
                }
                (was, overlapped, queued)
            };
            if let Err(error) = ended {
                return self.break_down(error);
            }
            let (was, overlapped, queued) = waiting;
            if overlapped.is_empty() && queued.is_none() {
                return;
            }
            ended = self.after_overlap(index, was, overlapped, queued).await;
        }
    }

    async fn after_overlap(
        self: &Arc<Self>,
        index: usize,
        was: Timestamp,
        overlapped: Vec<Slot>,
        queued: Option<Slot>,
    ) -> Result<(), StoreError> {
        let now = self.rt.now();
        let reason = format!("overlap: {} still ran", run_id(&self.jobs[index].name, was));
        let skip = |slot| Ended::unstarted(slot, RunStatus::Skipped, reason.clone(), now);
        // A frequent job's high-water mark rises in order: what came before the queued slot first.
        let (before, after): (Vec<_>, Vec<_>) =
            overlapped.into_iter().partition(|slot| queued.is_none_or(|queued| *slot < queued));
        self.record_all(index, before.into_iter().map(skip).collect()).await?;
        if let Some(slot) = queued {
            self.perform(index, slot, false).await?;
        }
        self.record_all(index, after.into_iter().map(skip).collect()).await
    }

    /// Records outcomes of one job in one transaction; those that exist already are left alone.
    pub async fn record_all(&self, index: usize, ended: Vec<Ended>) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        let job = Arc::clone(&self.jobs[index]);
        let write = self.store.write(move |tx| {
            for ended in ended {
                if !has_outcome(tx, &job, ended.row.slot)? {
                    record(tx, &job, &ended)?;
                }
            }
            Ok(())
        });
        write.await
    }

    /// The slot of a run by hand: this second, or the next that no other run of the job has.
    fn manual_slot(&self, index: usize) -> Result<Slot, ScheduleError> {
        let job = &self.jobs[index];
        let now = self.rt.now();
        let mut at = now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()));
        let minute = at + TimeDelta::minutes(1);
        let planned: BTreeSet<Timestamp> =
            super::slots::slots(job, &self.calendar, at, minute).iter().map(|s| s.at).collect();
        let taken = |at: Timestamp| {
            self.store
                .read(|tx| Ok(tx.get(&super::ledger::RUNS, &run_id(&job.name, at))?.is_some()))
        };
        while planned.contains(&at) || taken(at)? {
            at += TimeDelta::seconds(1);
        }
        Ok(Slot { at, date: crate::calendar::new_york_date(at), trigger: 0 })
    }
}

/// A missed slot that had begun is a crash; one of a paused job is skipped.
fn explain(tx: &impl Read, job: &Job, ended: &mut Ended) -> Result<(), StoreError> {
    let started: Option<StartedRow> = tx.get(&STARTED, &run_id(&job.name, ended.row.slot))?;
    if let Some(started) = started {
        let reason = ended.row.reason.take().unwrap_or_default();
        ended.row.started_at = Some(started.at);
        ended.row.reason = Some(format!("{}; {reason}", started.crash()));
        return Ok(());
    }
    let state: Option<JobState> = tx.get(&JOBS, &job.name)?;
    let pause = state.and_then(|state| state.paused);
    if let Some(pause) = pause.filter(|pause| pause.at <= ended.row.slot) {
        ended.row.status = RunStatus::Skipped;
        ended.row.reason = Some(format!("paused: {}", pause.reason));
        ended.alert = false;
    }
    Ok(())
}
