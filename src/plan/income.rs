use std::{collections::BTreeMap, fmt};

use chrono::{Datelike, Months, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    account::StrategyId,
    config::plan::PlanRules,
    money::{Gbp, to_f64},
};

/// A month of the calendar, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a date.
    pub fn of(date: NaiveDate) -> Self {
        Self(date.with_day(1).unwrap_or(date))
    }

    /// The month before.
    #[must_use]
    pub fn before(self) -> Self {
        Self::of(self.0.pred_opt().unwrap_or(self.0))
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        let next = self.0.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
        next.pred_opt().unwrap_or(next)
    }
}

/// `2026-10`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.format("%Y-%m").to_string())
    }
}

/// An open position, as far as its income goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLine {
    /// Whose.
    pub strategy: StrategyId,
    /// The day of its first fill.
    pub opened: NaiveDate,
    /// Its nearest expiration.
    pub expires: NaiveDate,
    /// What it brings if it closes at its profit target: the target's share of its credit, less
    /// its fees so far. Zero for what was bought: it has no income to count on.
    pub at_target: Gbp,
}

impl OpenLine {
    /// What of it falls into a month: it comes evenly over the days from the first fill to the
    /// expiration, both counted.
    pub fn expected_in(&self, month: Month) -> Gbp {
        let days = |from: NaiveDate, to: NaiveDate| ((to - from).num_days() + 1).max(0);
        let inside = days(self.opened.max(month.first()), self.expires.min(month.last()));
        let all = days(self.opened, self.expires);
        if all == 0 {
            return Gbp::ZERO;
        }
        Gbp(self.at_target.0 * Decimal::from(inside) / Decimal::from(all))
    }
}

/// What a closed position brought, after fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Realised {
    /// Whose.
    pub strategy: StrategyId,
    /// Its profit or loss.
    pub pnl: Gbp,
}

/// A month's income against its target, rounded to the penny.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Income {
    /// `2026-10`.
    pub month: String,
    /// The account's phase; `None` below the first.
    pub phase: Option<u8>,
    /// What the month is to bring; `None` without a phase.
    pub target_gbp: Option<Gbp>,
    /// Closed in the month, after fees.
    pub realised_gbp: Gbp,
    /// What the open book brings if each position closes at its profit target.
    pub open_at_target_gbp: Gbp,
    /// What of that falls into the month.
    pub expected_gbp: Gbp,
    /// What is missing when both have come; zero when nothing is.
    pub shortfall_gbp: Option<Gbp>,
    /// The target apportioned. It never sets a size.
    pub strategies: Vec<IncomeLine>,
}

/// A strategy's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncomeLine {
    /// The strategy.
    pub strategy: String,
    /// Its share of the target; zero for one the plan does not count on.
    pub share_percent: f64,
    /// The same in pounds.
    pub target_gbp: Option<Gbp>,
    /// Closed in the month, after fees.
    pub realised_gbp: Gbp,
    /// What its open positions may bring of the month.
    pub expected_gbp: Gbp,
    /// What is missing of its part; zero when nothing is.
    pub shortfall_gbp: Option<Gbp>,
}

/// Sums of a strategy, not rounded.
#[derive(Default, Clone, Copy)]
struct Sums {
    realised: Gbp,
    at_target: Gbp,
    expected: Gbp,
}

/// The income of a month: what was closed in it and what the open book may bring, against the
/// target of the account's phase.
pub fn income(
    rules: &PlanRules,
    phase: Option<u8>,
    month: Month,
    closed: &[Realised],
    open: &[OpenLine],
) -> Income {
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    for (name, _) in rules.share.by_name() {
        sums.insert(name, Sums::default());
    }
    for line in closed {
        sums.entry(line.strategy.name()).or_default().realised += line.pnl;
    }
    for line in open {
        let of = sums.entry(line.strategy.name()).or_default();
        of.at_target += line.at_target;
        of.expected += line.expected_in(month);
    }
    let place = phase.and_then(|number| usize::from(number).checked_sub(1));
    let target = place.and_then(|place| rules.income_gbp.get(place)).map(|gbp| Gbp(*gbp));
    let all = sums.values().fold(Sums::default(), |all, of| Sums {
        realised: all.realised + of.realised,
        at_target: all.at_target + of.at_target,
        expected: all.expected + of.expected,
    });
    Income {
        month: month.to_string(),
        phase,
        target_gbp: target,
        realised_gbp: all.realised.rounded(),
        open_at_target_gbp: all.at_target.rounded(),
        expected_gbp: all.expected.rounded(),
        shortfall_gbp: target.map(|target| missing(target, all)),
        strategies: lines(rules, target, sums),
    }
}

/// Those of the target in its order, then the others by name.
fn lines(rules: &PlanRules, target: Option<Gbp>, sums: BTreeMap<&str, Sums>) -> Vec<IncomeLine> {
    let shares = rules.share.by_name();
    let share_of = |name: &str| shares.iter().position(|(known, _)| *known == name);
    let mut named: Vec<(&str, Sums)> = sums.into_iter().collect();
    named.sort_by_key(|(name, _)| share_of(name).unwrap_or(shares.len()));
    let line = |(name, of): (&str, Sums)| {
        let share = share_of(name).map_or(Decimal::ZERO, |place| shares[place].1);
        let part = target.map(|target| Gbp(target.0 * share / Decimal::ONE_HUNDRED));
        IncomeLine {
            strategy: name.to_owned(),
            share_percent: to_f64(share),
            target_gbp: part.map(Gbp::rounded),
            realised_gbp: of.realised.rounded(),
            expected_gbp: of.expected.rounded(),
            shortfall_gbp: part.map(|part| missing(part, of)),
        }
    };
    named.into_iter().map(line).collect()
}

fn missing(target: Gbp, of: Sums) -> Gbp {
    (target - of.realised - of.expected).max(Gbp::ZERO).rounded()
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn open(opened: &str, expires: &str, at_target: Decimal) -> OpenLine {
        OpenLine {
            strategy: StrategyId::Friday0dte,
            opened: date(opened),
            expires: date(expires),
            at_target: Gbp(at_target),
        }
    }

    #[test]
    fn the_target_is_that_of_the_phase_and_apportioned_forty_thirty_five_twenty_five() {
        let rules = Rulebook::embedded().plan;
        let month = Month::of(date("2026-10-16"));
        for (phase, wanted) in
            [(Some(1), 3000), (Some(2), 5000), (Some(3), 7500), (Some(4), 10_000)]
        {
            let found = income(&rules, phase, month, &[], &[]);
            let wanted = Decimal::from(wanted);
            assert_eq!((&*found.month, found.phase), ("2026-10", phase));
            assert_eq!(found.target_gbp, Some(Gbp(wanted)));
            assert_eq!(found.shortfall_gbp, found.target_gbp);
            let parts: Vec<_> =
                found.strategies.iter().map(|l| (&*l.strategy, l.target_gbp.unwrap().0)).collect();
            let share = |percent: Decimal| wanted * percent;
            let parts_wanted = [
                ("friday_0dte", share(dec!(0.40))),
                ("lt112", share(dec!(0.35))),
                ("strangle", share(dec!(0.25))),
            ];
            assert_eq!(parts, parts_wanted);
        }
    }

    #[test]
    fn without_a_phase_there_is_no_target_and_no_shortfall() {
        let rules = Rulebook::embedded().plan;
        for phase in [None, Some(0), Some(9)] {
            let found = income(&rules, phase, Month::of(date("2026-10-16")), &[], &[]);
            assert_eq!((found.target_gbp, found.shortfall_gbp), (None, None));
            assert!(found.strategies.iter().all(|line| line.shortfall_gbp.is_none()));
        }
    }

    #[test]
    fn income_at_target_comes_evenly_until_the_expiration() {
        let october = Month::of(date("2026-10-16"));
        let cases = [
            ("2026-10-16", "2026-10-16", dec!(150)), // a same-day trade is of its day
            ("2026-10-01", "2026-10-31", dec!(150)),
            ("2026-10-22", "2026-11-20", dec!(50)), // 10 days of 30
            ("2026-09-21", "2026-10-20", dec!(100)), // 20 days of 30
            ("2026-08-02", "2026-12-30", dec!(150) * dec!(31) / dec!(151)),
            ("2026-11-01", "2026-11-30", dec!(0)),
            ("2026-11-02", "2026-11-01", dec!(0)), // a row that makes no sense
        ];
        for (opened, expires, wanted) in cases {
            let found = open(opened, expires, dec!(150)).expected_in(october);
            assert_eq!(found, Gbp(wanted), "{opened} to {expires}");
        }
    }

    #[test]
    fn what_was_closed_and_what_may_come_is_held_against_the_target() {
        let rules = Rulebook::embedded().plan;
        let month = Month::of(date("2026-10-16"));
        let closed = [dec!(900), dec!(-100.005)]
            .map(|pnl| Realised { strategy: StrategyId::Friday0dte, pnl: Gbp(pnl) });
        let by_hand = Realised { strategy: StrategyId::External, pnl: Gbp(dec!(50)) };
        let book = [open("2026-10-22", "2026-11-20", dec!(300))];
        let found = income(&rules, Some(1), month, &[&closed[..], &[by_hand]].concat(), &book);
        assert_eq!(found.realised_gbp, Gbp(dec!(850.00)));
        assert_eq!(
            (found.open_at_target_gbp, found.expected_gbp),
            (Gbp(dec!(300)), Gbp(dec!(100)))
        );
        assert_eq!(found.shortfall_gbp, Some(Gbp(dec!(2050.01))));
        let names: Vec<&str> = found.strategies.iter().map(|line| &*line.strategy).collect();
        assert_eq!(names, ["friday_0dte", "lt112", "strangle", "external"]);
        let zdte = &found.strategies[0];
        assert_eq!(zdte.shortfall_gbp, Some(Gbp(dec!(300.01))));
        let other = &found.strategies[3];
        assert_eq!((other.target_gbp, other.shortfall_gbp), (Some(Gbp::ZERO), Some(Gbp::ZERO)));
    }

    proptest! {
        #[test]
        fn the_months_of_a_position_make_its_whole_income(
            opened in 0_u64..700, lasts in 0_u64..400, cents in -100_000_i64..1_000_000,
        ) {
            let first = date("2025-01-01") + Days::new(opened);
            let line = OpenLine {
                strategy: StrategyId::Friday0dte,
                opened: first,
                expires: first + Days::new(lasts),
                at_target: Gbp(Decimal::new(cents, 2)),
            };
            let mut month = Month::of(line.opened);
            let mut all = Gbp::ZERO;
            while month.first() <= line.expires {
                all += line.expected_in(month);
                month = Month::of(month.last() + Days::new(1));
            }
            prop_assert_eq!(all.rounded(), line.at_target);
        }
    }
}
