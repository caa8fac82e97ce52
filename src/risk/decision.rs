//! What an entry decided and what the gate said, as it is kept for `tomking why` and reports.

use serde::{Deserialize, Serialize};

use super::RefusalRow;
use crate::{
    account::{IntentId, StrategyId},
    clock::Timestamp,
    strategy::Filter,
};

/// How a decision came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    /// The gate approved a candidate; an intent was made.
    Entered,
    /// An order that changes an open position was made.
    Adjusted,
    /// A filter failed for every product.
    NoTrade,
    /// There were candidates; the gate refused each.
    Refused,
    /// The gate approved one, and its order ended without a fill.
    Missed,
}

impl DecisionOutcome {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Adjusted => "adjusted",
            Self::NoTrade => "no_trade",
            Self::Refused => "refused",
            Self::Missed => "missed",
        }
    }
}

/// One decision, whole: every filter, passed or not, and every refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// When it was made.
    pub at: Timestamp,
    /// The slot it was made for.
    pub slot: Timestamp,
    /// Whose.
    pub strategy: StrategyId,
    /// How it came out.
    pub outcome: DecisionOutcome,
    /// Every filter, in the order looked at.
    pub filters: Vec<Filter>,
    /// What the gate refused, in the candidates' order.
    pub refusals: Vec<RefusalRow>,
    /// The intent, when one was made.
    pub intent: Option<IntentId>,
    /// How the order of a missed entry ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl DecisionRecord {
    /// The key of its table: `<slot>/<strategy>`, which sorts by time.
    pub fn key(&self) -> String {
        Self::key_of(self.slot, self.strategy)
    }

    /// What the keys of a slot's decisions begin with.
    pub fn key_of(slot: Timestamp, strategy: StrategyId) -> String {
        let slot = slot.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        format!("{slot}/{strategy}")
    }
}
