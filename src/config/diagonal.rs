//! `[diagonal]` of the rulebook (§4.6).

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.6. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagonalRules {
    /// May enter at all.
    pub enabled: bool,
    /// Products in order of preference.
    pub products: Vec<Product>,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry so long before the close.
    pub last_entry_minutes_before_close: u32,
    /// Days to expiry of the put bought.
    pub far_days: DaysRules,
    /// Its |delta|.
    pub far_delta: DeltaRules,
    /// Days to expiry of the put sold.
    pub near_days: DaysRules,
    /// Its |delta|.
    pub near_delta: DeltaRules,
    /// The widest market of a leg.
    pub spread: SpreadRules,
    /// Only below this VIX.
    pub below_vix: Decimal,
    /// Closed above this VIX.
    pub close_above_vix: Decimal,
    /// VIX must stay there for so long, minutes.
    pub vix_minutes: u32,
    /// Profit target, percent of the debit.
    pub profit_target_percent: Decimal,
}

pub(super) fn check(check: &mut Check, rules: &DiagonalRules) {
    let minutes = rules.last_entry_minutes_before_close;
    check.above_zero("diagonal.last_entry_minutes_before_close", minutes);
    rules.far_days.check(check, "diagonal.far_days");
    rules.far_delta.check(check, "diagonal.far_delta");
    rules.near_days.check(check, "diagonal.near_days");
    rules.near_delta.check(check, "diagonal.near_delta");
    rules.spread.check(check, "diagonal.spread");
    check.ascending(&[
        ("diagonal.near_days.to", rules.near_days.to),
        ("diagonal.far_days.from", rules.far_days.from),
    ]);
    check.ascending(&[
        ("diagonal.below_vix", rules.below_vix),
        ("diagonal.close_above_vix", rules.close_above_vix),
    ]);
    check.above_zero("diagonal.below_vix", rules.below_vix);
    check.above_zero("diagonal.profit_target_percent", rules.profit_target_percent);
}
