//! `[leap_ladder]` of the rulebook (§4.5): puts sold a year ahead.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.5. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeapLadderRules {
    /// May enter at all.
    pub enabled: bool,
    /// What it sells puts on.
    pub product: Product,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry so long before the close.
    pub last_entry_minutes_before_close: u32,
    /// Days to expiry of a rung.
    pub days: DaysRules,
    /// |delta| of the put.
    pub delta: DeltaRules,
    /// The widest market it is sold in.
    pub spread: SpreadRules,
    /// No rung below this VIX.
    pub skip_below_vix: Decimal,
    /// Contracts from there on.
    pub contracts: u32,
    /// From this VIX on,
    pub high_vix: Decimal,
    /// so many contracts.
    pub contracts_high_vix: u32,
    /// Profit target, percent of the credit.
    pub profit_target_percent: Decimal,
    /// Rolled at so many days to expiry.
    pub roll_at_days: u32,
    /// A roll may cost at most so much of the credit taken in so far, percent; 0: only for a credit.
    pub roll_debit_percent: Decimal,
    /// So many days later the roll goes at natural.
    pub roll_natural_after_days: u32,
    /// A roll that did not come about is tried again after so long.
    pub retry_minutes: u32,
}

pub(super) fn check(check: &mut Check, rules: &LeapLadderRules) {
    rules.days.check(check, "leap_ladder.days");
    rules.delta.check(check, "leap_ladder.delta");
    rules.spread.check(check, "leap_ladder.spread");
    check.above_zero(
        "leap_ladder.last_entry_minutes_before_close",
        rules.last_entry_minutes_before_close,
    );
    check.ascending(&[
        ("leap_ladder.skip_below_vix", rules.skip_below_vix),
        ("leap_ladder.high_vix", rules.high_vix),
    ]);
    for (key, found) in [
        ("leap_ladder.contracts", rules.contracts),
        ("leap_ladder.contracts_high_vix", rules.contracts_high_vix),
    ] {
        check.that((1..=10).contains(&found), key, found, "must be 1 to 10");
    }
    check.percent("leap_ladder.profit_target_percent", rules.profit_target_percent);
    check.percent("leap_ladder.roll_debit_percent", rules.roll_debit_percent);
    check.above_zero("leap_ladder.retry_minutes", rules.retry_minutes);
    check.ascending(&[
        ("leap_ladder.roll_natural_after_days", rules.roll_natural_after_days),
        ("leap_ladder.roll_at_days", rules.roll_at_days),
        ("leap_ladder.days.from", rules.days.from),
    ]);
}
