//! `health`: how the program is, at one glance.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    control::{
        answer::Reader,
        house::ears::{self, EarLine, Heard},
        status::{self, ChannelLine},
    },
    desk::{intent::IntentState, read},
    notice::{Notice, OUTBOX},
    schedule::{
        JobSet,
        ledger::RunStatus,
        stats::{Lateness, Unkept, lateness, unkept_on},
        views,
    },
    store::{self, JournalHead, Read, StoreError},
};

/// What "lately" is.
const LATELY: TimeDelta = TimeDelta::hours(24);
/// Slots that were not kept, listed at most so many.
const UNKEPT_MAX: usize = 20;
/// Runs looked through for the last late one.
const RUNS_LOOKED: usize = 200;
/// Outbox rows looked through for orders of unknown fate.
const NOTICES_LOOKED: usize = 2_000;

/// How the program is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// This moment.
    pub at: Timestamp,
    /// The program's version.
    pub version: String,
    /// The running daemon; `None` when none runs.
    pub daemon: Option<Process>,
    /// The store.
    pub store: StoreLine,
    /// The schedule of the last 24 hours.
    pub slots: SlotsLine,
    /// The broker; `None` when no daemon runs.
    pub broker: Option<BrokerHealth>,
    /// Orders whose fate is not known now.
    pub unknown_orders: usize,
    /// Times an order's fate was not known in the last 24 hours.
    pub unknown_orders_lately: usize,
    /// The feeds; `None` when no daemon runs.
    pub feed: Option<FeedLine>,
    /// The channels.
    pub channels: Vec<ChannelLine>,
    /// The ways commands come in by, beside the shell.
    #[serde(default)]
    pub ears: Vec<EarLine>,
}

/// The daemon's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Since when it runs.
    pub since: Timestamp,
    /// For how long.
    pub uptime_seconds: i64,
    /// Memory it holds, bytes; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// How far this machine's clock was behind when an entry looked last, milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// Which of its loops gives no sign of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangs: Option<String>,
    /// What of the delivery of alerts fails again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreLine {
    /// Its file.
    pub file: PathBuf,
    /// Its size; `None` where there is no file.
    pub bytes: Option<u64>,
    /// The journal's head.
    pub journal: JournalHead,
}

/// How the schedule was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotsLine {
    /// How late runs began, of yesterday and today.
    pub lateness: Lateness,
    /// The last run that began later than its alarm.
    pub last_late: Option<LateRun>,
    /// Failed in the last 24 hours.
    pub failed: usize,
    /// Missed in the last 24 hours.
    pub missed: usize,
    /// The first of these.
    pub unkept: Vec<Unkept>,
}

/// A run that began late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRun {
    /// The job.
    pub job: String,
    /// Its slot.
    pub slot: Timestamp,
    /// How late, milliseconds.
    pub late_ms: i64,
}

/// How the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerHealth {
    /// It answered the last call.
    pub answers: bool,
    /// Its last answer.
    pub answered_at: Option<Timestamp>,
    /// The last call without one.
    pub failed_at: Option<Timestamp>,
    /// Calls without an answer in the last 24 hours of this process.
    pub errors: u64,
    /// Ledger and broker agreed at the last look.
    pub reconciled: bool,
    /// That look.
    pub reconciled_at: Option<Timestamp>,
}

/// How the feeds answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLine {
    /// The last look at all that is held.
    pub looked_at: Option<Timestamp>,
    /// VIX's last print.
    pub vix_at: Option<Timestamp>,
    /// How old that is.
    pub vix_age_seconds: Option<i64>,
    /// Legs held that had no price at that look.
    pub unpriced: usize,
}

/// What a running daemon adds.
pub struct Running<'a> {
    /// Its process.
    pub process: Process,
    /// Its broker.
    pub broker: BrokerHealth,
    /// Its feeds.
    pub feed: FeedLine,
    /// Its ears.
    pub ears: &'a Heard,
}

/// How the program is, as the store and a daemon tell.
pub fn of(
    tx: &impl Read,
    reader: &Reader,
    now: Timestamp,
    running: Option<Running<'_>>,
) -> Result<Health, StoreError> {
    let file = store::path_in(&reader.data_dir);
    let open = read::open_intents(tx)?;
    let ears = ears::lines(tx, &reader.settings.voice, running.as_ref().map(|found| found.ears))?;
    let (daemon, broker, feed) = match running {
        Some(Running { process, broker, feed, .. }) => (Some(process), Some(broker), Some(feed)),
        None => (None, None, None),
    };
    Ok(Health {
        at: now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        daemon,
        store: StoreLine { bytes: size(&file), file, journal: tx.journal_head()? },
        slots: slots(tx, &reader.jobs, now)?,
        broker,
        unknown_orders: open.iter().filter(|r| r.state == IntentState::Unknown).count(),
        unknown_orders_lately: unknown_lately(tx, now)?,
        feed,
        channels: status::channels(tx, &reader.channels)?,
        ears,
    })
}

fn size(file: &Path) -> Option<u64> {
    std::fs::metadata(file).ok().map(|file| file.len())
}

fn slots(tx: &impl Read, jobs: &JobSet, now: Timestamp) -> Result<SlotsLine, StoreError> {
    let today = new_york_date(now);
    let yesterday = today.pred_opt().unwrap_or(today);
    let mut unkept = unkept_on(tx, jobs, yesterday)?;
    unkept.extend(unkept_on(tx, jobs, today)?);
    unkept.retain(|slot| now - slot.slot <= LATELY);
    unkept.sort_by_key(|slot| std::cmp::Reverse(slot.slot));
    let count = |status| unkept.iter().filter(|slot| slot.status == status).count();
    let (failed, missed) = (count(RunStatus::Failed), count(RunStatus::Missed));
    unkept.truncate(UNKEPT_MAX);
    let runs = views::history(tx, jobs, None, RUNS_LOOKED)?;
    let late = |run: &views::RunLine| {
        let alarm = jobs.get(&run.job).ok()?.run.late_alarm?;
        let late_ms = run.late_ms.filter(|late| *late > alarm.num_milliseconds())?;
        Some(LateRun { job: run.job.clone(), slot: run.slot, late_ms })
    };
    Ok(SlotsLine {
        lateness: lateness(tx, jobs, yesterday, today)?,
        last_late: runs.iter().find_map(late),
        failed,
        missed,
        unkept,
    })
}

/// Orders whose fate was not known for a while, as they were told.
fn unknown_lately(tx: &impl Read, now: Timestamp) -> Result<usize, StoreError> {
    let told = tx.last(&OUTBOX, "", NOTICES_LOOKED)?;
    let lately = told.iter().filter(|(_, row)| now - row.at <= LATELY);
    Ok(lately.filter(|(_, row)| matches!(row.notice, Notice::OrderUnknown { .. })).count())
}

/// Memory this process holds, bytes, where the system tells: Linux does.
pub fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}
