//! New York time: civil dates and times of day to instants, safe over clock changes.

use chrono::{LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};

use crate::clock::Timestamp;

/// The zone of the exchanges' clocks; every time of day in the rulebook is in it.
pub const NEW_YORK: chrono_tz::Tz = chrono_tz::America::New_York;

/// The instant at which New York's clocks show `time` on `date`.
///
/// A time that a spring clock change skips is the first instant after the gap; one that an autumn
/// change repeats is the first of the two.
///
/// ```
/// use tomking::calendar::new_york;
/// let at = |date: &str, time: &str| new_york(date.parse().unwrap(), time.parse().unwrap());
/// assert_eq!(at("2024-08-02", "10:30:00").to_rfc3339(), "2024-08-02T14:30:00+00:00");
/// assert_eq!(at("2025-03-09", "02:30:00").to_rfc3339(), "2025-03-09T07:00:00+00:00");
/// assert_eq!(at("2024-11-03", "01:30:00").to_rfc3339(), "2024-11-03T05:30:00+00:00");
/// ```
pub fn new_york(date: NaiveDate, time: NaiveTime) -> Timestamp {
    let local = date.and_time(time);
    match NEW_YORK.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
        LocalResult::None => {
            let minute = local.with_second(0).and_then(|l| l.with_nanosecond(0)).unwrap_or(local);
            // A gap is an hour: three are more than enough.
            let after = (1..=180).find_map(|minutes| {
                let later = minute.checked_add_signed(TimeDelta::minutes(minutes))?;
                NEW_YORK.from_local_datetime(&later).earliest()
            });
            // Only at the two ends of what chrono can hold is there nothing after.
            after.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
        }
    }
}

/// The New York date of an instant.
pub fn new_york_date(at: Timestamp) -> NaiveDate {
    at.with_timezone(&NEW_YORK).date_naive()
}
