//! A user's job file: read whole, or refused with the line and what would be right; and the slots
//! of one that was read are in order and bounded.

use std::sync::LazyLock;

use tomking::{
    calendar::Calendar,
    clock::Timestamp,
    schedule::{parse_job, slots},
};

use super::{is_readable, text};

static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::default);

/// A slot a second of a day is as many as cron can ask for, and more than others in two weeks.
const SLOTS_MAX: usize = 86_400;

pub fn check(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let job = match parse_job("job", "job.toml", text) {
        Ok(job) => job,
        Err(error) => {
            let lines = text.lines().count().max(1) + 1;
            assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line);
            assert!(!error.hint.trim().is_empty(), "no hint: {error}");
            return is_readable(&error.to_string());
        }
    };
    let again = parse_job("job", "job.toml", text).unwrap();
    assert_eq!(format!("{job:?}"), format!("{again:?}"), "read twice");
    // Two weeks that hold a clock change and Thanksgiving, and the end of the calendar; of a job
    // of many slots a day, the day of the clock change.
    let froms = ["2024-11-03T00:00:00Z", "2024-11-25T00:00:00Z", "2035-12-20T00:00:00Z"];
    let (froms, days) = if job.frequent { (&froms[..1], 1) } else { (&froms[..], 14) };
    for from in froms {
        let from: Timestamp = from.parse().unwrap();
        let to = from + chrono::TimeDelta::days(days);
        let found = slots::slots(&job, &CALENDAR, from, to);
        assert!(found.len() <= SLOTS_MAX);
        assert!(found.windows(2).all(|pair| pair[0].at < pair[1].at), "slots out of order");
        assert!(found.iter().all(|slot| from <= slot.at && slot.at < to), "a slot outside");
        let next = slots::next_after(&job, &CALENDAR, from - chrono::TimeDelta::nanoseconds(1));
        if let Some(first) = found.first() {
            assert_eq!(next.map(|slot| slot.at), Some(first.at), "the next is the first");
        }
    }
}
