use proptest::prelude::*;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The session of `at`'s date or the next that trades then: futures open the evening before.
fn trading_at(calendar: &Calendar, exchange: Exchange, at: Timestamp) -> Option<Session> {
    let mut sessions = calendar
        .sessions(exchange, new_york_date(at), new_york_date(at).succ_opt().unwrap())
        .into_iter()
        .filter(|session| session.contains(at));
    let found = sessions.next();
    assert_eq!(sessions.next(), None, "two sessions at {at}");
    found
}

/// Close in New York time, or `closed`.
fn close(calendar: &Calendar, exchange: Exchange, day: &str) -> String {
    match calendar.session(exchange, date(day)) {
        Some(session) => session.close.with_timezone(&NEW_YORK).format("%H:%M").to_string(),
        None => "closed".to_owned(),
    }
}

/// Checks the close of each exchange on a day: XNYS, Cboe, CME.
fn check(day: &str, xnys: &str, cboe: &str, cme: &str) {
    let calendar = Calendar::default();
    assert_eq!(close(&calendar, Exchange::Xnys, day), xnys, "XNYS {day}");
    assert_eq!(close(&calendar, Exchange::CboeIndexOptions, day), cboe, "CBOE {day}");
    assert_eq!(close(&calendar, Exchange::CmeEquity, day), cme, "CME {day}");
}

// The rows of domain/reference.md §3a, whose truth column no single public calendar gives.

#[test]
fn the_eve_of_independence_day_2024_is_a_half_day() {
    check("2024-07-03", "13:00", "13:15", "13:15");
}

#[test]
fn christmas_eve_2024_and_2026_are_half_days() {
    check("2024-12-24", "13:00", "13:15", "13:15");
    check("2026-12-24", "13:00", "13:15", "13:15");
}

#[test]
fn the_fridays_after_thanksgiving_2024_2025_and_2026_are_half_days() {
    for day in ["2024-11-29", "2025-11-28", "2026-11-27"] {
        check(day, "13:00", "13:15", "13:15");
    }
}

#[test]
fn on_the_days_of_mourning_of_2018_and_2025_futures_stop_at_the_open() {
    check("2025-01-09", "closed", "closed", "09:30");
    check("2018-12-05", "closed", "closed", "09:30");
}

#[test]
fn good_friday_2026_has_an_employment_report_so_futures_trade_until_09_15() {
    check("2026-04-03", "closed", "closed", "09:15");
    check("2025-04-18", "closed", "closed", "closed");
}

#[test]
fn independence_day_2026_is_kept_on_friday_and_thursday_is_a_full_day() {
    check("2026-07-03", "closed", "closed", "13:00");
    check("2026-07-02", "16:00", "16:15", "17:00");
}

#[test]
fn other_special_days_close_when_the_exchanges_say() {
    let cases = [
        ("2012-10-29", "closed", "closed", "09:15"),
        ("2026-06-19", "closed", "closed", "13:00"),
        ("2026-11-26", "closed", "closed", "13:00"),
        ("2013-01-21", "closed", "closed", "11:30"),
        ("2026-12-25", "closed", "closed", "closed"),
        ("2027-01-01", "closed", "closed", "closed"),
        ("2021-12-31", "16:00", "16:15", "17:00"),
        ("2026-08-07", "16:00", "16:15", "17:00"),
    ];
    for (day, xnys, cboe, cme) in cases {
        check(day, xnys, cboe, cme);
    }
}

#[test]
fn the_published_holidays_and_early_closes_of_2024_to_2027_are_all_there_are() {
    // domain/reference.md §3a.
    let calendar = Calendar::default();
    let weekdays = |year: i32| {
        let first = NaiveDate::from_yo_opt(year, 1).unwrap();
        first.iter_days().take_while(move |d| d.year() == year).filter(|d| !is_weekend(*d))
    };
    let closed = |year| {
        let days = weekdays(year).filter(|d| !calendar.is_session(Exchange::Xnys, *d));
        days.map(|d| d.format("%m-%d").to_string()).collect::<Vec<_>>().join(",")
    };
    assert_eq!(closed(2026), "01-01,01-19,02-16,04-03,05-25,06-19,07-03,09-07,11-26,12-25");
    assert_eq!(closed(2027), "01-01,01-18,02-15,03-26,05-31,06-18,07-05,09-06,11-25,12-24");
    let sessions = calendar.sessions(Exchange::Xnys, date("2024-01-01"), date("2027-12-31"));
    let early: Vec<String> =
        sessions.iter().filter(|s| s.early_close).map(|s| s.date.to_string()).collect();
    let expected = "2024-07-03 2024-11-29 2024-12-24 2025-07-03 2025-11-28 2025-12-24 \
                    2026-11-27 2026-12-24 2027-11-26";
    assert_eq!(early.join(" "), expected);
}

#[test]
fn hours_follow_new_york_over_clock_changes() {
    let calendar = Calendar::default();
    let hours = |exchange, day| {
        let session = calendar.session(exchange, date(day)).unwrap();
        (session.open, session.close)
    };
    let cases = [
        (Exchange::Xnys, "2025-03-07", "2025-03-07T14:30:00Z", "2025-03-07T21:00:00Z"),
        (Exchange::Xnys, "2025-03-10", "2025-03-10T13:30:00Z", "2025-03-10T20:00:00Z"),
        (Exchange::Xnys, "2025-11-03", "2025-11-03T14:30:00Z", "2025-11-03T21:00:00Z"),
        (Exchange::CboeIndexOptions, "2025-03-10", "2025-03-10T13:30:00Z", "2025-03-10T20:15:00Z"),
        // The clocks changed on the Sunday on which Monday's session opens.
        (Exchange::CmeEquity, "2025-03-10", "2025-03-09T22:00:00Z", "2025-03-10T21:00:00Z"),
        (Exchange::CmeEquity, "2025-11-03", "2025-11-02T23:00:00Z", "2025-11-03T22:00:00Z"),
    ];
    for (exchange, day, open, close) in cases {
        assert_eq!(hours(exchange, day), (at(open), at(close)), "{exchange:?} {day}");
    }
}

#[test]
fn an_instant_belongs_to_the_session_trading_then() {
    let calendar = Calendar::default();
    let cases = [
        (Exchange::Xnys, "2026-08-07T13:29:59Z", None),
        (Exchange::Xnys, "2026-08-07T13:30:00Z", Some("2026-08-07")),
        (Exchange::Xnys, "2026-08-07T19:59:59.999Z", Some("2026-08-07")),
        (Exchange::Xnys, "2026-08-07T20:00:00Z", None),
        // Sunday evening is Monday's session; the break of the evening is nobody's.
        (Exchange::CmeEquity, "2026-08-09T22:00:00Z", Some("2026-08-10")),
        (Exchange::CmeEquity, "2026-08-10T21:30:00Z", None),
        (Exchange::CmeEquity, "2026-08-10T22:00:00Z", Some("2026-08-11")),
        (Exchange::CmeEquity, "2026-08-07T22:30:00Z", None),
        // After midnight New York time the session is that of the day.
        (Exchange::CmeEquity, "2026-08-11T05:00:00Z", Some("2026-08-11")),
    ];
    for (exchange, instant, expected) in cases {
        let found = trading_at(&calendar, exchange, at(instant)).map(|s| s.date);
        assert_eq!(found, expected.map(date), "{exchange:?} {instant}");
    }
}

#[test]
fn neighbours_step_over_long_closures() {
    let calendar = Calendar::default();
    let next = |day| calendar.next_session(Exchange::Xnys, date(day)).unwrap().date;
    let previous = |day| calendar.previous_session(Exchange::Xnys, date(day)).unwrap().date;
    assert_eq!(next("2001-09-10"), date("2001-09-17"));
    assert_eq!(previous("2001-09-17"), date("2001-09-10"));
    assert_eq!(next("2026-08-07"), date("2026-08-10"));
    assert_eq!(calendar.next_session(Exchange::Xnys, date("2035-12-31")), None);
    assert_eq!(calendar.previous_session(Exchange::CmeEquity, date("2005-01-03")), None);
}

#[test]
fn nothing_is_a_session_outside_the_known_years_and_late_ones_are_projected() {
    let calendar = Calendar::default();
    for (exchange, first, last) in [
        (Exchange::Xnys, "1990-01-02", "2035-12-31"),
        (Exchange::CboeIndexOptions, "2005-01-03", "2035-12-31"),
        (Exchange::CmeEquity, "2005-01-03", "2035-12-31"),
        (Exchange::CmeGrains, "2005-01-03", "2035-12-31"),
        (Exchange::CmeMeats, "2005-01-03", "2035-12-31"),
    ] {
        let all = calendar.sessions(exchange, date("1989-01-01"), date("2036-12-31"));
        assert_eq!(all.first().unwrap().date, date(first));
        assert_eq!(all.last().unwrap().date, date(last));
        assert!(all.iter().all(|s| s.projected == (s.date > date("2027-12-31"))));
    }
    assert_eq!(verified_until(), date("2027-12-31"));
}

fn overridden(exchange: Exchange, day: &str, close: Option<&str>) -> Calendar {
    Calendar::new(vec![Override {
        exchange,
        date: date(day),
        close: close.map(|time| time.parse().unwrap()),
        reason: "day of mourning".to_owned(),
    }])
}

#[test]
fn an_override_closes_or_shortens_one_exchanges_day_and_gives_its_reason() {
    let day = "2026-08-06";
    let closed = overridden(Exchange::Xnys, day, None);
    assert_eq!(close(&closed, Exchange::Xnys, day), "closed");
    assert_eq!(close(&closed, Exchange::CmeEquity, day), "17:00");
    assert_eq!(closed.day(Exchange::Xnys, date(day)), Day::Closed("day of mourning".into()));

    let short = overridden(Exchange::CmeEquity, day, Some("09:30:00"));
    assert_eq!(close(&short, Exchange::CmeEquity, day), "09:30");
    let Day::Open(session, reason) = short.day(Exchange::CmeEquity, date(day)) else { panic!() };
    assert!(session.early_close);
    assert_eq!(reason.as_deref(), Some("day of mourning"));
}

#[test]
fn an_override_cannot_open_a_holiday_nor_extend_a_day_and_the_last_one_rules() {
    let holiday = overridden(Exchange::Xnys, "2026-12-25", Some("13:00:00"));
    assert_eq!(close(&holiday, Exchange::Xnys, "2026-12-25"), "closed");
    let late = overridden(Exchange::Xnys, "2026-12-24", Some("18:00:00"));
    let session = late.session(Exchange::Xnys, date("2026-12-24")).unwrap();
    assert_eq!((session.length(), session.early_close), (TimeDelta::minutes(390), false));
    let before_open = overridden(Exchange::Xnys, "2026-08-06", Some("09:30:00"));
    assert_eq!(close(&before_open, Exchange::Xnys, "2026-08-06"), "closed");

    let mut both = vec![];
    for close in [Some("12:00:00"), Some("11:00:00")] {
        let one = overridden(Exchange::Xnys, "2026-08-06", close);
        both.extend(one.inner.overrides.iter().cloned());
    }
    assert_eq!(close(&Calendar::new(both), Exchange::Xnys, "2026-08-06"), "11:00");
}

#[test]
fn a_day_tells_why_it_is_closed_or_short() {
    let calendar = Calendar::default();
    let told = |exchange, day| match calendar.day(exchange, date(day)) {
        Day::Open(_, reason) => format!("open {}", reason.unwrap_or_default()),
        Day::Closed(reason) => format!("closed {reason}"),
        Day::Weekend => "weekend".to_owned(),
        Day::Unknown => "unknown".to_owned(),
    };
    let cases = [
        (Exchange::Xnys, "2026-08-07", "open "),
        (Exchange::Xnys, "2026-08-08", "weekend"),
        (Exchange::Xnys, "2026-11-26", "closed Thanksgiving Day"),
        (Exchange::Xnys, "2026-11-27", "open day after Thanksgiving"),
        (Exchange::CmeEquity, "2026-11-26", "open Thanksgiving Day"),
        (Exchange::CmeEquity, "2025-01-09", "open day of mourning for President Carter"),
        (Exchange::Xnys, "2025-01-09", "closed day of mourning for President Carter"),
        (Exchange::CboeIndexOptions, "2004-12-31", "unknown"),
        (Exchange::Xnys, "2036-01-02", "unknown"),
    ];
    for (exchange, day, expected) in cases {
        assert_eq!(told(exchange, day), expected, "{exchange:?} {day}");
    }
}

#[test]
fn exchanges_are_read_in_any_case() {
    assert_eq!("cme".parse(), Ok(Exchange::CmeEquity));
    assert_eq!("XNYS".parse(), Ok(Exchange::Xnys));
    assert_eq!("nyse".parse::<Exchange>(), Err(UnknownExchange("nyse".to_owned())));
}

proptest! {
    #[test]
    fn sessions_are_in_order_and_never_overlap(day in 0_u64..9000, exchange in 0..Exchange::ALL.len()) {
        let (calendar, exchange) = (Calendar::default(), Exchange::ALL[exchange]);
        let day = date("2010-06-01") + chrono::Days::new(day);
        if let (Some(previous), Some(next)) =
            (calendar.previous_session(exchange, day), calendar.next_session(exchange, day))
        {
            prop_assert!(previous.open < previous.close);
            prop_assert!(previous.close <= next.open);
            prop_assert!(previous.date < day && day < next.date);
            prop_assert_eq!(trading_at(&calendar, exchange, next.open), Some(next));
        }
    }

    #[test]
    fn any_local_time_has_an_instant_that_shows_it_or_comes_right_after(
        day in 0_u64..20_000,
        second in 0_u32..86_400,
    ) {
        let day = date("1990-01-01") + chrono::Days::new(day);
        let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
        let shown = new_york(day, time).with_timezone(&NEW_YORK).naive_local();
        let wanted = day.and_time(time);
        prop_assert!(shown >= wanted && shown - wanted <= TimeDelta::hours(1));
    }

    #[test]
    fn next_and_previous_undo_each_other(day in 0_u64..9000, exchange in 0..Exchange::ALL.len()) {
        let (calendar, exchange) = (Calendar::default(), Exchange::ALL[exchange]);
        let day = date("2010-06-01") + chrono::Days::new(day);
        let next = calendar.next_session(exchange, day).unwrap();
        let back = calendar.previous_session(exchange, next.date).unwrap();
        // Back again: on the day itself where it is a session, else on the last one before it.
        prop_assert_eq!(back.date <= day, true);
        prop_assert_eq!(back.date == day, calendar.is_session(exchange, day));
        prop_assert_eq!(calendar.next_session(exchange, back.date), Some(next));
        // Between the two there is none, and the list of sessions says the same.
        prop_assert_eq!(calendar.sessions(exchange, back.date, next.date), vec![back, next]);
    }
}
