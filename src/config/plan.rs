//! `[plan]` of the rulebook (§7): income and compounding, and the figures the program is held to.
//! Nothing here sizes an order.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// §7: the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRules {
    /// The first day of month 1; without it the day the ledger began.
    pub started: Option<NaiveDate>,
    /// Income wanted a month, pounds, from P1 to P4.
    pub income_gbp: Vec<Decimal>,
    /// What a strategy is to bring of it.
    pub share: ShareRules,
    /// Where compounding starts, pounds.
    pub start_gbp: Decimal,
    /// Where it is to lead, pounds.
    pub target_gbp: Decimal,
    /// In so many months.
    pub months: u32,
    /// So much either way of the path is on it, percent.
    pub band_percent: Decimal,
    /// More growth than this in a month, had or needed, is warned of, percent.
    pub over_risk_percent: Decimal,
    /// Capital deployed in the first months; those after are of growth.
    pub deployed: Vec<DeployedRules>,
    /// Figures to be measured, never asserted.
    pub targets: TargetRules,
}

/// Shares of the income wanted, percent; they apportion the target and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareRules {
    /// Friday 0DTE.
    pub friday_0dte: Decimal,
    /// LT112.
    pub lt112: Decimal,
    /// Strangles.
    pub strangle: Decimal,
}

impl ShareRules {
    /// Each with the name of its strategy.
    pub fn by_name(&self) -> [(&'static str, Decimal); 3] {
        [("friday_0dte", self.friday_0dte), ("lt112", self.lt112), ("strangle", self.strangle)]
    }
}

/// Capital deployed in a month of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployedRules {
    /// From so many pounds,
    pub from_gbp: Decimal,
    /// to so many.
    pub to_gbp: Decimal,
}

/// What v17 claimed, as bounds to measure against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRules {
    /// Calls of the broker's API that did not fail, percent, at least.
    pub api_reliability_percent: Decimal,
    /// Over so many days.
    pub api_days: u32,
    /// Mean buying power in use over its mean cap, percent.
    pub buying_power_efficiency_percent: Decimal,
    /// Snapshot ready to order bytes, milliseconds, below.
    pub response_ms: u32,
    /// A session that loses more than this, percent,
    pub correlation_loss_percent: Decimal,
    /// and more than this share of it in one group, percent, is a correlation disaster.
    pub correlation_share_percent: Decimal,
    /// Growth a month, percent.
    pub month_percent: Decimal,
    /// Deepest drawdown, percent, below.
    pub drawdown_percent: Decimal,
    /// Trades won, percent, at least.
    pub win_percent: Decimal,
}

/// The plan's months are counted one by one: a century of them is enough.
const MONTHS_MAX: u32 = 1200;

/// Bounds of the plan's figures.
pub(super) fn check(check: &mut Check, rules: &PlanRules) {
    let count = rules.income_gbp.len();
    check.that(count == 4, "plan.income_gbp", count, "must be four amounts, P1 to P4");
    for (i, income) in rules.income_gbp.iter().enumerate() {
        check.above_zero(&format!("plan.income_gbp[{i}]"), *income);
    }
    let shares = rules.share.by_name();
    for (name, share) in shares {
        check.percent(&format!("plan.share.{name}"), share);
    }
    let all: Decimal = shares.iter().map(|(_, share)| *share).sum();
    let right = "the three shares must be 100 percent together";
    check.that(
        all == Decimal::ONE_HUNDRED,
        "plan.share.friday_0dte",
        format!("{all} in all"),
        right,
    );
    check.above_zero("plan.start_gbp", rules.start_gbp);
    check.ascending(&[("plan.start_gbp", rules.start_gbp), ("plan.target_gbp", rules.target_gbp)]);
    let fine = (1..=MONTHS_MAX).contains(&rules.months);
    check.that(fine, "plan.months", rules.months, &format!("must be 1 to {MONTHS_MAX}"));
    check.percent("plan.band_percent", rules.band_percent);
    check.above_zero("plan.over_risk_percent", rules.over_risk_percent);
    for (i, deployed) in rules.deployed.iter().enumerate() {
        let key = |end: &str| format!("plan.deployed[{i}].{end}");
        check.above_zero(&key("from_gbp"), deployed.from_gbp);
        let right = format!("must be above its from_gbp ({})", deployed.from_gbp);
        check.that(deployed.to_gbp > deployed.from_gbp, &key("to_gbp"), deployed.to_gbp, &right);
    }
    targets(check, &rules.targets);
}

fn targets(check: &mut Check, rules: &TargetRules) {
    let key = |name: &str| format!("plan.targets.{name}");
    for (name, percent) in [
        ("api_reliability_percent", rules.api_reliability_percent),
        ("buying_power_efficiency_percent", rules.buying_power_efficiency_percent),
        ("correlation_loss_percent", rules.correlation_loss_percent),
        ("correlation_share_percent", rules.correlation_share_percent),
        ("month_percent", rules.month_percent),
        ("drawdown_percent", rules.drawdown_percent),
        ("win_percent", rules.win_percent),
    ] {
        check.percent(&key(name), percent);
    }
    check.above_zero(&key("api_days"), rules.api_days);
    check.above_zero(&key("response_ms"), rules.response_ms);
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    type Change = &'static dyn Fn(&mut PlanRules);

    fn faults(change: impl FnOnce(&mut PlanRules)) -> Vec<String> {
        let mut rules = Rulebook::embedded();
        change(&mut rules.plan);
        crate::config::check::rulebook(&rules)
    }

    #[test]
    fn a_figure_that_makes_no_plan_is_refused_by_its_key() {
        assert_eq!(faults(|_| ()), Vec::<String>::new());
        let cases: [(Change, &str); 8] = [
            (
                &|rules| rules.income_gbp.truncate(3),
                "plan.income_gbp = 3: must be four amounts, P1 to P4",
            ),
            (&|rules| rules.income_gbp[1] = dec!(0), "plan.income_gbp[1] = 0: must be above 0"),
            (
                &|rules| rules.share.lt112 = dec!(32),
                "plan.share.friday_0dte = 97 in all: the three shares must be 100 percent together",
            ),
            (
                &|rules| rules.target_gbp = dec!(30000),
                "plan.target_gbp = 30000: must be above plan.start_gbp (35000)",
            ),
            (&|rules| rules.months = 0, "plan.months = 0: must be 1 to 1200"),
            (
                &|rules| rules.over_risk_percent = dec!(0),
                "plan.over_risk_percent = 0: must be above 0",
            ),
            (
                &|rules| rules.deployed[2].to_gbp = dec!(20000),
                "plan.deployed[2].to_gbp = 20000: must be above its from_gbp (20000)",
            ),
            (
                &|rules| rules.targets.win_percent = dec!(101),
                "plan.targets.win_percent = 101: must be 0 to 100 percent",
            ),
        ];
        for (change, wanted) in cases {
            assert_eq!(faults(change), [wanted]);
        }
    }
}
