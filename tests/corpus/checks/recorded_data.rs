//! A folder of recorded prices in which one file is the input; its header says what it holds, and
//! what else a replay needs lies beside it. It loads, or the error names file, line and column; and
//! what loaded gives prices inside their bars.

use std::sync::LazyLock;

use chrono::NaiveDate;
use tomking::{
    calendar::{Calendar, Exchange},
    market::{
        EventKind, RecordedTape,
        recorded::DataError,
        tape::{Asset, Tape as _},
    },
    money::to_f64,
};

use super::{directory, is_readable, text};

static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::default);

/// Sessions walked minute by minute.
const SESSIONS_MAX: usize = 8;

const INDEX: &str = "date,open,high,low,close,volume\n\
    2024-07-31,5505.59,5551.51,5493.75,5522.30,1\n\
    2024-08-01,5537.84,5566.16,5410.42,5446.68,1\n\
    2024-08-02,5376.63,5376.63,5302.00,5346.56,1\n";
const VIX: &str = "DATE,OPEN,HIGH,LOW,CLOSE\n\
    2024-07-31,16.88,16.97,16.03,16.36\n\
    2024-08-01,16.20,19.48,15.67,18.59\n\
    2024-08-02,20.52,29.66,20.17,23.39\n";

pub fn check(data: &[u8]) {
    let folder = directory();
    let input = folder.path().join("input.csv");
    std::fs::write(&input, data).unwrap();
    let header = text(data).and_then(|text| text.lines().next()).unwrap_or_default();
    let columns: Vec<String> =
        header.split(',').map(|column| column.trim().to_ascii_lowercase()).collect();
    let bars = ["open", "high", "low", "close"].iter().all(|c| columns.iter().any(|n| n == c));
    let has = |name: &str| columns.iter().any(|column| column == name);
    let (index, vix) = (bars && has("volume"), bars && !has("volume") && !has("time"));
    if !index {
        std::fs::write(folder.path().join("other_index.csv"), INDEX).unwrap();
    }
    if !vix {
        std::fs::write(folder.path().join("other_vix.csv"), VIX).unwrap();
    }
    match RecordedTape::load(folder.path(), 1, &CALENDAR) {
        Ok(tape) => walk(&tape),
        Err(error) => {
            is_readable(&error.to_string());
            if let DataError::Row { file, line, column, expected, .. } = error {
                assert_eq!(file, input, "the other files are right");
                let lines = data.split(|byte| *byte == b'\n' || *byte == b'\r').count() as u64;
                assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
                assert!(!column.is_empty() && !expected.is_empty());
            }
        }
    }
}

fn walk(tape: &RecordedTape) {
    assert!(!tape.summary().to_string().is_empty());
    let known = tape.daily_bars(Asset::Spx, NaiveDate::MAX, SESSIONS_MAX);
    if let (Some(first), Some(last)) = (known.first(), known.last())
        && let Err(error) = tape.check_range(first.date, last.date)
    {
        is_readable(&error.to_string());
    }
    for bar in known {
        let Some(session) = CALENDAR.session(Exchange::Xnys, bar.date) else { continue };
        for asset in [Asset::Spx, Asset::Vix] {
            let Some(path) = tape.path(asset, &session) else { continue };
            let bars = tape.daily_bars(asset, bar.date.succ_opt().unwrap(), 1);
            let of = bars.last().unwrap();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            assert!(near(path.first(), to_f64(of.open)), "{asset:?} opens at {}", path.first());
            assert!(near(path.last(), to_f64(of.close)), "{asset:?} closes at {}", path.last());
            let (low, high) = (to_f64(of.low) * (1.0 - 1e-9), to_f64(of.high) * (1.0 + 1e-9));
            let inside = |value: &f64| (low..=high).contains(value);
            assert!(path.nodes.iter().all(inside), "{asset:?} leaves its bar of {}", bar.date);
        }
        let _ = (tape.term(bar.date), tape.fx(bar.date));
        for kind in [EventKind::Fomc, EventKind::Cpi, EventKind::Nfp] {
            let _ = tape.events(kind, bar.date);
        }
    }
}
