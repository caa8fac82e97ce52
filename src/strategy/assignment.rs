//! Assignment risk and pin risk of short options (rulebook §4.7). Pure.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    config::rulebook::AssignmentRules,
    instrument::{ExerciseStyle, OptionContract},
};

/// A short option at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Short<'a> {
    /// The contract.
    pub contract: &'a OptionContract,
    /// Its mid, points.
    pub mid: Decimal,
    /// Its underlying's price, points.
    pub underlying: Decimal,
    /// The underlying's next dividend, points; zero when it pays none.
    pub dividend: Decimal,
    /// Sessions from today to the day it expires: 0 on that day.
    pub sessions_left: u32,
    /// A covered call of IPMCC: only the extrinsic value counts.
    pub covered: bool,
}

/// Why a short may be assigned soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "risk", rename_all = "snake_case")]
pub enum AssignmentRisk {
    /// In the money, and its holder gives up next to nothing by exercising.
    NoExtrinsic {
        /// Extrinsic value, points.
        extrinsic: Decimal,
        /// At or above this it would be safe.
        bound: Decimal,
    },
    /// In the money close to its expiry.
    NearExpiry {
        /// Sessions left.
        sessions: u32,
        /// From this many on it is closed.
        bound: u32,
    },
}

/// Whether a short American option is to be closed early: in the money with extrinsic value below
/// max(0.05, the next dividend), or in the money within 5 sessions of expiry (a covered call by
/// the first test only). European options cannot be assigned early.
pub fn assignment_risk(rules: &AssignmentRules, short: &Short<'_>) -> Option<AssignmentRisk> {
    let contract = short.contract;
    let intrinsic = contract.right.intrinsic(short.underlying, contract.strike);
    if contract.series.style() == ExerciseStyle::European || intrinsic <= Decimal::ZERO {
        return None;
    }
    let (extrinsic, bound) = (short.mid - intrinsic, rules.extrinsic_floor.max(short.dividend));
    if extrinsic < bound {
        return Some(AssignmentRisk::NoExtrinsic { extrinsic, bound });
    }
    let (sessions, bound) = (short.sessions_left, rules.sessions_before_expiry);
    let near = sessions <= bound && !short.covered;
    near.then_some(AssignmentRisk::NearExpiry { sessions, bound })
}

/// True when a short stops trading soon and its underlying is so near the strike that nobody knows
/// on which side it will settle.
pub fn is_pinned(
    rules: &AssignmentRules,
    contract: &OptionContract,
    underlying: Decimal,
    now: Timestamp,
) -> bool {
    let left = contract.series.last_trade - now;
    let soon = TimeDelta::zero() < left
        && left <= TimeDelta::minutes(i64::from(rules.pin_minutes_before_close));
    let bound = contract.strike * rules.pin_percent / Decimal::ONE_HUNDRED;
    soon && (underlying - contract.strike).abs() <= bound
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        calendar::Calendar,
        config::Rulebook,
        instrument::{Product, Right, expiration},
    };

    fn contract(product: Product, date: &str, strike: Decimal, right: Right) -> OptionContract {
        let date = date.parse().unwrap();
        let listed = expiration::listed(&Calendar::default(), product, date, 0);
        OptionContract { series: listed[0].clone(), strike, right }
    }

    #[test]
    fn a_short_american_option_in_the_money_is_closed_by_extrinsic_or_by_time() {
        use Right::{Call, Put};
        let rules = Rulebook::embedded().common.assignment;
        let extrinsic = |extrinsic, bound| Some(AssignmentRisk::NoExtrinsic { extrinsic, bound });
        let near = |sessions| Some(AssignmentRisk::NearExpiry { sessions, bound: 5 });
        // product, date, right, mid, underlying, dividend, sessions, covered; strike 500.
        let (spy, es, xsp) = (Product::Spy, Product::Es, Product::Xsp);
        let (weekly, quarterly) = ("2024-08-16", "2024-09-20");
        let cases = [
            (
                spy,
                weekly,
                Call,
                dec!(10.04),
                dec!(510),
                dec!(0),
                9,
                false,
                extrinsic(dec!(0.04), dec!(0.05)),
            ),
            (spy, weekly, Call, dec!(10.05), dec!(510), dec!(0), 9, false, None),
            (
                spy,
                weekly,
                Call,
                dec!(11.50),
                dec!(510),
                dec!(1.75),
                9,
                false,
                extrinsic(dec!(1.50), dec!(1.75)),
            ),
            (spy, weekly, Call, dec!(11.75), dec!(510), dec!(1.75), 9, false, None),
            (
                spy,
                weekly,
                Put,
                dec!(10.04),
                dec!(490),
                dec!(0),
                9,
                false,
                extrinsic(dec!(0.04), dec!(0.05)),
            ),
            (spy, weekly, Put, dec!(15), dec!(490), dec!(0), 5, false, near(5)),
            (spy, weekly, Put, dec!(15), dec!(490), dec!(0), 6, false, None),
            (spy, weekly, Call, dec!(15), dec!(510), dec!(0), 0, false, near(0)),
            (spy, weekly, Call, dec!(15), dec!(510), dec!(0), 0, true, None),
            (
                spy,
                weekly,
                Call,
                dec!(10.01),
                dec!(510),
                dec!(0),
                0,
                true,
                extrinsic(dec!(0.01), dec!(0.05)),
            ),
            // Out of or at the money nobody exercises.
            (spy, weekly, Call, dec!(0.01), dec!(499), dec!(0), 1, false, None),
            (spy, weekly, Put, dec!(0.01), dec!(500), dec!(0), 1, false, None),
            // European: CME's weekly series and Cboe's index options. CME's quarterlies are not.
            (es, weekly, Put, dec!(10), dec!(490), dec!(0), 1, false, None),
            (
                es,
                quarterly,
                Put,
                dec!(10),
                dec!(490),
                dec!(0),
                9,
                false,
                extrinsic(dec!(0), dec!(0.05)),
            ),
            (xsp, weekly, Put, dec!(10), dec!(490), dec!(0), 1, false, None),
        ];
        for (product, date, right, mid, underlying, dividend, sessions_left, covered, wanted) in
            cases
        {
            let contract = contract(product, date, dec!(500), right);
            let short =
                Short { contract: &contract, mid, underlying, dividend, sessions_left, covered };
            assert_eq!(assignment_risk(&rules, &short), wanted, "{short:?}");
        }
    }

    #[test]
    fn a_short_is_pinned_near_its_strike_in_the_last_half_hour_of_its_last_day() {
        let rules = Rulebook::embedded().common.assignment;
        let put = contract(Product::Es, "2024-08-02", dec!(5400), Right::Put);
        // 0.25 % of 5400 is 13.50 points; the last trade is at 20:00 UTC.
        let cases = [
            ("2024-08-02T19:30:00Z", dec!(5413.50), true),
            ("2024-08-02T19:30:00Z", dec!(5386.50), true),
            ("2024-08-02T19:30:00Z", dec!(5413.75), false),
            ("2024-08-02T19:29:59Z", dec!(5400), false),
            ("2024-08-02T19:59:59Z", dec!(5400), true),
            ("2024-08-02T20:00:00Z", dec!(5400), false),
        ];
        for (now, underlying, wanted) in cases {
            let now = now.parse().unwrap();
            assert_eq!(is_pinned(&rules, &put, underlying, now), wanted, "{now} {underlying}");
        }
    }
}
