//! The broker: one trait; the paper venue implements it, the tastytrade client will.
//!
//! Submit is never retried by anyone. What is not known to have failed is unknown.

/// The paper venue: its own truth, apart from the daemon's store.
pub mod paper;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Balances, BrokerOrderId, Fill, Holding, Leg, NetPrice, TradingStatus},
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    risk::BuyingPower,
};

/// An order as it is sent. Day orders, limit orders only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Ours: `<intent>/<attempt>`, durable before the first byte leaves.
    pub external_id: String,
    /// Legs for one unit.
    pub legs: Vec<Leg>,
    /// Units.
    pub units: u32,
    /// Net limit a unit.
    pub limit: NetPrice,
    /// Refuse a close that would open (tastytrade: strict position-effect validation).
    pub strict_effect: bool,
}

/// The broker's status of an order. Anything it says that is not listed is not terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Taken, not yet live.
    Received,
    /// Working.
    Live,
    /// A cancel was asked for.
    CancelRequested,
    /// All filled.
    Filled,
    /// Cancelled, perhaps after partial fills.
    Cancelled,
    /// Ended with the session, perhaps after partial fills.
    Expired,
    /// Refused.
    Rejected,
}

impl OrderStatus {
    /// Nothing more will happen to it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected)
    }
}

/// An order as the broker tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerOrder {
    /// The broker's id.
    pub id: BrokerOrderId,
    /// Ours, when it carried one.
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Legs for one unit.
    pub legs: Vec<Leg>,
    /// Units ordered.
    pub units: u32,
    /// Net limit a unit.
    pub limit: NetPrice,
    /// Every fill so far, by leg.
    pub fills: Vec<Fill>,
    /// Why it was rejected.
    pub reject_reason: Option<String>,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Cash movements of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The broker's id, ascending.
    pub id: u64,
    /// The instant.
    pub at: Timestamp,
    /// What it was.
    pub kind: TransactionKind,
    /// What was traded or settled.
    pub instrument: Option<Instrument>,
    /// Contracts; below zero leave the account.
    pub quantity: i64,
    /// Cash in (above zero) or out, fees not counted.
    pub cash_usd: Usd,
    /// Fees, at or above zero.
    pub fees_usd: Usd,
    /// The order, for a trade.
    pub order: Option<BrokerOrderId>,
}

/// What a transaction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// A fill.
    Trade,
    /// Removed worthless at expiry.
    Expiration,
    /// Settled in cash at expiry.
    CashSettlement,
    /// Exercised or assigned into the future or the shares.
    Delivery,
    /// Renamed by a corporate action: the old contract leaves, the adjusted one comes.
    Adjustment,
    /// Money paid in or out.
    Transfer,
}

/// Why a submit gave no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Proven not to have left: a refused connection.
    #[error("not sent: {0}")]
    NotSent(String),
    /// A definite refusal.
    #[error("rejected ({code}): {message}")]
    Rejected {
        /// The broker's code.
        code: String,
        /// The broker's words.
        message: String,
    },
    /// May or may not have arrived; look it up, never send again.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// Why a read or a cancel failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The broker does not know the order.
    #[error("no such order: {0}")]
    NoSuchOrder(BrokerOrderId),
    /// The order is already terminal; read it again.
    #[error("order {0} has ended")]
    Ended(BrokerOrderId),
    /// A definite refusal, of a dry run say.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The broker's code.
        code: String,
        /// The broker's words.
        message: String,
    },
    /// Anything passing: no answer, a 5xx, an unreadable answer.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
}

/// A broker account. Each call may fail or hang; callers bound their waits.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Sends one order. Never call it twice for one `external_id`.
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError>;
    /// Asks for a cancel; done only when a later read says so.
    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError>;
    /// Cancels a working order and sends its unfilled rest at another limit, in one step at the
    /// broker. The answer is the new order, with an id and the `external_id` of its own; it works
    /// only once the original has ended as cancelled. A fill on the original before that aborts
    /// the replacement: the new order ends as rejected and the original works on.
    async fn replace(
        &self,
        id: &BrokerOrderId,
        limit: NetPrice,
        external_id: &str,
    ) -> Result<BrokerOrder, SubmitError> {
        let message = format!("order {id} to {limit} ({external_id}): cancel and send anew");
        Err(SubmitError::Rejected { code: "replace_not_supported".to_owned(), message })
    }
    /// One order.
    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError>;
    /// Every order touched today, terminal ones included, and all that still work.
    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError>;
    /// Every order since an instant.
    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError>;
    /// What is held.
    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError>;
    /// The money.
    async fn balances(&self) -> Result<Balances, BrokerError>;
    /// The flags.
    async fn trading_status(&self) -> Result<TradingStatus, BrokerError>;
    /// Cash movements with an id above `after`.
    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError>;
    /// What an order would take, without sending it; `None` when the broker has no dry run. An
    /// order the broker would refuse for its form is [`BrokerError::Refused`].
    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError>;
    /// Exports the broker's own books into a new file, where they are kept on this machine; false
    /// where they are not. The words of the failure, when it fails.
    fn back_up(&self, _to: &std::path::Path) -> Result<bool, String> {
        Ok(false)
    }
    /// Resolves when any order has changed since the last call; a hint, polling stays.
    async fn changed(&self);
}
