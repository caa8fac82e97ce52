//! What people do to jobs: pause and resume.

use serde_json::json;

use super::{
    JobSet, ScheduleError,
    ledger::{JOBS, JobState, Pause},
};
use crate::{
    clock::Timestamp,
    store::{Read, Store},
};

/// Pauses a job: its slots are recorded as skipped until it is resumed. Returns false when it was
/// paused already.
pub async fn pause(
    store: &Store,
    jobs: &JobSet,
    job: &str,
    reason: &str,
    now: Timestamp,
) -> Result<bool, ScheduleError> {
    let name = jobs.get(job).map_err(ScheduleError::NoSuchJob)?.name.clone();
    let reason = reason.to_owned();
    let changed = store.write(move |tx| {
        let mut state: JobState = tx.get(&JOBS, &name)?.unwrap_or_default();
        if state.paused.is_some() {
            return Ok(false);
        }
        let data = json!({ "job": name, "reason": reason });
        tx.journal(now, &format!("jobs pause {name}"), "job.paused", &data)?;
        state.paused = Some(Pause { at: now, reason });
        tx.put(&JOBS, &name, &state)?;
        Ok(true)
    });
    Ok(changed.await?)
}

/// Resumes a job. Slots that went by while it was paused stay skipped. Returns false when it was
/// not paused.
pub async fn resume(
    store: &Store,
    jobs: &JobSet,
    job: &str,
    now: Timestamp,
) -> Result<bool, ScheduleError> {
    let name = jobs.get(job).map_err(ScheduleError::NoSuchJob)?.name.clone();
    let changed = store.write(move |tx| {
        let mut state: JobState = tx.get(&JOBS, &name)?.unwrap_or_default();
        let Some(pause) = state.paused.take() else { return Ok(false) };
        state.panics = None;
        let data = json!({ "job": name, "paused": pause });
        tx.journal(now, &format!("jobs resume {name}"), "job.resumed", &data)?;
        tx.put(&JOBS, &name, &state)?;
        Ok(true)
    });
    Ok(changed.await?)
}
