//! `[box]` of the rulebook (§4.6): money lent at an implied rate.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.6. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxRules {
    /// May enter at all.
    pub enabled: bool,
    /// An index with European, cash-settled options.
    pub product: Product,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry so long before the close.
    pub last_entry_minutes_before_close: u32,
    /// Days to expiry.
    pub days: DaysRules,
    /// Points between its strikes.
    pub width: Decimal,
    /// From this net liquidation, pounds,
    pub wide_from_gbp: Decimal,
    /// so many points.
    pub wide: Decimal,
    /// Strikes are multiples of this: the round ones are traded most.
    pub grid: Decimal,
    /// Least rate the money brings, percent a year.
    pub least_rate_percent: Decimal,
    /// The widest market of a leg.
    pub spread: SpreadRules,
}

pub(super) fn check(check: &mut Check, rules: &BoxRules) {
    let minutes = rules.last_entry_minutes_before_close;
    check.above_zero("box.last_entry_minutes_before_close", minutes);
    rules.days.check(check, "box.days");
    rules.spread.check(check, "box.spread");
    check.above_zero("box.grid", rules.grid);
    for (key, width) in [("box.width", rules.width), ("box.wide", rules.wide)] {
        check.above_zero(key, width);
        let whole = rules.grid > Decimal::ZERO && width % rules.grid == Decimal::ZERO;
        check.that(whole, key, width, &format!("must be a multiple of box.grid ({})", rules.grid));
    }
    let rate = rules.least_rate_percent;
    let fine = rate >= Decimal::ZERO && rate <= Decimal::from(30);
    check.that(fine, "box.least_rate_percent", rate, "must be 0 to 30 percent a year");
    let index = rules.product.kind() == crate::instrument::ProductKind::Index;
    let right = "must be an index: its options are European and settle in cash";
    check.that(index, "box.product", format!("\"{}\"", rules.product), right);
}
