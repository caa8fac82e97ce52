//! Simulated events: plausible by rule, not the published dates. NFP on first Fridays, CPI on the
//! weekday at or after the 12th, FOMC on eight Wednesdays a year.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeZone, Weekday};

use crate::{
    calendar::NEW_YORK,
    market::{EventKind, MacroEvent},
};

/// Month and which Wednesday of it the committee ends its meeting on.
const FOMC: [(u32, u8); 8] = [(1, 5), (3, 3), (5, 1), (6, 2), (7, 5), (9, 3), (11, 1), (12, 2)];

/// The events of a kind from two days before a date to two days after.
pub(super) fn around(kind: EventKind, date: NaiveDate) -> Vec<MacroEvent> {
    let from = date.checked_sub_days(Days::new(2)).unwrap_or(date);
    let near = from.iter_days().take(5).filter(|day| falls_on(kind, *day));
    let (hour, minute) = if kind == EventKind::Fomc { (14, 0) } else { (8, 30) };
    let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
    near.filter_map(|day| {
        let at = NEW_YORK.from_local_datetime(&day.and_time(time)).earliest()?;
        Some(MacroEvent { kind, at: at.to_utc() })
    })
    .collect()
}

fn falls_on(kind: EventKind, date: NaiveDate) -> bool {
    let (weekday, day) = (date.weekday(), date.day());
    match kind {
        EventKind::Nfp => weekday == Weekday::Fri && day <= 7,
        EventKind::Cpi => match weekday {
            Weekday::Sat | Weekday::Sun => false,
            Weekday::Mon => (12..=14).contains(&day),
            _ => day == 12,
        },
        EventKind::Fomc => {
            weekday == Weekday::Wed && FOMC.iter().any(|(m, n)| date == wednesday(date, *m, *n))
        }
    }
}

/// The `n`th Wednesday of a month, the last where there is no such.
fn wednesday(near: NaiveDate, month: u32, n: u8) -> NaiveDate {
    let nth = |n| NaiveDate::from_weekday_of_month_opt(near.year(), month, Weekday::Wed, n);
    nth(n).or_else(|| nth(n - 1)).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_twelve_releases_of_each_kind_and_eight_meetings() {
        let start = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
        let count = |kind| start.iter_days().take(365).filter(|d| falls_on(kind, *d)).count();
        assert_eq!(count(EventKind::Nfp), 12);
        assert_eq!(count(EventKind::Cpi), 12);
        assert_eq!(count(EventKind::Fomc), 8);
    }

    #[test]
    fn releases_are_at_half_past_eight_and_seen_two_days_off() {
        let friday = NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        for offset in [-2, 0, 2] {
            let date = friday + chrono::TimeDelta::days(offset);
            let events = around(EventKind::Nfp, date);
            assert_eq!(events.len(), 1, "{date}");
            assert_eq!(events[0].at.to_rfc3339(), "2024-08-02T12:30:00+00:00");
        }
        assert!(around(EventKind::Nfp, friday + chrono::TimeDelta::days(3)).is_empty());
    }
}
