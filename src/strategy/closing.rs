//! The order that closes a position, and what its legs' quotes say it costs.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ladder::Sign;
use crate::{
    account::{Effect, Leg, Position, PositionLeg, Side},
    instrument::Instrument,
    market::OptionQuote,
};

/// How much of a position a close takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every open leg.
    All,
    /// The short legs; longs without a bid are left behind.
    ShortsOnly,
}

/// A closing order: its legs for one unit, and its units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Legs for one unit, each with strict effect `close`.
    pub legs: Vec<Leg>,
    /// Units.
    pub units: u32,
    /// Buying anything back costs a debit; longs alone bring a credit.
    pub sign: Sign,
}

/// The order that closes what is open, in the largest unit its quantities allow; `None` when
/// nothing in scope is open.
pub fn closing(position: &Position, scope: Scope) -> Option<Closing> {
    let legs: Vec<&PositionLeg> =
        open_legs(position).filter(|leg| scope == Scope::All || leg.quantity < 0).collect();
    let quantities = legs.iter().map(|leg| leg.quantity.unsigned_abs());
    let units = quantities.reduce(greatest_common_divisor)?;
    let has_short = legs.iter().any(|leg| leg.quantity < 0);
    let leg_of = |leg: &&PositionLeg| Leg {
        instrument: leg.instrument.clone(),
        side: if leg.quantity < 0 { Side::Buy } else { Side::Sell },
        ratio: u32::try_from(leg.quantity.unsigned_abs() / units).unwrap_or(u32::MAX),
        effect: Effect::Close,
    };
    Some(Closing {
        legs: legs.iter().map(leg_of).collect(),
        units: u32::try_from(units).unwrap_or(u32::MAX),
        sign: if has_short { Sign::Debit } else { Sign::Credit },
    })
}

/// Legs with something left.
pub fn open_legs(position: &Position) -> impl Iterator<Item = &PositionLeg> {
    position.legs.iter().filter(|leg| leg.quantity != 0)
}

/// The quote of an option; `None` for anything else.
pub fn quote_of<'a>(instrument: &Instrument, quotes: &'a [OptionQuote]) -> Option<&'a OptionQuote> {
    let Instrument::Option(contract) = instrument else { return None };
    quotes.iter().find(|quote| quote.contract == *contract)
}

/// A long leg nobody bids for: closing it is impossible, leaving it costs nothing.
pub fn has_unbid_long(position: &Position, quotes: &[OptionQuote]) -> bool {
    open_legs(position).filter(|leg| leg.quantity > 0).any(|leg| is_unbid(leg, quotes))
}

/// Every open leg is a long that nobody bids for.
pub fn only_unbid_longs(position: &Position, quotes: &[OptionQuote]) -> bool {
    open_legs(position).all(|leg| leg.quantity > 0 && is_unbid(leg, quotes))
}

fn is_unbid(leg: &PositionLeg, quotes: &[OptionQuote]) -> bool {
    quote_of(&leg.instrument, quotes).is_none_or(|quote| quote.bid <= Decimal::ZERO)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
