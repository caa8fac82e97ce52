use chrono::{Datelike, Months, NaiveDate};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde::{Deserialize, Serialize};

use crate::{
    config::plan::PlanRules,
    money::{Gbp, to_f64},
};

/// Where the account stands on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Above the band.
    Ahead,
    /// Inside the band.
    On,
    /// Below the band. It never raises size.
    Behind,
}

impl Standing {
    /// The word in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::On => "on",
            Self::Behind => "behind",
        }
    }
}

/// Capital deployed in a month of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// From so much,
    pub from_gbp: Gbp,
    /// to so much.
    pub to_gbp: Gbp,
}

/// The end of a month of the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathRow {
    /// Its number, from 1.
    pub month: u32,
    /// Its last day.
    pub ends_date: NaiveDate,
    /// Net liquidation that leads to the target.
    pub planned_gbp: Gbp,
    /// Net liquidation at the growth beyond which risk is too high.
    pub at_limit_gbp: Gbp,
    /// Capital deployed; `None` in the months of growth.
    pub deployed: Option<Deployed>,
}

/// The path, and where the account stands on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compounding {
    /// The first day of month 1.
    pub started_date: NaiveDate,
    /// The day it is told of.
    pub date: NaiveDate,
    /// The month of the path `date` is in, from 1; beyond the last the path is over.
    pub month: u32,
    /// Where the path starts.
    pub start_gbp: Gbp,
    /// Where it leads.
    pub target_gbp: Gbp,
    /// In so many months.
    pub months: u32,
    /// Growth a month that leads there.
    pub planned_month_percent: f64,
    /// Growth a month beyond which risk is too high.
    pub limit_month_percent: f64,
    /// Net liquidation now; `None` when not known.
    pub net_liquidation_gbp: Option<Gbp>,
    /// The path on `date`.
    pub planned_gbp: Gbp,
    /// Net liquidation over the path, less one.
    pub gap_percent: Option<f64>,
    /// Inside so much of the path is on it.
    pub band_percent: f64,
    /// Ahead, on or behind.
    pub standing: Option<Standing>,
    /// Growth a month that would still reach the target in time; `None` when it is reached, the
    /// path is over, or nothing is known.
    pub needed_month_percent: Option<f64>,
    /// Growth of the last month, measured, transfers taken out.
    pub grown_month_percent: Option<f64>,
    /// More growth than the limit was had, or would be needed.
    pub over_risk: bool,
    /// What to take from this, in words.
    pub advice: Vec<String>,
    /// The path, month by month.
    pub path: Vec<PathRow>,
}

/// The path of a plan that began on `started`, and where net liquidation stands on it on `today`.
/// `grown_percent` is the time-weighted return of the last month.
pub fn compounding(
    rules: &PlanRules,
    started: NaiveDate,
    today: NaiveDate,
    now: Option<Gbp>,
    grown_percent: Option<f64>,
) -> Compounding {
    let elapsed = months_between(started, today);
    let months = f64::from(rules.months);
    let planned = along(rules, elapsed);
    let gap = now.filter(|_| planned.0 > Decimal::ZERO).map(|now| percent_over(now, planned));
    let left = months - elapsed;
    let needed = now.filter(|now| now.is_positive() && left > 0.0 && now.0 < rules.target_gbp);
    let needed = needed.map(|now| monthly_percent(to_f64(now.0), to_f64(rules.target_gbp), left));
    let limit = to_f64(rules.over_risk_percent);
    let band = to_f64(rules.band_percent);
    let mut found = Compounding {
        started_date: started,
        date: today,
        month: month_number(elapsed),
        start_gbp: Gbp(rules.start_gbp),
        target_gbp: Gbp(rules.target_gbp),
        months: rules.months,
        planned_month_percent: planned_percent(rules),
        limit_month_percent: limit,
        net_liquidation_gbp: now.map(Gbp::rounded),
        planned_gbp: planned,
        gap_percent: gap,
        band_percent: band,
        standing: gap.map(|gap| standing(gap, band)),
        needed_month_percent: needed,
        grown_month_percent: grown_percent,
        over_risk: [needed, grown_percent].into_iter().flatten().any(|rate| rate > limit),
        advice: Vec::new(),
        path: (1..=rules.months).map(|month| row(rules, started, month)).collect(),
    };
    found.advice = advice(&found);
    found
}

fn standing(gap_percent: f64, band_percent: f64) -> Standing {
    if gap_percent > band_percent {
        Standing::Ahead
    } else if gap_percent < -band_percent {
        Standing::Behind
    } else {
        Standing::On
    }
}

/// Growth a month from one amount to another, percent.
fn monthly_percent(from: f64, to: f64, months: f64) -> f64 {
    ((to / from).powf(1.0 / months) - 1.0) * 100.0
}

fn planned_percent(rules: &PlanRules) -> f64 {
    monthly_percent(to_f64(rules.start_gbp), to_f64(rules.target_gbp), f64::from(rules.months))
}

/// The path after so many months: never beyond its end.
fn along(rules: &PlanRules, elapsed: f64) -> Gbp {
    let months = f64::from(rules.months);
    if elapsed >= months {
        return Gbp(rules.target_gbp);
    }
    grown(rules.start_gbp, planned_percent(rules), elapsed)
}

fn grown(start: Decimal, percent: f64, months: f64) -> Gbp {
    let worth = to_f64(start) * (1.0 + percent / 100.0).powf(months);
    // A start and a rate within their bounds stay far inside a decimal for any month of a century;
    // beyond, the most an amount may be stands for it.
    Gbp(Decimal::from_f64(worth).unwrap_or(crate::money::AMOUNT_MAX)).rounded()
}

fn percent_over(now: Gbp, planned: Gbp) -> f64 {
    to_f64((now.0 / planned.0 - Decimal::ONE) * Decimal::ONE_HUNDRED)
}

fn row(rules: &PlanRules, started: NaiveDate, month: u32) -> PathRow {
    let deployed = rules.deployed.get(month as usize - 1);
    let next = started.checked_add_months(Months::new(month)).unwrap_or(NaiveDate::MAX);
    PathRow {
        month,
        ends_date: next.pred_opt().unwrap_or(next),
        planned_gbp: along(rules, f64::from(month)),
        at_limit_gbp: grown(rules.start_gbp, to_f64(rules.over_risk_percent), f64::from(month)),
        deployed: deployed
            .map(|range| Deployed { from_gbp: Gbp(range.from_gbp), to_gbp: Gbp(range.to_gbp) }),
    }
}

/// Whole months from a date and the share of the one that runs; zero before it.
fn months_between(started: NaiveDate, today: NaiveDate) -> f64 {
    if today <= started {
        return 0.0;
    }
    let by_name = (today.year() - started.year()) * 12 + today.month0().cast_signed()
        - started.month0().cast_signed();
    let mut whole = u32::try_from(by_name).unwrap_or(0);
    let after = |months: u32| started.checked_add_months(Months::new(months));
    if after(whole).is_none_or(|begins| begins > today) {
        whole = whole.saturating_sub(1);
    }
    let (Some(begins), Some(ends)) = (after(whole), after(whole + 1)) else {
        return f64::from(whole);
    };
    let share = (today - begins).num_days() as f64 / (ends - begins).num_days() as f64;
    f64::from(whole) + share
}

fn month_number(elapsed: f64) -> u32 {
    // Months since any date of the calendar are far below 2^32 and not below zero.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = elapsed as u32;
    whole + 1
}

fn advice(found: &Compounding) -> Vec<String> {
    let mut said = Vec::new();
    let limit = found.limit_month_percent;
    if let Some(grown) = found.grown_month_percent.filter(|grown| *grown > limit) {
        said.push(format!(
            "Over-risk: the last month grew {grown:.2} % > {limit:.2} %; more was risked than the \
             plan asks for."
        ));
    }
    if let Some(needed) = found.needed_month_percent.filter(|needed| *needed > limit) {
        let target = found.target_gbp;
        said.push(format!(
            "Over-risk: {target} in time would need {needed:.2} % a month > {limit:.2} %; it will \
             come later."
        ));
    }
    if found.standing == Some(Standing::Behind) {
        said.push("Behind never raises size.".to_owned());
    }
    if found.month > found.months {
        said.push(format!("The plan's {} months are over.", found.months));
    }
    said
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn on(today: &str, now: Decimal) -> Compounding {
        let rules = Rulebook::embedded().plan;
        compounding(&rules, date("2026-01-05"), date(today), Some(Gbp(now)), None)
    }

    #[test]
    fn twelve_percent_gives_86659_at_month_eight_and_80000_needs_10_89() {
        let found = on("2026-01-05", dec!(35000));
        assert_eq!(found.path.len(), 8);
        let last = &found.path[7];
        assert_eq!(last.at_limit_gbp.0.round(), dec!(86659));
        assert_eq!((last.planned_gbp, last.month), (Gbp(dec!(80000)), 8));
        assert_eq!(last.ends_date, date("2026-09-04"));
        assert!((found.planned_month_percent - 10.89).abs() < 0.005, "{found:?}");
        assert!(!found.over_risk);
    }

    #[test]
    fn the_first_months_deploy_and_the_later_ones_grow() {
        let path = on("2026-01-05", dec!(35000)).path;
        let ranges: Vec<Option<(Decimal, Decimal)>> =
            path.iter().map(|row| row.deployed.map(|d| (d.from_gbp.0, d.to_gbp.0))).collect();
        let wanted = [
            Some((dec!(5000), dec!(10000))),
            Some((dec!(10000), dec!(20000))),
            Some((dec!(20000), dec!(35000))),
        ];
        assert_eq!(ranges[..3], wanted);
        assert_eq!(ranges[3..], [None; 5]);
    }

    #[test]
    fn the_band_tells_ahead_on_and_behind() {
        // Three months in: 35000 x (80/35)^(3/8).
        let planned = on("2026-04-05", dec!(1)).planned_gbp;
        assert_eq!(planned, Gbp(dec!(47720.09)));
        let cases = [
            (dec!(1.0501), Standing::Ahead),
            (dec!(1.0499), Standing::On),
            (dec!(1), Standing::On),
            (dec!(0.9501), Standing::On),
            (dec!(0.9499), Standing::Behind),
        ];
        for (share, wanted) in cases {
            let found = on("2026-04-05", planned.0 * share);
            assert_eq!(found.standing, Some(wanted), "{share}");
            let said = found.advice.iter().any(|line| line == "Behind never raises size.");
            assert_eq!(said, wanted == Standing::Behind);
        }
    }

    #[test]
    fn more_than_twelve_percent_had_or_needed_is_over_risk() {
        let rules = Rulebook::embedded().plan;
        let (started, today) = (date("2026-01-05"), date("2026-04-05"));
        let grew =
            |percent| compounding(&rules, started, today, Some(Gbp(dec!(47720.09))), Some(percent));
        assert!(!grew(12.0).over_risk);
        let warned = grew(12.01);
        assert!(warned.over_risk);
        assert!(warned.advice[0].starts_with("Over-risk: the last month grew 12.01 % > 12.00 %"));
        let late = on("2026-04-05", dec!(40000));
        assert!(late.over_risk && late.needed_month_percent.unwrap() > 14.8);
        assert!(late.advice[0].contains("would need 14.87 % a month > 12.00 %"), "{late:?}");
    }

    #[test]
    fn months_are_counted_from_day_to_day_of_the_month() {
        for (started, today, wanted) in [
            ("2026-01-31", "2026-01-31", 0.0),
            ("2026-01-31", "2026-01-01", 0.0),
            ("2026-01-31", "2026-02-28", 1.0),
            ("2026-01-15", "2026-02-14", 30.0 / 31.0),
            ("2026-01-15", "2026-02-15", 1.0),
            ("2025-11-30", "2026-02-28", 3.0),
            ("2026-01-05", "2027-01-05", 12.0),
        ] {
            let found = months_between(date(started), date(today));
            assert!((found - wanted).abs() < 1e-12, "{started} to {today}: {found}");
        }
        let over = on("2026-12-01", dec!(90000));
        assert_eq!((over.month, over.planned_gbp), (11, Gbp(dec!(80000))));
        assert_eq!((over.needed_month_percent, over.standing), (None, Some(Standing::Ahead)));
        assert_eq!(over.advice, ["The plan's 8 months are over."]);
    }

    #[test]
    fn nothing_known_gives_no_standing() {
        let rules = Rulebook::embedded().plan;
        let found = compounding(&rules, date("2026-01-05"), date("2026-02-05"), None, None);
        assert_eq!((found.standing, found.gap_percent), (None, None));
        assert_eq!((found.needed_month_percent, found.over_risk), (None, false));
        for broke in [dec!(0), dec!(-100)] {
            assert_eq!(on("2026-02-05", broke).needed_month_percent, None);
            assert_eq!(on("2026-02-05", broke).standing, Some(Standing::Behind));
        }
    }

    proptest! {
        /// Who grows as needed from here arrives.
        #[test]
        fn the_needed_growth_reaches_the_target(day in 0_u64..230, worth in 100_000_i64..7_900_000) {
            let today = date("2026-01-05") + chrono::Days::new(day);
            let rules = Rulebook::embedded().plan;
            let now = Gbp(Decimal::new(worth, 2));
            let found = compounding(&rules, date("2026-01-05"), today, Some(now), None);
            let needed = found.needed_month_percent.unwrap();
            let left = 8.0 - months_between(found.started_date, today);
            let reached = to_f64(now.0) * (1.0 + needed / 100.0).powf(left);
            prop_assert!((reached - 80_000.0).abs() < 0.01, "{reached}");
            prop_assert!(found.path.windows(2).all(|two| two[0].planned_gbp < two[1].planned_gbp));
        }
    }
}
