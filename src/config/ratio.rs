//! `[ratio]` of the rulebook (§4.6).

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use rust_decimal::Decimal;

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// The put ratio of §4.6. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioRules {
    /// May enter at all.
    pub enabled: bool,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry so long before the close.
    pub last_entry_minutes_before_close: u32,
    /// Products in order of preference.
    pub products: Vec<Product>,
    /// Days to expiry.
    pub days: DaysRules,
    /// |delta| of the put bought; wanted at the middle.
    pub long_delta: DeltaRules,
    /// |delta| of the two puts sold; wanted at the middle.
    pub short_delta: DeltaRules,
    /// Widest leg spread.
    pub spread: SpreadRules,
    /// Least net credit, ticks: an order has a sign.
    pub minimum_credit_ticks: u32,
    /// Profit target, percent of the credit.
    pub profit_target_percent: Decimal,
}

/// The bounds of `[ratio]`.
pub(super) fn check(check: &mut Check, rules: &RatioRules) {
    check
        .above_zero("ratio.last_entry_minutes_before_close", rules.last_entry_minutes_before_close);
    rules.days.check(check, "ratio.days");
    rules.long_delta.check(check, "ratio.long_delta");
    rules.short_delta.check(check, "ratio.short_delta");
    check.that(
        rules.short_delta.to < rules.long_delta.from,
        "ratio.short_delta.to",
        rules.short_delta.to,
        &format!("must be below ratio.long_delta.from ({})", rules.long_delta.from),
    );
    rules.spread.check(check, "ratio.spread");
    check.above_zero("ratio.minimum_credit_ticks", rules.minimum_credit_ticks);
    check.percent("ratio.profit_target_percent", rules.profit_target_percent);
}
