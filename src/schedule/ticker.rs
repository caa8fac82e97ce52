//! tokio-cron-scheduler as the live ticker; the only file that knows it.
//!
//! Of the crate only its 500 ms poll is used. The poll asks a storage when each job is next due,
//! and ours answers from the planner, so what the crate would keep by itself (frozen UTC offsets
//! over a clock change, forgetting over restarts, silence after a backward step, bursts) never
//! matters. Each job is one async closure of one shape that hands its slots to the supervisor: a
//! sync one would block the runtime, and overlap, timeouts, retries and panics are not the crate's.

use std::{
    collections::BTreeMap,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_cron_scheduler::{
    JobBuilder, JobScheduler, JobSchedulerError, MetaDataStorage, SimpleJobCode,
    SimpleNotificationCode, SimpleNotificationStore,
    job::job_data::{JobAndNextTick, JobStoredData, JobType},
    store::{DataStore, InitStore},
};
use uuid::Uuid;

use super::{ScheduleError, live::Handover, supervisor::Core};
use crate::clock::Timestamp;

/// Ids are version 5 in this namespace, made of the job's name: the same in every process.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f9d_6b0a_3c55_5d0e_9d43_746f_6d6b_696e);

/// A second far in the future: the crate takes a next tick of 0 for "delete the job".
const NEVER: u64 = 253_402_300_799;

/// Any valid expression: the storage decides, not the crate's cron.
const UNUSED_CRON: &str = "0 0 0 1 1 *";

/// The running ticker.
pub(super) struct Ticker(JobScheduler);

impl Ticker {
    /// Ends the poll.
    pub async fn stop(&mut self) {
        if let Err(error) = self.0.shutdown().await {
            tracing::warn!(%error, "the ticker did not stop cleanly");
        }
    }
}

/// Starts the poll: each job's slots go to `inbox` when their time is near.
pub(super) async fn start(
    core: &Arc<Core>,
    inbox: mpsc::Sender<Handover>,
) -> Result<Ticker, ScheduleError> {
    let fault = |error: JobSchedulerError| ScheduleError::Ticker(error.to_string());
    // The crate's broadcast channels drop what does not fit.
    let channel = 1_024.max(16 * core.jobs.len());
    let scheduler = JobScheduler::new_with_storage_and_code(
        Box::new(PlannerStore::new(Arc::clone(core))),
        Box::<SimpleNotificationStore>::default(),
        Box::<SimpleJobCode>::default(),
        Box::<SimpleNotificationCode>::default(),
        channel,
    );
    let scheduler = scheduler.await.map_err(fault)?;
    for index in 0..core.jobs.len() {
        let (core, inbox) = (Arc::clone(core), inbox.clone());
        let job = JobBuilder::new()
            .with_job_id(id(&core.jobs[index].name).into())
            .with_cron_job_type()
            .with_schedule(UNUSED_CRON)
            .map_err(fault)?
            .with_run_async(Box::new(move |_, _| {
                let (core, inbox) = (Arc::clone(&core), inbox.clone());
                Box::pin(async move {
                    if let Some(handover) = core.hand_over(index) {
                        // The supervisor is gone only when the scheduler has ended.
                        let _ = inbox.send(handover).await;
                    }
                })
            }))
            .build()
            .map_err(fault)?;
        scheduler.add(job).await.map_err(fault)?;
    }
    scheduler.start().await.map_err(fault)?;
    Ok(Ticker(scheduler))
}

fn id(job: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, job.as_bytes())
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, JobSchedulerError>> + Send>>;

fn answer<T: Send + 'static>(value: T) -> Answer<T> {
    Box::pin(ready(Ok(value)))
}

/// The storage the poll asks. It keeps nothing: next = f(job file, run ledger).
pub(super) struct PlannerStore {
    core: Arc<Core>,
    jobs: BTreeMap<Uuid, usize>,
    stored: Mutex<BTreeMap<Uuid, JobStoredData>>,
}

impl PlannerStore {
    pub fn new(core: Arc<Core>) -> Self {
        let jobs = core.jobs.iter().enumerate().map(|(index, job)| (id(&job.name), index));
        Self { jobs: jobs.collect(), core, stored: Mutex::default() }
    }

    /// The ids of the jobs.
    #[cfg(test)]
    pub fn ids(&self) -> Vec<Uuid> {
        self.jobs.keys().copied().collect()
    }

    /// The job of an answer to the poll.
    #[cfg(test)]
    pub fn job_of(&self, tick: &JobAndNextTick) -> Option<usize> {
        self.jobs.get(&Uuid::from(tick.id.as_ref()?)).copied()
    }

    /// The whole second the crate compares with its clock.
    fn next_tick(&self, id: &Uuid) -> u64 {
        let next = self.jobs.get(id).and_then(|index| self.core.handover_at(*index));
        next.map_or(NEVER, |at| u64::try_from(at.timestamp()).unwrap_or(1).max(1))
    }

    fn stored(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, JobStoredData>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DataStore<JobStoredData> for PlannerStore {
    fn get(&mut self, id: Uuid) -> Answer<Option<JobStoredData>> {
        let next_tick = self.next_tick(&id);
        let stored = self.stored().get(&id).cloned();
        answer(stored.map(|data| JobStoredData { next_tick, ..data }))
    }

    fn add_or_update(&mut self, data: JobStoredData) -> Answer<()> {
        if let Some(id) = &data.id {
            self.stored().insert(id.into(), data.clone());
        }
        answer(())
    }

    fn delete(&mut self, id: Uuid) -> Answer<()> {
        self.stored().remove(&id);
        answer(())
    }
}

impl InitStore for PlannerStore {
    fn init(&mut self) -> Answer<()> {
        answer(())
    }

    fn inited(&mut self) -> Answer<bool> {
        answer(true)
    }
}

impl MetaDataStorage for PlannerStore {
    fn list_next_ticks(&mut self) -> Answer<Vec<JobAndNextTick>> {
        let ids: Vec<Uuid> = self.stored().keys().copied().collect();
        let tick = |id: Uuid| JobAndNextTick {
            id: Some(id.into()),
            job_type: JobType::Cron as i32,
            next_tick: self.next_tick(&id),
            last_tick: None,
        };
        answer(ids.into_iter().map(tick).collect())
    }

    fn set_next_and_last_tick(
        &mut self,
        _: Uuid,
        _: Option<Timestamp>,
        _: Option<Timestamp>,
    ) -> Answer<()> {
        answer(())
    }

    fn time_till_next_job(&mut self) -> Answer<Option<Duration>> {
        let now = self.core.rt.now().timestamp();
        let next = self.jobs.keys().map(|id| self.next_tick(id)).min();
        let wait = next.and_then(|next| u64::try_from(i64::try_from(next).ok()? - now).ok());
        answer(wait.map(Duration::from_secs))
    }
}
