//! Catch-up: what was due while nobody was there.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;

use super::{
    ScheduleError,
    job::{Job, Slot},
    ledger::{Ended, JOBS, JobState, RUNS, RunStatus, STARTED, StartedRow, last_frequent, record},
    run_id,
    slots::{Timeline, slots},
    supervisor::{Core, Sequence},
};
use crate::{
    clock::Timestamp,
    planted::{self, Bug},
    store::{Read, StoreError, WriteTx},
};

/// Slots older than this are not looked for any more.
const LOOK_BACK: TimeDelta = TimeDelta::days(35);

impl Core {
    /// Catches up and makes ready; a second call does nothing.
    pub async fn start(self: &Arc<Self>, sequence: Sequence) -> Result<(), ScheduleError> {
        if std::mem::replace(&mut self.state().started, true) {
            return Ok(());
        }
        let now = self.rt.now();
        let since = self.note_jobs(now).await?;
        let mut due = Vec::new();
        for (index, job) in self.jobs.iter().enumerate() {
            let open = self.open_slots(job, since[index], now)?;
            if !open.is_empty() {
                due.push((index, open));
            }
        }
        self.state().timelines = vec![Timeline::after(now); self.jobs.len()];
        self.bury_crashed(&due, now).await?;
        self.process(due, now, sequence).await
    }

    /// Notes since when each job's slots are promised: from its first start on, anew when its
    /// triggers changed or it was disabled meanwhile.
    async fn note_jobs(&self, now: Timestamp) -> Result<Vec<Timestamp>, ScheduleError> {
        let jobs: Vec<(String, String)> =
            self.jobs.iter().map(|job| (job.name.clone(), job.when())).collect();
        let disabled = self.set.iter().filter(|job| !job.enabled);
        let disabled: Vec<String> = disabled.map(|job| job.name.clone()).collect();
        let write = self.store.write(move |tx| {
            for name in disabled {
                let state: Option<JobState> = tx.get(&JOBS, &name)?;
                if let Some(state) = state.filter(|state| state.since.is_some()) {
                    tx.put(&JOBS, &name, &JobState { since: None, ..state })?;
                }
            }
            jobs.into_iter().map(|(name, when)| promised_since(tx, &name, when, now)).collect()
        });
        Ok(write.await?)
    }

    /// The slots up to `now` that have no outcome.
    fn open_slots(
        &self,
        job: &Job,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Slot>, StoreError> {
        let end = now + TimeDelta::nanoseconds(1);
        let mut found = slots(job, &self.calendar, since.max(now - LOOK_BACK), end);
        self.store.read(|tx| {
            if job.frequent {
                let last = last_frequent(tx, &job.name)?;
                found.retain(|slot| last.is_none_or(|last| slot.at > last));
                return Ok(());
            }
            let mut open = Vec::with_capacity(found.len());
            for slot in &found {
                let id = run_id(&job.name, slot.at);
                let ended = tx.get(&RUNS, &id)?.is_some() && !planted::on(Bug::RunSlotAgain);
                let lost = planted::on(Bug::LoseCrashedSlot) && tx.get(&STARTED, &id)?.is_some();
                if !ended && !lost {
                    open.push(*slot);
                }
            }
            found = open;
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs that began, left no outcome and cannot run again (by hand, or of a schedule that is no
    /// more) end as missed.
    async fn bury_crashed(
        &self,
        due: &[(usize, Vec<Slot>)],
        now: Timestamp,
    ) -> Result<(), ScheduleError> {
        let again: BTreeSet<String> = due
            .iter()
            .flat_map(|(index, slots)| slots.iter().map(|slot| (*index, slot.at)))
            .map(|(index, at)| run_id(&self.jobs[index].name, at))
            .collect();
        let rows: Vec<(String, StartedRow)> = self.store.read(|tx| tx.list(&STARTED, ""))?;
        let dead: Vec<_> = rows.into_iter().filter(|(id, _)| !again.contains(id)).collect();
        if dead.is_empty() {
            return Ok(());
        }
        let set = self.set.clone();
        let write = self.store.write(move |tx| {
            for (id, started) in dead {
                let job = id.split_once('/').and_then(|(name, slot)| {
                    Some((set.get(name).ok()?, slot.parse::<Timestamp>().ok()?))
                });
                match job.filter(|_| !planted::on(Bug::LoseCrashedSlot)) {
                    Some((job, at)) => record(tx, job, &crashed(at, &started, now))?,
                    None => drop(tx.remove(&STARTED, &id)?),
                }
            }
            Ok(())
        });
        Ok(write.await?)
    }
}

fn promised_since(
    tx: &mut WriteTx,
    name: &str,
    when: String,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let state: JobState = tx.get(&JOBS, name)?.unwrap_or_default();
    if let Some(since) = state.since.filter(|_| state.when == when) {
        return Ok(since);
    }
    tx.put(&JOBS, name, &JobState { since: Some(now), when, ..state })?;
    Ok(now)
}

fn crashed(at: Timestamp, started: &StartedRow, now: Timestamp) -> Ended {
    let reason = started.crash();
    let slot = Slot { at, date: at.date_naive(), trigger: 0 };
    let mut ended = Ended::unstarted(slot, RunStatus::Missed, reason, now);
    ended.row.started_at = Some(started.at);
    ended.row.manual = started.manual;
    ended.alert = true;
    ended
}
