//! Commands from outside: one closed enum, answered by the daemon over a local socket, or by the
//! shell's own process on the store when no daemon runs.

/// Answers requests, in the daemon and in the shell alike.
pub mod answer;
/// The job body that exports the store.
pub mod backup;
/// The account's phase, and what each phase allows.
pub mod phase;
/// The local socket: the daemon's ear and the shell's mouth.
pub mod socket;

/// The stage.
pub mod stage;
/// The status document.
pub mod status;

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    account::StrategyId, config::stages::StageId, desk::check::WrittenOrder, report::Period,
    risk::promotion::Validated, store::JournalHead,
};

/// What can be asked of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Latch and holds, account, positions, orders, next slots, channels, version.
    Status,
    /// The decisions of a day.
    Why {
        /// The New York date; the last decision's when absent.
        date: Option<NaiveDate>,
        /// One strategy only.
        strategy: Option<StrategyId>,
    },
    /// A kept report.
    Report {
        /// Daily or weekly.
        period: Period,
        /// The session it is of; the last one when absent.
        date: Option<NaiveDate>,
    },
    /// The next slots of the jobs.
    JobsNext {
        /// How many.
        count: usize,
    },
    /// Jobs with their state.
    JobsList,
    /// Past runs, the last first.
    JobsHistory {
        /// One job only.
        job: Option<String>,
        /// How many.
        count: usize,
    },
    /// Runs a job now.
    JobRun {
        /// The job.
        job: String,
    },
    /// Pauses a job.
    JobPause {
        /// The job.
        job: String,
    },
    /// Resumes a job.
    JobResume {
        /// The job.
        job: String,
    },
    /// Only cancels leave.
    Halt {
        /// Why, kept with the hold.
        reason: String,
    },
    /// No entries.
    Reduce {
        /// Why, kept with the hold.
        reason: String,
    },
    /// Ends manual holds.
    Resume {
        /// Why it passes over a breaker's days of grace; without one it waits for their end.
        #[serde(default, rename = "override")]
        over: Option<String>,
    },
    /// Every breaker with its figure and its bounds.
    Risk,
    /// Every limit with its use against its bound.
    Limits,
    /// Every stress scenario with its loss.
    Stress {
        /// The scenario the positions are shown for; the worst when absent.
        scenario: Option<String>,
    },
    /// What the gate would say of an order; nothing is sent.
    Check {
        /// The order.
        order: WrittenOrder,
    },
    /// Income and compounding against the plan.
    Plan,
    /// The account's phase, and what each phase allows.
    Phase,
    /// Cancels and closes everything, then halts.
    Flatten {
        /// Why, kept with the hold.
        reason: String,
    },
    /// The deployment stage and what the next one asks for.
    Stage,
    /// To the next stage, if all that it asks for holds.
    StagePromote {
        /// Why it passes over what does not hold.
        #[serde(default, rename = "override")]
        over: Option<String>,
    },
    /// To a lower stage, at once.
    StageDemote {
        /// Which; the one below when absent.
        to: Option<StageId>,
        /// Why, kept with it.
        reason: String,
    },
    /// Acknowledges the newest daily report.
    Ack,
    /// How many trades are closed and won.
    Trades,
    /// Keeps how a validation ended.
    Validated {
        /// How.
        outcome: Validated,
    },
    /// Compares ledger and broker to the cent.
    Reconcile {
        /// Shows both sides of each difference.
        explain: bool,
    },
    /// Takes the broker's figure for one difference.
    ReconcileAccept {
        /// The difference.
        difference: String,
        /// Why, kept with it.
        reason: String,
    },
    /// Verifies the journal.
    JournalVerify {
        /// Heads printed in reports, to hold it against.
        anchors: Vec<JournalHead>,
    },
    /// The journal's last entries.
    JournalTail {
        /// How many.
        count: usize,
    },
    /// Exports the store.
    StoreBackup {
        /// The new file, by its whole path.
        file: PathBuf,
    },
}
