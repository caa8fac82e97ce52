//! One run: admission, attempts, and the outcome in one transaction with what the run decided.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::{FutureExt, channel::oneshot, future::abortable};
use tracing::Instrument;

use super::{
    Commit, JobContext, JobReport, Outcome,
    job::{Job, Slot},
    ledger::{
        Ended, JOBS, JobState, PANICS_MAX, RUNS, RunRow, RunStatus, STARTED, StartedRow,
        has_outcome, record,
    },
    missed::may_retry,
    run_id,
    supervisor::Core,
    text::span,
};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    store::{Read, StoreError, WriteTx},
};

/// Why an attempt failed.
struct Failure {
    reason: String,
    panicked: bool,
}

impl Failure {
    fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), panicked: false }
    }
}

/// What the ledger says before a run.
enum Admission {
    /// It may run; so many panics were counted in the session.
    Clear(u32),
    /// It has its outcome.
    Ended,
    /// The job is paused.
    Paused(String),
}

/// A run under way.
struct Run {
    job: Arc<Job>,
    slot: Slot,
    manual: bool,
    started_at: Timestamp,
    attempts: u32,
    panics: u32,
}

impl Core {
    /// Runs a slot to its outcome. Only a failure of the store is an error.
    pub async fn perform(
        self: &Arc<Self>,
        index: usize,
        slot: Slot,
        manual: bool,
    ) -> Result<(), StoreError> {
        let job = Arc::clone(&self.jobs[index]);
        let started_at = self.rt.now();
        let panics_before = match self.admit(&job, slot, manual)? {
            Admission::Ended => return Ok(()),
            Admission::Paused(reason) => {
                let reason = format!("paused: {reason}");
                let ended = Ended::unstarted(slot, RunStatus::Skipped, reason, started_at);
                return self.record_all(index, vec![ended]).await;
            }
            Admission::Clear(panics) => panics,
        };
        let mut run = Run { job, slot, manual, started_at, attempts: 0, panics: 0 };
        let marked = self.mark_started(&run);
        let span = tracing::info_span!("job", job = run.job.name, slot = %slot.at);
        let first = self.attempt(index, slot, 1).instrument(span.clone());
        let (marked, mut result) = futures::join!(marked, first);
        marked?;
        loop {
            run.attempts += 1;
            let failure = match result {
                Ok(report) => match self.commit(&run, report).await {
                    Err(StoreError::Refused(reason)) => {
                        Failure::of(format!("not written: {reason}"))
                    }
                    other => return other,
                },
                Err(failure) => failure,
            };
            run.panics += u32::from(failure.panicked);
            let wait = run.job.run.wait_after(run.attempts);
            if !self.tries_again(&run, panics_before, wait) {
                return self.fail(&run, failure.reason).await;
            }
            tracing::warn!(
                job = run.job.name, slot = %slot.at, attempt = run.attempts,
                reason = failure.reason, wait = %wait, "attempt failed"
            );
            self.rt.sleep(wait).await;
            let attempt = run.attempts + 1;
            result = self.attempt(index, slot, attempt).instrument(span.clone()).await;
        }
    }

    fn tries_again(&self, run: &Run, panics_before: u32, wait: TimeDelta) -> bool {
        let next = self.rt.now() + wait;
        run.attempts <= run.job.run.retries
            && panics_before + run.panics < PANICS_MAX
            && !*self.ended.borrow()
            && (run.manual || may_retry(&run.job, &self.calendar, run.slot, next))
    }

    fn admit(&self, job: &Job, slot: Slot, manual: bool) -> Result<Admission, StoreError> {
        self.store.read(|tx| {
            if manual {
                let taken = tx.get(&RUNS, &run_id(&job.name, slot.at))?.is_some();
                return Ok(if taken { Admission::Ended } else { Admission::Clear(0) });
            }
            // A frequent job's timeline gives a slot once, and the ledger refuses a second outcome.
            if !job.frequent && has_outcome(tx, job, slot.at)? {
                return Ok(Admission::Ended);
            }
            let state: JobState = tx.get(&JOBS, &job.name)?.unwrap_or_default();
            if let Some(pause) = state.paused {
                return Ok(Admission::Paused(pause.reason));
            }
            let today = state.panics.filter(|panics| panics.date == new_york_date(slot.at));
            Ok(Admission::Clear(today.map_or(0, |panics| panics.count)))
        })
    }

    /// Leaves a mark that the run began, so that a crash is known as one. Frequent jobs go
    /// without: their next slot does the same work.
    async fn mark_started(&self, run: &Run) -> Result<(), StoreError> {
        if run.job.frequent && !run.manual {
            return Ok(());
        }
        let id = run_id(&run.job.name, run.slot.at);
        let row = StartedRow { at: run.started_at, manual: run.manual };
        self.store.write(move |tx| tx.put(&STARTED, &id, &row)).await
    }

    /// One attempt, in a task of its own: a panic ends only that, and a body that never yields
    /// holds up only its own thread.
    async fn attempt(&self, index: usize, slot: Slot, attempt: u32) -> Result<JobReport, Failure> {
        let job = &self.jobs[index];
        let rt = self.rt.clone();
        let context = JobContext { job: job.name.clone(), slot: slot.at, attempt, rt };
        let body = Arc::clone(&self.bodies[index]);
        let work = AssertUnwindSafe(async move { body.run(&context).await }).catch_unwind();
        let (work, abort) = abortable(work);
        let (done, ended) = oneshot::channel();
        let task = async move {
            let _ = done.send(work.await);
        };
        self.rt.spawn(task.instrument(tracing::Span::current()));
        match self.rt.timeout(job.run.timeout, ended).await {
            Some(Ok(Ok(Ok(Ok(report))))) => Ok(report),
            Some(Ok(Ok(Ok(Err(error))))) => Err(Failure::of(error.to_string())),
            Some(Ok(Ok(Err(panic)))) => {
                let reason = format!("panicked: {}", panic_text(panic.as_ref()));
                Err(Failure { reason, panicked: true })
            }
            Some(Ok(Err(_)) | Err(_)) => Err(Failure::of("its task was ended from outside")),
            None => {
                abort.abort();
                Err(Failure::of(format!("did not end within {}", span(job.run.timeout))))
            }
        }
    }

    /// Writes a finished run: its own writes, its outcome, its journal entry, its notices.
    async fn commit(&self, run: &Run, report: JobReport) -> Result<(), StoreError> {
        let JobReport { outcome, summary, acted, commits, after } = report;
        let (status, reason) = match outcome {
            Outcome::Done => (RunStatus::Done, None),
            Outcome::Skipped { reason } => (RunStatus::Skipped, Some(reason)),
        };
        if run.job.frequent && !acted {
            tracing::debug!(job = run.job.name, ?status, "{summary}");
        } else {
            tracing::info!(job = run.job.name, ?status, "{summary}");
        }
        let ended = self.ended_row(run, status, reason, summary, acted);
        let job = Arc::clone(&run.job);
        let write = self.store.write(move |tx| {
            for commit in commits {
                guarded(tx, commit)?;
            }
            record(tx, &job, &ended)
        });
        write.await?;
        if let Some(after) = after
            && let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(after))
        {
            let text = panic_text(panic.as_ref());
            tracing::error!(job = run.job.name, text, "a run's last step panicked");
        }
        Ok(())
    }

    async fn fail(&self, run: &Run, reason: String) -> Result<(), StoreError> {
        tracing::error!(job = run.job.name, slot = %run.slot.at, reason, "job failed");
        let ended = self.ended_row(run, RunStatus::Failed, Some(reason), String::new(), false);
        let job = Arc::clone(&run.job);
        self.store.write(move |tx| record(tx, &job, &ended)).await
    }

    fn ended_row(
        &self,
        run: &Run,
        status: RunStatus,
        reason: Option<String>,
        summary: String,
        acted: bool,
    ) -> Ended {
        let late_ms = (run.started_at - run.slot.at).num_milliseconds();
        let row = RunRow {
            slot: run.slot.at,
            status,
            reason,
            summary,
            attempts: run.attempts.max(1),
            started_at: Some(run.started_at),
            ended_at: self.rt.now(),
            late_ms: (!run.manual).then_some(late_ms.max(0)),
            manual: run.manual,
        };
        Ended { slot: run.slot, row, acted, panics: run.panics, alert: false }
    }
}

/// Runs a body's write; a panic in it refuses the transaction and harms nothing else.
fn guarded(tx: &mut WriteTx, commit: Commit) -> Result<(), StoreError> {
    std::panic::catch_unwind(AssertUnwindSafe(|| commit(tx))).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        Err(StoreError::Refused(format!("a write of the run panicked: {text}")))
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
