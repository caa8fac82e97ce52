//! The user's own files as a tape: daily bars of the index and of VIX, and what else the folder
//! holds. Recognised by their headers; checked whole before anything uses them.

mod bars;
mod corrections;
mod coverage;
mod day;
mod error;
mod formats;
mod library;
mod load;
mod rates;
mod summary;
mod survey;
mod table;

#[cfg(test)]
mod library_tests;

use std::{collections::BTreeMap, fmt};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use self::{
    bars::{Daily, HourBar},
    rates::{EventTable, Terms},
    table::Source,
};
pub use self::{
    coverage::Coverage,
    error::{DataError, Gap},
    formats::Kind,
    library::{Conflict, Imported, Library, OnConflict},
    summary::{FileSummary, LoadSummary},
    survey::{Holding, Told},
};
use super::{
    DailyBar, EventDay, EventKind, Provenance,
    path::DayPath,
    simulated::SimulatedTape,
    tape::{Asset, Tape, TermRatios},
};
use crate::{
    calendar::{Calendar, Session},
    money::{FxRate, to_f64},
};

/// Days after which VIX9D and VIX3M say nothing of today.
const TERM_DAYS_MAX: u64 = 7;

/// Recorded prices.
pub struct RecordedTape {
    seed: u64,
    calendar: Calendar,
    index: Daily,
    index_source: Source,
    vix: Daily,
    vix_source: Source,
    hours: BTreeMap<NaiveDate, Vec<HourBar>>,
    terms: Terms,
    fx: BTreeMap<NaiveDate, Decimal>,
    events: EventTable,
    summary: LoadSummary,
    missing: Option<SimulatedTape>,
}

impl RecordedTape {
    /// What was read, corrected and left aside.
    pub fn summary(&self) -> &LoadSummary {
        &self.summary
    }

    /// The same tape, with what it does not record (all but the S&P 500 and VIX) taken from a simulated one.
    #[must_use]
    pub fn simulating_missing(mut self, tape: SimulatedTape) -> Self {
        self.missing = Some(tape);
        self
    }

    fn simulated(&self, asset: Asset) -> Option<&SimulatedTape> {
        self.missing.as_ref().filter(|_| !matches!(asset, Asset::Spx | Asset::Vix))
    }

    fn bar(&self, asset: Asset, date: NaiveDate) -> Option<&DailyBar> {
        match asset {
            Asset::Spx => self.index.get(&date),
            Asset::Vix => self.vix.get(&date),
            _ => None,
        }
    }

    fn hours_of(&self, date: NaiveDate) -> &[HourBar] {
        self.hours.get(&date).map_or(&[], Vec::as_slice)
    }
}

/// The summary stands for the many thousand bars.
impl fmt::Debug for RecordedTape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedTape").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Tape for RecordedTape {
    fn provenance(&self) -> Provenance {
        Provenance::RecordedModelled
    }

    fn carries(&self, asset: Asset) -> bool {
        matches!(asset, Asset::Spx | Asset::Vix) || self.missing.is_some()
    }

    fn path(&self, asset: Asset, session: &Session) -> Option<DayPath> {
        if let Some(tape) = self.simulated(asset) {
            return tape.path(asset, session);
        }
        let bar = self.bar(Asset::Spx, session.date)?;
        let index = day::index_path(bar, self.hours_of(session.date), session, self.seed);
        if asset == Asset::Spx {
            return Some(index);
        }
        let bar = self.bar(asset, session.date)?;
        Some(day::vix_path(bar, &index, session, self.seed))
    }

    fn open(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        match self.simulated(asset) {
            Some(tape) => tape.open(asset, date),
            None => self.bar(asset, date).map(|bar| to_f64(bar.open)),
        }
    }

    fn close(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        match self.simulated(asset) {
            Some(tape) => tape.close(asset, date),
            None => self.bar(asset, date).map(|bar| to_f64(bar.close)),
        }
    }

    fn daily_bars(&self, asset: Asset, before: NaiveDate, count: usize) -> Vec<DailyBar> {
        if let Some(tape) = self.simulated(asset) {
            return tape.daily_bars(asset, before, count);
        }
        let bars = if asset == Asset::Vix { &self.vix } else { &self.index };
        let last = bars.range(..before).rev().take(count);
        let mut bars: Vec<DailyBar> = last.map(|(_, bar)| *bar).collect();
        bars.reverse();
        bars
    }

    fn term(&self, date: NaiveDate) -> TermRatios {
        let Some((known, (nine, three))) = self.terms.range(..date).next_back() else {
            return TermRatios::default();
        };
        let fresh = known.checked_add_days(Days::new(TERM_DAYS_MAX)).is_some_and(|end| date <= end);
        let vix = self.vix.get(known).filter(|_| fresh).map(|bar| to_f64(bar.close));
        let over = |level: &Option<Decimal>| Some(to_f64((*level)?) / vix?);
        TermRatios { nine_days: over(nine), three_months: over(three) }
    }

    fn fx(&self, date: NaiveDate) -> Option<FxRate> {
        let (known, rate) = self.fx.range(..date).next_back()?;
        FxRate::new(*known, *rate)
    }

    fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        let events = self.events.by_kind.get(&kind);
        events.map_or(EventDay::Unknown, |e| e.around(kind, date))
    }
}
