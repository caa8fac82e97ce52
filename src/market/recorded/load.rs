//! Reading a folder: all of it or nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;

use super::{
    DataError, FileSummary, Kind, LoadSummary, RecordedTape,
    bars::{self, Daily},
    corrections, day, rates,
    table::Table,
};
use crate::calendar::{Calendar, Exchange};

/// Dates named one by one in a note; beyond them only their number.
const DATES_SHOWN: usize = 5;

const WIDENED: (&str, &str) = (
    "VIX row has an open or close outside high and low; its range is widened",
    "VIX rows have an open or close outside high and low; their range is widened",
);
const UNSCHEDULED: (&str, &str) = (
    "event was unscheduled: nobody could look ahead to it",
    "events were unscheduled: nobody could look ahead to them",
);
const OTHER_KINDS: (&str, &str) = (
    "event is of a kind the rulebook does not filter by",
    "events are of kinds the rulebook does not filter by",
);

impl RecordedTape {
    /// Reads every CSV file of a folder. What no recording tells is drawn from `seed`.
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use tomking::{calendar::Calendar, market::RecordedTape};
    ///
    /// let tape = RecordedTape::load(Path::new("data"), 1, &Calendar::default())?;
    /// print!("{}", tape.summary());
    /// # Ok::<(), tomking::market::recorded::DataError>(())
    /// ```
    pub fn load(folder: &Path, seed: u64, calendar: &Calendar) -> Result<Self, DataError> {
        let mut summary = LoadSummary::default();
        let mut tables = tables(folder, &mut summary)?;
        let left = &summary.warnings;
        let mut required = |kind| {
            let missing =
                || DataError::Missing { folder: folder.to_owned(), kind, left: left.clone() };
            tables.remove(&kind).ok_or_else(missing)
        };
        let (index_table, vix_table) = (required(Kind::Index)?, required(Kind::Vix)?);
        let mut index = bars::index(&index_table)?;
        let (mut vix, widened) = bars::vix(&vix_table)?;
        summary.corrections = corrections::apply(Kind::Index, &mut index);
        summary.corrections.extend(corrections::apply(Kind::Vix, &mut vix));
        if let Some(text) = counted(widened, WIDENED) {
            summary.notes.push(text);
        }
        let mut other = |kind| tables.remove(&kind);
        let hours = other(Kind::Hourly).map(|t| bars::hourly(&t)).transpose()?;
        let terms = other(Kind::Term).map(|t| rates::terms(&t)).transpose()?;
        let fx = other(Kind::Fx).map(|t| rates::fx(&t)).transpose()?;
        let events = other(Kind::Events).map(|t| rates::events(&t)).transpose()?;
        let mut tape = Self {
            seed,
            calendar: calendar.clone(),
            index,
            index_source: index_table.source(),
            vix,
            vix_source: vix_table.source(),
            hours: hours.unwrap_or_default(),
            terms: terms.unwrap_or_default(),
            fx: fx.unwrap_or_default(),
            events: events.unwrap_or_default(),
            summary,
            missing: None,
        };
        tape.settle();
        Ok(tape)
    }

    /// Leaves aside what falls on no session, and notes what is thin.
    fn settle(&mut self) {
        let sessions = self.sessions();
        let (off_index, off_vix) =
            (keep(&mut self.index, &sessions), keep(&mut self.vix, &sessions));
        let off_hours = keep(&mut self.hours, &sessions);
        let notes = &mut self.summary.notes;
        let strays = [(off_index, "daily index"), (off_vix, "VIX"), (off_hours, "hourly index")];
        for (dates, what) in strays.iter().filter(|(dates, _)| !dates.is_empty()) {
            let text = "on days without a session are left aside";
            notes.push(format!("{what} bars {text}: {}", named(dates)));
        }
        let without: Vec<NaiveDate> = within(&sessions, &self.vix)
            .filter(|date| !self.vix.contains_key(date) && self.index.contains_key(date))
            .collect();
        if !without.is_empty() {
            notes.push(format!("sessions without VIX: {}", named(&without)));
        }
        let holes: Vec<NaiveDate> = within(&sessions, &self.hours)
            .filter(|date| self.index.contains_key(date))
            .filter(|date| {
                let session = sessions.get(date);
                session.is_some_and(|s| day::uncovered(self.hours_of(*date), s) > 0)
            })
            .collect();
        if !holes.is_empty() {
            let text = "sessions with holes in their hourly bars, filled from the daily bar";
            self.summary.notes.push(format!("{text}: {}", named(&holes)));
        }
        self.note_dated();
    }

    fn note_dated(&mut self) {
        let summary = &mut self.summary;
        let counts = [(self.events.unscheduled, UNSCHEDULED), (self.events.other, OTHER_KINDS)];
        summary.notes.extend(counts.iter().filter_map(|(count, text)| counted(*count, *text)));
        if self.fx.is_empty() {
            let header = Kind::Fx.header();
            let text = "no pound-dollar rates: without them there are no entries";
            summary.warnings.push(format!("{text}; the header would be `{header}`"));
        }
    }

    /// Every XNYS session the bars span.
    fn sessions(&self) -> BTreeMap<NaiveDate, crate::calendar::Session> {
        let firsts = [self.index.first_key_value(), self.vix.first_key_value()];
        let lasts = [self.index.last_key_value(), self.vix.last_key_value()];
        let hours = (self.hours.first_key_value(), self.hours.last_key_value());
        let first = firsts.into_iter().flatten().map(|(date, _)| *date);
        let last = lasts.into_iter().flatten().map(|(date, _)| *date);
        let first = first.chain(hours.0.map(|(date, _)| *date)).min();
        let last = last.chain(hours.1.map(|(date, _)| *date)).max();
        let (Some(first), Some(last)) = (first, last) else { return BTreeMap::new() };
        let sessions = self.calendar.sessions(Exchange::Xnys, first, last);
        sessions.into_iter().map(|session| (session.date, session)).collect()
    }
}

/// A count with what it counts, for one and for more; nothing for none.
fn counted(count: usize, (one, more): (&str, &str)) -> Option<String> {
    let text = if count == 1 { one } else { more };
    (count > 0).then(|| format!("{count} {text}"))
}

/// Removes what has no session; the dates removed.
fn keep<T, S>(
    bars: &mut BTreeMap<NaiveDate, T>,
    sessions: &BTreeMap<NaiveDate, S>,
) -> Vec<NaiveDate> {
    let stray = bars.keys().copied().filter(|date| !sessions.contains_key(date));
    let stray: Vec<NaiveDate> = stray.collect();
    bars.retain(|date, _| sessions.contains_key(date));
    stray
}

/// The sessions between the first and last key of some bars.
fn within<'a, T, S>(
    sessions: &'a BTreeMap<NaiveDate, S>,
    bars: &BTreeMap<NaiveDate, T>,
) -> impl Iterator<Item = NaiveDate> + use<'a, T, S> {
    let first = bars.first_key_value().map_or(NaiveDate::MAX, |(date, _)| *date);
    let last = bars.last_key_value().map_or(first, |(date, _)| *date);
    sessions.range(first..=last.max(first)).map(|(date, _)| *date)
}

/// A few dates by name, then their number.
pub(super) fn named(dates: &[NaiveDate]) -> String {
    let shown: Vec<String> = dates.iter().take(DATES_SHOWN).map(NaiveDate::to_string).collect();
    let more = dates.len().saturating_sub(DATES_SHOWN);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{tail}", shown.join(", "))
}

/// Every file the folder holds in a known format, checked for doubles; unknown ones are warned of.
fn tables(folder: &Path, summary: &mut LoadSummary) -> Result<BTreeMap<Kind, Table>, DataError> {
    let mut tables: BTreeMap<Kind, Table> = BTreeMap::new();
    for path in files(folder)? {
        let (kind, table) = match Table::read(&path)? {
            Ok(read) => read,
            Err(header) => {
                let text = "is in no format known here and is left aside; its header is";
                summary.warnings.push(format!("`{}` {text} `{header}`", path.display()));
                continue;
            }
        };
        summary.files.push(FileSummary {
            file: path.clone(),
            kind,
            rows: table.rows().len(),
            first: table.rows().next().and_then(|row| row.date().ok()),
            last: table.rows().last().and_then(|row| row.date().ok()),
        });
        if let Some(first) = tables.insert(kind, table) {
            return Err(DataError::Twice { first: first.file, second: path, kind });
        }
    }
    Ok(tables)
}

/// The CSV files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable =
        |e: std::io::Error| DataError::Unreadable { path: folder.to_owned(), cause: e.to_string() };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
        if csv && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// First and last key of some bars.
pub(super) fn span(bars: &Daily) -> Option<(NaiveDate, NaiveDate)> {
    Some((*bars.first_key_value()?.0, *bars.last_key_value()?.0))
}
