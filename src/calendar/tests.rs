use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Close in New York time, or `closed`.
fn close(exchange: Exchange, day: &str) -> String {
    match Calendar::default().session(exchange, date(day)) {
        Some(session) => session.close.with_timezone(&NEW_YORK).format("%H:%M").to_string(),
        None => "closed".to_owned(),
    }
}

#[test]
fn special_days_close_when_the_exchanges_say() {
    // The truth column of domain/reference.md §3a, and CME's notices.
    let cases = [
        ("2024-07-03", "13:00", "13:15", "13:15"),
        ("2024-12-24", "13:00", "13:15", "13:15"),
        ("2026-12-24", "13:00", "13:15", "13:15"),
        ("2024-11-29", "13:00", "13:15", "13:15"),
        ("2026-11-27", "13:00", "13:15", "13:15"),
        ("2025-01-09", "closed", "closed", "09:30"),
        ("2018-12-05", "closed", "closed", "09:30"),
        ("2012-10-29", "closed", "closed", "09:15"),
        ("2026-04-03", "closed", "closed", "09:15"),
        ("2025-04-18", "closed", "closed", "closed"),
        ("2026-07-03", "closed", "closed", "13:00"),
        ("2026-07-02", "16:00", "16:15", "17:00"),
        ("2026-06-19", "closed", "closed", "13:00"),
        ("2026-11-26", "closed", "closed", "13:00"),
        ("2026-12-25", "closed", "closed", "closed"),
        ("2027-01-01", "closed", "closed", "closed"),
        ("2021-12-31", "16:00", "16:15", "17:00"),
        ("2026-08-07", "16:00", "16:15", "17:00"),
    ];
    for (day, xnys, cboe, cme) in cases {
        assert_eq!(close(Exchange::Xnys, day), xnys, "XNYS {day}");
        assert_eq!(close(Exchange::CboeIndexOptions, day), cboe, "CBOE {day}");
        assert_eq!(close(Exchange::CmeEquity, day), cme, "CME {day}");
    }
}
