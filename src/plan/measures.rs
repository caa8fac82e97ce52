use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    config::plan::TargetRules,
    money::{Usd, to_f64},
};

/// A figure held against its target. What was not measured is `None` and meets nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// What was measured.
    pub value: Option<f64>,
    /// Its unit: `percent` or `milliseconds`.
    pub unit: String,
    /// Its target.
    pub target: f64,
    /// How it must stand to the target: `>=`, `<` or `=`.
    pub bound: String,
    /// Whether it does.
    pub met: Option<bool>,
}

impl Measure {
    fn least(name: &str, value: Option<f64>, target: f64) -> Self {
        let met = value.map(|value| value >= target);
        let (name, unit, bound) = (name.to_owned(), "percent".to_owned(), ">=".to_owned());
        Self { name, value, unit, target, bound, met }
    }

    fn below(name: &str, value: Option<f64>, unit: &str, target: f64) -> Self {
        let met = value.map(|value| value < target);
        let (name, unit, bound) = (name.to_owned(), unit.to_owned(), "<".to_owned());
        Self { name, value, unit, target, bound, met }
    }
}

/// Calls of the broker's API over the days of the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub all: u64,
    /// Those that failed.
    pub failed: u64,
}

/// API reliability: `1 - failed calls / calls`, percent; nothing without a call.
pub fn api_reliability(rules: &TargetRules, calls: Calls) -> Measure {
    let Calls { all, failed } = calls;
    let good = all.saturating_sub(failed);
    let value = (all > 0).then(|| good as f64 / all as f64 * 100.0);
    Measure::least("api_reliability", value, to_f64(rules.api_reliability_percent))
}

/// Buying power from one moment on, percent of sizing capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseStep {
    /// Since when.
    pub at: Timestamp,
    /// In use.
    pub used_percent: Decimal,
    /// The cap.
    pub cap_percent: Decimal,
}

/// Mean use and mean cap from `open` to `close`, each step lasting until the next; before the first
/// nothing was in use, under its cap. `None` without a step or without time.
pub fn mean_over(open: Timestamp, close: Timestamp, steps: &[UseStep]) -> Option<(f64, f64)> {
    let whole = seconds(close - open);
    let first = steps.first()?;
    if whole <= 0.0 {
        return None;
    }
    let idle = UseStep { at: open, used_percent: Decimal::ZERO, ..*first };
    let all: Vec<UseStep> = std::iter::once(idle).chain(steps.iter().copied()).collect();
    let ends = all.iter().skip(1).map(|step| step.at).chain([close]);
    let (mut used, mut cap) = (0.0, 0.0);
    for (step, end) in all.iter().zip(ends) {
        let (from, to) = (step.at.clamp(open, close), end.clamp(open, close));
        let share = seconds(to - from).max(0.0) / whole;
        used += share * to_f64(step.used_percent);
        cap += share * to_f64(step.cap_percent);
    }
    Some((used, cap))
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

/// Buying-power efficiency: mean use over mean cap of sessions, percent.
pub fn buying_power_efficiency(rules: &TargetRules, sessions: &[(f64, f64)]) -> Measure {
    let (used, cap) =
        sessions.iter().fold((0.0, 0.0), |sum, (used, cap)| (sum.0 + used, sum.1 + cap));
    let value = (cap > 0.0).then(|| used / cap * 100.0);
    let target = to_f64(rules.buying_power_efficiency_percent);
    Measure::least("buying_power_efficiency", value, target)
}

/// Response: the slowest of some times from snapshot ready to order bytes, milliseconds.
pub fn response(rules: &TargetRules, times_ms: &[f64]) -> Measure {
    let times = times_ms.iter().copied().filter(|time| time.is_finite());
    let value = times.reduce(f64::max);
    Measure::below("response", value, "milliseconds", f64::from(rules.response_ms))
}

/// A session with a correlation disaster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disaster {
    /// The session's loss of net liquidation at its start.
    pub loss_percent: f64,
    /// The group most of it came from.
    pub group: String,
    /// Its share of the loss.
    pub group_percent: f64,
}

/// A correlation disaster: a session that lost more than 10 % of what the account was worth at its
/// start, more than half of it in one group. `pnl` is the session's result, `groups` the results
/// of the correlation groups.
pub fn correlation_disaster(
    rules: &TargetRules,
    before: Usd,
    pnl: Usd,
    groups: &[(String, Usd)],
) -> Option<Disaster> {
    if !before.is_positive() || !(-pnl).is_positive() {
        return None;
    }
    let loss = -pnl.0 / before.0 * Decimal::ONE_HUNDRED;
    let (group, worst) = groups.iter().min_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)))?;
    let share = worst.0 / pnl.0 * Decimal::ONE_HUNDRED;
    let disaster = loss > rules.correlation_loss_percent && share > rules.correlation_share_percent;
    disaster.then(|| Disaster {
        loss_percent: to_f64(loss),
        group: group.clone(),
        group_percent: to_f64(share),
    })
}

/// The long-term targets: growth a month, deepest drawdown, trades won; each percent, the drawdown
/// at or above zero.
pub fn long_term(
    rules: &TargetRules,
    month_percent: Option<f64>,
    drawdown_percent: Option<f64>,
    win_percent: Option<f64>,
) -> Vec<Measure> {
    vec![
        Measure::least("month_growth", month_percent, to_f64(rules.month_percent)),
        Measure::below("max_drawdown", drawdown_percent, "percent", to_f64(rules.drawdown_percent)),
        Measure::least("win_rate", win_percent, to_f64(rules.win_percent)),
    ]
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    fn rules() -> TargetRules {
        Rulebook::embedded().plan.targets
    }

    fn near(found: Option<f64>, wanted: f64) {
        assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?}, {wanted}");
    }

    #[test]
    fn reliability_is_the_share_of_calls_that_did_not_fail() {
        let of = |all, failed| api_reliability(&rules(), Calls { all, failed });
        assert_eq!((of(0, 0).value, of(0, 0).met), (None, None));
        near(of(1000, 1).value, 99.9);
        assert_eq!(of(1000, 1).met, Some(true));
        assert_eq!(of(1000, 2).met, Some(false));
        near(of(3, 7).value, 0.0);
    }

    #[test]
    fn buying_power_counts_by_the_time_it_was_in_use() {
        let at = |minute| {
            let open: Timestamp = "2026-10-16T13:30:00Z".parse().unwrap();
            open + TimeDelta::minutes(minute)
        };
        let step =
            |minute, used_percent| UseStep { at: at(minute), used_percent, cap_percent: dec!(50) };
        // Nothing for 60 minutes, 10 % for 180, nothing for 150.
        let steps = [step(60, dec!(10)), step(240, dec!(0))];
        let (used, cap) = mean_over(at(0), at(390), &steps).unwrap();
        near(Some(used), 10.0 * 180.0 / 390.0);
        near(Some(cap), 50.0);
        assert_eq!(mean_over(at(0), at(390), &[]), None);
        assert_eq!(mean_over(at(0), at(0), &steps), None);
        // A point before the open counts from the open, one after the close not at all.
        let (used, _) =
            mean_over(at(0), at(100), &[step(-30, dec!(20)), step(200, dec!(40))]).unwrap();
        near(Some(used), 20.0);
    }

    #[test]
    fn efficiency_is_mean_use_over_mean_cap() {
        let of = |sessions: &[(f64, f64)]| buying_power_efficiency(&rules(), sessions);
        near(of(&[(40.0, 50.0), (25.0, 50.0)]).value, 65.0);
        assert_eq!(of(&[(40.0, 50.0), (25.0, 50.0)]).met, Some(true));
        assert_eq!(of(&[(0.0, 50.0)]).met, Some(false));
        assert_eq!((of(&[]).value, of(&[(0.0, 0.0)]).value), (None, None));
    }

    #[test]
    fn a_response_is_as_slow_as_its_slowest() {
        assert_eq!(response(&rules(), &[3.0, 99.9, 12.0]).met, Some(true));
        assert_eq!(response(&rules(), &[3.0, 100.0]).met, Some(false));
        assert_eq!(response(&rules(), &[]).met, None);
        assert_eq!(response(&rules(), &[f64::NAN]).value, None);
    }

    #[test]
    fn a_disaster_is_a_loss_above_ten_percent_with_more_than_half_from_one_group() {
        let groups = |index: i64, crude: i64| {
            vec![
                ("equity_index".to_owned(), Usd(index.into())),
                ("crude".to_owned(), Usd(crude.into())),
            ]
        };
        let cases = [
            (-10_001, groups(-6000, -4001), true),
            (-10_000, groups(-6000, -4000), false), // 10 % is not above 10 %
            (-12_000, groups(-6000, -6000), false), // half is not more than half
            (-12_000, groups(-20_000, 8000), true),
            (12_000, groups(6000, 6000), false),
            (0, groups(0, 0), false),
            (-12_000, vec![], false),
        ];
        for (pnl, groups, wanted) in cases {
            let found = correlation_disaster(&rules(), Usd(dec!(100000)), Usd(pnl.into()), &groups);
            assert_eq!(found.is_some(), wanted, "{pnl} {groups:?}");
        }
        let nothing = correlation_disaster(&rules(), Usd::ZERO, Usd(dec!(-1)), &groups(-1, 0));
        assert_eq!(nothing, None);
    }

    #[test]
    fn the_long_term_targets_are_twelve_ten_and_eighty_percent() {
        let met = |month, drawdown, wins| {
            long_term(&rules(), Some(month), Some(drawdown), Some(wins))
                .iter()
                .map(|measure| measure.met.unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(met(12.0, 9.99, 80.0), [true, true, true]);
        assert_eq!(met(11.99, 10.0, 79.9), [false, false, false]);
        let unknown = long_term(&rules(), None, None, None);
        assert!(unknown.iter().all(|measure| measure.met.is_none()));
    }
}
