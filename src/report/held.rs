//! The book at the end of a session: what each open position is worth, and the Greeks of the whole.

use chrono::NaiveDate;
use serde::Serialize;

use crate::{
    account::{PositionId, StrategyId},
    clock::Timestamp,
    market::OptionQuote,
    money::Usd,
};

/// The book a minute before a close.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayBook {
    /// The session.
    pub date: NaiveDate,
    /// The instant of the look.
    pub at: Timestamp,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Option<Usd>,
    /// VIX.
    pub vix: Option<f64>,
    /// Every open position, by id.
    pub positions: Vec<HeldLine>,
    /// Greeks of everything held; `None` when a leg had no quote.
    pub greeks: Option<Greeks>,
}

/// An open position at that moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldLine {
    /// The position.
    pub position: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// What it has brought, with what is open at its mid, after fees so far; `None` when a leg had no
    /// quote.
    pub pnl_usd: Option<Usd>,
}

/// Greeks of a book, in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Greeks {
    /// For a rise of one percent in every underlying at once: each at a beta of one.
    pub delta_one_percent_usd: f64,
    /// For a calendar day.
    pub theta_day_usd: f64,
    /// For a rise of one point in every implied volatility.
    pub vega_point_usd: f64,
}

impl Greeks {
    /// Of `size` dollars a point of an option (below zero short), its underlying at `underlying`.
    pub fn of(quote: &OptionQuote, size: f64, underlying: f64) -> Self {
        Self {
            delta_one_percent_usd: size * quote.delta * underlying / 100.0,
            theta_day_usd: size * quote.theta,
            vega_point_usd: size * quote.vega,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            delta_one_percent_usd: self.delta_one_percent_usd + more.delta_one_percent_usd,
            theta_day_usd: self.theta_day_usd + more.theta_day_usd,
            vega_point_usd: self.vega_point_usd + more.vega_point_usd,
        }
    }
}
