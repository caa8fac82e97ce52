//! `[market]`: the seed of the simulated market and the figures of the quote model (design §9).

use serde::{Deserialize, Serialize};

/// Settings of the market feeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketSettings {
    /// Seed of the simulated market; the same seed gives the same prices.
    pub seed: u64,
}
