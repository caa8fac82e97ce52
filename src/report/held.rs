//! The book at the end of a session: what each open position is worth, and the Greeks of the whole.

use chrono::NaiveDate;
use serde::Serialize;

pub use crate::desk::dayend::Greeks;
use crate::{
    account::{PositionId, StrategyId},
    clock::Timestamp,
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
