//! What only history tells: the 52-week high and the rank of implied volatility. Pure: daily bars
//! or closes in, `Known` or `Unknown` with its reason out. A year is 252 sessions; what has fewer,
//! has holes, or does not reach up to the session before, is not known.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::DailyBar;
use crate::money::to_f64;

/// Sessions of a year.
pub const YEAR_SESSIONS: usize = 252;

/// 252 sessions lie within so many days, whichever they are; those over more have holes.
const YEAR_DAYS_MAX: i64 = 375;

/// The highest print of the last 252 sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YearHigh {
    /// It is known.
    Known {
        /// The high, in points.
        high: Decimal,
        /// Its session; the last one of equal highs.
        date: NaiveDate,
    },
    /// It is not, and nothing may be decided by it.
    Unknown {
        /// Why.
        reason: Unknown,
    },
}

/// Where implied volatility stands between the lowest and the highest close of 252 sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IvRank {
    /// It is known.
    Known {
        /// `(now - low) / (high - low)`, percent, 0 to 100: a level outside the year's closes has
        /// the rank of the nearer end.
        rank_percent: f64,
        /// The lowest close, in points.
        low: Decimal,
        /// The highest close, in points.
        high: Decimal,
    },
    /// It is not, and nothing may be decided by it.
    Unknown {
        /// Why.
        reason: Unknown,
    },
}

/// Why history does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Too few sessions.
    Few {
        /// How many there are.
        known: usize,
    },
    /// They end before the last session.
    Ends {
        /// The last of them.
        last: NaiveDate,
        /// The session before now.
        session: NaiveDate,
    },
    /// They reach back over more than a year.
    Holes {
        /// The first of the 252.
        first: NaiveDate,
        /// The last of them.
        last: NaiveDate,
    },
    /// The level now is not above zero.
    NoLevel,
    /// All closes are the same, so there is no range.
    Flat,
}

/// `unknown: 120 of 252 sessions`.
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few { known } => write!(f, "unknown: {known} of {YEAR_SESSIONS} sessions"),
            Self::Ends { last, session } => {
                write!(f, "unknown: history ends on {last}, the last session was {session}")
            }
            Self::Holes { first, last } => {
                write!(f, "unknown: {YEAR_SESSIONS} sessions from {first} to {last} have holes")
            }
            Self::NoLevel => f.write_str("unknown: there is no level now"),
            Self::Flat => f.write_str("unknown: a year of closes at one level"),
        }
    }
}

impl YearHigh {
    /// From daily bars in ascending order, today's own left out. `session` is the session before
    /// today, up to which they must reach.
    ///
    /// ```
    /// use tomking::market::history::{Unknown, YearHigh};
    ///
    /// let session = "2026-10-15".parse().unwrap();
    /// let none = YearHigh::Unknown { reason: Unknown::Few { known: 0 } };
    /// assert_eq!(YearHigh::of(&[], session), none);
    /// ```
    pub fn of(bars: &[DailyBar], session: NaiveDate) -> Self {
        let bars: Vec<DailyBar> = bars.iter().copied().filter(|bar| bar.date <= session).collect();
        match year(&bars, |bar| bar.date, session) {
            Err(reason) => Self::Unknown { reason },
            Ok(year) => {
                year.iter()
                    .max_by_key(|bar| (bar.high, bar.date))
                    .map_or(Self::Unknown { reason: Unknown::Few { known: 0 } }, |bar| {
                        Self::Known { high: bar.high, date: bar.date }
                    })
            }
        }
    }

    /// Whether a price lies within `percent` of the high, or above it; `None` when the high is not
    /// known.
    pub fn is_near(&self, price: Decimal, percent: Decimal) -> Option<bool> {
        let Self::Known { high, .. } = self else { return None };
        let share = (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED;
        Some(price >= *high * share)
    }
}

impl IvRank {
    /// From closes in ascending order, today's own left out, and the level now. `session` is the
    /// session before today, up to which they must reach.
    pub fn of(closes: &[(NaiveDate, Decimal)], now: Decimal, session: NaiveDate) -> Self {
        match Self::known(closes, now, session) {
            Ok(known) => known,
            Err(reason) => Self::Unknown { reason },
        }
    }

    fn known(
        closes: &[(NaiveDate, Decimal)],
        now: Decimal,
        session: NaiveDate,
    ) -> Result<Self, Unknown> {
        let closes: Vec<(NaiveDate, Decimal)> =
            closes.iter().copied().filter(|(date, _)| *date <= session).collect();
        let year = year(&closes, |(date, _)| *date, session)?;
        let levels = year.iter().map(|(_, close)| *close);
        let (low, high) = (levels.clone().min(), levels.max());
        let (low, high) = low.zip(high).ok_or(Unknown::Few { known: 0 })?;
        if now <= Decimal::ZERO {
            return Err(Unknown::NoLevel);
        }
        if low == high {
            return Err(Unknown::Flat);
        }
        let rank = (now.clamp(low, high) - low) / (high - low) * Decimal::ONE_HUNDRED;
        Ok(Self::Known { rank_percent: to_f64(rank), low, high })
    }

    /// The rank, percent; `None` when it is not known.
    pub fn percent(&self) -> Option<f64> {
        match self {
            Self::Known { rank_percent, .. } => Some(*rank_percent),
            Self::Unknown { .. } => None,
        }
    }
}

/// The last 252 of some rows, when they are a year up to `session`.
fn year<T>(
    rows: &[T],
    date: impl Fn(&T) -> NaiveDate,
    session: NaiveDate,
) -> Result<&[T], Unknown> {
    let from = rows.len().checked_sub(YEAR_SESSIONS);
    let year = from.map_or(&[][..], |from| &rows[from..]);
    let (Some(first), Some(last)) = (year.first().map(&date), year.last().map(&date)) else {
        return Err(Unknown::Few { known: rows.len() });
    };
    if last < session {
        return Err(Unknown::Ends { last, session });
    }
    if (last - first).num_days() > YEAR_DAYS_MAX {
        return Err(Unknown::Holes { first, last });
    }
    Ok(year)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::dec;

    use super::*;
    use crate::calendar::{Calendar, Exchange};

    const LAST: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 15).unwrap();

    /// The last so many sessions up to [`LAST`], ascending.
    fn sessions(count: usize) -> Vec<NaiveDate> {
        let from = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let all = Calendar::default().sessions(Exchange::Xnys, from, LAST);
        all[all.len() - count..].iter().map(|session| session.date).collect()
    }

    fn bars(highs: &[(NaiveDate, Decimal)]) -> Vec<DailyBar> {
        let bar = |(date, high): &(NaiveDate, Decimal)| DailyBar {
            date: *date,
            open: *high,
            high: *high,
            low: dec!(1),
            close: dec!(1),
        };
        highs.iter().map(bar).collect()
    }

    fn flat(count: usize, level: Decimal) -> Vec<(NaiveDate, Decimal)> {
        sessions(count).into_iter().map(|date| (date, level)).collect()
    }

    #[test]
    fn the_high_is_of_the_last_252_sessions_and_no_more() {
        let mut rows = flat(300, dec!(5000));
        rows[47].1 = dec!(9999); // the 253rd from the end
        rows[48].1 = dec!(6000);
        rows[100].1 = dec!(6000);
        let high = YearHigh::of(&bars(&rows), LAST);
        assert_eq!(high, YearHigh::Known { high: dec!(6000), date: rows[100].0 });
        assert_eq!(high.is_near(dec!(5940), dec!(1)), Some(true));
        assert_eq!(high.is_near(dec!(5939.99), dec!(1)), Some(false));
        assert_eq!(high.is_near(dec!(6100), dec!(1)), Some(true));
    }

    #[test]
    fn the_rank_is_the_place_between_low_and_high() {
        let mut rows = flat(252, dec!(20));
        (rows[3].1, rows[200].1) = (dec!(10), dec!(50));
        for (now, wanted) in
            [(dec!(10), 0.0), (dec!(22), 30.0), (dec!(30), 50.0), (dec!(50), 100.0)]
        {
            let found = IvRank::of(&rows, now, LAST);
            assert_eq!(found.percent(), Some(wanted), "{now}");
        }
        for (now, wanted) in [(dec!(9), 0.0), (dec!(65.73), 100.0)] {
            assert_eq!(IvRank::of(&rows, now, LAST).percent(), Some(wanted), "{now}");
        }
    }

    #[test]
    fn what_is_not_a_year_up_to_yesterday_is_not_known() {
        let told = |rows: &[(NaiveDate, Decimal)], now| match IvRank::of(rows, now, LAST) {
            IvRank::Unknown { reason } => reason.to_string(),
            known @ IvRank::Known { .. } => panic!("{known:?}"),
        };
        let mut rows = flat(253, dec!(20));
        rows[100].1 = dec!(30);
        assert_eq!(told(&rows[2..], dec!(20)), "unknown: 251 of 252 sessions");
        assert_eq!(told(&[], dec!(20)), "unknown: 0 of 252 sessions");
        let ends = "unknown: history ends on 2026-10-14, the last session was 2026-10-15";
        assert_eq!(told(&rows[..252], dec!(20)), ends);
        assert_eq!(told(&rows, dec!(0)), "unknown: there is no level now");
        assert_eq!(told(&flat(252, dec!(20)), dec!(20)), "unknown: a year of closes at one level");
        let mut holes = flat(300, dec!(20));
        holes.drain(150..180);
        let found = told(&holes, dec!(20));
        assert!(found.starts_with("unknown: 252 sessions from 2025-") && found.ends_with("holes"));
        let high = YearHigh::of(&bars(&rows[2..]), LAST);
        assert_eq!(high, YearHigh::Unknown { reason: Unknown::Few { known: 251 } });
        assert_eq!(high.is_near(dec!(1), dec!(1)), None);
    }

    #[test]
    fn what_is_dated_after_the_session_before_is_not_looked_at() {
        let mut rows = flat(252, dec!(20));
        rows[0].1 = dec!(10);
        let today = LAST.succ_opt().unwrap();
        rows.push((today, dec!(90)));
        assert_eq!(IvRank::of(&rows, dec!(20), LAST).percent(), Some(100.0));
        let YearHigh::Known { high, .. } = YearHigh::of(&bars(&rows), LAST) else { panic!() };
        assert_eq!(high, dec!(20));
    }

    /// The closed exchanges of September 2001 too.
    #[test]
    fn a_year_of_sessions_has_no_holes() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let all = Calendar::default().sessions(Exchange::Xnys, day(1990, 1, 1), day(2035, 12, 31));
        let dates: Vec<NaiveDate> = all.iter().map(|session| session.date).collect();
        for window in dates.windows(YEAR_SESSIONS) {
            let days = (window[YEAR_SESSIONS - 1] - window[0]).num_days();
            assert!(days <= YEAR_DAYS_MAX, "{} to {days} days on", window[0]);
        }
    }

    proptest! {
        #[test]
        fn the_rank_rises_with_the_level_and_stays_between_0_and_100(
            closes in proptest::collection::vec(5_i64..90, 252), now in 1_i64..120,
        ) {
            let rows: Vec<(NaiveDate, Decimal)> =
                sessions(252).into_iter().zip(closes.iter().map(|c| Decimal::from(*c))).collect();
            let rank = |now: i64| IvRank::of(&rows, Decimal::from(now), LAST).percent();
            if let Some(found) = rank(now) {
                prop_assert!((0.0..=100.0).contains(&found));
                prop_assert!(rank(now + 1).unwrap() >= found);
            } else {
                prop_assert!(closes.iter().all(|close| *close == closes[0]));
            }
        }
    }
}
