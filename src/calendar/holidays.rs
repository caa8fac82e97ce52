//! US market holidays by rule, each with the year it begins and the way it is moved.

use chrono::{Datelike, NaiveDate, Weekday};

/// A holiday on which the New York Stock Exchange does not trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holiday {
    NewYear,
    MartinLutherKing,
    Washington,
    GoodFriday,
    Memorial,
    Juneteenth,
    Independence,
    Labor,
    Thanksgiving,
    Christmas,
}

impl Holiday {
    /// The name people know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NewYear => "New Year's Day",
            Self::MartinLutherKing => "Martin Luther King Jr. Day",
            Self::Washington => "Washington's Birthday",
            Self::GoodFriday => "Good Friday",
            Self::Memorial => "Memorial Day",
            Self::Juneteenth => "Juneteenth",
            Self::Independence => "Independence Day",
            Self::Labor => "Labor Day",
            Self::Thanksgiving => "Thanksgiving Day",
            Self::Christmas => "Christmas Day",
        }
    }
}

/// The holiday kept on `date`, for 1990 and later.
///
/// NYSE Rule 7.2: a Saturday holiday is kept on the Friday before, unless that Friday ends a
/// month or year (so 1 January on a Saturday is not kept); a Sunday holiday on the Monday after.
pub(super) fn kept_on(date: NaiveDate) -> Option<Holiday> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let week = (day - 1) / 7 + 1;
    let last_week = date.checked_add_days(chrono::Days::new(7)).is_none_or(|d| d.month() != month);
    match (month, date.weekday()) {
        (_, Weekday::Sat | Weekday::Sun) => None,
        (1, Weekday::Mon) if week == 3 && year >= 1998 => Some(Holiday::MartinLutherKing),
        (2, Weekday::Mon) if week == 3 => Some(Holiday::Washington),
        (3 | 4, Weekday::Fri) if is_good_friday(date) => Some(Holiday::GoodFriday),
        (5, Weekday::Mon) if last_week => Some(Holiday::Memorial),
        (9, Weekday::Mon) if week == 1 => Some(Holiday::Labor),
        (11, Weekday::Thu) if week == 4 => Some(Holiday::Thanksgiving),
        (1, _) if is_kept(date, 1) => Some(Holiday::NewYear),
        (6, _) if year >= 2022 && is_kept(date, 19) => Some(Holiday::Juneteenth),
        (7, _) if is_kept(date, 4) => Some(Holiday::Independence),
        (12, _) if is_kept(date, 25) => Some(Holiday::Christmas),
        _ => None,
    }
}

/// True when `date`, a weekday, is where a holiday on day `day` of its month is kept.
fn is_kept(date: NaiveDate, day: u32) -> bool {
    let actual = date.day();
    actual == day
        || (actual == day + 1 && date.weekday() == Weekday::Mon)
        || (actual + 1 == day && date.weekday() == Weekday::Fri)
}

/// True on the Friday before Easter Sunday.
pub(super) fn is_good_friday(date: NaiveDate) -> bool {
    date.weekday() == Weekday::Fri
        && date.checked_add_days(chrono::Days::new(2)) == Some(easter(date.year()))
}

/// Easter Sunday in the Gregorian calendar (the anonymous computus, in Meeus, Astronomical
/// Algorithms, chapter 8).
fn easter(year: i32) -> NaiveDate {
    let golden = year % 19;
    let (century, of_century) = (year / 100, year % 100);
    let correction = (century + 8) / 25;
    let moon = (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let count = moon + weekday - 7 * late + 114;
    let (month, day) = (count / 31, count % 31 + 1);
    NaiveDate::from_ymd_opt(year, month.unsigned_abs(), day.unsigned_abs())
        .expect("the computus gives a day between 22 March and 25 April")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_on_the_published_dates() {
        // Easter dates as published by the US Census Bureau and the Astronomical Applications
        // Department of the US Naval Observatory.
        let cases = [
            ("1990-04-15", 1990),
            ("2000-04-23", 2000),
            ("2008-03-23", 2008),
            ("2011-04-24", 2011),
            ("2024-03-31", 2024),
            ("2026-04-05", 2026),
            ("2035-03-25", 2035),
            ("2038-04-25", 2038),
        ];
        for (expected, year) in cases {
            assert_eq!(easter(year).to_string(), expected);
        }
    }

    #[test]
    fn holidays_on_weekends_move_as_rule_7_2_says() {
        let cases = [
            ("2010-12-31", None), // 2011-01-01 is a Saturday: not kept
            ("2021-12-31", None),
            ("2023-01-02", Some(Holiday::NewYear)),
            ("1997-01-20", None), // Martin Luther King Jr. Day begins in 1998
            ("1998-01-19", Some(Holiday::MartinLutherKing)),
            ("2021-06-18", None), // Juneteenth begins in 2022
            ("2022-06-20", Some(Holiday::Juneteenth)),
            ("2027-06-18", Some(Holiday::Juneteenth)),
            ("2026-07-03", Some(Holiday::Independence)),
            ("2027-07-05", Some(Holiday::Independence)),
            ("2010-12-24", Some(Holiday::Christmas)),
            ("2022-12-26", Some(Holiday::Christmas)),
            ("2024-05-27", Some(Holiday::Memorial)),
            ("2024-11-28", Some(Holiday::Thanksgiving)),
        ];
        for (date, expected) in cases {
            assert_eq!(kept_on(date.parse().unwrap()), expected, "{date}");
        }
    }
}
