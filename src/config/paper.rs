//! `[paper]`: the paper account and its venue.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Settings of the paper account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperSettings {
    /// The balance the account starts with, pounds; held in dollars at the rate of the start.
    pub starting_balance_gbp: Decimal,
}
