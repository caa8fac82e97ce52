//! The margin model: what a set of holdings takes, where no broker's dry run says it.
//!
//! Index and ETF options by the strategy rules of Cboe 10.3 and FINRA 4210(f)(2); options on
//! futures by a SPAN-like scan. Both are approximations (domain/reference.md §5): the broker's
//! figure is preferred wherever there is one. Products never offset each other.
//!
//! ```
//! # use chrono::{NaiveDate, TimeDelta};
//! # use rust_decimal::dec;
//! # use tomking::{account::margin::*, instrument::*, money::Usd};
//! # let now = "2024-08-05T14:30:00Z".parse().unwrap();
//! # let put = |strike| Instrument::Option(OptionContract {
//! #     series: Series {
//! #         product: Product::Spx,
//! #         root: "SPXW".into(),
//! #         expiration: NaiveDate::from_ymd_opt(2024, 8, 9).unwrap(),
//! #         settlement: Settlement::Pm,
//! #         last_trade: now + TimeDelta::days(4),
//! #         future: None,
//! #     },
//! #     strike,
//! #     right: Right::Put,
//! # });
//! let leg = |strike, quantity, price| MarginLeg {
//!     instrument: put(strike),
//!     quantity,
//!     price,
//!     underlying: dec!(5186.33),
//!     implied_volatility: 0.3,
//! };
//! let spread = [leg(dec!(5000), -1, dec!(12)), leg(dec!(4950), 1, dec!(9))];
//! let market = MarginMarket { now, rate: 0.05 };
//! let found = requirement(Product::Spx, &spread, &market).unwrap();
//! assert_eq!(found.gross, Usd(dec!(5000)));
//! assert_eq!(found.net, Usd(dec!(4700)));
//! ```

mod covered;
mod line;
mod pairing;
mod ranges;
mod scan;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::{
    clock::Timestamp,
    instrument::{Instrument, Product, ProductKind},
    money::Usd,
};

/// Highest price a figure can be taken for, points.
const PRICE_MAX: u32 = 1_000_000_000;
/// Most contracts of one line.
const CONTRACTS_MAX: u32 = 1_000_000;

/// One holding, or one leg of an order, with the market it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginLeg {
    /// What is held.
    pub instrument: Instrument,
    /// Contracts or shares; below zero is short.
    pub quantity: i64,
    /// Its price now, in points; for a leg of an order, the price it would trade at.
    pub price: Decimal,
    /// The price of what it is written on, in points: the index, the ETF, or the very future. For
    /// a future or shares, their own price.
    pub underlying: Decimal,
    /// Implied volatility of that price, a year. Read for options on futures only.
    pub implied_volatility: f64,
}

/// What all legs share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarginMarket {
    /// The instant time to expiry counts from.
    pub now: Timestamp,
    /// Continuously compounded rate a year.
    pub rate: f64,
}

/// What a set of holdings takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requirement {
    /// As the margin manuals print it: the value of the shorts included, no credit applied.
    pub gross: Usd,
    /// Buying power used: the credit applied, options bought paid in full. Never below zero. This
    /// is what utilisation counts (rulebook §1).
    pub net: Usd,
}

impl std::ops::Add for Requirement {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { gross: self.gross + other.gross, net: self.net + other.net }
    }
}

impl std::iter::Sum for Requirement {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), std::ops::Add::add)
    }
}

/// A figure no requirement can be worked out from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MarginError {
    /// A price below zero or beyond any market.
    #[error("margin of {leg}: price {price} is not between 0 and {PRICE_MAX}")]
    Price {
        /// The leg in words.
        leg: String,
        /// Its price, points.
        price: Decimal,
    },
    /// An underlying at or below zero, or beyond any market.
    #[error("margin of {leg}: underlying {underlying} is not above 0 and up to {PRICE_MAX}")]
    Underlying {
        /// The leg in words.
        leg: String,
        /// The price of its underlying, points.
        underlying: Decimal,
    },
    /// An implied volatility that is no figure.
    #[error("margin of {leg}: implied volatility {vol} is not between 0 and 100 (1 is 100 %)")]
    Volatility {
        /// The leg in words.
        leg: String,
        /// Its implied volatility.
        vol: f64,
    },
    /// A rate that is no figure.
    #[error("margin: rate {0} is not between -1 and 1 (0.05 is 5 % a year)")]
    Rate(f64),
    /// More contracts than an account can hold.
    #[error("margin of {leg}: more than {CONTRACTS_MAX} contracts")]
    Contracts {
        /// The leg in words.
        leg: String,
    },
}

/// The requirement of everything held of one product; legs of other products are passed over.
///
/// Index and ETF: every way of covering shorts with longs is weighed and the least is taken. A
/// short is covered by a long of its right that expires with it or later; a group that is wholly
/// covered within one expiration takes its largest loss at expiry (so a condor takes its wider
/// wing, once); naked calls and puts take the greater side and the other's premium.
///
/// Futures: the worst of 16 scenarios over the whole product, or less where a defined-risk part
/// can lose no more than its own maximum.
pub fn requirement(
    product: Product,
    holdings: &[MarginLeg],
    market: &MarginMarket,
) -> Result<Requirement, MarginError> {
    let legs = line::merged(holdings.iter().filter(|leg| leg.instrument.product() == product));
    for leg in &legs {
        line::check(leg)?;
    }
    match product.kind() {
        ProductKind::Index | ProductKind::Etf => Ok(strategy::requirement(product, &legs, market)),
        ProductKind::Future => scan::requirement(product, &legs, market),
    }
}

/// The requirement of a whole account: the sum over its products.
pub fn account_requirement(
    holdings: &[MarginLeg],
    market: &MarginMarket,
) -> Result<Requirement, MarginError> {
    let products: BTreeSet<Product> = holdings.iter().map(|leg| leg.instrument.product()).collect();
    products.into_iter().map(|product| requirement(product, holdings, market)).sum()
}
