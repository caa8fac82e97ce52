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
    /// Gold.
    Metal,
    /// US government bonds.
    Bond,
    /// Crude oil, what is made of it, and the shares of those who sell it.
    Crude,
    /// Silver, copper and platinum. The rulebook shocks silver as gold, and names no other shock
    /// for the two it groups with silver.
    Industrial,
    /// Currencies against the dollar.
    Currency,
    /// Corn, soybeans and wheat.
    Grain,
    /// Cattle and hogs.
    Meat,
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

// Multipliers: contract specifications of CME Group and Cboe (domain/reference.md §3a for ES, MES and
// SPX). Prices are in the points in which the broker quotes, such that points × multiplier are
// dollars: grains in cents a bushel, meats in cents a pound, currencies in dollars (6J at 0.0067),
// bonds in points of a hundred with the 32nds and 64ths as decimals (1/64 is 0.015625).
//
// Later products come after earlier ones: a product's place in the table keys its noise.
products! {
    Es  "ES"  Future Equity 50  CmeEquity,
    Mes "MES" Future Equity 5   CmeEquity,
    Spx "SPX" Index  Equity 100 CboeIndexOptions,
    Xsp "XSP" Index  Equity 100 CboeIndexOptions,
    Spy "SPY" Etf    Equity 100 Xnys,
    Qqq "QQQ" Etf    Equity 100 Xnys,
    Gld "GLD" Etf    Metal  100 Xnys,
    Tlt "TLT" Etf    Bond   100 Xnys,
    Nq  "NQ"  Future Equity 20  CmeEquity,
    Mnq "MNQ" Future Equity 2   CmeEquity,
    Rty "RTY" Future Equity 50  CmeEquity,
    Iwm "IWM" Etf    Equity 100 Xnys,
    Dia "DIA" Etf    Equity 100 Xnys,
    Cl  "CL"  Future Crude 1000  CmeEquity,
    Mcl "MCL" Future Crude 100   CmeEquity,
    Rb  "RB"  Future Crude 42000 CmeEquity,
    Ho  "HO"  Future Crude 42000 CmeEquity,
    Uso "USO" Etf    Crude 100   Xnys,
    Xle "XLE" Etf    Crude 100   Xnys,
    Xop "XOP" Etf    Crude 100   Xnys,
    Gc  "GC"  Future Metal 100 CmeEquity,
    Mgc "MGC" Future Metal 10  CmeEquity,
    Si  "SI"  Future Industrial 5000  CmeEquity,
    Slv "SLV" Etf    Industrial 100   Xnys,
    Hg  "HG"  Future Industrial 25000 CmeEquity,
    Pl  "PL"  Future Industrial 50    CmeEquity,
    Zb  "ZB"  Future Bond 1000 CmeEquity,
    Zn  "ZN"  Future Bond 1000 CmeEquity,
    Zf  "ZF"  Future Bond 1000 CmeEquity,
    Zt  "ZT"  Future Bond 2000 CmeEquity,
    Zc  "ZC"  Future Grain 50 CmeGrains,
    Zs  "ZS"  Future Grain 50 CmeGrains,
    Zw  "ZW"  Future Grain 50 CmeGrains,
    Le  "LE"  Future Meat 400 CmeMeats,
    He  "HE"  Future Meat 400 CmeMeats,
    Aud "6A"  Future Currency 100000   CmeEquity,
    Gbp "6B"  Future Currency 62500    CmeEquity,
    Cad "6C"  Future Currency 100000   CmeEquity,
    Eur "6E"  Future Currency 125000   CmeEquity,
    Jpy "6J"  Future Currency 12500000 CmeEquity,
    Chf "6S"  Future Currency 125000   CmeEquity,
}

impl Product {
    /// What an in-the-money option becomes. Options on micro crude oil are settled in cash (CME's
    /// FAQ of 2022), and those on lean hogs end with their future, which is.
    pub fn delivery(self) -> Delivery {
        match self.kind() {
            ProductKind::Index => Delivery::Cash,
            ProductKind::Future => match self {
                Self::Mcl | Self::He => Delivery::Cash,
                _ => Delivery::Future,
            },
            ProductKind::Etf => Delivery::Shares,
        }
    }

    /// The product whose daily bars stand for this one's (`Market::daily_bars`): SPX for all that
    /// follow the S&P 500 (rulebook §4.1), each other product itself.
    #[must_use]
    pub fn barred_by(self) -> Self {
        match self {
            Self::Es | Self::Mes | Self::Spx | Self::Xsp | Self::Spy => Self::Spx,
            other => other,
        }
    }

    /// The root of the quarterly options on an index future: the future's own symbol but for the
    /// Russell's.
    pub(super) fn quarterly_root(self) -> &'static str {
        if self == Self::Rty { "RTO" } else { self.symbol() }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

/// A symbol that is none of the products. The rulebook's groups name some more (M2K YM MYM SIL NG
/// UNG GF): none of its phases trades them, and the program neither prices nor margins them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown product `{0}`; known are {known}", known = known())]
pub struct UnknownProduct(pub String);

/// Every symbol, in the order of the table.
fn known() -> String {
    Product::ALL.iter().map(|product| product.symbol()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Product {
    type Err = UnknownProduct;

    fn from_str(text: &str) -> Result<Self, UnknownProduct> {
        let found = Self::ALL.iter().find(|p| p.symbol() == text);
        found.copied().ok_or_else(|| UnknownProduct(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_reads_back_and_an_unknown_one_names_them_all() {
        for product in Product::ALL {
            assert_eq!(product.symbol().parse(), Ok(*product));
            let json = serde_json::to_string(product).unwrap();
            assert_eq!(json, format!("\"{}\"", product.symbol()));
            assert_eq!(serde_json::from_str::<Product>(&json).unwrap(), *product);
        }
        let told = "LBS".parse::<Product>().unwrap_err().to_string();
        assert!(told.starts_with("unknown product `LBS`; known are ES, MES, SPX, XSP"), "{told}");
        assert!(told.ends_with(", 6E, 6J, 6S"), "{told}");
    }

    #[test]
    fn a_point_is_worth_what_the_exchange_says() {
        // Contract units of CME Group's specifications: barrels, gallons, troy ounces, pounds,
        // bushels (in cents), dollars of face value (in points of a hundred), foreign currency.
        let cases = [
            (Product::Cl, 1_000),
            (Product::Mcl, 100),
            (Product::Rb, 42_000),
            (Product::Ho, 42_000),
            (Product::Gc, 100),
            (Product::Mgc, 10),
            (Product::Si, 5_000),
            (Product::Hg, 25_000),
            (Product::Pl, 50),
            (Product::Zc, 5_000 / 100),
            (Product::Zs, 5_000 / 100),
            (Product::Zw, 5_000 / 100),
            (Product::Le, 40_000 / 100),
            (Product::He, 40_000 / 100),
            (Product::Zb, 100_000 / 100),
            (Product::Zn, 100_000 / 100),
            (Product::Zf, 100_000 / 100),
            (Product::Zt, 200_000 / 100),
            (Product::Aud, 100_000),
            (Product::Gbp, 62_500),
            (Product::Cad, 100_000),
            (Product::Eur, 125_000),
            (Product::Jpy, 12_500_000),
            (Product::Chf, 125_000),
            (Product::Nq, 20),
            (Product::Mnq, 2),
            (Product::Rty, 50),
            (Product::Iwm, 100),
        ];
        for (product, dollars) in cases {
            assert_eq!(product.multiplier(), Decimal::from(dollars), "{product}");
        }
    }
}
