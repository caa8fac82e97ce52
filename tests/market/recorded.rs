//! A folder of recorded files as a tape.

use chrono::TimeDelta;
use rust_decimal::dec;
use tomking::{
    calendar::Calendar,
    instrument::Product,
    market::{
        DailyBar, EventDay, EventKind, Market, MarketError, Provenance, RecordedTape,
        SimulatedTape,
        recorded::{DataError, Kind},
        tape::{Asset, Tape},
    },
    money::to_f64,
};

use crate::support::{Hands, date, instant, july, july_tape, market, now, session};

#[test]
fn files_are_known_by_their_headers_and_the_summary_tells_what_was_met() {
    let text = july_tape().summary().to_string();
    let told = [
        "curve.csv: VIX9D and VIX3M, 14 rows, 2024-06-24 to 2024-07-12",
        "fear.csv: daily VIX bars, 15 rows, 2024-06-24 to 2024-07-12",
        "hours.csv: hourly index bars, 59 rows, 2024-07-01 to 2024-07-12",
        "pound.csv: pound-dollar rates, 7 rows, 2024-06-28 to 2024-07-09",
        "prices.csv: daily index bars, 14 rows, 2024-06-24 to 2024-07-12",
        "releases.csv: macro events, 6 rows, 2024-06-12 to 2024-07-31",
        "note: 1 VIX row has an open or close outside high and low; its range is widened",
        "note: VIX bars on days without a session are left aside: 2024-07-04",
        "note: sessions with holes in their hourly bars, filled from the daily bar: 2024-07-10",
        "note: 1 event was unscheduled: nobody could look ahead to it",
        "note: 1 event is of a kind the rulebook does not filter by",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), told);
}

#[test]
fn every_day_passes_through_its_open_and_close_and_touches_its_extremes() {
    let tape = july_tape();
    let bars = tape.daily_bars(Asset::Spx, date("2024-07-13"), 100);
    assert_eq!(bars.len(), 14);
    for asset in [Asset::Spx, Asset::Vix] {
        for bar in tape.daily_bars(asset, date("2024-07-13"), 100) {
            let path = tape.path(asset, &session(&bar.date.to_string())).unwrap();
            let told = (path.at(path.open), path.high, path.low, path.at(path.close));
            let DailyBar { open, high, low, close, .. } = bar;
            let [open, high, low, close] = [open, high, low, close].map(to_f64);
            assert_eq!(told, (open, high, low, close), "{asset:?} {}", bar.date);
        }
    }
}

#[test]
fn hours_are_kept_inside_their_bars_but_for_the_two_that_hold_the_days_extremes() {
    let tape = july_tape();
    let hours = std::fs::read_to_string(july().join("hours.csv")).unwrap();
    let mut held = 0;
    for day in ["2024-07-05", "2024-07-08", "2024-07-11"] {
        let path = tape.path(Asset::Spx, &session(day)).unwrap();
        let rows = hours.lines().filter(|l| l.starts_with(day));
        let bars: Vec<(i32, Vec<f64>)> = rows
            .map(|row| {
                let start = row[11..13].parse::<i32>().unwrap() * 60 - 540;
                (start, row.split(',').skip(2).map(|p| p.parse().unwrap()).collect())
            })
            .collect();
        let top = bars.iter().map(|(_, bar)| bar[1]).fold(0.0, f64::max);
        let bottom = bars.iter().map(|(_, bar)| bar[2]).fold(1e9, f64::min);
        for (start, bar) in bars.iter().filter(|(_, b)| b[1] < top && b[2] > bottom) {
            let at = |minute| path.at(path.open + TimeDelta::minutes(i64::from(start + minute)));
            assert!((at(0) - bar[0]).abs() < 1e-9, "{day}: begins with {}", bar[0]);
            for value in (0..30).map(at) {
                let inside = bar[2] - 1e-9 <= value && value <= bar[1] + 1e-9;
                assert!(inside, "{day} minute {start}: {value} of {bar:?}");
            }
            held += 1;
        }
    }
    assert!(held >= 12, "{held} bars looked at");
}

#[test]
fn the_daily_open_wins_over_the_first_hour() {
    let path = july_tape().path(Asset::Spx, &session("2024-07-09")).unwrap();
    assert!((path.first() - 4101.63).abs() < 1e-9, "the hourly file says 4097.63");
}

#[test]
fn a_half_day_ends_at_one_and_its_last_bar_covers_its_last_half_hour() {
    let path = july_tape().path(Asset::Spx, &session("2024-07-03")).unwrap();
    assert_eq!(path.close, instant("2024-07-03T17:00:00Z"));
    assert_eq!(path.nodes.len(), 211);
    assert!((path.at(instant("2024-07-03T16:30:00Z")) - 4092.19).abs() < 1e-9);
    let summary = july_tape().summary().to_string();
    assert!(!summary.contains("2024-07-03"), "no hole: {summary}");
}

#[test]
fn vix_moves_against_the_index() {
    let tape = july_tape();
    let mut against = 0;
    let days = ["2024-07-01", "2024-07-05", "2024-07-08", "2024-07-09", "2024-07-11"];
    for day in days {
        let index = tape.path(Asset::Spx, &session(day)).unwrap().nodes;
        let vix = tape.path(Asset::Vix, &session(day)).unwrap().nodes;
        let step = |nodes: &[f64], i: usize| nodes[i + 10] - nodes[i];
        let product: f64 = (0..380).map(|i| step(&index, i) * step(&vix, i)).sum();
        against += usize::from(product < 0.0);
    }
    assert_eq!(against, days.len());
}

#[test]
fn two_loads_agree_whatever_is_asked_first() {
    let (one, other) = (july_tape(), july_tape());
    let days = ["2024-07-01", "2024-07-03", "2024-07-10", "2024-07-12"];
    let forward = days.map(|d| one.path(Asset::Vix, &session(d)));
    let mut backward = days;
    backward.reverse();
    let mut backward = backward.map(|d| other.path(Asset::Vix, &session(d)));
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn the_rate_is_the_last_one_dated_strictly_before() {
    let tape = july_tape();
    let cases = [
        ("2024-06-28", None),
        ("2024-07-01", Some(("2024-06-28", dec!(1.25)))),
        ("2024-07-05", Some(("2024-07-04", dec!(1.29)))),
        ("2024-07-08", Some(("2024-07-05", dec!(1.30)))),
        ("2025-01-01", Some(("2024-07-09", dec!(1.31)))),
    ];
    for (day, rate) in cases {
        let found = tape.fx(date(day)).map(|fx| (fx.date, fx.usd_per_gbp));
        assert_eq!(found, rate.map(|(d, r)| (date(d), r)), "{day}");
    }
    let quiet = market(july_tape(), &Hands::at("2024-06-28T14:30:00Z"));
    assert_eq!(now(quiet.fx(date("2024-06-28"))), Err(MarketError::NoFx(date("2024-06-28"))));
}

#[test]
fn events_are_known_two_days_around_and_unknown_outside_their_months() {
    let tape = july_tape();
    let known = |kind, day| match tape.events(kind, date(day)) {
        EventDay::Known(events) => Some(events.iter().map(|e| e.at).collect::<Vec<_>>()),
        EventDay::Unknown => None,
    };
    let nfp = instant("2024-07-05T12:30:00Z");
    assert_eq!(known(EventKind::Nfp, "2024-07-05"), Some(vec![nfp]));
    assert_eq!(known(EventKind::Nfp, "2024-07-03"), Some(vec![nfp]));
    assert_eq!(known(EventKind::Nfp, "2024-07-07"), Some(vec![nfp]));
    assert_eq!(known(EventKind::Nfp, "2024-07-08"), Some(vec![]));
    assert_eq!(known(EventKind::Nfp, "2024-06-30"), None, "before the first month");
    assert_eq!(known(EventKind::Nfp, "2024-08-01"), None, "after the last");
    let fomc = instant("2024-07-31T18:00:00Z");
    assert_eq!(known(EventKind::Fomc, "2024-07-30"), Some(vec![fomc]));
    assert_eq!(known(EventKind::Fomc, "2024-07-01"), Some(vec![]), "nobody knew of it");
}

#[test]
fn the_term_structure_is_that_of_the_morning() {
    let tape = july_tape();
    let term = tape.term(date("2024-07-10"));
    assert!((term.nine_days.unwrap() - 0.9).abs() < 0.001);
    assert!((term.three_months.unwrap() - 1.1).abs() < 0.001);
    let thin = tape.term(date("2024-07-09"));
    assert!(thin.nine_days.is_some() && thin.three_months.is_none());
    assert_eq!(tape.term(date("2024-08-30")).nine_days, None, "too old to tell");
}

#[test]
fn a_range_is_checked_before_it_starts() {
    let tape = july_tape();
    let coverage = tape.check_range(date("2024-07-01"), date("2024-07-12")).unwrap();
    assert_eq!((coverage.sessions, coverage.hourly, coverage.bars_before), (9, 8, 5));
    assert_eq!((coverage.first, coverage.last), (date("2024-06-24"), date("2024-07-12")));
    let told = |from, to| tape.check_range(date(from), date(to)).unwrap_err().to_string();
    assert_eq!(
        told("2023-07-01", "2023-07-31"),
        "no data from 2023-07-01 to 2023-07-31: the folder covers 2024-06-24 to 2024-07-12"
    );
    assert_eq!(
        told("2024-07-06", "2024-07-07"),
        "no exchange session from 2024-07-06 to 2024-07-07"
    );
    let gap = told("2024-07-11", "2024-07-16").replace(&format!("{}/", july().display()), "");
    assert_eq!(
        gap,
        "gap: no SPX bar for session 2024-07-15 (`prices.csv`, after line 15); no VIX bar for \
         session 2024-07-15 (`fear.csv`, after line 16); no SPX bar for session 2024-07-16 \
         (`prices.csv`, after line 15); no VIX bar for session 2024-07-16 (`fear.csv`, after line \
         16); the folder covers 2024-06-24 to 2024-07-12"
    );
}

#[test]
fn a_gap_inside_the_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["prices.csv", "fear.csv"] {
        let text = std::fs::read_to_string(july().join(file)).unwrap();
        let kept: Vec<&str> = text.lines().filter(|l| !l.starts_with("2024-07-09")).collect();
        std::fs::write(folder.path().join(file), kept.join("\n")).unwrap();
    }
    let tape = RecordedTape::load(folder.path(), 1, &Calendar::default()).unwrap();
    let error = tape.check_range(date("2024-07-01"), date("2024-07-12")).unwrap_err();
    let DataError::Gaps { gaps, .. } = &error else { panic!("{error}") };
    let day = date("2024-07-09");
    let found: Vec<_> = gaps.iter().map(|gap| (gap.date, gap.kind, gap.line)).collect();
    assert_eq!(found, [(day, Kind::Index, 11), (day, Kind::Vix, 12)]);
    let warned = tape.summary().to_string();
    assert!(warned.contains("warning: no pound-dollar rates"), "{warned}");
}

#[test]
fn what_is_not_recorded_is_not_traded_unless_simulated() {
    let clock = Hands::at("2024-07-10T14:30:00Z");
    let recorded = market(july_tape(), &clock);
    let followers = [Product::Es, Product::Mes, Product::Spx, Product::Xsp, Product::Spy];
    assert_eq!(recorded.products(), followers);
    assert_eq!(recorded.provenance(), Provenance::RecordedModelled);
    let refused = now(recorded.underlying(Product::Qqq, None));
    assert_eq!(refused, Err(MarketError::NoData(Product::Qqq)));

    let simulated = SimulatedTape::new(1, &Calendar::default());
    let all = market(july_tape().simulating_missing(simulated), &clock);
    assert_eq!(all.products(), Product::ALL);
    assert!(now(all.underlying(Product::Gld, None)).is_ok());
    assert_eq!(
        now(all.underlying(Product::Spx, None)),
        now(recorded.underlying(Product::Spx, None)),
        "what is recorded stays as recorded"
    );
}
