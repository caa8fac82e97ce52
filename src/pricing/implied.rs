//! Implied volatility: the `implied-vol` crate (Jäckel, Let's Be Rational) on the undiscounted
//! price of the side that is out of the money, which keeps the digits of deep prices.

use std::ops::Range;

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use super::{Expiry, Inputs, Model};
use crate::instrument::Right;

/// Prices nearer to the intrinsic value than this share of the strike or spot are the intrinsic
/// value: the rounding of the subtraction itself.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The prices that some volatility gives: from the discounted intrinsic value up to, not
/// including, the discounted spot (call) or strike (put). `None` when the inputs are not numbers.
pub fn price_bounds(model: Model, inputs: &Inputs) -> Option<Range<f64>> {
    let expiry = expiry(model, inputs)?;
    let (strike, right) = (inputs.strike, inputs.right);
    Some(expiry.intrinsic(strike, right)..expiry.upper_bound(strike, right))
}

pub(super) fn implied_volatility(model: Model, inputs: &Inputs, price: f64) -> Option<f64> {
    let expiry = expiry(model, inputs)?;
    if inputs.years <= 0.0 || !price.is_finite() || price < 0.0 {
        return None;
    }
    if price >= expiry.upper_bound(inputs.strike, inputs.right) {
        return None;
    }
    let intrinsic = expiry.signed_intrinsic(inputs.strike, inputs.right);
    let (value, right) = if intrinsic > 0.0 {
        (price - intrinsic, opposite(inputs.right))
    } else {
        (price, inputs.right)
    };
    let rounding = ROUNDING * inputs.spot.max(inputs.strike);
    if intrinsic > 0.0 && value.abs() <= rounding {
        return Some(0.0);
    }
    if value < 0.0 {
        return None;
    }
    let solver = ImpliedBlackVolatility::builder()
        .option_price(value / expiry.discount())
        .forward(expiry.forward())
        .strike(inputs.strike)
        .expiry(inputs.years)
        .is_call(right == Right::Call)
        .build()?;
    solver.calculate::<DefaultSpecialFn>().filter(|vol| vol.is_finite() && *vol >= 0.0)
}

fn expiry(model: Model, inputs: &Inputs) -> Option<Expiry> {
    Inputs { vol: 0.0, ..*inputs }.check().ok()?;
    Some(Expiry::new(model, inputs.spot, inputs.rate, inputs.dividend, inputs.years))
}

fn opposite(right: Right) -> Right {
    match right {
        Right::Call => Right::Put,
        Right::Put => Right::Call,
    }
}
