//! What happened, as one closed enum. Anyone may raise a notice inside the transaction of what it
//! tells of; floor 5 decides who is told, how and when.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use crate::config::voice::Severity;
use crate::{
    account::{ExitReason, IntentId, PositionId, StrategyId},
    clock::Timestamp,
    money::{Gbp, Usd},
    store::{StoreError, Table, WriteTx},
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The daemon is reconciled and runs.
    Started {
        /// The program's version.
        version: String,
    },
    /// The daemon was asked to stop.
    Stopping,
    /// A job ended as failed.
    JobFailed {
        /// The job.
        job: String,
        /// Its slot.
        slot: Timestamp,
        /// The error.
        reason: String,
    },
    /// A slot went by unrun.
    JobMissed {
        /// The job.
        job: String,
        /// Its slot.
        slot: Timestamp,
        /// Why.
        reason: String,
    },
    /// A job began later than its file allows.
    JobLate {
        /// The job.
        job: String,
        /// Its slot.
        slot: Timestamp,
        /// By how much, milliseconds.
        late_ms: i64,
    },
    /// An entry job decided.
    Decided {
        /// The strategy.
        strategy: StrategyId,
        /// `entered`, `no trade` or `refused`, with the first reason.
        summary: String,
    },
    /// An entry filled.
    Opened {
        /// The position.
        position: PositionId,
        /// In words: units, product, strikes.
        what: String,
        /// Net credit received.
        credit_usd: Usd,
    },
    /// A position closed.
    Closed {
        /// The position.
        position: PositionId,
        /// In words.
        what: String,
        /// Why.
        reason: ExitReason,
        /// After fees.
        pnl_usd: Usd,
        /// After fees, at the closing day's rate.
        pnl_gbp: Gbp,
    },
    /// An entry ended unfilled.
    EntryMissed {
        /// The intent.
        intent: IntentId,
        /// `missed: price` or another reason.
        reason: String,
    },
    /// An order was rejected by the broker.
    Rejected {
        /// The intent.
        intent: IntentId,
        /// The broker's words.
        reason: String,
    },
    /// An order's fate is not known yet.
    OrderUnknown {
        /// The intent.
        intent: IntentId,
    },
    /// The legs of an order filled unevenly.
    LegsUneven {
        /// The intent.
        intent: IntentId,
        /// What is held of it, leg by leg.
        held: String,
        /// A short has no long beside it.
        naked: bool,
        /// What is done about it.
        done: String,
    },
    /// A cancel is not confirmed by the broker.
    CancelUnconfirmed {
        /// The intent.
        intent: IntentId,
        /// The broker's order.
        order: String,
        /// Seconds since it was first asked for.
        seconds: i64,
    },
    /// A position is open past its flat-by time (rulebook §4.1, 15:30).
    NotFlat {
        /// The position.
        position: PositionId,
        /// In words, legs included.
        what: String,
    },
    /// A position had no usable mark for too long (rulebook §4 common, 120 s).
    NoMark {
        /// The position.
        position: PositionId,
        /// Seconds without.
        seconds: i64,
    },
    /// A position is near a line at which its strategy acts (rulebook §4.2, §4.3).
    Prepare {
        /// The position.
        position: PositionId,
        /// What is near, with what follows.
        what: String,
    },
    /// An option was exercised or assigned into shares or a future.
    Delivered {
        /// The position.
        position: PositionId,
        /// What left, what came, and when it is closed.
        what: String,
    },
    /// A short may be assigned, or is pinned to its strike (rulebook §4.7).
    AssignmentRisk {
        /// The position.
        position: PositionId,
        /// Which leg, with the figures.
        what: String,
    },
    /// A corporate action changed a position: it is held back from automatic trading.
    HeldBack {
        /// The position.
        position: PositionId,
        /// What changed.
        what: String,
    },
    /// The latch changed.
    Latch {
        /// The level now.
        level: String,
        /// Its cause.
        cause: String,
    },
    /// A breaker tripped, or came near (rulebook §6).
    Breaker {
        /// The breaker: the name of its hold.
        breaker: String,
        /// In words, with figure and bound, and what is to be done.
        text: String,
        /// A person must act.
        critical: bool,
    },
    /// The deployment stage changed (rulebook §3).
    Stage {
        /// In words: from, to and why.
        text: String,
        /// A breach demoted it.
        breach: bool,
    },
    /// The account phase changed (rulebook §2).
    Phase {
        /// In words: from, to and the figure.
        text: String,
    },
    /// Ledger and broker differ.
    Difference {
        /// What differs, with both figures.
        what: String,
    },
    /// A report is ready.
    Report {
        /// `daily` or `weekly`.
        period: String,
        /// The session it is of.
        date: NaiveDate,
        /// Its first line.
        headline: String,
    },
    /// A limit is near or over.
    Limit {
        /// The limit's name.
        limit: String,
        /// The figure.
        value: Decimal,
        /// Its bound.
        bound: Decimal,
    },
    /// A loop of the daemon gives no sign of life.
    Hung {
        /// Which.
        what: String,
        /// Seconds since its last sign.
        seconds: i64,
    },
    /// The dead-man's switch does not answer; told once an outage.
    HeartbeatFailed {
        /// The first ping that failed.
        since: Timestamp,
        /// The cause.
        reason: String,
    },
    /// The dead-man's switch answers again.
    HeartbeatBack {
        /// The first ping that failed.
        since: Timestamp,
    },
    /// Commands are not heard by one of the ways they come by; told once an outage.
    EarDeaf {
        /// The way: `telegram`, `email`.
        ear: String,
        /// Since when.
        since: Timestamp,
        /// The cause, and what to do about it.
        reason: String,
    },
    /// Commands are heard again that way.
    EarBack {
        /// The way.
        ear: String,
        /// Since when they were not.
        since: Timestamp,
    },
    /// Commands by mail are refused, or something is wrong with the way they come.
    MailCommands {
        /// Whose, or the mailbox.
        about: String,
        /// What is wrong, and what to do.
        text: String,
    },
    /// An alert was given up: a receiver refuses it for good, or did not take it for a day.
    NotDelivered {
        /// The channel, with its receiver where it has several: `telegram/11`.
        line: String,
        /// The alert's title.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// What the receiver said last.
        reason: String,
    },
}

impl Notice {
    /// The stable name of its kind, in routes, mutes and documents: the tag it is stored under.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopping => "stopping",
            Self::JobFailed { .. } => "job_failed",
            Self::JobMissed { .. } => "job_missed",
            Self::JobLate { .. } => "job_late",
            Self::Decided { .. } => "decided",
            Self::Opened { .. } => "opened",
            Self::Closed { .. } => "closed",
            Self::EntryMissed { .. } => "entry_missed",
            Self::Rejected { .. } => "rejected",
            Self::OrderUnknown { .. } => "order_unknown",
            Self::LegsUneven { .. } => "legs_uneven",
            Self::CancelUnconfirmed { .. } => "cancel_unconfirmed",
            Self::NotFlat { .. } => "not_flat",
            Self::NoMark { .. } => "no_mark",
            Self::Prepare { .. } => "prepare",
            Self::Delivered { .. } => "delivered",
            Self::AssignmentRisk { .. } => "assignment_risk",
            Self::HeldBack { .. } => "held_back",
            Self::Latch { .. } => "latch",
            Self::Breaker { .. } => "breaker",
            Self::Stage { .. } => "stage",
            Self::Phase { .. } => "phase",
            Self::Difference { .. } => "difference",
            Self::Report { .. } => "report",
            Self::Limit { .. } => "limit",
            Self::Hung { .. } => "hung",
            Self::HeartbeatFailed { .. } => "heartbeat_failed",
            Self::HeartbeatBack { .. } => "heartbeat_back",
            Self::EarDeaf { .. } => "ear_deaf",
            Self::EarBack { .. } => "ear_back",
            Self::MailCommands { .. } => "mail_commands",
            Self::NotDelivered { .. } => "not_delivered",
        }
    }
}

/// A row of the outbox: a notice that waits for its deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The instant it was raised.
    pub at: Timestamp,
    /// What happened.
    pub notice: Notice,
}

/// The durable outbox, by sequence number (twenty digits, so text order is number order).
pub const OUTBOX: Table<OutboxRow> = Table::new("outbox", 1);

/// Writes a notice to the outbox in the transaction of what it tells of.
pub fn raise(tx: &mut WriteTx, at: Timestamp, notice: Notice) -> Result<(), StoreError> {
    let key = tx.next_sequence("outbox")?;
    tx.put(&OUTBOX, &format!("{key:020}"), &OutboxRow { at, notice })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::voice::KINDS;

    #[test]
    fn the_kinds_settings_may_name_are_those_of_the_enum() {
        // serde lists every variant it knows where it is given one that it does not.
        let fault = serde_json::from_str::<Notice>(r#"{"kind":"?"}"#).unwrap_err().to_string();
        let listed: Vec<&str> = fault.split('`').skip(3).step_by(2).collect();
        assert_eq!(listed, KINDS);
    }
}
