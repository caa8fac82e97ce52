//! The products the rulebook names (rulebook §2, §5), with what is fixed about each.

use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use super::Delivery;
use crate::calendar::Exchange;

/// What an option on the product is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductKind {
    /// A cash index.
    Index,
    /// A future.
    Future,
    /// An exchange-traded fund.
    Etf,
}

/// The class whose shocks and correlation apply (rulebook §5, §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetClass {
    /// US equity indices and the ETFs on them.
    Equity,
    /// Gold and silver.
    Metal,
    /// US government bonds.
    Bond,
    /// Crude oil.
    Crude,
}

macro_rules! products {
    ($($name:ident $symbol:literal $kind:ident $class:ident $multiplier:literal $exchange:ident),* $(,)?) => {
        /// A product by its symbol. Only products the program can price and margin are listed.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Product {
            $(
                #[doc = concat!("`", $symbol, "`")]
                #[serde(rename = $symbol)]
                $name,
            )*
        }

        impl Product {
            /// Every product, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The symbol, without the slash of futures.
            pub fn symbol(self) -> &'static str {
                match self { $(Self::$name => $symbol),* }
            }

            /// Index, future or ETF.
            pub fn kind(self) -> ProductKind {
                match self { $(Self::$name => ProductKind::$kind),* }
            }

            /// The asset class.
            pub fn class(self) -> AssetClass {
                match self { $(Self::$name => AssetClass::$class),* }
            }

            /// Dollars per point for one contract of option or future; 100 shares for an ETF option.
            pub fn multiplier(self) -> Decimal {
                match self { $(Self::$name => dec!($multiplier)),* }
            }

            /// The calendar on which its options trade.
            pub fn exchange(self) -> Exchange {
                match self { $(Self::$name => Exchange::$exchange),* }
            }
        }
    };
}

// Multipliers: contract specifications of CME and Cboe (domain/reference.md §3a).
products! {
    Es  "ES"  Future Equity 50  CmeEquity,
    Mes "MES" Future Equity 5   CmeEquity,
    Spx "SPX" Index  Equity 100 CboeIndexOptions,
    Xsp "XSP" Index  Equity 100 CboeIndexOptions,
    Spy "SPY" Etf    Equity 100 Xnys,
    Qqq "QQQ" Etf    Equity 100 Xnys,
    Gld "GLD" Etf    Metal  100 Xnys,
    Tlt "TLT" Etf    Bond   100 Xnys,
}

impl Product {
    /// What an in-the-money option becomes.
    pub fn delivery(self) -> Delivery {
        match self.kind() {
            ProductKind::Index => Delivery::Cash,
            ProductKind::Future => Delivery::Future,
            ProductKind::Etf => Delivery::Shares,
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

/// A symbol that is none of the products.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown product `{0}`; known are ES, MES, SPX, XSP, SPY, QQQ, GLD, TLT")]
pub struct UnknownProduct(pub String);

impl FromStr for Product {
    type Err = UnknownProduct;

    fn from_str(text: &str) -> Result<Self, UnknownProduct> {
        let found = Self::ALL.iter().find(|p| p.symbol() == text);
        found.copied().ok_or_else(|| UnknownProduct(text.to_owned()))
    }
}
