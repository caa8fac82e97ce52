//! CME equity-index futures on Globex: from 18:00 of the evening before to 17:00 New York time.
//!
//! The daily hours are today's, for all years: until 2015 the day closed at other times between
//! 16:15 and 17:30. On most US holidays there is a short session; the session is named by the day on
//! which it halts, although CME clears it with the next trade date.

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::{
    holidays::{self, Holiday},
    rule::{DayRule, hm},
    xnys,
};

/// Days on which the stock market was shut without a holiday, and the halt of that morning.
/// 2012: notices of CME Group of 28 and 29 October 2012 (08:15 in Chicago); 2018 and 2025: press
/// releases of CME Group (08:30 in Chicago). 2007, without a notice at hand, is taken as 2012.
const MOURNING: &[(i32, u32, u32, u32, u32)] = &[
    (2007, 1, 2, 9, 15),
    (2012, 10, 29, 9, 15),
    (2012, 10, 30, 9, 15),
    (2018, 12, 5, 9, 30),
    (2025, 1, 9, 9, 30),
];

/// What the exchange does on a weekday.
pub(super) fn rule(date: NaiveDate) -> DayRule {
    let key = (date.year(), date.month(), date.day());
    if let Some(row) = MOURNING.iter().find(|row| (row.0, row.1, row.2) == key) {
        let reason = match xnys::rule(date) {
            DayRule::Closed(reason) => reason,
            DayRule::Regular | DayRule::Early(..) => "stock market closed",
        };
        return DayRule::Early(hm(row.3, row.4), reason);
    }
    if let Some(holiday) = holidays::kept_on(date) {
        return holiday_rule(holiday, date);
    }
    match xnys::rule(date) {
        // 12:15 in Chicago on the stock market's half days.
        DayRule::Early(_, reason) => DayRule::Early(hm(13, 15), reason),
        other => other,
    }
}

fn holiday_rule(holiday: Holiday, date: NaiveDate) -> DayRule {
    match holiday {
        // Open until 08:15 in Chicago when the employment report comes out that morning: the
        // years since 2010 in which Good Friday is the first Friday of April (2010, 2012, 2015,
        // 2021, 2023, 2026). Otherwise closed, as in 2007 (`pandas_market_calendars` 5.5.0).
        Holiday::GoodFriday if date.month() == 4 && date.day() <= 7 && date.year() >= 2010 => {
            DayRule::Early(hm(9, 15), holiday.name())
        }
        Holiday::NewYear | Holiday::GoodFriday | Holiday::Christmas => {
            DayRule::Closed(holiday.name())
        }
        _ => DayRule::Early(holiday_halt(holiday, date), holiday.name()),
    }
}

/// The halt on a US holiday: 10:30 in Chicago in the first years, 12:00 since. The change came
/// with Memorial Day 2014 (`pandas_market_calendars` 5.5.0, after CME's holiday schedules).
fn holiday_halt(holiday: Holiday, date: NaiveDate) -> NaiveTime {
    let since = match holiday {
        Holiday::MartinLutherKing | Holiday::Washington => 2015,
        _ => 2014,
    };
    if date.year() < since { hm(11, 30) } else { hm(13, 0) }
}
