//! `[lt112]` of the rulebook (§4.2).

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    ranges::{DaysRules, DeltaRules, SpreadRules},
};
use crate::instrument::Product;

/// §4.2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lt112Rules {
    /// May enter at all.
    pub enabled: bool,
    /// Entry, never earlier; New York.
    pub entry_at: NaiveTime,
    /// The entry window, minutes.
    pub window_minutes: u32,
    /// Which Wednesdays of the month it enters on, by net liquidation.
    pub wednesdays: Vec<WednesdayRules>,
    /// Not so near below the underlying's 52-week high, percent of it.
    pub year_high_percent: Decimal,
    /// Least net credit, ticks: an order has a sign.
    pub minimum_credit_ticks: u32,
    /// Widest leg spread.
    pub spread: SpreadRules,
    /// Profit target of the naked puts, percent of their credit.
    pub profit_target_percent: Decimal,
    /// Stop of the naked puts: a loss of so many of their credits.
    pub stop_credits: Decimal,
    /// The naked puts close at so many days to expiry.
    pub naked_days: u32,
    /// All closes with the underlying within so many points of their strike.
    pub near_points: Decimal,
    /// Told from here.
    pub near_warn_points: Decimal,
    /// The hedge closes at so many days to expiry.
    pub hedge_days: u32,
    /// Products in order of preference, with their days to expiry.
    pub contracts: Vec<ContractDays>,
    /// The usual legs.
    pub usual: Lt112Form,
    /// The legs in deployment stage 2, whose risk is defined.
    pub stage_2: Lt112Form,
}

/// How far ahead a product's expiration is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractDays {
    /// The product.
    pub product: Product,
    /// Its days to expiry.
    pub days: DaysRules,
}

/// One Wednesday of the month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WednesdayRules {
    /// Which of the month: 1 is the first.
    pub nth: u32,
    /// From this net liquidation, pounds.
    pub from_gbp: Decimal,
}

/// The legs: a put bought, one sold below it, two sold far below, and where risk is defined two
/// bought below those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lt112Form {
    /// |delta| of the put bought; wanted at the middle.
    pub long_delta: DeltaRules,
    /// The put sold against it is so many points lower.
    pub spread_points: Decimal,
    /// |delta| of the two puts sold; wanted at the middle.
    pub naked_delta: DeltaRules,
    /// The two puts bought are so many points below those; absent: they stay naked.
    #[serde(default)]
    pub wing_points: Option<Decimal>,
    /// Where no strike is listed at such a distance, the next nearer one may be so many points off.
    pub strike_off_points: Decimal,
    /// Most loss at expiry, points, where risk is defined.
    #[serde(default)]
    pub loss_points: Option<Decimal>,
}

/// The bounds of `[lt112]`.
pub(super) fn check(check: &mut Check, rules: &Lt112Rules) {
    check.above_zero("lt112.window_minutes", rules.window_minutes);
    for (i, wednesday) in rules.wednesdays.iter().enumerate() {
        let key = |name: &str| format!("lt112.wednesdays[{i}].{name}");
        let nth = wednesday.nth;
        check.that((1..=5).contains(&nth), &key("nth"), nth, "must be 1 to 5");
        check.not_below_zero(&key("from_gbp"), wednesday.from_gbp);
    }
    check.percent("lt112.year_high_percent", rules.year_high_percent);
    check.above_zero("lt112.minimum_credit_ticks", rules.minimum_credit_ticks);
    rules.spread.check(check, "lt112.spread");
    check.percent("lt112.profit_target_percent", rules.profit_target_percent);
    check.above_zero("lt112.stop_credits", rules.stop_credits);
    check.above_zero("lt112.near_points", rules.near_points);
    check.ascending(&[
        ("lt112.near_points", rules.near_points),
        ("lt112.near_warn_points", rules.near_warn_points),
    ]);
    check.ascending(&[
        ("lt112.hedge_days", rules.hedge_days),
        ("lt112.naked_days", rules.naked_days),
    ]);
    for (i, contract) in rules.contracts.iter().enumerate() {
        contract.days.check(check, &format!("lt112.contracts[{i}].days"));
    }
    form(check, "lt112.usual", &rules.usual);
    form(check, "lt112.stage_2", &rules.stage_2);
    let open = rules.stage_2.wing_points.is_none() || rules.stage_2.loss_points.is_none();
    check.that(
        !open,
        "lt112.stage_2",
        "without wing_points or loss_points",
        "must have both: its risk is defined",
    );
}

fn form(check: &mut Check, prefix: &str, form: &Lt112Form) {
    let key = |name: &str| format!("{prefix}.{name}");
    form.long_delta.check(check, &key("long_delta"));
    form.naked_delta.check(check, &key("naked_delta"));
    check.that(
        form.naked_delta.to < form.long_delta.from,
        &key("naked_delta.to"),
        form.naked_delta.to,
        &format!("must be below {} ({})", key("long_delta.from"), form.long_delta.from),
    );
    check.above_zero(&key("spread_points"), form.spread_points);
    check.not_below_zero(&key("strike_off_points"), form.strike_off_points);
    check.that(
        form.strike_off_points < form.spread_points,
        &key("strike_off_points"),
        form.strike_off_points,
        &format!("must be below {} ({})", key("spread_points"), form.spread_points),
    );
    if let Some(wing) = form.wing_points {
        check.above_zero(&key("wing_points"), wing);
    }
    if let Some(loss) = form.loss_points {
        check.above_zero(&key("loss_points"), loss);
    }
}
