//! `[strangle]` of the rulebook (§4.3).

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.3. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrangleRules {
    /// May enter at all.
    pub enabled: bool,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry so long before the close.
    pub last_entry_minutes_before_close: u32,
    /// Products in order of preference; the account's phase says which of them are open to it.
    pub products: Vec<Product>,
    /// Days to expiry.
    pub days: DaysRules,
    /// |delta| of the put; wanted at the middle.
    pub put_delta: DeltaRules,
    /// |delta| of the call; wanted at the middle.
    pub call_delta: DeltaRules,
    /// Only where the rank of implied volatility is above this, percent.
    pub iv_rank_percent: Decimal,
    /// Widest leg spread.
    pub spread: SpreadRules,
    /// Least credit a unit, dollars.
    pub credit_usd: Decimal,
    /// And so many times the round-trip fees.
    pub credit_fees: Decimal,
    /// None is opened below this VIX.
    pub vix_from: Decimal,
    /// Nor above this one.
    pub vix_to: Decimal,
    /// Equity ones are closed above `vix_to` after so many minutes of regular hours.
    pub vix_above_minutes: u32,
    /// Profit target, percent of the credit.
    pub profit_target_percent: Decimal,
    /// Stop: a loss of so many credits.
    pub stop_credits: Decimal,
    /// |delta| of a short.
    pub defence: DefenceRules,
}

/// What is done as the |delta| of a short grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefenceRules {
    /// Told from here.
    pub watch_delta: Decimal,
    /// The untested side is rolled from here,
    pub roll_delta: Decimal,
    /// the tested side closed from here,
    pub close_side_delta: Decimal,
    /// all closed from here.
    pub close_all_delta: Decimal,
    /// |delta| that a roll goes to; wanted at the middle.
    pub roll_to: DeltaRules,
    /// A roll brings at least so many times its fees.
    pub roll_fees: Decimal,
    /// What a contract costs in fees, opened or closed, dollars: an estimate on the high side, for
    /// no dry run is made of a roll.
    pub roll_fee_usd: Decimal,
    /// A roll that did not come about is tried again after so long.
    pub retry_minutes: u32,
}

/// The bounds of `[strangle]`.
pub(super) fn check(check: &mut Check, rules: &StrangleRules) {
    check.above_zero(
        "strangle.last_entry_minutes_before_close",
        rules.last_entry_minutes_before_close,
    );
    rules.days.check(check, "strangle.days");
    rules.put_delta.check(check, "strangle.put_delta");
    rules.call_delta.check(check, "strangle.call_delta");
    rules.spread.check(check, "strangle.spread");
    check.percent("strangle.iv_rank_percent", rules.iv_rank_percent);
    check.not_below_zero("strangle.credit_usd", rules.credit_usd);
    check.above_zero("strangle.credit_fees", rules.credit_fees);
    check.ascending(&[("strangle.vix_from", rules.vix_from), ("strangle.vix_to", rules.vix_to)]);
    check.percent("strangle.profit_target_percent", rules.profit_target_percent);
    check.above_zero("strangle.stop_credits", rules.stop_credits);
    let defence = &rules.defence;
    check.above_zero("strangle.defence.watch_delta", defence.watch_delta);
    check.ascending(&[
        ("strangle.defence.watch_delta", defence.watch_delta),
        ("strangle.defence.roll_delta", defence.roll_delta),
        ("strangle.defence.close_side_delta", defence.close_side_delta),
        ("strangle.defence.close_all_delta", defence.close_all_delta),
        ("one", Decimal::ONE),
    ]);
    defence.roll_to.check(check, "strangle.defence.roll_to");
    check.that(
        defence.roll_to.to < defence.roll_delta,
        "strangle.defence.roll_to.to",
        defence.roll_to.to,
        &format!("must be below strangle.defence.roll_delta ({})", defence.roll_delta),
    );
    check.not_below_zero("strangle.defence.roll_fees", defence.roll_fees);
    check.not_below_zero("strangle.defence.roll_fee_usd", defence.roll_fee_usd);
    check.above_zero("strangle.defence.retry_minutes", defence.retry_minutes);
}
