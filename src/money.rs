//! Money: currencies that cannot be mixed, the dated pound-dollar rate, and rounding.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize, Serializer};

/// Rounds half away from zero to `places` decimals: the rounding of statements and of HMRC.
pub fn round_half_up(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// A price or ratio as f64, for pricing and statistics only.
pub fn to_f64(value: Decimal) -> f64 {
    value.to_f64().expect("every Decimal is within the range of f64")
}

macro_rules! currency {
    ($name:ident, $doc:literal, $sign:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Decimal);

        /// A decimal string with at least two decimals: `"450.00"`.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut amount = self.0;
                amount.rescale(amount.scale().max(2));
                Serialize::serialize(&amount, serializer)
            }
        }

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Rounded half up to the cent or penny.
            #[must_use]
            pub fn rounded(self) -> Self {
                Self(round_half_up(self.0, 2))
            }

            /// The smaller of the two.
            #[must_use]
            pub fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// The larger of the two.
            #[must_use]
            pub fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// The amount times a plain number.
            #[must_use]
            pub fn times(self, factor: impl Into<Decimal>) -> Self {
                Self(self.0 * factor.into())
            }

            /// True above zero.
            pub fn is_positive(self) -> bool {
                self.0 > Decimal::ZERO
            }
        }

        /// Sign, currency, thousands separated, two decimals: `-£1,234.50`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let minus = if self.rounded().0 < Decimal::ZERO { "-" } else { "" };
                let text = format!("{:.2}", self.rounded().0.abs());
                let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
                let mut grouped = String::new();
                for (i, digit) in whole.chars().enumerate() {
                    if i > 0 && (whole.len() - i) % 3 == 0 {
                        grouped.push(',');
                    }
                    grouped.push(digit);
                }
                f.pad(&format!("{minus}{}{grouped}.{cents}", $sign))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
                amounts.fold(Self::ZERO, Add::add)
            }
        }
    };
}

currency!(Usd, "An amount in US dollars.", "$");
currency!(Gbp, "An amount in pounds sterling.", "£");

/// A dated pound-dollar rate: dollars per pound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FxRate {
    /// The date the rate was fixed on.
    pub date: NaiveDate,
    /// Dollars for one pound, above zero.
    pub usd_per_gbp: Decimal,
}

impl FxRate {
    /// A rate, or `None` when it is not above zero.
    pub fn new(date: NaiveDate, usd_per_gbp: Decimal) -> Option<Self> {
        (usd_per_gbp > Decimal::ZERO).then_some(Self { date, usd_per_gbp })
    }

    /// Pounds for an amount of dollars; not rounded.
    pub fn to_gbp(self, usd: Usd) -> Gbp {
        Gbp(usd.0 / self.usd_per_gbp)
    }

    /// Dollars for an amount of pounds; not rounded.
    pub fn to_usd(self, gbp: Gbp) -> Usd {
        Usd(gbp.0 * self.usd_per_gbp)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn amounts_print_with_sign_separator_and_two_decimals() {
        let cases = [
            (dec!(0), "£0.00"),
            (dec!(-0.004), "£0.00"),
            (dec!(-1234.5), "-£1,234.50"),
            (dec!(1000000), "£1,000,000.00"),
            (dec!(999.995), "£1,000.00"),
        ];
        for (amount, text) in cases {
            assert_eq!(Gbp(amount).to_string(), text);
        }
    }

    #[test]
    fn amounts_are_written_with_at_least_two_decimals_and_read_back_the_same() {
        let cases = [
            (dec!(0), "\"0.00\""),
            (dec!(450.0), "\"450.00\""),
            (dec!(-12), "\"-12.00\""),
            (dec!(0.005), "\"0.005\""),
        ];
        for (amount, text) in cases {
            assert_eq!(serde_json::to_string(&Usd(amount)).unwrap(), text);
            assert_eq!(serde_json::from_str::<Usd>(text).unwrap(), Usd(amount));
        }
    }

    #[test]
    fn a_rate_must_be_above_zero() {
        let date = NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        assert_eq!(FxRate::new(date, dec!(0)), None);
        let rate = FxRate::new(date, dec!(1.25)).unwrap();
        assert_eq!(rate.to_gbp(Usd(dec!(100))), Gbp(dec!(80)));
        assert_eq!(rate.to_usd(Gbp(dec!(80))), Usd(dec!(100)));
    }
}
