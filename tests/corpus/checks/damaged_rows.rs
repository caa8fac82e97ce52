//! Rows of a store as lines `table <tab> key <tab> JSON`: whatever they hold, everything that reads
//! them (the latch, status and every other answer, reports, alerts, the journal's check) gives an
//! answer or an error that names the row.

use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use futures::executor::block_on;
use tomking::{
    account::StrategyId,
    alert::{Channel, Outgoing, SendError, dispatch},
    calendar::Calendar,
    clock::{Timestamp, VirtualWorld},
    config::{Rulebook, Settings},
    control::{Request, answer::Reader},
    desk::latch::Latch,
    market::Provenance,
    report::{Period, gather::Gatherer},
    schedule::JobSet,
    store::{Store, StoreError, Table},
};

use super::{is_readable, text};

const ROWS_MAX: usize = 400;

/// The tables a running daemon has, by name.
macro_rules! tables {
    ($($name:literal),* $(,)?) => {
        pub const TABLES: &[(&str, Table<serde_json::Value>)] = &[$(($name, Table::new($name, 1))),*];
    };
}

tables!(
    "alert_matters",
    "alert_mutes",
    "alerts",
    "broker_orders",
    "cash",
    "day_counts",
    "day_ends",
    "day_health",
    "days_ahead",
    "dead_letters",
    "decisions",
    "deliveries_dead",
    "deliveries_waiting",
    "delivery_cursors",
    "equity",
    "equity_points",
    "exit_memories",
    "heartbeat_outage",
    "holds",
    "intents",
    "intents_open",
    "job_states",
    "journal",
    "journal_anchors",
    "journal_head",
    "outbox",
    "positions",
    "positions_closed",
    "positions_open",
    "reports",
    "run_sessions",
    "runs",
    "runs_started",
    "sequences",
    "stage_progress",
);

static GROUND: LazyLock<(Reader, Gatherer)> = LazyLock::new(|| {
    let (calendar, jobs) = (Calendar::default(), JobSet::embedded().unwrap());
    let prices = Provenance::Simulated;
    let rulebook = Arc::new(Rulebook::embedded());
    let (known, rules) = (calendar.clone(), Arc::clone(&rulebook));
    let gatherer = Gatherer { calendar: known, jobs: jobs.clone(), prices, rulebook: rules };
    let channels = vec!["log".to_owned()];
    let settings = Arc::new(Settings::default_embedded());
    let data_dir = "/nowhere".into();
    (Reader { calendar, jobs, channels, data_dir, rulebook, settings }, gatherer)
});

/// A store of the rows that are JSON and of a known table.
pub fn store_of(text: &str) -> Store {
    let rows = text.lines().take(ROWS_MAX).filter_map(|line| {
        let (name, rest) = line.split_once('\t')?;
        let (key, json) = rest.split_once('\t')?;
        let (_, table) = TABLES.iter().find(|(known, _)| *known == name)?;
        Some((table, key.to_owned(), serde_json::from_str(json).ok()?))
    });
    let rows: Vec<(_, String, serde_json::Value)> = rows.collect();
    let store = Store::in_memory().unwrap();
    let put = store
        .write(move |tx| rows.iter().try_for_each(|(table, key, value)| tx.put(table, key, value)));
    block_on(put).unwrap();
    store
}

/// A channel that takes everything.
struct Taker(Mutex<usize>);

#[async_trait]
impl Channel for Taker {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        assert!(out.alerts.iter().all(|alert| !alert.title.is_empty() && !alert.kind.is_empty()));
        *self.0.lock().unwrap() += out.alerts.len();
        Ok(())
    }
}

pub fn check(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let store = store_of(text);
    let now: Timestamp = "2024-08-02T21:00:00Z".parse().unwrap();
    let date: NaiveDate = "2024-08-02".parse().unwrap();
    told(Latch::load(&store, None).map(|latch| (latch.level(), latch.ruling(now))));
    let (reader, gatherer) = &*GROUND;
    for request in requests(date) {
        told(store.read(|tx| reader.answer(tx, now, &request)));
    }
    let daily = store.read(|tx| gatherer.daily(tx, date));
    told(daily.map(|report| (report.page().text(), report.page().html(), report.headline())));
    let weekly = store.read(|tx| gatherer.weekly(tx, date, now));
    told(weekly.map(|report| (report.page().text(), report.page().html(), report.headline())));
    told(store.verify_journal(&[]));
    deliver(store, now);
}

fn requests(date: NaiveDate) -> [Request; 10] {
    let strategy = Some(StrategyId::Friday0dte);
    [
        Request::Status,
        Request::Why { date: None, strategy },
        Request::Why { date: Some(date), strategy: None },
        Request::Report { period: Period::Daily, date: None },
        Request::Report { period: Period::Weekly, date: Some(date) },
        Request::JobsList,
        Request::JobsNext { count: 5 },
        Request::JobsHistory { job: None, count: 50 },
        Request::JournalTail { count: 50 },
        Request::JournalVerify { anchors: Vec::new() },
    ]
}

/// An answer, or an error that names what cannot be read.
fn told<T>(answer: Result<T, StoreError>) {
    let Err(error) = answer else { return };
    is_readable(&error.to_string());
    if let StoreError::Codec { table, key, .. } = &error {
        let shown = error.to_string();
        assert!(shown.contains(table), "the table is not named: {shown}");
        assert!(shown.contains(key.as_str()), "the key is not named: {shown}");
    }
}

/// Every row of the outbox as an alert, through repeats and escalation of a day, or until one cannot
/// be read.
fn deliver(store: Store, now: Timestamp) {
    let mut world = VirtualWorld::new(now);
    let rt = world.runtime();
    world.run(async move {
        let work = dispatch::run(rt.clone(), store, Arc::new(Taker(Mutex::new(0))));
        if let Some(error) = rt.timeout(TimeDelta::days(1), work).await {
            told::<()>(Err(error));
        }
    });
}
