//! The forced reduction of rulebook §1: a lower band of VIX stops entries only; positions are closed
//! where buying power was over the cap by 5 points through 30 minutes of regular hours and the
//! broker's excess is below 10 % of net liquidation.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::minutes;
use crate::{clock::Timestamp, config::breakers::ForcedRules, money::Usd};

/// Between two looks that are farther apart nothing is known, and nothing counts.
const GAP_MAX: TimeDelta = TimeDelta::minutes(10);

/// How much buying power is in use at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// The moment.
    pub at: Timestamp,
    /// A session is under way.
    pub in_session: bool,
    /// Requirement, percent of sizing capital.
    pub used_percent: Decimal,
    /// The effective cap, percent of sizing capital.
    pub cap_percent: Decimal,
    /// Net liquidation.
    pub net_liquidation: Usd,
    /// Requirement.
    pub requirement: Usd,
}

impl Usage {
    /// What the broker would still lend, percent of net liquidation.
    pub fn excess_percent(&self) -> Decimal {
        if !self.net_liquidation.is_positive() {
            return Decimal::ZERO;
        }
        let excess = self.net_liquidation - self.requirement;
        excess.0 / self.net_liquidation.0 * Decimal::ONE_HUNDRED
    }
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Regular hours over the cap so far, seconds.
    pub over_seconds: i64,
    /// The last look of the session under way.
    pub looked_at: Option<Timestamp>,
}

/// One look: true when positions are to be closed until the requirement is back at the cap.
pub fn look(rules: &ForcedRules, state: &mut State, seen: &Usage) -> bool {
    if !seen.in_session {
        state.looked_at = None;
        return false;
    }
    if seen.used_percent < seen.cap_percent + rules.over_points {
        *state = State { over_seconds: 0, looked_at: Some(seen.at) };
        return false;
    }
    let since = state.looked_at.map_or(TimeDelta::zero(), |last| seen.at - last);
    if since > TimeDelta::zero() && since <= GAP_MAX {
        state.over_seconds = state.over_seconds.saturating_add(since.num_seconds());
    }
    state.looked_at = Some(seen.at);
    let long = state.over_seconds >= minutes(rules.minutes).num_seconds();
    long && seen.excess_percent() < rules.excess_percent
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    fn at(clock: &str) -> Timestamp {
        format!("2024-08-05T{clock}-04:00").parse().unwrap()
    }

    fn usage(clock: &str, used: Decimal, excess: Decimal) -> Usage {
        Usage {
            at: at(clock),
            in_session: ("09:30:00".."16:00:00").contains(&clock),
            used_percent: used,
            cap_percent: dec!(50),
            net_liquidation: Usd(dec!(1000)),
            requirement: Usd(dec!(1000) - excess * dec!(10)),
        }
    }

    /// Minutes from the first to the look that closes, looking each five minutes.
    fn trips(looks: impl Iterator<Item = Usage>) -> Option<Timestamp> {
        let rules = Rulebook::embedded().breakers.forced;
        let mut state = State::default();
        looks.filter(|seen| look(&rules, &mut state, seen)).map(|seen| seen.at).next()
    }

    fn each_five_minutes(used: Decimal, excess: Decimal) -> impl Iterator<Item = Usage> {
        (0..20).map(move |n| {
            let clock = format!("{:02}:{:02}:00", 10 + n * 5 / 60, n * 5 % 60);
            usage(&clock, used, excess)
        })
    }

    #[test]
    fn five_points_over_for_half_an_hour_with_little_excess_closes() {
        assert_eq!(trips(each_five_minutes(dec!(55), dec!(9.99))), Some(at("10:30:00")));
        assert_eq!(trips(each_five_minutes(dec!(54.99), dec!(5))), None);
        assert_eq!(trips(each_five_minutes(dec!(70), dec!(10))), None);
    }

    #[test]
    fn a_look_under_the_bound_begins_anew_and_the_night_counts_nothing() {
        let with_a_gap = each_five_minutes(dec!(60), dec!(5)).enumerate().map(|(n, mut seen)| {
            if n == 4 {
                seen.used_percent = dec!(50);
            }
            seen
        });
        assert_eq!(trips(with_a_gap), Some(at("10:50:00")));
        let late = ["15:45:00", "15:50:00", "15:55:00", "16:05:00", "18:00:00"];
        let evening = late.iter().map(|clock| usage(clock, dec!(60), dec!(5)));
        assert_eq!(trips(evening), None);
        // Nothing is known between looks far apart.
        let rare = ["10:00:00", "11:00:00", "12:00:00"];
        assert_eq!(trips(rare.iter().map(|clock| usage(clock, dec!(60), dec!(5)))), None);
    }

    #[test]
    fn half_an_hour_may_lie_on_two_sessions() {
        let rules = Rulebook::embedded().breakers.forced;
        let mut state = State::default();
        let mut step = |clock: &str| look(&rules, &mut state, &usage(clock, dec!(60), dec!(5)));
        for clock in ["15:40:00", "15:45:00", "15:50:00", "15:55:00", "16:05:00"] {
            assert!(!step(clock), "{clock}");
        }
        let next = ["09:35:00", "09:40:00", "09:45:00", "09:50:00"];
        assert_eq!(next.map(&mut step), [false, false, false, true]);
    }
}
