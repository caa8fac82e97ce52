//! Bounds of the rulebook's figures. A fault reads `key = value: must …`.

use std::fmt::Display;

use chrono::NaiveTime;
use rust_decimal::Decimal;

use super::rulebook::{
    CommonRules, ContractRules, Friday0dteRules, LimitRules, PhaseRules, Rulebook, VixRules,
};

/// Every fault of a rulebook; nothing when all is right.
pub(super) fn rulebook(rules: &Rulebook) -> Vec<String> {
    let mut check = Check::default();
    vix(&mut check, &rules.vix);
    phases(&mut check, &rules.phases);
    super::stages::check(&mut check, &rules.stages);
    common(&mut check, &rules.common);
    friday_0dte(&mut check, &rules.friday_0dte);
    super::lt112::check(&mut check, &rules.lt112);
    super::strangle::check(&mut check, &rules.strangle);
    super::ipmcc::check(&mut check, &rules.ipmcc);
    super::leap_ladder::check(&mut check, &rules.leap_ladder);
    super::ratio::check(&mut check, &rules.ratio);
    super::butterfly::check(&mut check, &rules.butterfly);
    super::diagonal::check(&mut check, &rules.diagonal);
    super::lending_box::check(&mut check, &rules.lending_box);
    limits(&mut check, &rules.limits);
    for (key, seconds) in rules.execution.figures() {
        let key = format!("execution.{key}");
        check.above_zero(&key, seconds);
        check.that(seconds <= 3600, &key, seconds, "must be 3600 (an hour) or less");
    }
    check.ascending(&[
        ("execution.submit_wait_seconds", rules.execution.submit_wait_seconds),
        ("execution.absent_after_seconds", rules.execution.absent_after_seconds),
    ]);
    super::breakers::check(&mut check, &rules.breakers);
    super::groups::check(&mut check, &rules.groups);
    super::stress::check(&mut check, &rules.stress, &rules.groups);
    super::plan::check(&mut check, &rules.plan);
    check.faults
}

#[derive(Default)]
pub(super) struct Check {
    faults: Vec<String>,
}

impl Check {
    pub(super) fn that(&mut self, fine: bool, key: &str, found: impl Display, right: &str) {
        if !fine {
            self.faults.push(format!("{key} = {found}: {right}"));
        }
    }

    pub(super) fn percent(&mut self, key: &str, found: Decimal) {
        let fine = (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&found);
        self.that(fine, key, found, "must be 0 to 100 percent");
    }

    pub(super) fn above_zero(&mut self, key: &str, found: impl Into<Decimal>) {
        let found = found.into();
        self.that(found > Decimal::ZERO, key, found, "must be above 0");
    }

    pub(super) fn not_below_zero(&mut self, key: &str, found: impl Into<Decimal>) {
        let found = found.into();
        self.that(found >= Decimal::ZERO, key, found, "must be 0 or more");
    }

    /// Each after the one before it.
    pub(super) fn ascending<T: PartialOrd + Display>(&mut self, figures: &[(&str, T)]) {
        for pair in figures.windows(2) {
            let [(before, low), (key, high)] = pair else { continue };
            self.that(low < high, key, high, &format!("must be above {before} ({low})"));
        }
    }
}

fn vix(check: &mut Check, rules: &VixRules) {
    let Some((last, bounded)) = rules.bands.split_last() else {
        check.faults.push("vix.bands: must hold at least one band".to_owned());
        return;
    };
    let mut lower = Decimal::ZERO;
    for (i, band) in bounded.iter().enumerate() {
        let key = format!("vix.bands[{i}]");
        match band.below {
            None => {
                let fault = format!("{key}: must have `below`; only the last band has none");
                check.faults.push(fault);
            }
            Some(below) => {
                let right = format!("must be above {lower}, the bound of the band before");
                check.that(below > lower, &format!("{key}.below"), below, &right);
                lower = below;
            }
        }
    }
    if let Some(below) = last.below {
        let key = format!("vix.bands[{}].below", bounded.len());
        check.that(false, &key, below, "the last band must have no upper bound");
    }
    for (i, band) in rules.bands.iter().enumerate() {
        check.percent(&format!("vix.bands[{i}].cap_percent"), band.cap_percent);
    }
}

fn phases(check: &mut Check, rules: &PhaseRules) {
    check.percent("phases.down_percent", rules.down_percent);
    if rules.phases.len() != 4 {
        let count = rules.phases.len();
        check.faults.push(format!("phases.phases: must be the four phases P1 to P4, are {count}"));
    }
    let mut lower = Decimal::ZERO;
    for (i, phase) in rules.phases.iter().enumerate() {
        let right = format!("must be above {lower}, ascending from phase to phase");
        let key = format!("phases.phases[{i}].from_gbp");
        check.that(phase.from_gbp > lower, &key, phase.from_gbp, &right);
        check.percent(&format!("phases.phases[{i}].cap_percent"), phase.cap_percent);
        lower = phase.from_gbp;
    }
}

fn common(check: &mut Check, rules: &CommonRules) {
    let entry = &rules.entry_ladder;
    check.above_zero("common.entry_ladder.step_seconds", entry.step_seconds);
    check.above_zero("common.entry_ladder.ticks_a_step", entry.ticks_a_step);
    check.above_zero("common.entry_ladder.cancel_after_seconds", entry.cancel_after_seconds);
    let exit = &rules.exit_ladder;
    check.above_zero("common.exit_ladder.step_seconds", exit.step_seconds);
    check.percent("common.exit_ladder.spread_percent_a_step", exit.spread_percent_a_step);
    check.above_zero("common.exit_ladder.spread_percent_a_step", exit.spread_percent_a_step);
    check.above_zero("common.exit_ladder.natural_after_seconds", exit.natural_after_seconds);
    check.above_zero("common.exit_ladder.ticks_a_step", exit.ticks_a_step);
    check.that(
        exit.undefined_risk_mark_multiple >= Decimal::ONE,
        "common.exit_ladder.undefined_risk_mark_multiple",
        exit.undefined_risk_mark_multiple,
        "must be 1 or more: the mark itself is the least price",
    );
    let marks = &rules.marks;
    check.percent("common.marks.spread_percent_of_mid", marks.spread_percent_of_mid);
    check.above_zero("common.marks.observations", marks.observations);
    check.above_zero("common.marks.alert_after_seconds", marks.alert_after_seconds);
    for (i, name) in rules.universal.losing_stays.iter().enumerate() {
        check.that(
            super::stages::STRATEGIES.contains(&name.as_str()),
            &format!("common.universal.losing_stays[{i}]"),
            format!("\"{name}\""),
            &format!("must be one of {}", super::stages::STRATEGIES.join(", ")),
        );
    }
    let early = &rules.early_close;
    check.ascending(&[
        ("common.early_close.flat_minutes_before", early.flat_minutes_before),
        ("common.early_close.exit_minutes_before", early.exit_minutes_before),
        ("common.early_close.evaluation_minutes_before", early.evaluation_minutes_before),
        ("common.early_close.entry_minutes_before", early.entry_minutes_before),
    ]);
}

fn friday_0dte(check: &mut Check, rules: &Friday0dteRules) {
    let clock: [(&str, NaiveTime); 8] = [
        ("friday_0dte.entry_at", rules.entry_at),
        ("friday_0dte.last_entry_at", rules.last_entry_at),
        ("friday_0dte.evaluation_at", rules.evaluation_at),
        ("friday_0dte.exit_at", rules.exit_at),
        ("friday_0dte.natural_at", rules.natural_at),
        ("friday_0dte.shorts_alone_at", rules.shorts_alone_at),
        ("friday_0dte.width_at", rules.width_at),
        ("friday_0dte.critical_at", rules.critical_at),
    ];
    check.ascending(&clock);
    check.above_zero("friday_0dte.directional_atr", rules.directional_atr);
    check.above_zero("friday_0dte.condor_atr", rules.condor_atr);
    check.above_zero("friday_0dte.atr_days", rules.atr_days);
    check.above_zero("friday_0dte.stop_credits", rules.stop_credits);
    check.above_zero("friday_0dte.stop_credits_rich", rules.stop_credits_rich);
    check.above_zero("friday_0dte.rich_credit_width_divisor", rules.rich_credit_width_divisor);
    check.percent("friday_0dte.move_percent", rules.move_percent);
    check.percent("friday_0dte.spread_percent_of_mid", rules.spread_percent_of_mid);
    check.percent("friday_0dte.profit_target_percent", rules.profit_target_percent);
    check.percent("friday_0dte.fees_percent_of_target", rules.fees_percent_of_target);
    check.percent("friday_0dte.evaluation_profit_percent", rules.evaluation_profit_percent);
    let delta = |value: Decimal| (Decimal::ZERO..=Decimal::ONE).contains(&value);
    for (key, found) in [
        ("friday_0dte.delta_min", rules.delta_min),
        ("friday_0dte.delta_max", rules.delta_max),
        ("friday_0dte.evaluation_delta", rules.evaluation_delta),
    ] {
        check.that(delta(found), key, found, "must be 0 to 1");
    }
    check.that(
        rules.delta_min <= rules.delta_max,
        "friday_0dte.delta_min",
        rules.delta_min,
        &format!("must not be above friday_0dte.delta_max ({})", rules.delta_max),
    );
    check.that(
        rules.puts_only_above_vix <= rules.nothing_above_vix,
        "friday_0dte.puts_only_above_vix",
        rules.puts_only_above_vix,
        &format!("must not be above friday_0dte.nothing_above_vix ({})", rules.nothing_above_vix),
    );
    contracts(check, rules);
}

fn contracts(check: &mut Check, rules: &Friday0dteRules) {
    for (i, ContractRules { wing, grid, minimum_credit, .. }) in rules.contracts.iter().enumerate()
    {
        let key = |name: &str| format!("friday_0dte.contracts[{i}].{name}");
        check.above_zero(&key("wing"), *wing);
        check.above_zero(&key("grid"), *grid);
        check.not_below_zero(&key("minimum_credit"), *minimum_credit);
        let whole = *grid > Decimal::ZERO && *wing % *grid == Decimal::ZERO;
        check.that(whole, &key("wing"), *wing, &format!("must be a multiple of its grid ({grid})"));
        check.that(
            minimum_credit < wing,
            &key("minimum_credit"),
            *minimum_credit,
            &format!("must be below its wing ({wing})"),
        );
    }
    for (i, product) in rules.products.iter().enumerate() {
        let rows = rules.contracts.iter().filter(|row| row.product == *product).count();
        check.that(
            rows == 1,
            &format!("friday_0dte.products[{i}]"),
            format!("\"{product}\""),
            &format!("must have one row in friday_0dte.contracts, has {rows}"),
        );
    }
}

fn limits(check: &mut Check, rules: &LimitRules) {
    check.above_zero("limits.data_age_seconds", rules.data_age_seconds);
    check.above_zero("limits.quote_age_seconds", rules.quote_age_seconds);
    check.above_zero("limits.fx_age_days", rules.fx_age_days);
    check.above_zero("limits.clock_skew_seconds", rules.clock_skew_seconds);
    check.percent("limits.trade_loss_percent", rules.trade_loss_percent);
    check.percent("limits.trade_loss_warn_percent", rules.trade_loss_warn_percent);
    check.that(
        rules.trade_loss_warn_percent <= rules.trade_loss_percent,
        "limits.trade_loss_warn_percent",
        rules.trade_loss_warn_percent,
        &format!("must not be above limits.trade_loss_percent ({})", rules.trade_loss_percent),
    );
    check.above_zero("limits.orders_a_minute", rules.orders_a_minute);
    check.above_zero("limits.orders_a_day", rules.orders_a_day);
    check.above_zero("limits.rejections_a_day", rules.rejections_a_day);
    check.not_below_zero("limits.reconciliation_cash_usd", rules.reconciliation_cash_usd);
    check.above_zero("limits.reducing_orders_a_minute", rules.reducing_orders_a_minute);
    check.percent("limits.model_value_percent", rules.model_value_percent);
    let size = rules.size_percent_of_open_interest;
    check.percent("limits.size_percent_of_open_interest", size);
    check.percent("limits.concentration_percent", rules.concentration_percent);
    check.percent("limits.concentration_0dte_percent", rules.concentration_0dte_percent);
    check.above_zero("limits.warn_same_expiration", rules.warn_same_expiration);
    check.above_zero("limits.warn_bullish", rules.warn_bullish);
}
