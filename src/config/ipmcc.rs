//! `[ipmcc]` of the rulebook (§4.4): a long call a year ahead, and each week a call sold against it.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.4. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpmccRules {
    /// May enter at all.
    pub enabled: bool,
    /// Products in order of preference.
    pub products: Vec<Product>,
    /// Entry and the week's roll, never earlier.
    pub weekly_at: NaiveTime,
    /// Last entry so long before the close; from there on the week's roll goes at natural.
    pub natural_minutes_before_close: u32,
    /// A change that did not come about is tried again after so long.
    pub retry_minutes: u32,
    /// Days to expiry of the long call.
    pub long_days: DaysRules,
    /// |delta| of the long call: from the first, raised up to the second.
    pub long_delta: DeltaRules,
    /// Until its extrinsic value is below so much of its strike, percent.
    pub extrinsic_percent: Decimal,
    /// The widest market of the long call.
    pub long_spread: SpreadRules,
    /// The week's call: so many days either way of the Friday a week ahead.
    pub weekly_days_off: u32,
    /// The widest market of the week's call.
    pub short_spread: SpreadRules,
    /// Which call is sold.
    pub strike: StrikeRules,
    /// The week's call is bought back when so much of its extrinsic value is earned, percent.
    pub take_percent: Decimal,
    /// All closes when the long call has lost so much, percent.
    pub loss_percent: Decimal,
    /// The loss that the gate reckons with is that times this.
    pub loss_margin: Decimal,
    /// The long call is rolled with fewer days left.
    pub roll_below_days: u32,
    /// With fewer than these the roll goes at natural.
    pub roll_natural_below_days: u32,
}

/// Which of the week's calls is sold, by averages of the daily closes; never one out of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrikeRules {
    /// Days of the fast average.
    pub fast_days: u32,
    /// Days of the slow average.
    pub slow_days: u32,
    /// So near to each other they are flat, percent of the slow one.
    pub flat_percent: Decimal,
    /// Fast below slow: so many strikes in the money,
    pub below: u32,
    /// or so many where the price is below the fast one too.
    pub falling: u32,
    /// The price so far above the fast average, percent:
    pub stretched_percent: Decimal,
    /// so many strikes in the money.
    pub stretched: u32,
    /// And so far above it, percent:
    pub overstretched_percent: Decimal,
    /// so many.
    pub overstretched: u32,
}

pub(super) fn check(check: &mut Check, rules: &IpmccRules) {
    rules.long_days.check(check, "ipmcc.long_days");
    rules.long_delta.check(check, "ipmcc.long_delta");
    rules.long_spread.check(check, "ipmcc.long_spread");
    rules.short_spread.check(check, "ipmcc.short_spread");
    check.above_zero("ipmcc.natural_minutes_before_close", rules.natural_minutes_before_close);
    check.above_zero("ipmcc.retry_minutes", rules.retry_minutes);
    let off = rules.weekly_days_off;
    check.that(off <= 6, "ipmcc.weekly_days_off", off, "must be 6 or less: it is a week's call");
    check.above_zero("ipmcc.extrinsic_percent", rules.extrinsic_percent);
    check.percent("ipmcc.extrinsic_percent", rules.extrinsic_percent);
    check.percent("ipmcc.take_percent", rules.take_percent);
    check.percent("ipmcc.loss_percent", rules.loss_percent);
    check.above_zero("ipmcc.loss_percent", rules.loss_percent);
    let margin = rules.loss_margin;
    check.that(margin >= Decimal::ONE, "ipmcc.loss_margin", margin, "must be 1 or more");
    check.ascending(&[
        ("ipmcc.roll_natural_below_days", rules.roll_natural_below_days),
        ("ipmcc.roll_below_days", rules.roll_below_days),
        ("ipmcc.long_days.from", rules.long_days.from),
    ]);
    strike(check, &rules.strike);
}

fn strike(check: &mut Check, rules: &StrikeRules) {
    check.above_zero("ipmcc.strike.fast_days", rules.fast_days);
    check.ascending(&[
        ("ipmcc.strike.fast_days", rules.fast_days),
        ("ipmcc.strike.slow_days", rules.slow_days),
    ]);
    let slow = rules.slow_days;
    check.that(slow <= 60, "ipmcc.strike.slow_days", slow, "must be 60 or less");
    check.percent("ipmcc.strike.flat_percent", rules.flat_percent);
    check.above_zero("ipmcc.strike.stretched_percent", rules.stretched_percent);
    check.ascending(&[
        ("ipmcc.strike.stretched_percent", rules.stretched_percent),
        ("ipmcc.strike.overstretched_percent", rules.overstretched_percent),
    ]);
    for (key, found) in [
        ("ipmcc.strike.below", rules.below),
        ("ipmcc.strike.falling", rules.falling),
        ("ipmcc.strike.stretched", rules.stretched),
        ("ipmcc.strike.overstretched", rules.overstretched),
    ] {
        check.that(found <= 10, key, found, "must be 0 to 10 strikes");
    }
}
