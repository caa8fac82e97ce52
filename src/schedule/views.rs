//! What people ask of the schedule: the jobs, what comes, what came of it.

use serde::{Deserialize, Serialize};

use super::{
    JobSet,
    job::Job,
    ledger::{JOBS, JobState, Pause, RUNS, RunRow, RunStatus, SESSIONS, SessionRow},
    slots::{Timeline, next_after},
};
use crate::{
    calendar::Calendar,
    clock::Timestamp,
    store::{Read, StoreError},
};

/// A job at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    /// Its name.
    pub job: String,
    /// What it does.
    pub about: String,
    /// Scheduled at all.
    pub enabled: bool,
    /// When, in words.
    pub when: String,
    /// Why and since when it is paused.
    pub paused: Option<Pause>,
    /// Its next slot; `None` while it is disabled.
    pub next: Option<Timestamp>,
}

/// A slot to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSlot {
    /// The job.
    pub job: String,
    /// Its instant.
    pub at: Timestamp,
    /// It will be skipped: the job is paused.
    pub paused: bool,
}

/// A run that ended, or a session's worth of a job that is due every few minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// The job.
    pub job: String,
    /// The scheduled instant; the last one of a session.
    pub slot: Timestamp,
    /// How it ended; of a session the worst.
    pub status: RunStatus,
    /// Why, unless done.
    pub reason: Option<String>,
    /// What it did, in a line.
    pub summary: String,
    /// How late it began, milliseconds; of a session the latest.
    pub late_ms: Option<i64>,
    /// Started by hand.
    pub manual: bool,
    /// Slots this line stands for.
    pub slots: u32,
}

/// Every job, by name.
pub fn list(
    tx: &impl Read,
    jobs: &JobSet,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Vec<JobLine>, StoreError> {
    jobs.iter()
        .map(|job| {
            let next = job.enabled.then(|| next_after(job, calendar, now)).flatten();
            Ok(JobLine {
                job: job.name.clone(),
                about: job.about.clone(),
                enabled: job.enabled,
                when: job.when(),
                paused: state(tx, job)?.paused,
                next: next.map(|slot| slot.at),
            })
        })
        .collect()
}

/// The next `count` slots after `now`; a job that is due every few minutes stands there once.
pub fn next(
    tx: &impl Read,
    jobs: &JobSet,
    calendar: &Calendar,
    now: Timestamp,
    count: usize,
) -> Result<Vec<NextSlot>, StoreError> {
    let mut found = Vec::new();
    for job in jobs.iter().filter(|job| job.enabled) {
        let paused = state(tx, job)?.paused.is_some();
        let mut timeline = Timeline::after(now);
        let most = if job.frequent { 1 } else { count };
        for _ in 0..most {
            let Some(slot) = timeline.peek(job, calendar) else { break };
            timeline.take_until(job, calendar, slot.at);
            found.push(NextSlot { job: job.name.clone(), at: slot.at, paused });
        }
    }
    found.sort_by(|a, b| (a.at, &a.job).cmp(&(b.at, &b.job)));
    found.truncate(count);
    Ok(found)
}

/// The last `count` runs, the newest first; of one job or of all.
pub fn history(
    tx: &impl Read,
    jobs: &JobSet,
    job: Option<&str>,
    count: usize,
) -> Result<Vec<RunLine>, StoreError> {
    let mut found = Vec::new();
    for name in jobs.iter().map(|job| &job.name).filter(|name| job.is_none_or(|job| job == *name)) {
        let prefix = format!("{name}/");
        let runs = tx.last(&RUNS, &prefix, count)?;
        found.extend(runs.into_iter().map(|(_, row)| run_line(name, row)));
        let sessions = tx.last(&SESSIONS, &prefix, count)?;
        found.extend(sessions.into_iter().map(|(_, row)| session_line(name, &row)));
    }
    found.sort_by(|a, b| (b.slot, &a.job).cmp(&(a.slot, &b.job)));
    found.truncate(count);
    Ok(found)
}

fn state(tx: &impl Read, job: &Job) -> Result<JobState, StoreError> {
    Ok(tx.get(&JOBS, &job.name)?.unwrap_or_default())
}

fn run_line(job: &str, row: RunRow) -> RunLine {
    let RunRow { slot, status, reason, summary, late_ms, manual, .. } = row;
    RunLine { job: job.to_owned(), slot, status, reason, summary, late_ms, manual, slots: 1 }
}

fn session_line(job: &str, row: &SessionRow) -> RunLine {
    let counts = [
        (RunStatus::Failed, row.failed),
        (RunStatus::Missed, row.missed),
        (RunStatus::Skipped, row.skipped),
    ];
    let bad = counts.iter().find(|(status, count)| {
        *count > 0 && row.exceptions.iter().any(|exception| exception.status == *status)
    });
    let status = bad.map_or(RunStatus::Done, |(status, _)| *status);
    let reason = row.exceptions.iter().find(|exception| exception.status == status);
    RunLine {
        job: job.to_owned(),
        slot: row.last_slot,
        status,
        reason: reason.map(|exception| exception.reason.clone()),
        summary: format!(
            "{} done ({} acted), {} skipped, {} failed, {} missed",
            row.done, row.acted, row.skipped, row.failed, row.missed
        ),
        late_ms: Some(row.late_ms_max),
        manual: false,
        slots: row.done + row.skipped + row.failed + row.missed,
    }
}
