use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::to_f64;

/// A return that is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("return {place} is not a number")]
pub struct NotFinite {
    /// Its place in the series, the first being 1.
    pub place: usize,
}

/// Returns of equal periods as fractions (0.01 is one percent), in order; each a number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Returns(Vec<f64>);

impl Returns {
    /// The series, refused when a return is NaN or infinite.
    ///
    /// ```
    /// use tomking::stats::Returns;
    ///
    /// assert!(Returns::new([0.01, -0.02]).is_ok());
    /// assert_eq!(Returns::new([0.01, f64::NAN]).unwrap_err().place, 2);
    /// ```
    pub fn new(values: impl IntoIterator<Item = f64>) -> Result<Self, NotFinite> {
        let values: Vec<f64> = values.into_iter().collect();
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(NotFinite { place: index + 1 }),
            None => Ok(Self(values)),
        }
    }

    /// In order.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// What an account was worth at a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The session.
    pub date: NaiveDate,
    /// Its worth at the close.
    pub value: Decimal,
    /// What was paid in since the point before, less what was paid out: in the account through the
    /// whole period, so no gain.
    pub flow: Decimal,
}

/// A return and its session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DatedReturn {
    /// The session.
    pub date: NaiveDate,
    /// The return as a fraction.
    #[serde(rename = "period_return")]
    pub value: f64,
}

/// Returns with their dates, and the date they start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    start: NaiveDate,
    dates: Vec<NaiveDate>,
    returns: Returns,
}

/// Why points make no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// A point does not come after the one before.
    #[error("{date} does not come after {before}")]
    Order {
        /// The point.
        date: NaiveDate,
        /// The one before.
        before: NaiveDate,
    },
    /// The account was worth nothing, or less, at the start of a period.
    #[error("nothing was in the account at the start of {date}: {worth}")]
    Empty {
        /// The period's end.
        date: NaiveDate,
        /// What was there.
        worth: Decimal,
    },
    /// A return is no number.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
}

impl Series {
    /// The time-weighted returns between points, from what was there at `start`; the flow of the
    /// start is not looked at.
    pub fn of(start: Point, points: &[Point]) -> Result<Self, SeriesError> {
        let mut last = start;
        let (mut dates, mut values) = (Vec::new(), Vec::new());
        for point in points {
            if point.date <= last.date {
                return Err(SeriesError::Order { date: point.date, before: last.date });
            }
            let base = last.value + point.flow;
            if base <= Decimal::ZERO {
                return Err(SeriesError::Empty { date: point.date, worth: base });
            }
            dates.push(point.date);
            values.push(to_f64(point.value) / to_f64(base) - 1.0);
            last = *point;
        }
        // A decimal over one above zero is a number.
        Ok(Self { start: start.date, dates, returns: Returns(values) })
    }

    /// Dated returns, in ascending order of dates after `start`.
    pub fn dated(start: NaiveDate, days: &[DatedReturn]) -> Result<Self, SeriesError> {
        let mut before = start;
        for day in days {
            if day.date <= before {
                return Err(SeriesError::Order { date: day.date, before });
            }
            before = day.date;
        }
        let returns = Returns::new(days.iter().map(|day| day.value))?;
        Ok(Self { start, dates: days.iter().map(|day| day.date).collect(), returns })
    }

    /// The date before the first return.
    pub fn start(&self) -> NaiveDate {
        self.start
    }

    /// The returns without their dates.
    pub fn returns(&self) -> &Returns {
        &self.returns
    }

    /// Each return with its date.
    pub fn days(&self) -> impl Iterator<Item = DatedReturn> {
        let pairs = self.dates.iter().zip(&self.returns.0);
        pairs.map(|(date, value)| DatedReturn { date: *date, value: *value })
    }

    /// The date of a point of the curve: 0 is the start, 1 the end of the first period.
    pub fn date_of(&self, point: usize) -> NaiveDate {
        let dates = &self.dates;
        point.checked_sub(1).and_then(|i| dates.get(i)).copied().unwrap_or(self.start)
    }

    /// The lowest returns, the worst first; of equal ones the earlier first.
    pub fn worst(&self, count: usize) -> Vec<DatedReturn> {
        let mut days: Vec<DatedReturn> = self.days().collect();
        days.sort_by(|a, b| a.value.total_cmp(&b.value).then(a.date.cmp(&b.date)));
        days.truncate(count);
        days
    }
}

/// `+1.25 %`.
impl fmt::Display for DatedReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}: {:+.2} %", self.date, self.value * 100.0))
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, day).unwrap()
    }

    fn point(day: u32, value: Decimal, flow: Decimal) -> Point {
        Point { date: date(day), value, flow }
    }

    #[test]
    fn a_return_that_is_no_number_is_refused_with_its_place() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Returns::new([0.0, 0.1, bad]), Err(NotFinite { place: 3 }));
        }
        let day = DatedReturn { date: date(2), value: f64::NAN };
        assert_eq!(Series::dated(date(1), &[day]), Err(NotFinite { place: 1 }.into()));
    }

    #[test]
    fn what_was_paid_in_is_no_gain() {
        let start = point(1, dec!(100_000), dec!(0));
        let points = [point(2, dec!(104_000), dec!(0)), point(5, dec!(121_000), dec!(20_000))];
        let series = Series::of(start, &points).unwrap();
        let wanted = [104.0 / 100.0 - 1.0, 121.0 / 124.0 - 1.0];
        for (found, wanted) in series.returns().values().iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-15, "{found}");
        }
        assert_eq!([0, 1, 2, 9].map(|n| series.date_of(n)), [date(1), date(2), date(5), date(1)]);
    }

    #[test]
    fn points_out_of_order_and_an_empty_account_make_no_series() {
        let start = point(5, dec!(100), dec!(0));
        let wrong = Series::of(start, &[point(5, dec!(1), dec!(0))]).unwrap_err();
        assert_eq!(wrong.to_string(), "2026-10-05 does not come after 2026-10-05");
        let wrong = Series::of(start, &[point(6, dec!(1), dec!(-100))]).unwrap_err();
        assert_eq!(wrong.to_string(), "nothing was in the account at the start of 2026-10-06: 0");
        assert!(Series::of(start, &[]).unwrap().returns().values().is_empty());
    }

    #[test]
    fn the_worst_days_are_in_order_and_the_earlier_of_equal_ones_first() {
        let days = [(2, -0.01), (3, 0.02), (4, -0.03), (5, -0.01)];
        let days = days.map(|(day, value)| DatedReturn { date: date(day), value });
        let series = Series::dated(date(1), &days).unwrap();
        let worst: Vec<u32> =
            series.worst(3).iter().map(|day| chrono::Datelike::day(&day.date)).collect();
        assert_eq!(worst, [4, 2, 5]);
        assert_eq!(series.worst(3)[0].to_string(), "2026-10-04: -3.00 %");
        assert_eq!(series.worst(99).len(), 4);
    }
}
