//! The calendar against calendars nobody here wrote: `exchange_calendars`, `pandas_market_calendars`
//! and `fasti`. Where an oracle is known to be wrong, the day is named below with the truth.

#![allow(clippy::unwrap_used)] // a fixture that cannot be read fails the test, as it should

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc, Weekday};
use tomking::calendar::{Calendar, Exchange, NEW_YORK, verified_until};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Open and close by session.
type Hours = BTreeMap<NaiveDate, (DateTime<Utc>, DateTime<Utc>)>;

/// The sessions of a fixture, whose rows are runs of weekdays with one open and close.
fn fixture(name: &str, open_evening_before: bool) -> Hours {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/calendar").join(name);
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).expect("the fixture opens");
    let mut hours = Hours::new();
    for row in reader.deserialize() {
        let (first, last, open, close): (NaiveDate, NaiveDate, String, String) = row.unwrap();
        let at = |day: NaiveDate, time: &str| {
            day.and_time(NaiveTime::parse_from_str(time, "%H:%M").unwrap()).and_utc()
        };
        let days = first.iter_days().take_while(|day| *day <= last);
        for day in days.filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun)) {
            let open_day = if open_evening_before { day.pred_opt().unwrap() } else { day };
            hours.insert(day, (at(open_day, &open), at(day, &close)));
        }
    }
    hours
}

/// Ours from the first session of the oracle to the end of the verified years.
fn ours(exchange: Exchange, from: &str) -> Hours {
    let sessions = Calendar::default().sessions(exchange, date(from), verified_until());
    sessions.into_iter().map(|s| (s.date, (s.open, s.close))).collect()
}

/// Where two calendars differ: the day, the close by ours and by theirs, New York time.
fn differences(ours: &Hours, theirs: &Hours) -> Vec<(String, String, String)> {
    let mut days: Vec<&NaiveDate> = ours.keys().chain(theirs.keys()).collect();
    days.sort();
    days.dedup();
    let told = |hours: Option<&(DateTime<Utc>, DateTime<Utc>)>| match hours {
        Some((_, close)) => close.with_timezone(&NEW_YORK).format("%H:%M").to_string(),
        None => "closed".to_owned(),
    };
    let differ = days.into_iter().filter(|day| ours.get(day) != theirs.get(day));
    differ.map(|d| (d.to_string(), told(ours.get(d)), told(theirs.get(d)))).collect()
}

#[test]
fn every_xnys_session_since_1990_opens_and_closes_as_exchange_calendars_says() {
    let theirs = fixture("xnys.csv", false);
    assert_eq!(theirs.len(), 9569);
    assert_eq!(differences(&ours(Exchange::Xnys, "1990-01-01"), &theirs), []);
}

#[test]
fn cboe_differs_from_pandas_market_calendars_only_where_that_misses_christmas_eve() {
    let theirs = fixture("cboe_index_options.csv", false);
    let found = differences(&ours(Exchange::CboeIndexOptions, "2005-01-01"), &theirs);
    let wrong = |(day, ours, theirs): &(String, String, String)| {
        day.ends_with("-12-24") && ours == "13:15" && theirs == "16:15"
    };
    let others: Vec<_> = found.iter().filter(|d| !wrong(d)).collect();
    assert_eq!(others, Vec::<&(String, String, String)>::new());
    // Reference §3a names 2024 and 2026; these are the others.
    let years: Vec<&str> = found.iter().map(|(day, ..)| &day[..4]).collect();
    let expected = "2007 2008 2009 2012 2013 2014 2015 2018 2019 2020 2024 2025 2026";
    assert_eq!(years.join(" "), expected);
}

#[test]
fn cme_differs_from_pandas_market_calendars_only_on_days_known_to_be_wrong_there() {
    let theirs = fixture("cme_globex_equity.csv", true);
    let found = differences(&ours(Exchange::CmeEquity, "2005-01-01"), &theirs);
    let told: Vec<String> = found.iter().map(|(d, a, b)| format!("{d} {a} {b}")).collect();
    // Day, close by ours, close by theirs.
    let expected = [
        "2007-01-02 09:15 17:00", // day of mourning
        "2012-10-29 09:15 17:00", // Hurricane Sandy: notices of CME Group
        "2012-10-30 09:15 17:00",
        "2018-12-05 09:30 17:00", // days of mourning: reference §3a, stack §6
        "2024-03-29 closed 09:15", // Good Friday without an employment report
        "2025-01-09 09:30 17:00",
        "2025-04-18 closed 09:15",
        "2027-03-26 closed 09:15",
    ];
    assert_eq!(told, expected);
}

#[test]
fn grains_and_meats_differ_from_pandas_market_calendars_only_on_days_named_here() {
    for (exchange, name) in
        [(Exchange::CmeGrains, "cbot_grains.csv"), (Exchange::CmeMeats, "cme_livestock.csv")]
    {
        let found = differences(&ours(exchange, "2019-01-01"), &fixture(name, false));
        let half_days = ours(Exchange::Xnys, "2019-01-01");
        for (day, ours, theirs) in &found {
            let stocks = half_days.get(&date(day)).map(|(_, close)| close.with_timezone(&NEW_YORK));
            // The stock market's half days; Juneteenth, which their livestock calendar misses; and
            // the day of mourning of 2025, on which their two disagree: ours is safe.
            let half = stocks.is_some_and(|close| close.hour() == 13) && ours == "13:00";
            let juneteenth = day.contains("-06-") && ours == "closed";
            let mourning = day == "2025-01-09" && ours == "closed";
            assert!(half || juneteenth || mourning, "{name} {day}: {ours}, theirs {theirs}");
        }
    }
}

#[test]
fn every_full_day_from_1990_to_2035_is_as_fasti_says_but_for_closures_it_cannot_know() {
    let nyse = fasti::calendars::us::NYSE;
    let calendar = Calendar::default();
    let days = date("1990-01-01").iter_days().take_while(|d| d.year() <= 2035);
    let wrong: Vec<NaiveDate> = days
        .filter(|day| {
            let month = fasti::Month::try_from_u8(u8::try_from(day.month()).unwrap()).unwrap();
            let year = u16::try_from(day.year()).unwrap();
            let theirs =
                fasti::Date::from_ymd(year, month, u8::try_from(day.day()).unwrap()).unwrap();
            calendar.is_session(Exchange::Xnys, *day) != nyse.is_business_day(theirs)
        })
        .collect();
    assert_eq!(wrong, []);
}
