//! How long the wall waits while the demo's time passes: quick through the night, slow where
//! something happens.

use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};

use crate::{
    calendar::{NEW_YORK, new_york_date},
    clock::{Pace, Stopwatch, Timestamp},
};

/// A stretch of New York time on the demo's Friday, and the wall seconds it takes.
struct Stretch {
    until: NaiveTime,
    wall_seconds: f64,
}

/// The Friday's stretches: they add up to about 105 seconds.
fn friday() -> [Stretch; 7] {
    let stretch = |hour, minute, wall_seconds| Stretch {
        until: NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day"),
        wall_seconds,
    };
    [
        stretch(8, 55, 4.0),
        stretch(10, 29, 14.0),
        stretch(10, 32, 24.0),
        stretch(14, 25, 24.0),
        stretch(15, 5, 22.0),
        stretch(17, 30, 14.0),
        stretch(23, 59, 3.0),
    ]
}

/// Seconds of another day pass at this factor.
const OTHER_DAYS_FACTOR: f64 = 10_000.0;
/// The wall waits only for what has added up to this: each wait costs some of its own.
const LEAST_WAIT: Duration = Duration::from_millis(5);

/// The demo's pace for a Friday that `date` names; other days run fast.
pub fn demo(date: chrono::NaiveDate) -> Pace {
    let (watch, mut due) = (Stopwatch::start(), Duration::ZERO);
    Box::new(move |from, to| {
        due += wait(date, from, to);
        let left = due.saturating_sub(watch.elapsed());
        if left < LEAST_WAIT { Duration::ZERO } else { left }
    })
}

fn wait(date: chrono::NaiveDate, from: Timestamp, to: Timestamp) -> Duration {
    let mut at = from;
    let mut seconds = 0.0;
    while at < to {
        let (end, factor) = stretch_at(date, at);
        let step = end.min(to);
        seconds += (step - at).as_seconds_f64() / factor;
        at = step;
    }
    Duration::from_secs_f64(seconds)
}

/// The end of the stretch `at` lies in, and its factor of virtual to wall seconds.
fn stretch_at(date: chrono::NaiveDate, at: Timestamp) -> (Timestamp, f64) {
    let day = new_york_date(at);
    let time = at.with_timezone(&NEW_YORK).time();
    if day == date {
        let mut start = NaiveTime::MIN;
        for Stretch { until, wall_seconds } in friday() {
            if time < until {
                let length = (until - start).as_seconds_f64();
                return (at + (until - time), length / wall_seconds);
            }
            start = until;
        }
    }
    (at + TimeDelta::hours(1), OTHER_DAYS_FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thursday_evening_to_saturday_takes_about_two_minutes() {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        let from = "2024-08-01T22:00:00Z".parse().unwrap();
        let to = "2024-08-04T03:59:59Z".parse().unwrap();
        let seconds = wait(date, from, to).as_secs_f64();
        assert!((100.0..130.0).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn the_wait_of_a_whole_is_the_sum_of_its_parts() {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (a, b, c) =
            (at("2024-08-02T12:00:00Z"), at("2024-08-02T14:30:30Z"), at("2024-08-02T20:00:00Z"));
        let parts = wait(date, a, b) + wait(date, b, c);
        assert!(wait(date, a, c).abs_diff(parts) < Duration::from_micros(10));
    }
}
