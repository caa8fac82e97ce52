//! The closed forms. Black-76 is Black–Scholes–Merton with a dividend equal to the rate, but for
//! rho (Haug, The Complete Guide to Option Pricing Formulas, §1.1.6 and §2.1).

use super::{DAYS_A_YEAR, Model, Priced, normal};
use crate::instrument::Right;

/// What all strikes of one expiration share: the fast path for a chain.
///
/// ```
/// use tomking::{instrument::Right, pricing::{Expiry, Model}};
///
/// let expiry = Expiry::new(Model::Bsm, 100.0, 0.05, 0.0, 1.0);
/// let call = expiry.price(100.0, 0.2, Right::Call);
/// assert!((call.price - 10.450_583_572_2).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expiry {
    model: Model,
    spot: f64,
    rate: f64,
    dividend: f64,
    years: f64,
    root_years: f64,
    /// Discount of the spot: e^(−dividend·T).
    spot_factor: f64,
    /// Discount of the strike: e^(−rate·T).
    strike_factor: f64,
}

impl Expiry {
    /// Shared terms. The inputs are those of [`super::Inputs`], already checked.
    pub fn new(model: Model, spot: f64, rate: f64, dividend: f64, years: f64) -> Self {
        let dividend = match model {
            Model::Bsm => dividend,
            Model::Black76 => rate,
        };
        let strike_factor = libm::exp(-rate * years);
        let spot_factor = if dividend.to_bits() == rate.to_bits() {
            strike_factor
        } else {
            libm::exp(-dividend * years)
        };
        let root_years = years.sqrt();
        Self { model, spot, rate, dividend, years, root_years, spot_factor, strike_factor }
    }

    /// The same terms at another spot.
    #[must_use]
    pub fn at_spot(self, spot: f64) -> Self {
        Self { spot, ..self }
    }

    /// The price alone of one contract, the same as [`Expiry::price`] gives.
    pub fn value(&self, strike: f64, vol: f64, right: Right) -> f64 {
        if self.years <= 0.0 {
            return self.at_expiry(strike, right).price;
        }
        let sign = sign(right);
        let (d1, d2) = self.d(strike, vol * self.root_years);
        self.of_shares(strike, right, (normal::cdf(sign * d1), normal::cdf(sign * d2)))
    }

    /// The price from N(d₁) and N(d₂) of the right's side.
    fn of_shares(&self, strike: f64, right: Right, (n1, n2): (f64, f64)) -> f64 {
        let (spot, strike_now) = (self.spot * self.spot_factor, strike * self.strike_factor);
        (sign(right) * (spot * n1 - strike_now * n2)).max(self.intrinsic(strike, right))
    }

    /// The price and all Greeks of one contract; `strike` above 0, `vol` at or above 0.
    pub fn price(&self, strike: f64, vol: f64, right: Right) -> Priced {
        if self.years <= 0.0 {
            return self.at_expiry(strike, right);
        }
        let sign = sign(right);
        let total_vol = vol * self.root_years;
        let (d1, d2) = self.d(strike, total_vol);
        let (spot, strike_now) = (self.spot * self.spot_factor, strike * self.strike_factor);
        let (n1, n2) = (normal::cdf(sign * d1), normal::cdf(sign * d2));
        let density = normal::pdf(d1);
        let price = self.of_shares(strike, right, (n1, n2));
        let (gamma, decay) = if total_vol > 0.0 {
            let gamma = self.spot_factor * density / self.spot / total_vol;
            (gamma, spot * density * vol / (2.0 * self.root_years))
        } else {
            (0.0, 0.0) // at the forward gamma has no finite limit; elsewhere both are 0
        };
        let carry = sign * (self.dividend * spot * n1 - self.rate * strike_now * n2);
        let rho = match self.model {
            Model::Bsm => sign * strike_now * n2,
            Model::Black76 => -price,
        };
        Priced {
            price,
            delta: positive_zero(sign * self.spot_factor * n1),
            gamma,
            theta: positive_zero((carry - decay) / DAYS_A_YEAR),
            vega: spot * density * self.root_years / 100.0,
            rho: positive_zero(rho * self.years / 100.0),
        }
    }

    /// Value of the option without volatility: the discounted intrinsic value of the forward.
    pub(super) fn intrinsic(&self, strike: f64, right: Right) -> f64 {
        self.signed_intrinsic(strike, right).max(0.0)
    }

    /// The same, below zero when out of the money.
    pub(super) fn signed_intrinsic(&self, strike: f64, right: Right) -> f64 {
        sign(right) * (self.spot * self.spot_factor - strike * self.strike_factor)
    }

    /// The value no price reaches: the discounted spot for a call, the discounted strike for a put.
    pub(super) fn upper_bound(&self, strike: f64, right: Right) -> f64 {
        match right {
            Right::Call => self.spot * self.spot_factor,
            Right::Put => strike * self.strike_factor,
        }
    }

    /// The forward of the underlying.
    pub(super) fn forward(&self) -> f64 {
        match self.model {
            Model::Bsm => self.spot * self.spot_factor / self.strike_factor,
            Model::Black76 => self.spot,
        }
    }

    /// The discount of what is paid at expiry.
    pub(super) fn discount(&self) -> f64 {
        self.strike_factor
    }

    /// d₁ and d₂; ±∞, or 0 at the forward, without volatility.
    fn d(&self, strike: f64, total_vol: f64) -> (f64, f64) {
        let moneyness = libm::log(self.spot / strike) + (self.rate - self.dividend) * self.years;
        if total_vol > 0.0 {
            let distance = moneyness / total_vol;
            (distance + 0.5 * total_vol, distance - 0.5 * total_vol)
        } else if moneyness == 0.0 {
            (0.0, 0.0)
        } else {
            (f64::INFINITY.copysign(moneyness), f64::INFINITY.copysign(moneyness))
        }
    }

    fn at_expiry(&self, strike: f64, right: Right) -> Priced {
        let value = sign(right) * (self.spot - strike);
        let step = if value > 0.0 {
            1.0
        } else if value < 0.0 {
            0.0
        } else {
            0.5
        };
        let price = value.max(0.0);
        let delta = positive_zero(sign(right) * step);
        Priced { price, delta, gamma: 0.0, theta: 0.0, vega: 0.0, rho: 0.0 }
    }
}

/// The same number, a negative zero as plain zero: nobody reads "-0" as a delta.
fn positive_zero(value: f64) -> f64 {
    value + 0.0
}

fn sign(right: Right) -> f64 {
    match right {
        Right::Call => 1.0,
        Right::Put => -1.0,
    }
}
