//! Jobs: files, slots, the run ledger, the live ticker and the virtual driver.

/// The virtual driver.
mod driver;
/// Job files.
mod file;
/// A job as its file says.
pub mod job;
/// The jobs in force.
mod jobset;
/// The run ledger's tables.
pub mod ledger;
/// The live driver.
mod live;
/// What becomes of slots that are due.
mod missed;
/// Pause and resume.
pub mod ops;
/// One run: attempts, panics, its outcome.
mod run;
/// The pure planner.
pub mod slots;
/// Catch-up at start.
mod start;
/// How well the schedule was kept.
pub mod stats;
/// The supervisor both drivers share.
mod supervisor;
/// Spans of time in words.
mod text;
/// The live ticker.
mod ticker;
/// Reads for status, reports and the shell.
pub mod views;

pub use self::{
    file::{JobFileError, parse as parse_job},
    job::{Job, Slot},
    jobset::{JobSet, JobSetError},
    supervisor::Scheduler,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{Runtime, Timestamp},
    store::{StoreError, WriteTx},
};

/// What a body is told of its run.
#[derive(Clone)]
pub struct JobContext {
    /// The job's name.
    pub job: String,
    /// The scheduled instant: with the job it names the run for ever.
    pub slot: Timestamp,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Clock and spawner.
    pub rt: Runtime,
}

impl JobContext {
    /// `friday-0dte-entry/2024-08-02T14:30:00Z`: the cause the run's journal entries carry.
    pub fn run_id(&self) -> String {
        run_id(&self.job, self.slot)
    }
}

/// The text key of a run; sorts by time within a job.
pub fn run_id(job: &str, slot: Timestamp) -> String {
    format!("{job}/{}", slot.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// Writes that belong to a run's outcome, in its one transaction.
pub type Commit = Box<dyn FnOnce(&mut WriteTx) -> Result<(), StoreError> + Send>;

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// The work is done; nothing to do counts as done.
    Done,
    /// There was a reason not to.
    Skipped {
        /// The reason.
        reason: String,
    },
}

/// What a body hands back: its outcome, what it did in a line, and its writes.
pub struct JobReport {
    /// How it ended.
    pub outcome: Outcome,
    /// A line for people.
    pub summary: String,
    /// It acted: a job every few minutes is journalled only then.
    pub acted: bool,
    /// Writes of the outcome's transaction, in order.
    pub commits: Vec<Commit>,
    /// Runs once the transaction is durable: waking the desk, say.
    pub after: Option<Box<dyn FnOnce() + Send>>,
}

impl JobReport {
    /// Done, nothing to write.
    pub fn done(summary: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Done,
            summary: summary.into(),
            acted: false,
            commits: Vec::new(),
            after: None,
        }
    }

    /// Skipped for a reason.
    pub fn skipped(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { outcome: Outcome::Skipped { reason: reason.clone() }, ..Self::done(reason) }
    }

    /// The same, with a write in the outcome's transaction; it counts as having acted.
    #[must_use]
    pub fn with(
        mut self,
        commit: impl FnOnce(&mut WriteTx) -> Result<(), StoreError> + Send + 'static,
    ) -> Self {
        self.acted = true;
        self.commits.push(Box::new(commit));
        self
    }

    /// The same, with something to do once the transaction is durable.
    #[must_use]
    pub fn then(mut self, after: impl FnOnce() + Send + 'static) -> Self {
        self.after = Some(Box::new(after));
        self
    }
}

/// Why a body failed. Retried as the job's file says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JobError(pub String);

/// The work of a job. Bodies live with what they do and are registered in `app.rs`.
#[async_trait]
pub trait JobBody: Send + Sync {
    /// Does the work of one slot. It may run again for the same slot after a crash.
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError>;
}

/// Why the scheduler cannot go on, or cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The store failed; the process should stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job files are wrong.
    #[error(transparent)]
    Jobs(#[from] JobSetError),
    /// No job has that name; the text suggests one.
    #[error("{0}")]
    NoSuchJob(String),
    /// A job is enabled that this program has no body for.
    #[error(
        "job `{job}` is enabled in {file}, but this version has no work for it\nhint: write enabled = false there"
    )]
    NoBody {
        /// The job.
        job: String,
        /// Its file.
        file: String,
    },
    /// A run by hand was asked for while the job runs.
    #[error("job `{job}` is running its slot of {slot}; ask again when it has ended")]
    Busy {
        /// The job.
        job: String,
        /// The slot it runs.
        slot: Timestamp,
    },
    /// A run by hand was asked for of a job that is not enabled.
    #[error("job `{job}` is not enabled\nhint: write enabled = true in your own jobs/{job}.toml")]
    Disabled {
        /// The job.
        job: String,
    },
    /// The live ticker did not start.
    #[error("the ticker did not start: {0}")]
    Ticker(String),
}

#[cfg(test)]
mod tests;
