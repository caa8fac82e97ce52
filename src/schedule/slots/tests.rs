//! Slots against dates nobody here made up: XNYS holidays and early closes (exchange calendars of
//! 2024 to 2027), the clock changes of the IANA database, and cron semantics on which cronsim 2.8
//! and croner (npm) 11.0 agree.

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;

use super::{Timeline, local, next_after, slots, slots_on};
use crate::{
    calendar::{Calendar, NEW_YORK},
    clock::Timestamp,
    schedule::{JobSet, file::parse, job::Job},
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn embedded(name: &str) -> Job {
    JobSet::embedded().unwrap().get(name).unwrap().clone()
}

fn of(trigger: &str) -> Job {
    let text = format!("about = \"test\"\n[[trigger]]\n{trigger}\n");
    parse("test", "test.toml", &text).unwrap()
}

/// The slots on New York dates, written in UTC as `MM-DD HH:MM`.
fn on(job: &Job, from: &str, to: &str) -> Vec<String> {
    let found = slots_on(job, &Calendar::default(), day(from), day(to));
    found.iter().map(|slot| slot.at.format("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn the_friday_entry_is_at_1030_new_york_and_a_friday_without_session_moves() {
    let entry = embedded("friday-0dte-entry");
    for (from, to, wanted) in [
        // Good Friday 2026-04-03 moves to Monday.
        ("2026-03-27", "2026-04-10", vec!["03-27 14:30", "04-06 14:30", "04-10 14:30"]),
        // The Friday after Thanksgiving closes at 13:00: min(10:30, 13:00 − 150 min) = 10:30.
        ("2025-11-24", "2025-11-28", vec!["11-28 15:30"]),
        ("2026-11-23", "2026-11-27", vec!["11-27 15:30"]),
        // Friday 3 July 2026 is the Independence Day holiday.
        ("2026-06-29", "2026-07-10", vec!["07-06 14:30", "07-10 14:30"]),
        // The spring change of New York, and London's three weeks later.
        (
            "2025-03-03",
            "2025-04-04",
            vec!["03-07 15:30", "03-14 14:30", "03-21 14:30", "03-28 14:30", "04-04 14:30"],
        ),
        // The autumn changes: London first.
        ("2025-10-20", "2025-11-07", vec!["10-24 14:30", "10-31 14:30", "11-07 15:30"]),
    ] {
        assert_eq!(on(&entry, from, to), wanted, "{from}");
    }
}

#[test]
fn the_rows_of_the_scheduled_day_have_their_times() {
    // Rulebook §8 on an ordinary Friday, the last session of its week: 2024-08-02, UTC−4.
    let wanted = [
        ("pre-market-check", vec!["08-02 13:00"]),
        ("market-open-check", vec!["08-02 13:31"]),
        ("friday-0dte-entry", vec!["08-02 14:30"]),
        ("butterfly-entry", vec!["08-02 14:35"]),
        ("ipmcc-weekly", vec!["08-02 13:35"]),
        ("leap-ladder", vec![]),
        ("strangle-entry", vec![]),
        ("lt112-entry", vec![]),
        ("ratio-entry", vec![]),
        ("0dte-flat", vec!["08-02 18:50"]),
        ("end-of-day-reconciliation", vec!["08-02 20:15"]),
        ("daily-report", vec!["08-02 20:30"]),
        ("weekly-review", vec!["08-02 21:00"]),
        ("expiry-and-assignment-check", vec!["08-02 12:00"]),
        ("monthly-review", vec![]),
        ("quarterly-review", vec![]),
        ("store-backup", vec!["08-02 22:00"]),
    ];
    for (name, slots) in wanted {
        assert_eq!(on(&embedded(name), "2024-08-02", "2024-08-02"), slots, "{name}");
    }
    let counts = [("position-management", 390), ("risk-snapshot", 78), ("heartbeat", 1_440)];
    for (name, count) in counts {
        assert_eq!(on(&embedded(name), "2024-08-02", "2024-08-02").len(), count, "{name}");
    }
}

#[test]
fn an_early_close_shifts_what_the_rulebook_shifts() {
    // 2025-11-28 closes at 13:00 New York, 18:00 UTC.
    let wanted = [
        ("0dte-flat", vec!["11-28 16:50"]),
        ("end-of-day-reconciliation", vec!["11-28 18:15"]),
        ("daily-report", vec!["11-28 18:30"]),
        ("weekly-review", vec!["11-28 19:00"]),
        ("butterfly-entry", vec!["11-28 15:30"]),
        ("store-backup", vec!["11-28 23:00"]),
    ];
    for (name, slots) in wanted {
        assert_eq!(on(&embedded(name), "2025-11-28", "2025-11-28"), slots, "{name}");
    }
    let minutes = on(&embedded("position-management"), "2025-11-28", "2025-11-28");
    assert_eq!((minutes.len(), minutes[0].as_str()), (210, "11-28 14:31"));
    assert_eq!(minutes[209], "11-28 18:00");
    let snapshots = on(&embedded("risk-snapshot"), "2025-11-28", "2025-11-28");
    assert_eq!(snapshots.last().unwrap(), "11-28 18:00");
}

#[test]
fn minutes_run_from_0931_to_1600_both_included() {
    let minutes = on(&embedded("position-management"), "2024-08-02", "2024-08-02");
    assert_eq!(minutes[0], "08-02 13:31");
    assert_eq!(minutes[389], "08-02 20:00");
}

#[test]
fn a_named_day_without_a_session_moves_to_the_next_session() {
    for (name, from, to, wanted) in [
        // First Wednesday 2025-01-01 is New Year's Day: Thursday. The fifth one has no slot.
        (
            "lt112-entry",
            "2025-01-01",
            "2025-01-31",
            vec!["01-02 15:00", "01-08 15:00", "01-15 15:00", "01-22 15:00"],
        ),
        // The first Wednesday of July 2024 is the 3rd, an early close; 10:00 stands.
        ("lt112-entry", "2024-07-01", "2024-07-09", vec!["07-03 14:00"]),
        // Labor Day 2024-09-02: Tuesday.
        ("ratio-entry", "2024-08-01", "2024-09-30", vec!["08-05 14:00", "09-03 14:00"]),
        ("strangle-entry", "2024-08-01", "2024-09-30", vec!["08-13 13:35", "09-10 13:35"]),
        // Martin Luther King Day 2025-01-20: Tuesday.
        (
            "leap-ladder",
            "2025-01-13",
            "2025-01-27",
            vec!["01-13 15:00", "01-21 15:00", "01-27 15:00"],
        ),
        // Good Friday 2025-04-18: Monday.
        (
            "ipmcc-weekly",
            "2025-04-11",
            "2025-04-25",
            vec!["04-11 13:35", "04-21 13:35", "04-25 13:35"],
        ),
    ] {
        assert_eq!(on(&embedded(name), from, to), wanted, "{name} {from}");
    }
}

#[test]
fn firsts_and_lasts_are_sessions() {
    for (name, from, to, wanted) in [
        // Good Friday: the week's last session is Thursday 2026-04-02, close 16:00.
        ("weekly-review", "2026-03-30", "2026-04-05", vec!["04-02 21:00"]),
        // 2025-01-01 and 02: the year's first session is Thursday.
        ("monthly-review", "2025-01-01", "2025-02-28", vec!["01-02 13:30", "02-03 13:30"]),
        // First sessions of the quarters, and 6 April, a Sunday in 2025.
        (
            "quarterly-review",
            "2025-01-01",
            "2025-12-31",
            vec!["01-02 13:45", "04-01 12:45", "04-06 12:45", "07-01 12:45", "10-01 12:45"],
        ),
    ] {
        assert_eq!(on(&embedded(name), from, to), wanted, "{name}");
    }
    let first = of("on = \"first_of_week\"\nat = \"10:00\"");
    // Labor Day 2024-09-02: the week begins on Tuesday.
    assert_eq!(on(&first, "2024-09-01", "2024-09-07"), ["09-03 14:00"]);
    let last = of("on = \"last_of_month\"\nat = \"close\"");
    assert_eq!(on(&last, "2024-08-01", "2024-09-30"), ["08-30 20:00", "09-30 20:00"]);
    let last = of("on = \"last friday\"\nat = \"10:00\"\nholiday = \"previous_session\"");
    // The last Friday of March 2024 is Good Friday: Thursday the 28th.
    assert_eq!(on(&last, "2024-03-01", "2024-04-30"), ["03-28 14:00", "04-26 14:00"]);
}

#[test]
fn cron_in_a_gap_runs_at_the_first_instant_after_it_and_in_an_overlap_once() {
    let new_york = of("on = \"cron\"\ncron = \"30 2 * * *\"");
    assert_eq!(
        on(&new_york, "2025-03-08", "2025-03-10"),
        ["03-08 07:30", "03-09 07:00", "03-10 06:30"]
    );
    let london = of("on = \"cron\"\ncron = \"30 1 * * *\"\nzone = \"Europe/London\"");
    assert_eq!(on(&london, "2025-03-29", "2025-03-30"), ["03-30 01:00", "03-31 00:30"]);
    let once = of("on = \"cron\"\ncron = \"30 1 * * *\"");
    assert_eq!(
        on(&once, "2024-11-02", "2024-11-04"),
        ["11-02 05:30", "11-03 05:30", "11-04 06:30"]
    );
    let both = of("on = \"cron\"\ncron = \"*/30 1-2 * * *\"");
    let twice =
        ["11-03 05:00", "11-03 05:30", "11-03 06:00", "11-03 06:30", "11-03 07:00", "11-03 07:30"];
    assert_eq!(on(&both, "2024-11-03", "2024-11-03"), twice);
}

#[test]
fn a_time_of_day_in_a_gap_is_its_end_and_in_an_overlap_the_first() {
    let keep = |time: &str| of(&format!("on = \"sunday\"\nat = \"{time}\"\nholiday = \"keep\""));
    assert_eq!(on(&keep("02:00"), "2025-03-09", "2025-03-09"), ["03-09 07:00"]);
    assert_eq!(on(&keep("02:59"), "2025-03-09", "2025-03-09"), ["03-09 07:00"]);
    assert_eq!(on(&keep("03:00"), "2025-03-09", "2025-03-09"), ["03-09 07:00"]);
    assert_eq!(on(&keep("01:30"), "2025-11-02", "2025-11-02"), ["11-02 05:30"]);
    // A gap that begins at midnight: Beirut, 2024-03-31.
    let beirut = day("2024-03-31").and_hms_opt(0, 15, 0).unwrap();
    assert_eq!(local(chrono_tz::Asia::Beirut, beirut), at("2024-03-30T22:00:00Z"));
    // A whole day that never was: Apia skipped 2011-12-30.
    let apia = day("2011-12-30").and_hms_opt(12, 0, 0).unwrap();
    assert_eq!(local(chrono_tz::Pacific::Apia, apia), at("2011-12-30T10:00:00Z"));
}

#[test]
fn a_cron_slot_on_a_holiday_moves_or_is_left_out_as_the_file_says() {
    // 2024-07-04, a Thursday, is a holiday; the 6th and 7th are a weekend.
    let at_noon = |holiday: &str| {
        of(&format!("on = \"cron\"\ncron = \"0 12 4,6 * *\"\nholiday = \"{holiday}\""))
    };
    for (holiday, wanted) in [
        ("keep", vec!["07-04 16:00", "07-06 16:00"]),
        ("skip", vec![]),
        ("next_session", vec!["07-05 16:00", "07-08 16:00"]),
        ("previous_session", vec!["07-03 16:00", "07-05 16:00"]),
    ] {
        assert_eq!(on(&at_noon(holiday), "2024-07-01", "2024-07-10"), wanted, "{holiday}");
    }
}

#[test]
fn a_slot_named_by_two_triggers_is_one_slot() {
    let text = "about = \"t\"\n[[trigger]]\non = \"session\"\nat = \"10:00\"\n\
                [[trigger]]\non = \"friday\"\nat = \"10:00\"\n";
    let job = parse("test", "test.toml", text).unwrap();
    assert_eq!(on(&job, "2024-08-01", "2024-08-02"), ["08-01 14:00", "08-02 14:00"]);
}

#[test]
fn the_next_slot_is_found_over_years_and_none_is_found_past_the_calendar() {
    let leap = of("on = \"cron\"\ncron = \"0 12 29 2 *\"");
    let next = next_after(&leap, &Calendar::default(), at("2024-02-29T17:00:00Z")).unwrap();
    assert_eq!(next.at, at("2028-02-29T17:00:00Z"));
    let session = of("on = \"session\"\nat = \"10:00\"");
    assert_eq!(next_after(&session, &Calendar::default(), at("2036-01-05T00:00:00Z")), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The three ways to ask give the same slots, none twice, none lost at the seams.
    #[test]
    fn windows_timelines_and_next_agree(
        start in 0_i64..86_400 * 365 * 12,
        length in 1_i64..86_400 * 40,
        cut in 0.0_f64..1.0,
        name in 0..crate::schedule::jobset::EMBEDDED.len(),
    ) {
        let job = embedded(crate::schedule::jobset::EMBEDDED[name].0);
        prop_assume!(job.name != "heartbeat");
        let calendar = Calendar::default();
        let from = at("2018-01-01T00:00:00Z") + TimeDelta::seconds(start);
        let to = from + TimeDelta::seconds(length);
        let whole = slots(&job, &calendar, from, to);
        prop_assert!(whole.windows(2).all(|pair| pair[0].at < pair[1].at));
        #[allow(clippy::cast_possible_truncation)] // a share of 40 days
        let middle = from + TimeDelta::seconds((length as f64 * cut) as i64);
        let mut parts = slots(&job, &calendar, from, middle);
        parts.extend(slots(&job, &calendar, middle, to));
        prop_assert_eq!(&parts, &whole);
        let before = from - TimeDelta::nanoseconds(1);
        let mut line = Timeline::after(before);
        let mut taken = line.take_until(&job, &calendar, middle);
        taken.extend(line.take_until(&job, &calendar, to - TimeDelta::nanoseconds(1)));
        prop_assert_eq!(&taken, &whole);
        if let Some(first) = whole.first() {
            prop_assert_eq!(next_after(&job, &calendar, before), Some(*first));
        }
        // Every slot stands on the New York clock at the same time of day, all year round.
        let fixed = ["friday-0dte-entry", "market-open-check", "store-backup"];
        if fixed.contains(&job.name.as_str()) {
            let clock = |slot: &super::Slot| slot.at.with_timezone(&NEW_YORK).time();
            prop_assert!(whole.windows(2).all(|pair| clock(&pair[0]) == clock(&pair[1])));
        }
    }
}
