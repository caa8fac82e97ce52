use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rust_decimal::dec;

use super::{DataError, Kind, Library, OnConflict, RecordedTape};
use crate::{
    calendar::{Calendar, Exchange},
    market::history::{IvRank, Unknown, YearHigh},
};

const SPX: &str = "date,open,high,low,close,volume\n\
                   2024-08-01,5537.84,5566.16,5410.42,5446.68,4703620000\n\
                   2024-08-02,5376.63,5376.63,5302.03,5346.56,4946570000\n";
const VIX: &str = "DATE,OPEN,HIGH,LOW,CLOSE\n2024-08-02,20.520000,29.660000,20.240000,23.390000\n";

struct Shelf {
    dir: tempfile::TempDir,
    library: Library,
}

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::in_data_dir(dir.path());
        Self { dir, library }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn import(&self, text: &str) -> Result<Vec<super::Imported>, DataError> {
        self.library.import(&[self.file("new.csv", text)], OnConflict::Keep)
    }

    fn kept(&self, kind: Kind) -> String {
        std::fs::read_to_string(self.library.file(kind)).unwrap_or_default()
    }
}

#[test]
fn a_file_is_known_by_its_header_and_merged_by_date() {
    let shelf = Shelf::new();
    let files = [shelf.file("a.csv", SPX), shelf.file("b.csv", VIX)];
    let done = shelf.library.import(&files, OnConflict::Keep).unwrap();
    assert_eq!(
        done.iter().map(|d| (d.kind, d.added)).collect::<Vec<_>>(),
        [(Kind::Index, 2), (Kind::Vix, 1)]
    );
    // The day between and one after; one day again, its figures written otherwise.
    let more = "Close,Date,Open,High,Low,Volume\n5346.560,2024-08-02,5376.63,5376.630,5302.03,\n\
                5186.33,2024-08-05,5151.14,5250.89,5119.26,\n";
    let done = &shelf.import(more).unwrap()[0];
    assert_eq!((done.rows, done.added, done.duplicates, done.conflicts), (2, 1, 1, 0));
    assert_eq!(done.from_date.zip(done.to_date), Some((day(1), day(5))));
    let lines: Vec<String> = shelf.kept(Kind::Index).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], "date,open,high,low,close,volume");
    assert_eq!(lines[2], "2024-08-02,5376.63,5376.63,5302.03,5346.56,4946570000");
    assert_eq!(lines[3], "2024-08-05,5151.14,5250.89,5119.26,5186.33,");
}

#[test]
fn a_row_that_differs_is_told_and_kept_out_unless_replaced() {
    let shelf = Shelf::new();
    shelf.import(SPX).unwrap();
    let other = SPX.replace("5446.68", "5446.69");
    let done = &shelf.import(&other).unwrap()[0];
    assert_eq!((done.duplicates, done.conflicts, done.replaced), (1, 1, false));
    let conflict = &done.conflicting[0];
    assert_eq!((conflict.date, conflict.column.as_str()), (day(1), "close"));
    assert_eq!((&*conflict.kept, &*conflict.offered), ("5446.68", "5446.69"));
    assert_eq!(shelf.kept(Kind::Index), SPX);
    let file = shelf.file("new.csv", &other);
    shelf.library.import(&[file], OnConflict::Replace).unwrap();
    assert_eq!(shelf.kept(Kind::Index), other);
}

#[test]
fn an_empty_cell_says_nothing_and_is_filled() {
    let shelf = Shelf::new();
    let header = "date,vix9d,vix3m,vvix,skew\n";
    shelf.import(&format!("{header}2024-08-02,26.78,,,150.17\n")).unwrap();
    let done = &shelf.import(&format!("{header}2024-08-02,,24.20,124.36,\n")).unwrap()[0];
    assert_eq!((done.filled, done.conflicts), (1, 0));
    assert_eq!(shelf.kept(Kind::Term), format!("{header}2024-08-02,26.78,24.20,124.36,150.17\n"));
}

#[test]
fn a_bad_row_is_refused_with_its_place_and_nothing_is_imported() {
    let good_then = |row: &str| format!("{SPX}{row}\n");
    let cases = [
        (
            good_then("2024-08-05,5151.14,5250.89,5119.26,5286.33,"),
            "line 4, column `close`: found `5286.33`, expected a price from the low of 5119.26 to \
             the high of 5250.89",
        ),
        (
            good_then("2024-08-02,1,1,1,1,"),
            "line 4, column `date`: found `2024-08-02`, expected a date after 2024-08-02: rows \
             ascend, one a day",
        ),
        (
            good_then("5 Aug 2024,1,1,1,1,"),
            "line 4, column `date`: found `5 Aug 2024`, expected a date like 2024-08-05",
        ),
        (
            good_then("2024-08-05,0,1,1,1,"),
            "line 4, column `open`: found `0`, expected a number above 0",
        ),
        (
            good_then("2024-08-05,1,1,1"),
            "line 4, column `row`: found 4 columns, expected 6 columns \
             (`date,open,high,low,close,volume`)",
        ),
        (
            "date,usd_per_gbp\n2024-08-02,127\n".to_owned(),
            "line 2, column `usd_per_gbp`: found `127`, expected dollars for a pound, from 0.1 to \
             20",
        ),
        (
            "date,event,time_et,note\n2024-07-31,FOMC,14:00,\n2024-07-31,FOMC,14:30,\n".to_owned(),
            "line 3, column `date`: found `2024-07-31`, expected one row for a FOMC of 2024-07-31",
        ),
    ];
    for (text, wanted) in cases {
        let shelf = Shelf::new();
        // A good file beside the bad one is not taken either.
        let files = [shelf.file("good.csv", VIX), shelf.file("bad.csv", &text)];
        let error = shelf.library.import(&files, OnConflict::Keep).unwrap_err().to_string();
        assert!(error.ends_with(&format!("bad.csv` {wanted}")), "{error}\n{wanted}");
        assert!(!shelf.library.folder().exists());
    }
}

#[test]
fn a_header_of_no_format_is_refused_with_those_that_are() {
    let error = Shelf::new().import("when,what\n1,2\n").unwrap_err().to_string();
    assert!(error.contains("its header `when,what` is of no format known here"), "{error}");
    assert!(error.contains("`date,open,high,low,close,volume`"), "{error}");
    let empty = Shelf::new().import("DATE,OPEN,HIGH,LOW,CLOSE\n").unwrap_err();
    assert!(matches!(empty, DataError::Empty { kind: Kind::Vix, .. }), "{empty}");
}

#[test]
fn gaps_are_counted_against_the_calendar() {
    let shelf = Shelf::new();
    let vix = |dates: &[&str]| {
        let rows: Vec<String> = dates.iter().map(|date| format!("{date},20,21,19,20")).collect();
        format!("DATE,OPEN,HIGH,LOW,CLOSE\n{}\n", rows.join("\n"))
    };
    // The 3rd and 4th are a weekend, the 6th is missing, Labor Day is no session.
    shelf.import(&vix(&["2024-08-02", "2024-08-05", "2024-08-07"])).unwrap();
    shelf.import("date,usd_per_gbp\n2024-08-01,1.28\n2024-08-02,1.27\n2024-08-09,1.27\n").unwrap();
    shelf.import("date,event,time_et\n2024-07-31,FOMC,14:00\n2024-09-18,FOMC,14:00\n").unwrap();
    let found = shelf.library.survey(&Calendar::default());
    let told: Vec<_> = found.iter().map(|h| (h.kind, h.rows, h.gaps, h.missing.clone())).collect();
    assert_eq!(
        told,
        [
            (Kind::Vix, 3, 1, vec![day(6)]),
            (Kind::Fx, 3, 1, vec![day(2)]),
            (Kind::Events, 2, 0, vec![]),
        ]
    );
    shelf.import(&vix(&["2024-09-02"])).unwrap();
    let vix = &shelf.library.survey(&Calendar::default())[0];
    assert_eq!((vix.off_session, vix.to_date), (1, NaiveDate::from_ymd_opt(2024, 9, 2)));
}

#[test]
fn a_kept_file_that_was_damaged_is_told_and_not_merged_with() {
    let shelf = Shelf::new();
    shelf.import(SPX).unwrap();
    let file = shelf.library.file(Kind::Index);
    std::fs::write(&file, SPX.replace("5566.16", "5.16")).unwrap();
    let found = &shelf.library.survey(&Calendar::default())[0];
    let error = found.error.clone().unwrap();
    assert!(error.contains("index.csv` line 2, column `high`"), "{error}");
    assert!(shelf.import(SPX).unwrap_err().to_string().contains("index.csv` line 2"));
    std::fs::write(&file, VIX).unwrap();
    let error = shelf.library.survey(&Calendar::default())[0].error.clone().unwrap();
    assert!(error.contains("should hold daily index bars, its header is that of daily VIX bars"));
}

#[test]
fn a_year_of_imported_bars_tells_the_high_and_the_rank() {
    let shelf = Shelf::new();
    let calendar = Calendar::default();
    let from = NaiveDate::from_ymd_opt(2023, 7, 1).unwrap();
    let sessions = calendar.sessions(Exchange::Xnys, from, day(2));
    let year = &sessions[sessions.len() - 252..];
    let bars: Vec<String> =
        year.iter().map(|s| format!("{},5000,5100,4900,5000,", s.date)).collect();
    let close = |n: usize| if n == 251 { 15 } else { 10 + n % 11 };
    let levels = year.iter().enumerate();
    let levels: Vec<String> =
        levels.map(|(n, s)| format!("{},20,70,5,{}", s.date, close(n))).collect();
    shelf.import(&format!("date,open,high,low,close,volume\n{}\n", bars.join("\n"))).unwrap();
    shelf.import(&format!("DATE,OPEN,HIGH,LOW,CLOSE\n{}\n", levels.join("\n"))).unwrap();
    let told = shelf.library.told(&calendar, day(5)).unwrap();
    assert_eq!(told.session_date, day(2));
    assert_eq!(told.year_high, YearHigh::Known { high: dec!(5100), date: day(2) });
    assert_eq!(told.vix_rank.percent(), Some(50.0));
    let later = shelf.library.told(&calendar, day(6)).unwrap();
    let ends = Unknown::Ends { last: day(2), session: day(5) };
    assert_eq!(later.year_high, YearHigh::Unknown { reason: ends });
    assert_eq!(later.vix_rank, IvRank::Unknown { reason: ends });
    let none = Shelf::new().library.told(&calendar, day(5)).unwrap();
    assert_eq!(none.vix_rank, IvRank::Unknown { reason: Unknown::Few { known: 0 } });
}

/// The public files, where they are beside the project: taken in whole, and read back the same.
#[test]
fn the_public_files_come_through_the_library_unchanged() {
    let public = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !public.is_dir() {
        eprintln!("skipped: no data at {}", public.display());
        return;
    }
    let shelf = Shelf::new();
    let names = [
        "spx_daily_ohlc_2005_2026.csv",
        "vix_daily_cboe.csv",
        "spx_1h.csv",
        "vol_indices_daily_cboe.csv",
        "gbpusd_ecb_daily.csv",
        "us_macro_events_2019_2026.csv",
    ];
    let files = names.map(|name| public.join(name));
    let first = shelf.library.import(&files, OnConflict::Keep).unwrap();
    let again = shelf.library.import(&files, OnConflict::Keep).unwrap();
    for (first, again) in first.iter().zip(&again) {
        assert_eq!((first.added, first.conflicts), (first.rows, 0), "{first:?}");
        assert_eq!((again.added, again.duplicates), (0, first.rows), "{again:?}");
    }
    let calendar = Calendar::default();
    let found = shelf.library.survey(&calendar);
    let told = |kind| found.iter().find(|holding| holding.kind == kind).unwrap();
    assert!(found.iter().all(|holding| holding.error.is_none()));
    assert_eq!((told(Kind::Vix).off_session, told(Kind::Vix).gaps), (33, 4));
    assert_eq!(told(Kind::Index).gaps, 0);
    let load = |folder: &Path| RecordedTape::load(folder, 1, &calendar).unwrap();
    let (library, public) = (load(shelf.library.folder()), load(&public));
    assert_eq!(library.summary().corrections, public.summary().corrections);
    let range = (NaiveDate::from_ymd_opt(2005, 3, 1).unwrap(), day(30));
    assert_eq!(library.check_range(range.0, range.1), public.check_range(range.0, range.1));
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 8, day).unwrap()
}
