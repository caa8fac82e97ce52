//! The run ledger: one outcome a slot, for ever.
//!
//! A run's outcome is written in one transaction with everything the run decided. A marker row
//! says that a run began; a marker without an outcome is a crash. Jobs that are due every few
//! minutes keep one row a session, in which the last slot with an outcome is a high-water mark.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    job::{Job, Slot},
    run_id,
};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    notice::{Notice, raise},
    planted::{self, Bug},
    store::{Read, StoreError, Table, WriteTx},
};

/// Runs by id, `job/instant`.
pub const RUNS: Table<RunRow> = Table::new("runs", 1);
/// Runs that began and have no outcome yet, by id.
pub const STARTED: Table<StartedRow> = Table::new("runs_started", 1);
/// Frequent jobs by `job/date`.
pub const SESSIONS: Table<SessionRow> = Table::new("run_sessions", 1);
/// The same rows, read for one field: it is asked for before each slot.
const LAST_SLOTS: Table<LastSlot> = Table::new("run_sessions", 1);
/// What is known of each job, by name.
pub const JOBS: Table<JobState> = Table::new("job_states", 1);

/// Exceptions kept in one session row; further ones are counted.
const EXCEPTIONS_MAX: usize = 40;

/// Bounds of the lateness histogram, milliseconds; the last bucket has none.
pub const LATE_MS_BOUNDS: [i64; 8] = [1, 2, 5, 10, 50, 100, 1_000, 10_000];

/// How a slot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// The work is done.
    Done,
    /// Every attempt failed.
    Failed,
    /// There was a reason not to run, or not to act.
    Skipped,
    /// It was not started in time.
    Missed,
}

impl RunStatus {
    /// The word in history, reports and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }
}

/// The outcome of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The scheduled instant.
    pub slot: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// Why, unless done.
    pub reason: Option<String>,
    /// What it did, in a line.
    pub summary: String,
    /// Attempts made.
    pub attempts: u32,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When the outcome was written.
    pub ended_at: Timestamp,
    /// Start after slot, milliseconds.
    pub late_ms: Option<i64>,
    /// Asked for by hand.
    pub manual: bool,
}

/// A run that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedRow {
    /// When.
    pub at: Timestamp,
    /// Asked for by hand.
    #[serde(default)]
    pub manual: bool,
}

impl StartedRow {
    /// Why a run with such a mark and no outcome is missed.
    pub fn crash(&self) -> String {
        let at = self.at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        format!("crashed: it began at {at} and left no outcome")
    }
}

/// A session of a frequent job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Every slot up to this one has its outcome.
    pub last_slot: Timestamp,
    /// Slots done.
    pub done: u32,
    /// Of these, how many acted.
    pub acted: u32,
    /// Slots failed.
    pub failed: u32,
    /// Slots skipped.
    pub skipped: u32,
    /// Slots missed.
    pub missed: u32,
    /// The last slot failed.
    #[serde(default)]
    pub failing: bool,
    /// The last slot was late beyond its alarm.
    #[serde(default)]
    pub late: bool,
    /// Starts by lateness, see [`LATE_MS_BOUNDS`].
    pub late_counts: [u32; 9],
    /// The latest start, milliseconds.
    pub late_ms_max: i64,
    /// The first slots that failed, or never reached their body.
    pub exceptions: Vec<Exception>,
    /// Further ones.
    pub exceptions_dropped: u32,
}

#[derive(Deserialize)]
struct LastSlot {
    last_slot: Timestamp,
}

/// A slot of a frequent job that failed, or never reached its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The slot.
    pub slot: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// Why.
    pub reason: String,
}

/// What is known of a job between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Slots before this were never promised: the job was not there, disabled or timed otherwise.
    pub since: Option<Timestamp>,
    /// Its triggers as of then.
    pub when: String,
    /// It is paused.
    pub paused: Option<Pause>,
    /// Panics of a session.
    pub panics: Option<Panics>,
}

/// Why and since when a job is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since.
    pub at: Timestamp,
    /// Who or what paused it.
    pub reason: String,
}

/// Panics counted in a session (rulebook §6: twice in a session pauses the job).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panics {
    /// The session's date.
    pub date: NaiveDate,
    /// How many.
    pub count: u32,
}

/// An outcome about to be written.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The slot.
    pub slot: Slot,
    /// The row.
    pub row: RunRow,
    /// It acted.
    pub acted: bool,
    /// Panics among its attempts.
    pub panics: u32,
    /// A notice is due when it was missed.
    pub alert: bool,
}

impl Ended {
    /// A slot that never started.
    pub fn unstarted(slot: Slot, status: RunStatus, reason: String, now: Timestamp) -> Self {
        let row = RunRow {
            slot: slot.at,
            status,
            summary: String::new(),
            reason: Some(reason),
            attempts: 0,
            started_at: None,
            ended_at: now,
            late_ms: None,
            manual: false,
        };
        Self { slot, row, acted: false, panics: 0, alert: false }
    }
}

/// The key of a frequent job's session.
pub fn session_key(job: &str, slot: Timestamp) -> String {
    format!("{job}/{}", new_york_date(slot))
}

/// Whether a slot has its outcome.
pub fn has_outcome(tx: &impl Read, job: &Job, slot: Timestamp) -> Result<bool, StoreError> {
    if job.frequent {
        return Ok(last_frequent(tx, &job.name)?.is_some_and(|last| slot <= last));
    }
    Ok(tx.get(&RUNS, &run_id(&job.name, slot))?.is_some())
}

/// The last slot of a frequent job that has its outcome.
pub fn last_frequent(tx: &impl Read, job: &str) -> Result<Option<Timestamp>, StoreError> {
    let rows = tx.last(&LAST_SLOTS, &format!("{job}/"), 1)?;
    Ok(rows.first().map(|(_, row)| row.last_slot))
}

/// Writes an outcome with its journal entry and notices.
pub fn record(tx: &mut WriteTx, job: &Job, ended: &Ended) -> Result<(), StoreError> {
    let row = &ended.row;
    let id = run_id(&job.name, row.slot);
    let late = late_beyond_alarm(job, row);
    let mut told = Told { failed: row.status == RunStatus::Failed, late };
    if job.frequent && !row.manual {
        told = record_frequent(tx, job, ended)?;
        if ended.acted || row.status == RunStatus::Failed {
            journal(tx, &id, row)?;
        }
    } else {
        if tx.get(&RUNS, &id)?.is_some() && !planted::on(Bug::RunSlotAgain) {
            return Err(StoreError::Refused(format!("{id} has its outcome already")));
        }
        tx.put(&RUNS, &id, row)?;
        tx.remove(&STARTED, &id)?;
        journal(tx, &id, row)?;
    }
    let reason = || row.reason.clone().unwrap_or_default();
    let (job_name, slot) = (job.name.clone(), row.slot);
    if told.failed {
        let notice = Notice::JobFailed { job: job_name.clone(), slot, reason: reason() };
        raise(tx, row.ended_at, notice)?;
    }
    if told.late {
        let late_ms = row.late_ms.unwrap_or(0);
        raise(tx, row.ended_at, Notice::JobLate { job: job_name.clone(), slot, late_ms })?;
    }
    if ended.alert {
        raise(tx, row.ended_at, Notice::JobMissed { job: job_name, slot, reason: reason() })?;
    }
    if ended.panics > 0 {
        count_panics(tx, job, ended)?;
    }
    Ok(())
}

/// Which notices an outcome gives.
struct Told {
    failed: bool,
    late: bool,
}

fn late_beyond_alarm(job: &Job, row: &RunRow) -> bool {
    let alarm = job.run.late_alarm.map_or(i64::MAX, |alarm| alarm.num_milliseconds());
    !row.manual && row.late_ms.is_some_and(|late| late > alarm)
}

fn journal(tx: &mut WriteTx, id: &str, row: &RunRow) -> Result<(), StoreError> {
    let kind = match row.status {
        RunStatus::Done => "job.done",
        RunStatus::Failed => "job.failed",
        RunStatus::Skipped => "job.skipped",
        RunStatus::Missed => "job.missed",
    };
    tx.journal(row.ended_at, id, kind, row)
}

/// Adds an outcome to a session's row. Of failures and late starts in a row only the first is told.
fn record_frequent(tx: &mut WriteTx, job: &Job, ended: &Ended) -> Result<Told, StoreError> {
    let run = &ended.row;
    let key = session_key(&job.name, run.slot);
    let mut row: SessionRow = tx.get(&SESSIONS, &key)?.unwrap_or_default();
    if run.slot <= row.last_slot {
        let id = run_id(&job.name, run.slot);
        return Err(StoreError::Refused(format!("{id} has its outcome already")));
    }
    row.last_slot = run.slot;
    let count = match run.status {
        RunStatus::Done => &mut row.done,
        RunStatus::Failed => &mut row.failed,
        RunStatus::Skipped => &mut row.skipped,
        RunStatus::Missed => &mut row.missed,
    };
    *count += 1;
    row.acted += u32::from(ended.acted);
    // A body that had nothing to do is no exception.
    let ordinary = matches!(run.status, RunStatus::Done | RunStatus::Skipped) && run.attempts > 0;
    if let (Some(reason), false) = (&run.reason, ordinary) {
        if row.exceptions.len() < EXCEPTIONS_MAX {
            let (slot, status) = (run.slot, run.status);
            row.exceptions.push(Exception { slot, status, reason: reason.clone() });
        } else {
            row.exceptions_dropped += 1;
        }
    }
    let mut told = Told { failed: false, late: false };
    if let Some(late_ms) = run.late_ms {
        let bucket = LATE_MS_BOUNDS.iter().position(|bound| late_ms < *bound);
        row.late_counts[bucket.unwrap_or(LATE_MS_BOUNDS.len())] += 1;
        row.late_ms_max = row.late_ms_max.max(late_ms);
        let (failed, late) = (run.status == RunStatus::Failed, late_beyond_alarm(job, run));
        told = Told { failed: failed && !row.failing, late: late && !row.late };
        (row.failing, row.late) = (failed, late);
    }
    tx.put(&SESSIONS, &key, &row)?;
    Ok(told)
}

/// Panics of a session before the job is paused (rulebook §6, last row).
pub const PANICS_MAX: u32 = 2;

fn count_panics(tx: &mut WriteTx, job: &Job, ended: &Ended) -> Result<(), StoreError> {
    let now = ended.row.ended_at;
    let date = new_york_date(ended.row.slot);
    let mut state: JobState = tx.get(&JOBS, &job.name)?.unwrap_or_default();
    let before = state.panics.filter(|panics| panics.date == date).map_or(0, |p| p.count);
    let count = before + ended.panics;
    state.panics = Some(Panics { date, count });
    if count >= PANICS_MAX && state.paused.is_none() {
        let reason = format!("panicked {count} times in the session of {date}");
        let told = format!("paused: {reason}; `tomking jobs resume {}` ends it", job.name);
        let data = json!({ "job": job.name, "reason": reason });
        tx.journal(now, &run_id(&job.name, ended.row.slot), "job.paused", &data)?;
        let notice =
            Notice::JobFailed { job: job.name.clone(), slot: ended.row.slot, reason: told };
        raise(tx, now, notice)?;
        state.paused = Some(Pause { at: now, reason });
    }
    tx.put(&JOBS, &job.name, &state)
}
