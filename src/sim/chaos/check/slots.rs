//! Invariant 7: each slot of the planner ends once, as done, failed, skipped or missed with a
//! reason.
//!
//! Always: no run has a second outcome in the journal, and an outcome that was written does not
//! change. At the end of a day on which the daemon was healthy for [`GRACE`], and at the end of the
//! run: every slot since its job was first promised, up to [`GRACE`] ago, has its outcome; of a
//! frequent job the session's counts add up to the slots the planner has in it. Whatever is not
//! done says why.
//!
//! The lag: a slot may be tried again for as long as its window is open. [`GRACE`] is longer than
//! any window of the jobs in force but one: a daily report may be made up to 12 h late, so what was
//! due that long before is held to only once nothing more can come of it.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};

use super::{Broken, Invariant, Moment, Scene};
use crate::{
    calendar::{new_york, new_york_date},
    clock::Timestamp,
    schedule::{
        job::{Job, Slot},
        ledger::{JOBS, JobState, RUNS, RunRow, RunStatus, SESSIONS, SessionRow},
        run_id,
        slots::slots,
    },
    store::{Read, ReadTx, StoreError},
};

/// How long after its instant a slot must have its outcome, once the daemon is healthy.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// The invariant.
#[derive(Default)]
pub(super) struct Slots {
    life: u32,
    journal: u64,
    /// Outcomes by run, as first seen.
    outcomes: BTreeMap<String, RunRow>,
}

impl Invariant for Slots {
    fn number(&self) -> u8 {
        7
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        if matches!(moment, Moment::Wire(_)) {
            return Ok(());
        }
        self.no_second_outcome(scene)?;
        let healthy = scene.healthy_since().is_some_and(|since| scene.now - since >= GRACE);
        if matches!(moment, Moment::End) || (matches!(moment, Moment::DayEnd) && healthy) {
            let until = scene.now - GRACE;
            let found = scene.store.read(|tx| missing(tx, scene, until))?;
            return found.map_or(Ok(()), |words| Err(Broken(words)));
        }
        Ok(())
    }
}

impl Slots {
    fn no_second_outcome(&mut self, scene: &Scene<'_>) -> Result<(), Broken> {
        if self.life != scene.life() {
            *self = Self { life: scene.life(), ..Self::default() };
        }
        let from = self.journal + 1;
        if scene.store.journal_head()?.sequence < from {
            return Ok(());
        }
        for entry in scene.store.journal(from..)? {
            self.journal = entry.sequence;
            let ends = ["job.done", "job.failed", "job.skipped", "job.missed"];
            if !ends.contains(&entry.kind.as_str()) {
                continue;
            }
            let row: RunRow = serde_json::from_value(entry.data)
                .map_err(|error| Broken(format!("entry {}: {error}", entry.sequence)))?;
            if row.status != RunStatus::Done && row.reason.as_deref().is_none_or(str::is_empty) {
                let (id, status) = (&entry.cause, row.status.name());
                return Err(Broken(format!("`{id}` ended as {status} and does not say why")));
            }
            let status = row.status.name();
            if let Some(first) = self.outcomes.insert(entry.cause.clone(), row) {
                return Err(Broken(format!(
                    "`{}` ended as {} and again as {status}",
                    entry.cause,
                    first.status.name()
                )));
            }
        }
        Ok(())
    }
}

/// A slot of the planner without an outcome, in words.
fn missing(tx: &ReadTx, scene: &Scene<'_>, until: Timestamp) -> Result<Option<String>, StoreError> {
    for job in scene.jobs.iter().filter(|job| job.enabled) {
        let state: JobState = tx.get(&JOBS, &job.name)?.unwrap_or_default();
        let Some(since) = state.since else {
            return Ok(Some(format!("job `{}` was never promised a slot", job.name)));
        };
        let due = slots(job, scene.calendar, since, until);
        let words = if job.frequent {
            counts(tx, scene, job, since, &due)?
        } else {
            outcome(tx, job, &due)?
        };
        if words.is_some() {
            return Ok(words);
        }
    }
    Ok(None)
}

fn outcome(tx: &ReadTx, job: &Job, due: &[Slot]) -> Result<Option<String>, StoreError> {
    for slot in due {
        let id = run_id(&job.name, slot.at);
        if tx.get(&RUNS, &id)?.is_none() && job.missed.next_sessions == 0 {
            return Ok(Some(format!("`{id}` has no outcome")));
        }
    }
    Ok(None)
}

/// The sessions' counts against the planner's slots.
fn counts(
    tx: &ReadTx,
    scene: &Scene<'_>,
    job: &Job,
    since: Timestamp,
    due: &[Slot],
) -> Result<Option<String>, StoreError> {
    let rows: Vec<(String, SessionRow)> = tx.list(&SESSIONS, &format!("{}/", job.name))?;
    let last = rows.last().map(|(_, row)| row.last_slot);
    if let Some(slot) = due.last().filter(|slot| last.is_none_or(|last| slot.at > last)) {
        return Ok(Some(format!("`{}` has no outcome", run_id(&job.name, slot.at))));
    }
    for (key, row) in rows {
        let day = new_york(new_york_date(row.last_slot), NaiveTime::MIN);
        let end = row.last_slot + TimeDelta::nanoseconds(1);
        let planned = slots(job, scene.calendar, day.max(since), end).len();
        let ended = row.done + row.failed + row.skipped + row.missed;
        if usize::try_from(ended).ok() != Some(planned) {
            return Ok(Some(format!(
                "`{key}` has {ended} outcomes up to {}, the planner has {planned} slots",
                row.last_slot
            )));
        }
    }
    Ok(None)
}
