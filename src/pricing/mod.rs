//! Option prices, Greeks and implied volatility; f64, for pricing only.
//!
//! Units everywhere: time in years of 365 days; volatility, rates and dividends as decimals a
//! year; theta per calendar day; vega and rho per point (0.01).

mod formula;
mod implied;
mod normal;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::{formula::Expiry, implied::price_bounds};
use crate::instrument::Right;

/// Minutes in a year of 365 days.
pub const MINUTES_A_YEAR: f64 = 365.0 * 24.0 * 60.0;

/// Days in the year that theta is spread over.
pub const DAYS_A_YEAR: f64 = 365.0;

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
    /// A point of rate. Black-76 holds the forward still: only the discount moves.
    pub rho: f64,
}

/// A figure no model can price.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadInput {
    /// The spot or forward.
    #[error("spot {0} is not a price above 0")]
    Spot(f64),
    /// The strike.
    #[error("strike {0} is not a price above 0")]
    Strike(f64),
    /// The volatility.
    #[error("volatility {0} is not a number at or above 0 (0.2 is 20 % a year)")]
    Vol(f64),
    /// The time.
    #[error("time to expiry {0} years is not a number at or above 0")]
    Years(f64),
    /// The rate.
    #[error("rate {0} is not a plausible number (0.05 is 5 % a year)")]
    Rate(f64),
    /// The dividend.
    #[error("dividend {0} is not a plausible number (0.013 is 1.3 % a year)")]
    Dividend(f64),
}

impl Inputs {
    /// The first figure that no model can price.
    pub fn check(&self) -> Result<(), BadInput> {
        // e^±500 is a discount of 217 digits: far beyond any market, well inside f64.
        let discountable = |rate: f64| rate.is_finite() && (rate * self.years).abs() <= 500.0;
        let price = |value: f64| value.is_finite() && value > 0.0;
        let amount = |value: f64| value.is_finite() && value >= 0.0;
        match self {
            Self { spot, .. } if !price(*spot) => Err(BadInput::Spot(*spot)),
            Self { strike, .. } if !price(*strike) => Err(BadInput::Strike(*strike)),
            Self { vol, .. } if !amount(*vol) => Err(BadInput::Vol(*vol)),
            Self { years, .. } if !amount(*years) => Err(BadInput::Years(*years)),
            Self { rate, .. } if !discountable(*rate) => Err(BadInput::Rate(*rate)),
            Self { dividend, .. } if !discountable(*dividend) => Err(BadInput::Dividend(*dividend)),
            _ => Ok(()),
        }
    }
}

/// The price and all Greeks.
///
/// At expiry (`years` 0) the price is the intrinsic value, delta a step (½ at the strike) and the
/// rest 0. Without volatility the price is the discounted intrinsic value of the forward. Inputs
/// that [`Inputs::check`] refuses give NaN in every field, never a figure; [`try_price`] names the
/// one at fault.
pub fn price(model: Model, inputs: &Inputs) -> Priced {
    try_price(model, inputs).unwrap_or(Priced {
        price: f64::NAN,
        delta: f64::NAN,
        gamma: f64::NAN,
        theta: f64::NAN,
        vega: f64::NAN,
        rho: f64::NAN,
    })
}

/// As [`price`], for inputs from outside: the figure at fault instead of NaN.
pub fn try_price(model: Model, inputs: &Inputs) -> Result<Priced, BadInput> {
    inputs.check()?;
    let expiry = Expiry::new(model, inputs.spot, inputs.rate, inputs.dividend, inputs.years);
    Ok(expiry.price(inputs.strike, inputs.vol, inputs.right))
}

/// The volatility that gives `price`, or `None` when no volatility does: below the discounted
/// intrinsic value, at or above the bound, expired, or not numbers. `inputs.vol` is not read.
///
/// A price at the discounted intrinsic value gives 0.
pub fn implied_volatility(model: Model, inputs: &Inputs, price: f64) -> Option<f64> {
    implied::implied_volatility(model, inputs, price)
}
