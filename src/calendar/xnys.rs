//! The New York Stock Exchange: 09:30 to 16:00, from 1990.

use chrono::{Datelike, NaiveDate, Weekday};

use super::{
    holidays,
    rule::{DayRule, hm},
};

/// Full-day closures that no rule gives. Source: `exchange_calendars` 4.13.2 (XNYS), which
/// `pandas_market_calendars` 5.5.0 (NYSE) confirms day by day from 1990 to 2027.
const CLOSED: &[(i32, u32, u32, &str)] = &[
    (1994, 4, 27, "day of mourning for President Nixon"),
    (2001, 9, 11, "attacks of 11 September"),
    (2001, 9, 12, "attacks of 11 September"),
    (2001, 9, 13, "attacks of 11 September"),
    (2001, 9, 14, "attacks of 11 September"),
    (2004, 6, 11, "day of mourning for President Reagan"),
    (2007, 1, 2, "day of mourning for President Ford"),
    (2012, 10, 29, "Hurricane Sandy"),
    (2012, 10, 30, "Hurricane Sandy"),
    (2018, 12, 5, "day of mourning for President George H. W. Bush"),
    (2025, 1, 9, "day of mourning for President Carter"),
];

/// Scheduled early closes that no rule gives (`exchange_calendars` 4.13.2). Halts on the day itself
/// (snow 1994 and 1996, the circuit breaker of 1997-10-27, a fault 2005-06-01) and late opens are
/// not in it: the schedule of those days was the regular one.
const EARLY: &[(i32, u32, u32, &str)] = &[
    (1997, 12, 26, "day after Christmas"),
    (1999, 12, 31, "eve of the year 2000"),
    (2003, 12, 26, "day after Christmas"),
];

/// What the exchange does on a weekday.
pub(super) fn rule(date: NaiveDate) -> DayRule {
    if let Some(reason) = find(CLOSED, date) {
        return DayRule::Closed(reason);
    }
    if let Some(holiday) = holidays::kept_on(date) {
        return DayRule::Closed(holiday.name());
    }
    match early_reason(date) {
        // Until 1993 the early close was at 14:00.
        Some(reason) if date.year() < 1993 => DayRule::Early(hm(14, 0), reason),
        Some(reason) => DayRule::Early(hm(13, 0), reason),
        None => DayRule::Regular,
    }
}

/// Why a day that is no holiday closes early.
fn early_reason(date: NaiveDate) -> Option<&'static str> {
    let (year, weekday) = (date.year(), date.weekday());
    match (date.month(), date.day()) {
        // From 1995 with the Fourth on a Tuesday, Wednesday or Friday; with it on a Thursday the
        // short day was the Friday after until 2012, and is the Wednesday before since 2013.
        (7, 3) => match weekday {
            Weekday::Mon | Weekday::Tue | Weekday::Thu if year >= 1995 => {
                Some("eve of Independence Day")
            }
            Weekday::Wed if year >= 2013 => Some("eve of Independence Day"),
            _ => None,
        },
        (7, 5) if weekday == Weekday::Fri && (1995..=2012).contains(&year) => {
            Some("day after Independence Day")
        }
        // The Friday after the fourth Thursday.
        (11, 23..=29) if weekday == Weekday::Fri && year >= 1992 => Some("day after Thanksgiving"),
        // On a Friday it is the holiday itself, kept a day early.
        (12, 24) => Some("Christmas Eve"),
        _ => find(EARLY, date),
    }
}

/// The reason a table gives for a date.
pub(super) fn find(
    table: &[(i32, u32, u32, &'static str)],
    date: NaiveDate,
) -> Option<&'static str> {
    let key = (date.year(), date.month(), date.day());
    table.iter().find(|row| (row.0, row.1, row.2) == key).map(|row| row.3)
}
