//! Money: currencies that cannot be mixed, the dated pound-dollar rate, and rounding.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, RangeInclusive, Sub, SubAssign},
};

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy, dec, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The largest amount read from outside, either way. Beyond any account, and small enough that no
/// sum and no conversion of such amounts overflows: a damaged figure is refused where it is read.
pub const AMOUNT_MAX: Decimal = dec!(1_000_000_000_000_000);

/// The largest price read from outside, in points, either way.
pub const POINTS_MAX: Decimal = dec!(1_000_000_000);

/// Dollars for a pound: every rate since 1791 lies in here; what does not is an error in the data.
pub const RATES: RangeInclusive<Decimal> = dec!(0.1)..=dec!(20);

/// A decimal from outside, at most so large either way.
fn bounded<'de, D: Deserializer<'de>>(from: D, most: Decimal) -> Result<Decimal, D::Error> {
    let found = <Decimal as Deserialize>::deserialize(from)?;
    if found.abs() <= most {
        return Ok(found);
    }
    Err(D::Error::custom(format!("must lie between -{most} and {most}, is {found}")))
}

/// For serde's `deserialize_with`: a price in points, refused beyond [`POINTS_MAX`].
pub fn points<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    bounded(from, POINTS_MAX)
}

/// The same for a price that may be absent.
pub fn maybe_points<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
    #[derive(Deserialize)]
    struct Points(#[serde(deserialize_with = "points")] Decimal);
    Ok(Option::<Points>::deserialize(from)?.map(|Points(found)| found))
}

/// Rounds half away from zero to `places` decimals: the rounding of statements and of HMRC.
pub fn round_half_up(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// A price or ratio as f64, for pricing and statistics only.
pub fn to_f64(value: Decimal) -> f64 {
    /// Powers of ten that an f64 holds exactly.
    const TENS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    /// Below it a mantissa is exact, and so its quotient is rounded once: the nearest f64.
    const EXACT: i128 = 1 << 50;
    let mantissa = value.mantissa();
    match TENS.get(value.scale() as usize) {
        Some(ten) if mantissa != 0 && mantissa.abs() < EXACT => mantissa as f64 / ten,
        _ => value.to_f64().expect("every Decimal is within the range of f64"),
    }
}

macro_rules! currency {
    ($name:ident, $doc:literal, $sign:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub Decimal);

        /// A decimal, as text or as a number, refused beyond [`AMOUNT_MAX`].
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                bounded(from, AMOUNT_MAX).map(Self)
            }
        }

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
#[serde(try_from = "Written")]
pub struct FxRate {
    /// The date the rate was fixed on.
    pub date: NaiveDate,
    /// Dollars for one pound, within [`RATES`].
    pub usd_per_gbp: Decimal,
}

/// A rate as it is written, before it is checked.
#[derive(Deserialize)]
struct Written {
    date: NaiveDate,
    usd_per_gbp: Decimal,
}

impl TryFrom<Written> for FxRate {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { date, usd_per_gbp } = written;
        let (least, most) = (RATES.start(), RATES.end());
        let wrong = || format!("usd_per_gbp must lie between {least} and {most}, is {usd_per_gbp}");
        Self::new(date, usd_per_gbp).ok_or_else(wrong)
    }
}

impl FxRate {
    /// A rate, or `None` when it lies outside [`RATES`].
    pub fn new(date: NaiveDate, usd_per_gbp: Decimal) -> Option<Self> {
        RATES.contains(&usd_per_gbp).then_some(Self { date, usd_per_gbp })
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
    use proptest::prelude::*;
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
    fn figures_from_outside_that_cannot_be_are_refused_where_they_are_read() {
        // From a row of the store whose digits were damaged: sums of such amounts overflow.
        let most = "79228162514264337593543950335";
        let error = serde_json::from_str::<Usd>(&format!("\"{most}\"")).unwrap_err().to_string();
        let bounds = "must lie between -1000000000000000 and 1000000000000000";
        assert!(error.starts_with(bounds), "{error}");
        assert!(serde_json::from_str::<Gbp>("\"-1000000000000000.01\"").is_err());
        assert!(serde_json::from_str::<Gbp>("\"-1000000000000000\"").is_ok());
        for rate in ["0", "-1.2", "0.0000000000000000000000000001", "20.1"] {
            let row = format!("{{\"date\":\"2024-08-02\",\"usd_per_gbp\":\"{rate}\"}}");
            let error = serde_json::from_str::<FxRate>(&row).unwrap_err().to_string();
            assert!(error.starts_with("usd_per_gbp must lie between 0.1 and 20"), "{error}");
        }
    }

    #[test]
    fn a_rate_must_be_one_that_can_be() {
        let date = NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        assert_eq!(FxRate::new(date, dec!(0)), None);
        assert_eq!(FxRate::new(date, dec!(20.01)), None);
        let rate = FxRate::new(date, dec!(1.25)).unwrap();
        assert_eq!(rate.to_gbp(Usd(dec!(100))), Gbp(dec!(80)));
        assert_eq!(rate.to_usd(Gbp(dec!(80))), Usd(dec!(100)));
    }

    proptest! {
        #[test]
        fn the_f64_of_a_decimal_is_that_of_the_library(
            mantissa in prop_oneof![any::<i64>(), -1_000_000_000_000_i64..1_000_000_000_000],
            scale in 0_u32..=28,
        ) {
            let value = Decimal::from_i128_with_scale(i128::from(mantissa), scale);
            prop_assert_eq!(to_f64(value).to_bits(), value.to_f64().unwrap().to_bits(), "{}", value);
        }
    }

    proptest! {
        #[test]
        fn an_amount_comes_back_from_pounds_to_the_billionth_of_a_cent(
            amount in any_amount(), rate in 1_000_i64..200_000,
        ) {
            let date = NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
            let rate = FxRate::new(date, Decimal::new(rate, 4)).unwrap();
            let back = rate.to_usd(rate.to_gbp(Usd(amount)));
            prop_assert!((back.0 - amount).abs() <= dec!(0.00000000001), "{back:?}");
            // Conversion keeps the sign and the order.
            prop_assert_eq!(rate.to_gbp(Usd(amount)).is_positive(), amount > Decimal::ZERO);
            prop_assert!(rate.to_gbp(Usd(amount)) <= rate.to_gbp(Usd(amount + Decimal::ONE)));
        }

        #[test]
        fn rounding_moves_at_most_half_a_cent_and_is_the_same_on_both_sides_of_zero(
            amount in any_amount(),
        ) {
            let rounded = Usd(amount).rounded();
            prop_assert!((rounded.0 - amount).abs() <= dec!(0.005));
            prop_assert_eq!(rounded.rounded(), rounded);
            prop_assert_eq!((-Usd(amount)).rounded(), -rounded);
            prop_assert!(rounded <= Usd(amount + dec!(0.004)).rounded());
        }

        #[test]
        fn the_parts_make_the_whole_in_any_order_and_never_overflow(
            mut amounts in proptest::collection::vec(any_amount(), 0..50), cut in 0_usize..50,
        ) {
            let sum = |amounts: &[Decimal]| amounts.iter().copied().map(Gbp).sum::<Gbp>();
            let whole = sum(&amounts);
            let (left, right) = amounts.split_at(cut.min(amounts.len()));
            prop_assert_eq!(sum(left) + sum(right), whole);
            prop_assert_eq!(whole - sum(left), sum(right));
            let each = amounts.iter().fold(Gbp::ZERO, |sum, amount| { let mut sum = sum; sum -= Gbp(*amount); sum });
            prop_assert_eq!(each, -whole);
            amounts.reverse();
            prop_assert_eq!(sum(&amounts), whole);
        }

        #[test]
        fn what_is_shown_and_what_is_stored_reads_back(amount in any_amount()) {
            let shown = Gbp(amount).to_string().replace(['£', ','], "");
            prop_assert_eq!(Gbp(shown.parse().unwrap()), Gbp(amount).rounded());
            let stored = serde_json::to_string(&Usd(amount)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&stored).unwrap(), Usd(amount));
        }
    }

    /// Up to the most an amount may be, to the billionth.
    fn any_amount() -> impl Strategy<Value = Decimal> {
        let most = 1_000_000_000_000_000_i128 * 1_000_000_000;
        prop_oneof![
            (-most..=most).prop_map(|units| Decimal::from_i128_with_scale(units, 9)),
            (-100_000_000_i64..100_000_000).prop_map(|cents| Decimal::new(cents, 2)),
            (-1_000_i64..1_000).prop_map(|thousandths| Decimal::new(thousandths, 3)),
        ]
    }
}
