//! How well the schedule was kept: missed slots, and how late runs began.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    JobSet,
    ledger::{LATE_MS_BOUNDS, RUNS, RunRow, RunStatus, SESSIONS, SessionRow},
};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    store::{Read, StoreError},
};

/// A slot that was missed or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// The job.
    pub job: String,
    /// The slot.
    pub slot: Timestamp,
    /// Missed or failed.
    pub status: RunStatus,
    /// Why.
    pub reason: String,
}

/// How late runs began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Runs begun.
    pub starts: u64,
    /// Half of them began earlier than this after their slot, milliseconds; `None` beyond the last
    /// bound of the histogram.
    pub p50_below_ms: Option<i64>,
    /// The same for 99 in a hundred.
    pub p99_below_ms: Option<i64>,
    /// The latest, milliseconds.
    pub max_ms: i64,
}

/// The slots of a New York date that were missed or failed, by job and time. Of a job due every few
/// minutes the first exceptions of its session; those a later slot stood for are left out.
pub fn unkept_on(
    tx: &impl Read,
    jobs: &JobSet,
    date: NaiveDate,
) -> Result<Vec<Unkept>, StoreError> {
    let mut found = Vec::new();
    for job in jobs.iter().map(|job| job.name.as_str()) {
        let mut add = |slot, status, reason: Option<String>| {
            let reason = reason.unwrap_or_default();
            let unkept = matches!(status, RunStatus::Missed | RunStatus::Failed);
            if unkept && !reason.starts_with("coalesced into ") {
                found.push(Unkept { job: job.to_owned(), slot, status, reason });
            }
        };
        for row in runs_on(tx, job, date)? {
            add(row.slot, row.status, row.reason);
        }
        if let Some(session) = session_on(tx, job, date)? {
            for exception in session.exceptions {
                add(exception.slot, exception.status, Some(exception.reason));
            }
        }
    }
    Ok(found)
}

/// How late the runs of the New York dates from `from` to `to` began, both included.
pub fn lateness(
    tx: &impl Read,
    jobs: &JobSet,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Lateness, StoreError> {
    let mut counts = [0_u64; LATE_MS_BOUNDS.len() + 1];
    let mut max_ms = 0;
    for date in from.iter_days().take_while(|date| *date <= to) {
        for job in jobs.iter().map(|job| job.name.as_str()) {
            for late_ms in runs_on(tx, job, date)?.into_iter().filter_map(|row| row.late_ms) {
                let bucket = LATE_MS_BOUNDS.iter().position(|bound| late_ms < *bound);
                counts[bucket.unwrap_or(LATE_MS_BOUNDS.len())] += 1;
                max_ms = max_ms.max(late_ms);
            }
            let session = session_on(tx, job, date)?.unwrap_or_default();
            for (count, more) in counts.iter_mut().zip(session.late_counts) {
                *count += u64::from(more);
            }
            max_ms = max_ms.max(session.late_ms_max);
        }
    }
    let starts = counts.iter().sum();
    let (p50_below_ms, p99_below_ms) = (below(&counts, 50), below(&counts, 99));
    Ok(Lateness { starts, p50_below_ms, p99_below_ms, max_ms })
}

/// The bound under which so many in a hundred lie.
fn below(counts: &[u64], percent: u64) -> Option<i64> {
    let total: u64 = counts.iter().sum();
    let wanted = (total * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let bounds = counts.iter().zip(LATE_MS_BOUNDS);
    bounds.into_iter().find_map(|(count, bound)| {
        seen += count;
        (seen >= wanted).then_some(bound)
    })
}

fn runs_on(tx: &impl Read, job: &str, date: NaiveDate) -> Result<Vec<RunRow>, StoreError> {
    let mut rows = Vec::new();
    // A New York date lies on two UTC dates.
    for day in [Some(date), date.succ_opt()].into_iter().flatten() {
        let found: Vec<(String, RunRow)> = tx.list(&RUNS, &format!("{job}/{day}"))?;
        rows.extend(found.into_iter().map(|(_, row)| row));
    }
    rows.retain(|row| new_york_date(row.slot) == date);
    Ok(rows)
}

fn session_on(
    tx: &impl Read,
    job: &str,
    date: NaiveDate,
) -> Result<Option<SessionRow>, StoreError> {
    tx.get(&SESSIONS, &format!("{job}/{date}"))
}
