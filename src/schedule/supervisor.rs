//! The supervisor both drivers share: it takes due slots, decides what becomes of each, and runs
//! jobs so that none can harm another.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use futures::channel::oneshot;

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
    signal as watch,
    store::{Read, Store, StoreError},
    vital::Turns,
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
    /// The life of the live driver's loop.
    pub turns: Arc<Turns>,
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

/// A job under way: reserved from the moment its slot is due, so that its slots keep their order.
pub(super) struct Running {
    /// The slot it runs.
    pub slot: Timestamp,
    /// Started by hand: it takes no slot from the schedule.
    pub manual: bool,
    /// Slots of the same catch-up, next in turn.
    pub next: VecDeque<Slot>,
    /// A later slot that waits for its turn.
    pub queued: Option<Slot>,
    /// Slots that came meanwhile and do not run; recorded after what they came behind, for a
    /// frequent job's high-water mark only rises.
    pub unrun: Vec<Ended>,
}

/// What a job does after a run.
enum Step {
    Record(Vec<Ended>),
    Perform(Slot),
    Over,
}

impl Running {
    fn step(&mut self) -> Step {
        let next = self.next.front().or(self.queued.as_ref()).copied();
        let earlier = |ended: &Ended| next.is_none_or(|next| ended.slot < next);
        let unrun: Vec<Ended> = self.unrun.extract_if(.., |ended| earlier(ended)).collect();
        if !unrun.is_empty() {
            return Step::Record(unrun);
        }
        match self.next.pop_front().or_else(|| self.queued.take()) {
            Some(slot) => {
                (self.slot, self.manual) = (slot.at, false);
                Step::Perform(slot)
            }
            None => Step::Over,
        }
    }
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
            turns: Arc::default(),
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
            .start(index, slot.at, true)
            .map_err(|slot| ScheduleError::Busy { job: name.to_owned(), slot })?;
        core.active.send_modify(|count| *count += 1);
        let (task, rt) = (Arc::clone(core), core.rt.clone());
        rt.spawn(async move {
            let ended = task.perform(index, slot, true).await;
            task.work_off(index, ended).await;
            task.active.send_modify(|count| *count -= 1);
        });
        Ok(run_id(name, slot.at))
    }
}

impl State {
    /// Marks a job as under way; the slot it runs already is the error.
    fn start(&mut self, job: usize, slot: Timestamp, manual: bool) -> Result<(), Timestamp> {
        if let Some(running) = self.running.get(&job) {
            return Err(running.slot);
        }
        let (next, queued, unrun) = (VecDeque::new(), None, Vec::new());
        self.running.insert(job, Running { slot, manual, next, queued, unrun });
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
                        let mut state = self.state();
                        match state.running.get_mut(&index) {
                            Some(running) => running.unrun.push(ended),
                            None => missed.push((index, ended)),
                        }
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
        if *self.ended.borrow() {
            return;
        }
        runs.retain(|(index, slots)| self.reserve(*index, slots));
        if runs.is_empty() {
            return;
        }
        self.active.send_modify(|count| *count += runs.len());
        let runs: Vec<(usize, Slot)> =
            runs.into_iter().map(|(index, slots)| (index, slots[0])).collect();
        if let [(index, slot)] = runs[..] {
            drop(self.start_run(index, slot));
            return;
        }
        let waits =
            |run: &(usize, Slot)| sequence == Sequence::All || self.jobs[run.0].order.is_some();
        let (waiting, free): (Vec<_>, Vec<_>) = runs.into_iter().partition(waits);
        for (index, slot) in free {
            drop(self.start_run(index, slot));
        }
        let core = Arc::clone(self);
        self.rt.spawn(async move {
            for (index, slot) in waiting {
                let done = core.start_run(index, slot);
                let _ = core.rt.timeout(ORDER_WAIT, done).await;
            }
        });
    }

    /// Reserves a job for its due slots; false when it is under way, and then they are noted with
    /// what runs: one waits, if the job's file says so, the others are skipped.
    fn reserve(&self, index: usize, slots: &[Slot]) -> bool {
        let mut state = self.state();
        let Some((first, rest)) = slots.split_first() else { return false };
        let free = state.start(index, first.at, false).is_ok();
        let Some(running) = state.running.get_mut(&index) else { return false };
        if free {
            running.next.extend(rest);
            return true;
        }
        let queues = self.jobs[index].run.overlap == Overlap::Queue || running.manual;
        let reason = format!("overlap: {} still ran", run_id(&self.jobs[index].name, running.slot));
        for slot in slots {
            if queues && running.queued.is_none() {
                running.queued = Some(*slot);
            } else {
                let (status, now) = (RunStatus::Skipped, self.rt.now());
                running.unrun.push(Ended::unstarted(*slot, status, reason.clone(), now));
            }
        }
        false
    }

    /// Runs a reserved job in a task of its own; the receiver resolves when it has ended.
    fn start_run(self: &Arc<Self>, index: usize, slot: Slot) -> oneshot::Receiver<()> {
        let (done, ended) = oneshot::channel();
        let core = Arc::clone(self);
        self.rt.spawn(async move {
            let ended = core.perform(index, slot, false).await;
            core.work_off(index, ended).await;
            core.active.send_modify(|count| *count -= 1);
            let _ = done.send(());
        });
        ended
    }

    /// Works off what is behind a run: slots that came meanwhile, slots that wait for their turn.
    async fn work_off(self: &Arc<Self>, index: usize, mut ended: Result<(), StoreError>) {
        loop {
            match ended {
                Ok(()) => {}
                // A broken rule, not a broken store: the run is told of and the next one goes on.
                Err(StoreError::Refused(reason)) => {
                    tracing::error!(job = self.jobs[index].name, reason, "outcome refused");
                }
                Err(error) => {
                    self.state().running.remove(&index);
                    return self.break_down(error);
                }
            }
            let step = {
                let mut state = self.state();
                let step = state.running.get_mut(&index).map_or(Step::Over, Running::step);
                if let Step::Over = step {
                    state.running.remove(&index);
                }
                step
            };
            ended = match step {
                Step::Record(unrun) => self.record_all(index, unrun).await,
                Step::Perform(slot) => self.perform_late(index, slot).await,
                Step::Over => return,
            };
        }
    }

    /// Runs a slot that waited, if its window is still open.
    async fn perform_late(self: &Arc<Self>, index: usize, slot: Slot) -> Result<(), StoreError> {
        let now = self.rt.now();
        let fates = triage(&self.jobs[index], &self.calendar, &[slot], now);
        let Some((_, Fate::Missed { reason, .. })) = fates.into_iter().next() else {
            return self.perform(index, slot, false).await;
        };
        let mut ended = Ended::unstarted(slot, RunStatus::Missed, reason, now);
        ended.alert = self.jobs[index].missed.alert;
        self.record_all(index, vec![ended]).await
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
