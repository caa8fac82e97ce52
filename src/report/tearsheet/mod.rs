//! The report of a replay as files: one HTML page that loads nothing, and three CSV files with
//! everything it was made from. What each column means is in docs/REPLAY.md.

/// The CSV files.
pub(super) mod csv;
/// The charts of the page.
mod figures;
/// The page.
mod page;
/// Where the files go, and how they get there whole or not at all.
pub mod place;
/// The tables of the page.
mod tables;

#[cfg(test)]
mod tests;

use super::{held::DayBook, history::History, parts::TradeLine};
use crate::{desk::tables::EquityRow, money::Usd, risk::decision::DecisionRecord};

/// Everything a tear sheet is made of.
#[derive(Debug, Clone)]
pub struct Sheet<'a> {
    /// What was run, over which days.
    pub title: String,
    /// The figure that matters, in one line.
    pub headline: String,
    /// What is not real, said before anything else.
    pub modelled: Vec<String>,
    /// What a reader must not overlook, in red letters; none is the usual case.
    pub warnings: Vec<String>,
    /// Names with values.
    pub facts: Vec<(String, String)>,
    /// Before the first session.
    pub start: Option<Usd>,
    /// Each close.
    pub days: &'a [EquityRow],
    /// The book before each close at which anything was held.
    pub books: &'a [DayBook],
    /// Closed trades, in order of closing.
    pub trades: &'a [TradeLine],
    /// Decisions, in order.
    pub decisions: &'a [DecisionRecord],
    /// What the days came to.
    pub history: &'a History,
    /// What breakers and the operator did, in order.
    pub events: Vec<String>,
    /// Whether the book of each day is told position by position.
    pub day_by_day: bool,
    /// Said at the foot: the digest, the version.
    pub notes: Vec<String>,
}

impl Sheet<'_> {
    /// The files by name.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
        Ok(vec![
            (place::PAGE, self.page().into_bytes()),
            (place::TRADES, csv::trades(self.trades)?),
            (place::EQUITY, csv::equity(self.start, self.days, self.books)?),
            (place::DECISIONS, csv::decisions(self.decisions)?),
        ])
    }
}

/// The fall of each close from the highest close up to it, percent, at or above zero.
fn falls(start: Option<Usd>, days: &[EquityRow]) -> Vec<f64> {
    let mut peak = start.map_or(f64::MIN, |usd| crate::money::to_f64(usd.0));
    let fall = |row: &EquityRow| {
        let worth = crate::money::to_f64(row.net_liquidation_usd.0);
        peak = peak.max(worth);
        if peak > 0.0 { (1.0 - worth / peak) * 100.0 } else { 0.0 }
    };
    days.iter().map(fall).collect()
}
