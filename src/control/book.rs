//! What is held and worked, as documents: positions, Greeks, balance, payoff, orders, profit and
//! loss. They are made of rows and of what the market said last; none of them waits for anybody.

/// The account's money.
pub mod balance;
/// Greeks of the book and of each position.
pub mod greeks;
/// Orders being worked.
pub mod orders;
/// What a position brings at its expiration.
pub mod payoff;
/// What was won and lost.
pub mod pnl;
/// Open positions with marks.
pub mod positions;

use rust_decimal::{Decimal, prelude::FromPrimitive as _};
use serde_json::Value;

use super::{Request, answer::document, look::Looked};
use crate::{
    desk::pause::StrategyPause,
    market::Provenance,
    money::Usd,
    risk::{standing::limits, stress::report::report},
    strategy::Snapshot,
};

/// The account as it is known, with its market.
pub struct Known<'a> {
    /// The account.
    pub snapshot: &'a Snapshot,
    /// The market of what is held.
    pub looked: &'a Looked,
    /// Where prices come from.
    pub prices: Provenance,
    /// Strategies that make no entries.
    pub paused: &'a [StrategyPause],
}

/// The answer to what is asked of the whole book.
///
/// # Errors
/// In words, where no such position or scenario is.
pub fn answer(known: &Known<'_>, request: &Request) -> Result<Value, String> {
    let found = match request {
        Request::Positions => document(&positions::of(known)),
        Request::Greeks => document(&greeks::of(known)),
        Request::Payoff { position } => document(&payoff::of(known, position)?),
        Request::Stress { scenario } => document(&report(known.snapshot, scenario.as_deref())?),
        _ => document(&limits(known.snapshot)),
    };
    found.map_err(|error| error.to_string())
}

/// Dollars of a figure a model gave, to the cent.
pub(super) fn usd(amount: f64) -> Usd {
    Usd(Decimal::from_f64(amount).unwrap_or_default()).rounded()
}
