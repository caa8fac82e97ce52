//! Wiring: the same parts make the daemon, the demo and a replay. Nothing here decides.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    alert::heartbeat::{self, Heartbeat},
    broker::Broker,
    calendar::Calendar,
    clock::Runtime,
    config::Settings,
    control::backup::BackupBody,
    desk::{Desk, DeskParts, jobs},
    market::Market,
    notice::{Notice, raise},
    report::{Period, gather::Gatherer, jobs::ReportBody},
    schedule::{JobBody, JobSet, ScheduleError, Scheduler},
    store::{Store, StoreError, WriteTx},
};

/// What differs between the daemon, the demo and a replay.
pub struct Parts {
    /// Clock and spawner.
    pub rt: Runtime,
    /// Sessions.
    pub calendar: Calendar,
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// Jobs in force.
    pub jobs: JobSet,
    /// The store.
    pub store: Store,
    /// Prices.
    pub market: Arc<dyn Market>,
    /// The account.
    pub broker: Arc<dyn Broker>,
    /// Where the `HALT` file and backups live; `None` in a replay.
    pub data_dir: Option<PathBuf>,
    /// The dead-man's switch, where one is set, and what keeps it from being pinged.
    pub heartbeat: Option<heartbeat::Line>,
}

/// The parts, put together.
#[derive(Clone)]
pub struct App {
    /// Orders, positions, the latch.
    pub desk: Arc<Desk>,
    /// Jobs.
    pub scheduler: Arc<Scheduler>,
    /// Reads for reports.
    pub gatherer: Arc<Gatherer>,
}

/// Why the parts do not fit.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The jobs do not fit their bodies.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl App {
    /// Puts the parts together; nothing runs yet.
    pub fn assemble(parts: Parts) -> Result<Self, AppError> {
        let gatherer = Arc::new(Gatherer {
            calendar: parts.calendar.clone(),
            jobs: parts.jobs.clone(),
            prices: parts.market.provenance(),
            rulebook: Arc::new(parts.settings.rulebook.clone()),
        });
        let broker = Arc::clone(&parts.broker);
        let desk = Desk::new(DeskParts {
            rt: parts.rt.clone(),
            store: parts.store.clone(),
            broker: parts.broker,
            market: parts.market,
            calendar: parts.calendar.clone(),
            rulebook: Arc::new(parts.settings.rulebook.clone()),
            data_dir: parts.data_dir.clone(),
        })?;
        let of_desk = jobs::bodies(&desk).into_iter();
        let mut bodies: BTreeMap<String, Arc<dyn JobBody>> =
            of_desk.map(|(name, body)| (name.to_owned(), body)).collect();
        let mut body = |name: &str, body: Arc<dyn JobBody>| {
            bodies.insert(name.to_owned(), body);
        };
        for (name, period) in [
            ("daily-report", Period::Daily),
            ("weekly-review", Period::Weekly),
            ("monthly-review", Period::Monthly),
            ("quarterly-review", Period::Quarterly),
        ] {
            let report = ReportBody::new(period, parts.store.clone(), Arc::clone(&gatherer));
            body(name, Arc::new(report));
        }
        body(
            "store-backup",
            Arc::new(BackupBody::new(
                parts.store.clone(),
                broker,
                parts.data_dir,
                parts.settings.store.journal_days,
            )),
        );
        if let Some(line) = parts.heartbeat {
            body(heartbeat::JOB, Arc::new(Heartbeat::new(line, parts.store.clone())));
        }
        let Parts { store, rt, calendar, jobs, .. } = parts;
        // Without a switch there is nothing to ping: a replay has none.
        let silent = !bodies.contains_key(heartbeat::JOB);
        let jobs = if silent { jobs.disabled(heartbeat::JOB) } else { jobs };
        let scheduler = Scheduler::new(store, rt, calendar, jobs, &bodies)?;
        Ok(Self { desk, scheduler: Arc::new(scheduler), gatherer })
    }
}

/// Writes that the daemon begins or ends, into the journal and for the channels.
pub async fn tell(store: &Store, rt: &Runtime, notice: Notice) -> Result<(), StoreError> {
    let at = rt.now();
    let write = move |tx: &mut WriteTx| {
        tx.journal(at, "daemon", "daemon", &notice)?;
        raise(tx, at, notice)
    };
    store.write(write).await
}
