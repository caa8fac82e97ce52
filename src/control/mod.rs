//! Commands from outside: one closed enum, answered by the daemon over a local socket, or by the
//! shell's own process on the store when no daemon runs.

/// Answers about alerts.
pub mod alerts;
/// Answers requests, in the daemon and in the shell alike.
pub mod answer;
/// What only a running daemon answers.
mod asked;
/// What is held and worked, as documents.
pub mod book;
/// A line of a person, by any way, to an answer: parsing, roles, confirmation.
pub mod console;
/// Commands by email.
pub mod mail;
/// Answers as pages that fit a phone.
pub mod say;
/// The table of commands: everything a person can ask for, by any way.
pub mod table;
/// The program itself, as documents.
pub mod house;
/// What the market said last of everything held.
pub mod look;
/// The job body that exports the store.
pub mod backup;
/// The account's phase, and what each phase allows.
pub mod phase;
/// The local socket: the daemon's ear and the shell's mouth.
pub mod socket;
/// Time-based codes, each taken once.
pub mod totp;

/// The stage.
pub mod stage;
/// The status document.
pub mod status;
/// The ear by Telegram.
pub mod telegram;

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    account::{PositionId, StrategyId},
    config::stages::StageId,
    desk::check::WrittenOrder,
    report::Period,
    risk::promotion::Validated,
    store::JournalHead,
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
    /// Open positions with marks, Greeks and days left.
    Positions,
    /// Orders being worked, with their history of prices.
    Orders,
    /// What was won and lost, day by day and by strategy.
    Pnl {
        /// Sessions back.
        sessions: usize,
    },
    /// The account: worth, cash, buying power.
    Balance,
    /// Greeks of the book and of each position.
    Greeks,
    /// What a position brings at its expiration.
    Payoff {
        /// The position.
        position: PositionId,
    },
    /// The newest lines of the log.
    Logs {
        /// How many.
        count: usize,
    },
    /// Uptime, lateness, errors of the broker, the feeds, the channels and the store.
    Health,
    /// The program's version and what it was built of.
    Version,
    /// The settings in force; of secrets only the places.
    Config {
        /// A part of them, `market` or `rulebook.vix`; all but the rulebook when absent.
        #[serde(default)]
        part: Option<String>,
    },
    /// A strategy enters no more; what it holds is managed.
    StrategyPause {
        /// The strategy.
        strategy: StrategyId,
    },
    /// A paused strategy enters again.
    StrategyResume {
        /// The strategy.
        strategy: StrategyId,
    },
    /// Closes one position by the exit ladder.
    Close {
        /// The position.
        position: PositionId,
        /// Why, kept with the exit.
        reason: String,
    },
    /// The newest alerts, with whether they are acknowledged.
    Alerts {
        /// How many.
        count: usize,
    },
    /// Acknowledges alerts: they repeat and escalate no more.
    AlertsAck {
        /// One alert; all that are open when absent.
        id: Option<u64>,
    },
    /// Sends one alert of each kind to each channel and tells how that went.
    AlertsTest,
    /// Alerts that a channel gave up.
    AlertsDead,
    /// A kind of alert makes no sound for a while; what is critical always does.
    Mute {
        /// The kind; every kind when absent.
        kind: Option<String>,
        /// For how long, minutes; 0 ends it.
        minutes: u32,
    },
    /// Sends a kept report again.
    ReportSend {
        /// Its period.
        period: Period,
        /// The session it is of; the last one when absent.
        date: Option<NaiveDate>,
    },
    /// Exports the store.
    StoreBackup {
        /// The new file, by its whole path.
        file: PathBuf,
    },
}
