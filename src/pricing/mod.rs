//! Option prices, Greeks and implied volatility; f64, for pricing only.
//!
//! Units everywhere: time in years of 365 days; volatility, rates and dividends as decimals a
//! year; theta per calendar day; vega and rho per point (0.01).

use serde::{Deserialize, Serialize};

use crate::instrument::Right;

/// Minutes in a year of 365 days.
pub const MINUTES_A_YEAR: f64 = 365.0 * 24.0 * 60.0;

/// The inputs of both models. For Black-76 `spot` is the forward and `dividend` is ignored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// Price of the underlying, or the forward.
    pub spot: f64,
    /// Strike.
    pub strike: f64,
    /// Continuously compounded rate a year.
    pub rate: f64,
    /// Continuous dividend yield a year.
    pub dividend: f64,
    /// Volatility a year.
    pub vol: f64,
    /// Years of 365 days to expiry.
    pub years: f64,
    /// Call or put.
    pub right: Right,
}

/// The pricing model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Black–Scholes–Merton, on a spot with a continuous dividend.
    Bsm,
    /// Black-76, on a forward; premium discounted.
    Black76,
}

/// A price and its Greeks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Priced {
    /// Price, in points.
    pub price: f64,
    /// To the spot, or to the forward (discounted).
    pub delta: f64,
    /// To the spot, or to the forward (discounted).
    pub gamma: f64,
    /// A calendar day.
    pub theta: f64,
    /// A point of volatility.
    pub vega: f64,
    /// A point of rate.
    pub rho: f64,
}

/// The price and all Greeks.
pub fn price(model: Model, inputs: &Inputs) -> Priced {
    let _ = (model, inputs);
    unimplemented!("the pricing owner writes this")
}

/// The volatility that gives `price`, or `None` when no volatility does.
pub fn implied_volatility(model: Model, inputs: &Inputs, price: f64) -> Option<f64> {
    let _ = (model, inputs, price);
    unimplemented!("the pricing owner writes this")
}
