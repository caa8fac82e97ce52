//! What is traded: products, option series and contracts, their symbols and ticks.

/// Which series are listed, until when they trade, and on which future.
pub mod expiration;
/// The broker's and exchanges' symbols: OCC for equity and index options, CME-style for futures.
pub mod symbol;
/// Tick tables, and rounding to them.
pub mod tick;

mod days;
mod future;
mod product;
mod terms;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::{
    future::{
        FutureMonth, find_future, front_future, future_of_month, future_under, letter_month,
        month_letter,
    },
    product::{AssetClass, Product, ProductKind, UnknownProduct},
};
use crate::clock::Timestamp;

/// Call or put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

impl Right {
    /// `C` or `P`, as symbols write it.
    pub fn letter(self) -> char {
        match self {
            Self::Call => 'C',
            Self::Put => 'P',
        }
    }

    /// Value at expiry for one unit of the underlying.
    pub fn intrinsic(self, underlying: Decimal, strike: Decimal) -> Decimal {
        let value = match self {
            Self::Call => underlying - strike,
            Self::Put => strike - underlying,
        };
        value.max(Decimal::ZERO)
    }
}

/// When the settlement value is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Settlement {
    /// At the opening of the expiration day; the last trade is the session before.
    #[serde(rename = "AM")]
    Am,
    /// At the close of the expiration day.
    #[serde(rename = "PM")]
    Pm,
}

/// What an in-the-money option becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Cash: index options.
    Cash,
    /// The future: options on futures.
    Future,
    /// Shares: equity and ETF options.
    Shares,
}

/// When an option may be exercised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseStyle {
    /// On any day until it expires.
    American,
    /// At expiry only.
    European,
}

/// One expiration of one option root: what a chain is a table of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The product whose option this is: `SPX`, `ES`.
    pub product: Product,
    /// The option root: `SPXW`, `E3A`, `EW3`, `ES`.
    pub root: String,
    /// The expiration date.
    pub expiration: NaiveDate,
    /// AM or PM. Roots and dates do not tell: third Fridays list both.
    pub settlement: Settlement,
    /// The instant trading stops.
    pub last_trade: Timestamp,
    /// The month code of the future the option exercises into (`ESU6`), for options on futures.
    pub future: Option<String>,
}

impl Series {
    /// True where a corporate action changed what its options deliver: OCC then lists them under a
    /// root of their own, the symbol with a digit (`SPY1`).
    pub fn is_adjusted(&self) -> bool {
        self.product.kind() == ProductKind::Etf && self.root != self.product.symbol()
    }

    /// When its options may be exercised: index options (Cboe) and CME's weekly and month-end
    /// series at expiry only, as those on currencies and on micro crude oil; options on shares,
    /// CME's quarterly series on index futures and its other monthly series on any day.
    pub fn style(&self) -> ExerciseStyle {
        let european = match self.product.kind() {
            ProductKind::Etf => false,
            ProductKind::Index => true,
            ProductKind::Future => match self.product.class() {
                AssetClass::Equity => self.root != self.product.quarterly_root(),
                AssetClass::Currency => true,
                _ => self.product == Product::Mcl,
            },
        };
        if european { ExerciseStyle::European } else { ExerciseStyle::American }
    }
}

/// One option contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionContract {
    /// The expiration it belongs to.
    pub series: Series,
    /// The strike, in points of the underlying.
    pub strike: Decimal,
    /// Call or put.
    pub right: Right,
}

/// Anything that can be held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instrument {
    /// An option.
    Option(OptionContract),
    /// A future, by its month code (`ESU6`).
    Future {
        /// The future's product.
        product: Product,
        /// The month code.
        code: String,
    },
    /// Shares of an ETF.
    Shares {
        /// The ETF.
        product: Product,
    },
}

impl Instrument {
    /// The product it belongs to.
    pub fn product(&self) -> Product {
        match self {
            Self::Option(contract) => contract.series.product,
            Self::Future { product, .. } | Self::Shares { product } => *product,
        }
    }

    /// Dollars per point of price.
    pub fn multiplier(&self) -> Decimal {
        match self {
            Self::Shares { .. } => Decimal::ONE,
            other => other.product().multiplier(),
        }
    }
}
