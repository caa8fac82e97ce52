//! What becomes of late slots, by the windows of rulebook §8.

use super::{Fate, triage};
use crate::{
    calendar::Calendar,
    clock::Timestamp,
    schedule::{JobSet, slots::slots},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The fates of the slots of an embedded job from `from` to `now`, as `slot fate`.
fn fates(job: &str, from: &str, now: &str) -> Vec<String> {
    let set = JobSet::embedded().unwrap();
    let (job, calendar, now) = (set.get(job).unwrap(), Calendar::default(), at(now));
    let due = slots(job, &calendar, at(from), now + chrono::TimeDelta::nanoseconds(1));
    let show = |(slot, fate): (super::Slot, Fate)| {
        let fate = match fate {
            Fate::Run => "run".to_owned(),
            Fate::Later(later) => later.format("later %d %H:%M").to_string(),
            Fate::Missed { covered: true, reason } => format!("covered: {reason}"),
            Fate::Missed { covered: false, reason } => format!("missed: {reason}"),
        };
        format!("{} {fate}", slot.at.format("%d %H:%M"))
    };
    triage(job, &calendar, &due, now).into_iter().map(show).collect()
}

#[test]
fn late_slots_fare_as_the_rulebook_says() {
    let table: [(&str, &str, &str, &[&str]); 16] = [
        ("pre-market-check", "2024-08-01T04:00:00Z", "2024-08-01T13:24:59Z", &["01 13:00 run"]),
        (
            "pre-market-check",
            "2024-08-01T04:00:00Z",
            "2024-08-01T13:25:00Z",
            &["01 13:00 missed: 25 min late; it may start less than 25m late"],
        ),
        ("market-open-check", "2024-08-01T04:00:00Z", "2024-08-01T13:40:59Z", &["01 13:31 run"]),
        (
            "market-open-check",
            "2024-08-01T04:00:00Z",
            "2024-08-01T13:41:00Z",
            &["01 13:31 missed: 10 min late; it may start less than 10m late"],
        ),
        ("friday-0dte-entry", "2025-11-28T04:00:00Z", "2025-11-28T15:45:00Z", &["28 15:30 run"]),
        ("ipmcc-weekly", "2024-08-02T04:00:00Z", "2024-08-02T19:45:00Z", &["02 13:35 run"]),
        (
            "ipmcc-weekly",
            "2024-08-02T04:00:00Z",
            "2024-08-02T19:46:00Z",
            &["02 13:35 missed: 6 h 11 min late; it may start until close-15m"],
        ),
        // An early close ends the window early: 12:45 New York.
        (
            "ipmcc-weekly",
            "2025-11-28T04:00:00Z",
            "2025-11-28T17:45:01Z",
            &["28 14:35 missed: 3 h 10 min late; it may start until close-15m"],
        ),
        (
            "lt112-entry",
            "2024-08-07T04:00:00Z",
            "2024-08-07T14:20:00Z",
            &["07 14:00 later 08 14:00"],
        ),
        ("lt112-entry", "2024-08-07T04:00:00Z", "2024-08-08T14:10:00Z", &["07 14:00 run"]),
        (
            "lt112-entry",
            "2024-08-07T04:00:00Z",
            "2024-08-08T14:15:00Z",
            &[
                "07 14:00 missed: 24 h 15 min late; it may start less than 15m late, or in the next session",
            ],
        ),
        (
            "0dte-flat",
            "2024-07-26T04:00:00Z",
            "2024-08-04T12:00:00Z",
            &["26 18:50 covered: coalesced into 0dte-flat/2024-08-02T18:50:00Z", "02 18:50 run"],
        ),
        ("daily-report", "2024-08-01T04:00:00Z", "2024-08-02T08:29:59Z", &["01 20:30 run"]),
        (
            "daily-report",
            "2024-08-01T04:00:00Z",
            "2024-08-02T08:30:00Z",
            &["01 20:30 missed: 12 h 0 min late; it may start less than 12h late"],
        ),
        ("weekly-review", "2024-08-02T04:00:00Z", "2024-08-05T20:59:59Z", &["02 21:00 run"]),
        (
            "heartbeat",
            "2024-08-01T12:00:01Z",
            "2024-08-01T12:02:20Z",
            &["01 12:01 missed: 80 s late; a late slot is left out", "01 12:02 run"],
        ),
    ];
    for (job, from, now, wanted) in table {
        assert_eq!(fates(job, from, now), wanted, "{job} at {now}");
    }
}

#[test]
fn coalesced_slots_past_the_window_are_missed_each_for_itself() {
    let fates = fates("position-management", "2024-08-01T19:58:00Z", "2024-08-01T20:06:00Z");
    assert_eq!(
        fates,
        [
            "01 19:58 missed: 8 min late; it may start less than 5m late",
            "01 19:59 missed: 7 min late; it may start less than 5m late",
            "01 20:00 missed: 6 min late; it may start less than 5m late",
        ]
    );
}
