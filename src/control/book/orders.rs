//! `orders`: what works at the broker or is about to, with the prices it has been sent at.

use serde::{Deserialize, Serialize};

use crate::{
    account::{BrokerOrderId, IntentId, PositionId, StrategyId},
    clock::Timestamp,
    desk::{
        describe,
        intent::{Attempt, AttemptStatus, IntentRecord, IntentState},
        read,
        tables::{EXTERNAL_ORDERS, ExternalOrder},
    },
    money::to_f64,
    store::{Read, StoreError},
    strategy::{Ladder, Purpose},
};

/// Everything that works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrdersView {
    /// This moment.
    pub at: Timestamp,
    /// Ours.
    pub orders: Vec<WorkingOrder>,
    /// Sent by somebody else.
    pub external: Vec<ForeignOrder>,
}

/// An order of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkingOrder {
    /// Its intent.
    pub intent: IntentId,
    /// Whose.
    pub strategy: StrategyId,
    /// `entry`, `profit order`, `exit: stop`, `roll`.
    pub purpose: String,
    /// What it closes or changes.
    pub position: Option<PositionId>,
    /// Where it stands.
    pub state: IntentState,
    /// In words.
    pub what: String,
    /// Units wanted.
    pub units: u32,
    /// Units of which any leg has filled.
    pub begun_units: u32,
    /// The broker's order, where one works.
    pub order: Option<BrokerOrderId>,
    /// Its net limit a unit now; a credit above zero, a debit below.
    pub limit_points: Option<f64>,
    /// Sends so far.
    pub sends: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// How long ago.
    pub age_seconds: i64,
    /// Why it is being cancelled.
    pub cancelling: Option<String>,
    /// Its last sends, in order.
    pub prices: Vec<SendLine>,
}

/// One send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendLine {
    /// From 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Its net limit a unit.
    pub limit_points: f64,
    /// Where it stands.
    pub status: String,
}

/// An order of somebody else's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignOrder {
    /// The broker's id.
    pub order: BrokerOrderId,
    /// In words.
    pub what: String,
    /// Since when it is known.
    pub since: Timestamp,
}

/// Everything that works, as the store has it.
pub fn of(tx: &impl Read, now: Timestamp) -> Result<OrdersView, StoreError> {
    let orders = read::open_intents(tx)?.iter().map(|record| line(record, now)).collect();
    let external = tx.list(&EXTERNAL_ORDERS, "")?.into_iter().map(|(_, row)| foreign(&row));
    Ok(OrdersView { at: now, orders, external: external.collect() })
}

fn line(record: &IntentRecord, now: Timestamp) -> WorkingOrder {
    let (intent, working) = (&record.intent, record.working());
    WorkingOrder {
        intent: intent.id.clone(),
        strategy: intent.strategy,
        purpose: purpose(record),
        position: intent.purpose.position().cloned(),
        state: record.state,
        what: describe::order(intent.product, &intent.legs, intent.units),
        units: intent.units,
        begun_units: record.begun_units(),
        order: working.and_then(|attempt| attempt.order.clone()),
        limit_points: working.map(|attempt| to_f64(attempt.limit.0)),
        sends: record.sends,
        created_at: record.created_at,
        age_seconds: (now - record.created_at).num_seconds().max(0),
        cancelling: record.cancel.clone(),
        prices: record.attempts.iter().map(send).collect(),
    }
}

fn purpose(record: &IntentRecord) -> String {
    match &record.intent.purpose {
        Purpose::Entry => "entry".to_owned(),
        Purpose::Exit { .. } if record.intent.ladder == Ladder::Resting => {
            "profit order".to_owned()
        }
        Purpose::Exit { reason, .. } => format!("exit: {}", reason.words()),
        Purpose::Adjust { reason, .. } => reason.words().to_owned(),
    }
}

fn send(attempt: &Attempt) -> SendLine {
    let status = match &attempt.status {
        AttemptStatus::Sending => "sending",
        AttemptStatus::Unknown => "unknown",
        AttemptStatus::Working => "working",
        AttemptStatus::Filled => "filled",
        AttemptStatus::Cancelled => "cancelled",
        AttemptStatus::Expired => "expired",
        AttemptStatus::Rejected { .. } => "rejected",
        AttemptStatus::NotSent { .. } => "not sent",
    };
    SendLine {
        number: attempt.number,
        at: attempt.at,
        limit_points: to_f64(attempt.limit.0),
        status: status.to_owned(),
    }
}

fn foreign(row: &ExternalOrder) -> ForeignOrder {
    let order = &row.order;
    let product = order.legs.first().map(|leg| leg.instrument.product());
    let what = product.map_or_else(String::new, |of| describe::order(of, &order.legs, order.units));
    ForeignOrder { order: row.order.id.clone(), what, since: row.since }
}
