//! What is held, or may soon be, leg by leg, with the market each leg stands in: what stress,
//! groups and concentration are worked out from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    BrokerOrderId, IntentId, Leg, PositionId, StrategyId,
    margin::{MarginError, MarginLeg, MarginMarket, requirement},
};
use crate::{
    clock::Timestamp,
    instrument::{Instrument, Product, ProductKind},
    money::{Usd, to_f64},
    pricing::{Expiry, Model, Priced},
};

/// What it costs to hold an underlying: decimals a year, continuously compounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Carry {
    /// Interest.
    pub rate: f64,
    /// Dividends; nothing for futures.
    pub dividend: f64,
}

/// What a leg belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A position of the ledger, EXTERNAL ones too.
    Position(PositionId),
    /// What an entry of ours has not filled yet.
    Working(IntentId),
    /// An opening order the owner sent himself.
    Order(BrokerOrderId),
    /// The order that is being decided.
    Candidate,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(id) => f.pad(&id.0),
            Self::Working(id) => f.pad(&format!("{id} (working)")),
            Self::Order(id) => f.pad(&format!("order {id}")),
            Self::Candidate => f.pad("this order"),
        }
    }
}

/// Something held or working: a position, or an order that may become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub holder: Holder,
    /// Whose it is.
    pub strategy: StrategyId,
    /// What is open or would be, with its contracts; below zero is short.
    pub legs: Vec<(Instrument, i64)>,
}

impl Item {
    /// The product of its first leg.
    pub fn product(&self) -> Option<Product> {
        self.legs.first().map(|(instrument, _)| instrument.product())
    }
}

/// A working order that the owner sent himself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersOrder {
    /// The broker's id.
    pub id: BrokerOrderId,
    /// Legs for one unit.
    pub legs: Vec<Leg>,
    /// Units.
    pub units: u32,
}

/// One leg with its market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// What it belongs to.
    pub holder: Holder,
    /// Whose that is.
    pub strategy: StrategyId,
    /// What is held.
    pub instrument: Instrument,
    /// Contracts or shares; below zero is short.
    pub quantity: i64,
    /// Its mid, in points.
    pub price: Decimal,
    /// The price of what it is written on, in points; for a future or shares their own.
    pub underlying: Decimal,
    /// Implied volatility, a year; nothing for what is no option.
    pub implied_volatility: f64,
    /// Years of 365 days to its last trade.
    pub years: f64,
    /// What its underlying costs to hold.
    pub carry: Carry,
}

impl Exposure {
    /// Its value by the model at another price of the underlying and another volatility, dollars.
    /// Options on futures by Black-76, all others by Black–Scholes–Merton: early exercise of
    /// American options is left out, as in the quotes it is compared with.
    pub fn value(&self, underlying: f64, vol: f64) -> f64 {
        self.points(underlying, vol) * self.dollars_a_point()
    }

    /// Its value by the model as the market stands, dollars.
    pub fn value_now(&self) -> f64 {
        self.value(to_f64(self.underlying), self.implied_volatility)
    }

    /// Dollars for a point of its underlying, signed, by the model: above zero is bullish.
    pub fn delta_usd(&self) -> f64 {
        let delta = match &self.instrument {
            Instrument::Option(contract) => {
                let expiry = self.expiry(to_f64(self.underlying));
                expiry.price(to_f64(contract.strike), self.implied_volatility, contract.right).delta
            }
            Instrument::Future { .. } | Instrument::Shares { .. } => 1.0,
        };
        delta * self.dollars_a_point()
    }

    /// Its price and Greeks by the model as the market stands, points a contract; `None` for what
    /// is no option.
    pub fn priced(&self) -> Option<Priced> {
        let Instrument::Option(contract) = &self.instrument else { return None };
        let expiry = self.expiry(to_f64(self.underlying));
        Some(expiry.price(to_f64(contract.strike), self.implied_volatility, contract.right))
    }

    /// What it wins in a calendar day in which nothing moves, dollars, by the model; in the time it has
    /// left where that is less: the pace of its last hours times a day is more than it is worth.
    pub fn theta_day_usd(&self) -> f64 {
        let Instrument::Option(contract) = &self.instrument else { return 0.0 };
        let (underlying, strike) = (to_f64(self.underlying), to_f64(contract.strike));
        let vol = self.implied_volatility;
        let points = if self.years < 1.0 / 365.0 {
            let intrinsic = contract.right.intrinsic(self.underlying, contract.strike);
            to_f64(intrinsic) - self.points(underlying, vol)
        } else {
            self.expiry(underlying).price(strike, vol, contract.right).theta
        };
        points * self.dollars_a_point()
    }

    /// True for an option sold.
    pub fn is_short_option(&self) -> bool {
        self.quantity < 0 && matches!(self.instrument, Instrument::Option(_))
    }

    /// Calendar days to its last trade.
    pub fn days(&self) -> f64 {
        self.years * 365.0
    }

    fn points(&self, underlying: f64, vol: f64) -> f64 {
        match &self.instrument {
            Instrument::Option(contract) => {
                self.expiry(underlying).value(to_f64(contract.strike), vol, contract.right)
            }
            Instrument::Future { .. } | Instrument::Shares { .. } => underlying,
        }
    }

    fn expiry(&self, underlying: f64) -> Expiry {
        let model = match self.instrument.product().kind() {
            ProductKind::Future => Model::Black76,
            ProductKind::Index | ProductKind::Etf => Model::Bsm,
        };
        Expiry::new(model, underlying, self.carry.rate, self.carry.dividend, self.years)
    }

    /// Dollars for a point of its own price, below zero short.
    pub fn dollars_a_point(&self) -> f64 {
        to_f64(self.instrument.multiplier() * Decimal::from(self.quantity))
    }

    fn margin_leg(&self) -> MarginLeg {
        MarginLeg {
            instrument: self.instrument.clone(),
            quantity: self.quantity,
            price: self.price,
            underlying: self.underlying,
            implied_volatility: self.implied_volatility,
        }
    }
}

/// A leg that could not be priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpriced {
    /// What it belongs to.
    pub holder: Holder,
    /// The leg, in words.
    pub leg: String,
    /// Why.
    pub why: String,
}

/// Everything held and working at one moment, with its market.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// What could be priced.
    pub exposures: Vec<Exposure>,
    /// What could not.
    pub unpriced: Vec<Unpriced>,
    /// What each product asked about costs to hold.
    pub carry: BTreeMap<Product, Carry>,
    /// Buying power by product, by the margin model; boxes are left out (rulebook §4.6: exempt from
    /// concentration).
    pub requirement: BTreeMap<Product, Usd>,
}

impl Book {
    /// The book of these legs; what margin cannot be worked out of is unpriced.
    pub fn new(
        exposures: Vec<Exposure>,
        unpriced: Vec<Unpriced>,
        carry: BTreeMap<Product, Carry>,
        now: Timestamp,
    ) -> Self {
        let mut book = Self { exposures, unpriced, carry, requirement: BTreeMap::new() };
        let products = book.exposures.iter().map(|leg| leg.instrument.product());
        let products: BTreeSet<Product> = products.collect();
        for product in products {
            match book.requirement_of(product, now) {
                Ok(requirement) => {
                    book.requirement.insert(product, requirement);
                }
                Err(error) => {
                    let why = error.to_string();
                    book.unpriced.extend(first_of(&book.exposures, product, &why));
                }
            }
        }
        book
    }

    /// Buying power of everything of one product but boxes, by the margin model.
    pub fn requirement_of(&self, product: Product, now: Timestamp) -> Result<Usd, MarginError> {
        let of_product = |leg: &&Exposure| {
            leg.instrument.product() == product && leg.strategy != StrategyId::Box
        };
        let legs = self.exposures.iter().filter(of_product).map(Exposure::margin_leg);
        let rate = self.carry.get(&product).map_or(0.0, |carry| carry.rate);
        let legs: Vec<MarginLeg> = legs.collect();
        Ok(requirement(product, &legs, &MarginMarket { now, rate })?.net)
    }
}

fn first_of(exposures: &[Exposure], product: Product, why: &str) -> Option<Unpriced> {
    let first = exposures.iter().find(|exposure| exposure.instrument.product() == product)?;
    let (holder, why) = (first.holder.clone(), why.to_owned());
    Some(Unpriced { holder, leg: format!("margin of {product}"), why })
}
