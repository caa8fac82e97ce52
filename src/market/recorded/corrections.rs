//! Figures known to be wrong in the public files. Each is replaced only where it stands.

use chrono::NaiveDate;
use rust_decimal::{Decimal, dec};

use super::{bars::Daily, formats::Kind};
use crate::market::DailyBar;

/// A cell of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    High,
    Low,
    Close,
}

/// What stands in place of a wrong figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// The published figure.
    Figure(Decimal),
    /// The nearer of open and close: the print was no trade of the regular session.
    Body,
}

struct Correction {
    kind: Kind,
    date: (i32, u32, u32),
    cell: Cell,
    wrong: Decimal,
    right: Right,
    why: &'static str,
}

const CORRECTIONS: [Correction; 3] = [
    Correction {
        kind: Kind::Index,
        date: (2021, 8, 11),
        cell: Cell::Close,
        wrong: dec!(4442.41),
        right: Right::Figure(dec!(4447.70)),
        why: "the vendor's close is not the official one",
    },
    Correction {
        kind: Kind::Vix,
        date: (2024, 7, 19),
        cell: Cell::Low,
        wrong: dec!(10.62),
        right: Right::Body,
        why: "a bad print",
    },
    Correction {
        kind: Kind::Vix,
        date: (2024, 8, 5),
        cell: Cell::High,
        wrong: dec!(65.73),
        right: Right::Body,
        why: "printed before the regular session",
    },
];

/// Replaces the wrong figures that stand in `bars`, and tells of each.
pub(super) fn apply(kind: Kind, bars: &mut Daily) -> Vec<String> {
    let mut told = Vec::new();
    for known in CORRECTIONS.iter().filter(|c| c.kind == kind) {
        let (year, month, day) = known.date;
        let date = NaiveDate::from_ymd_opt(year, month, day);
        let Some(bar) = date.and_then(|d| bars.get_mut(&d)) else { continue };
        told.extend(known.correct(bar));
    }
    told
}

impl Correction {
    fn correct(&self, bar: &mut DailyBar) -> Option<String> {
        let (upper, lower) = (bar.open.max(bar.close), bar.open.min(bar.close));
        let (cell, name, body) = match self.cell {
            Cell::High => (&mut bar.high, "high", upper),
            Cell::Low => (&mut bar.low, "low", lower),
            Cell::Close => (&mut bar.close, "close", bar.open),
        };
        if *cell != self.wrong {
            return None;
        }
        *cell = match self.right {
            Right::Figure(figure) => figure,
            Right::Body => body,
        };
        let text = format!(
            "{} {} {name} {} read as {} ({})",
            if self.kind == Kind::Vix { "VIX" } else { "SPX" },
            bar.date,
            self.wrong,
            *cell,
            self.why
        );
        bar.high = bar.high.max(bar.open).max(bar.close);
        bar.low = bar.low.min(bar.open).min(bar.close);
        Some(text)
    }
}
