//! The words of a job file. Each reader gives, when it cannot, what would be right.

use chrono::{NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};

use crate::{
    calendar::Exchange,
    schedule::{
        job::{At, EarlyClose, Holiday, MissedPolicy, On, Overlap, weekday_name},
        text::{nearest, parse_span},
    },
};

/// Offsets from an open or close are at most this: a slot lies near its day.
const OFFSET_HOURS_MAX: i64 = 12;

const WEEKDAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

fn choose<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(value.clone());
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Err(match nearest(text, &names) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("write one of: {}", names.join(", ")),
    })
}

/// A span: `90s`, `25m`, `12h`, `3d`.
pub fn a_span(text: &str) -> Result<TimeDelta, String> {
    parse_span(text).ok_or_else(|| {
        "write a whole number and its unit: \"90s\", \"25m\", \"12h\" or \"3d\"".to_owned()
    })
}

/// The days; `cron` stands for the expression in the key of that name.
pub fn days(text: &str) -> Result<Option<On>, String> {
    if let Some((nth, day)) = text.split_once(' ') {
        return nth_weekday(nth, day).map(Some);
    }
    let mut words = vec![
        ("session", Some(On::Session)),
        ("first_of_week", Some(On::FirstOfWeek)),
        ("last_of_week", Some(On::LastOfWeek)),
        ("first_of_month", Some(On::FirstOfMonth)),
        ("last_of_month", Some(On::LastOfMonth)),
        ("first_of_quarter", Some(On::FirstOfQuarter)),
    ];
    words.extend(WEEKDAYS.map(|day| (weekday_name(day), Some(On::Weekday(day)))));
    words.push(("cron", None));
    let and_nth = |hint: String| match hint.strip_prefix("write one of: ") {
        Some(list) => format!("write one of: {list}, or an nth weekday such as \"2nd tuesday\""),
        None => hint,
    };
    choose(text, &words).map_err(and_nth)
}

fn nth_weekday(nth: &str, day: &str) -> Result<On, String> {
    let day = choose(day, &WEEKDAYS.map(|day| (weekday_name(day), day)))?;
    let places = ["1st", "2nd", "3rd", "4th", "5th"];
    match (nth, places.iter().zip(1..).find(|(place, _)| **place == nth)) {
        ("last", _) => Ok(On::Last(day)),
        (_, Some((_, n))) => Ok(On::Nth(n, day)),
        _ => Err(format!("write 1st, 2nd, 3rd, 4th, 5th or last before \"{}\"", weekday_name(day))),
    }
}

/// A cron expression of five fields, or six with seconds first.
pub fn cron(text: &str) -> Result<Box<Cron>, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let hint = "write five fields, minute hour day month weekday: \"45 8 6 4 *\" is 6 April 08:45";
    parser.parse(text).map(Box::new).map_err(|cause| format!("{hint} ({cause})"))
}

/// `HH:MM`, `open`, `open+5m`, `close-150m`.
pub fn an_instant(text: &str) -> Result<At, String> {
    let hint = || {
        format!(
            "write a time of day \"HH:MM\" in the trigger's zone, or \"open+5m\", \"close-150m\" \
             (at most {OFFSET_HOURS_MAX}h)"
        )
    };
    for (word, make) in [("open", At::Open as fn(TimeDelta) -> At), ("close", At::Close)] {
        if let Some(rest) = text.strip_prefix(word) {
            return offset(rest).map(make).ok_or_else(hint);
        }
    }
    time_of_day(text).map(At::Time).ok_or_else(hint)
}

fn offset(text: &str) -> Option<TimeDelta> {
    let signed = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        _ if text.is_empty() => TimeDelta::zero(),
        (Some(after), _) => parse_span(after)?,
        (_, Some(before)) => -parse_span(before)?,
        _ => return None,
    };
    (signed.abs() <= TimeDelta::hours(OFFSET_HOURS_MAX)).then_some(signed)
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    NaiveTime::from_hms_opt(hours.parse().ok()?, minutes.parse().ok()?, 0)
}

/// A zone of the IANA database.
pub fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        "write a zone's IANA name, such as \"America/New_York\", \"Europe/London\" or \"UTC\""
            .to_owned()
    })
}

/// A calendar.
pub fn exchange(text: &str) -> Result<Exchange, String> {
    let words = [
        ("XNYS", Exchange::Xnys),
        ("CBOE", Exchange::CboeIndexOptions),
        ("CME", Exchange::CmeEquity),
        ("GRAINS", Exchange::CmeGrains),
        ("MEATS", Exchange::CmeMeats),
    ];
    choose(text, &words)
}

/// What a holiday does.
pub fn holiday(text: &str) -> Result<Holiday, String> {
    let words = [
        ("next_session", Holiday::NextSession),
        ("previous_session", Holiday::PreviousSession),
        ("skip", Holiday::Skip),
        ("keep", Holiday::Keep),
    ];
    choose(text, &words)
}

/// What an early close does.
pub fn early_close(text: &str) -> Result<EarlyClose, String> {
    let hint = "write \"keep\", \"skip\", or the latest instant from the close: \"close-150m\"";
    match text {
        "keep" => Ok(EarlyClose::Keep),
        "skip" => Ok(EarlyClose::Skip),
        _ => match an_instant(text) {
            Ok(At::Close(offset)) => Ok(EarlyClose::NoLaterThan(offset)),
            _ => Err(hint.to_owned()),
        },
    }
}

/// What to do with missed slots.
pub fn missed_policy(text: &str) -> Result<MissedPolicy, String> {
    let words = [
        ("skip", MissedPolicy::Skip),
        ("once", MissedPolicy::Once),
        ("coalesce", MissedPolicy::Coalesce),
    ];
    choose(text, &words)
}

/// What a slot does while an earlier one runs.
pub fn overlap(text: &str) -> Result<Overlap, String> {
    choose(text, &[("skip", Overlap::Skip), ("queue", Overlap::Queue)])
}
