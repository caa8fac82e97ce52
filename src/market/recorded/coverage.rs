//! Whether a range can be replayed, asked before it starts.

use chrono::NaiveDate;

use super::{DataError, Gap, Kind, RecordedTape, day, load, table::Source};
use crate::{
    calendar::{Exchange, Session},
    market::{EventDay, EventKind, tape::Tape},
};

/// What a range has, every session of it with daily bars and VIX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The sessions of the range.
    pub sessions: usize,
    /// First session of the folder with bars and VIX.
    pub first: NaiveDate,
    /// Last session of the folder with bars and VIX.
    pub last: NaiveDate,
    /// Daily bars before the range.
    pub bars_before: usize,
    /// Sessions of the range whose hours are known, whole.
    pub hourly: usize,
    /// What the range lacks that a replay can do without, for people.
    pub notes: Vec<String>,
}

impl RecordedTape {
    /// Checks that every session from `from` to `to`, both included, has its daily index bar and
    /// its VIX; names all that have not.
    pub fn check_range(&self, from: NaiveDate, to: NaiveDate) -> Result<Coverage, DataError> {
        let Some((first, last)) = self.covers() else {
            return Err(DataError::NoSession { from, to });
        };
        if to < first || from > last {
            return Err(DataError::Outside { from, to, first, last });
        }
        let sessions = self.calendar.sessions(Exchange::Xnys, from, to);
        if sessions.is_empty() {
            return Err(DataError::NoSession { from, to });
        }
        let gaps: Vec<Gap> = sessions.iter().flat_map(|s| self.gaps(s.date)).collect();
        if !gaps.is_empty() {
            return Err(DataError::Gaps { gaps, first, last });
        }
        let whole = |s: &&Session| day::uncovered(self.hours_of(s.date), s) == 0;
        Ok(Coverage {
            sessions: sessions.len(),
            first,
            last,
            bars_before: self.index.range(..from).count(),
            hourly: sessions.iter().filter(whole).count(),
            notes: self.notes(&sessions, from, to),
        })
    }

    /// First and last session with bars and VIX.
    fn covers(&self) -> Option<(NaiveDate, NaiveDate)> {
        let (index, vix) = (load::span(&self.index)?, load::span(&self.vix)?);
        Some((index.0.max(vix.0), index.1.min(vix.1)))
    }

    fn gaps(&self, date: NaiveDate) -> Vec<Gap> {
        let gap = |kind, source: &Source| {
            let (file, line) = source.place(date);
            Gap { date, kind, file, line }
        };
        let index = (!self.index.contains_key(&date)).then(|| gap(Kind::Index, &self.index_source));
        let vix = (!self.vix.contains_key(&date)).then(|| gap(Kind::Vix, &self.vix_source));
        index.into_iter().chain(vix).collect()
    }

    fn notes(&self, sessions: &[Session], from: NaiveDate, to: NaiveDate) -> Vec<String> {
        let mut notes = Vec::new();
        let thin = sessions.iter().filter(|s| day::uncovered(self.hours_of(s.date), s) > 0);
        let thin: Vec<NaiveDate> = thin.map(|s| s.date).collect();
        if !thin.is_empty() {
            let text = "sessions without all their hourly bars, drawn from the daily bar";
            notes.push(format!("{text}: {}", load::named(&thin)));
        }
        if self.fx(from).is_none() {
            notes.push(format!("no pound-dollar rate before {from}: no entries until there is"));
        }
        for kind in EventKind::ALL {
            let name = kind.name();
            let unknown =
                sessions.iter().filter(|s| self.events(kind, s.date) == EventDay::Unknown);
            let unknown = unknown.count();
            if unknown > 0 {
                let covers = self.events.by_kind.get(&kind).map(super::rates::Events::covers);
                let known = covers.map_or_else(
                    || "no dates in the folder".to_owned(),
                    |(first, last)| format!("dates known {first} to {last}"),
                );
                notes.push(format!("{name} unknown, not applied, on {unknown} sessions ({known})"));
            }
        }
        if to > self.index.last_key_value().map_or(to, |(date, _)| *date) {
            notes.push(format!(
                "the range ends after the last bar, on days without a session ({to})"
            ));
        }
        notes
    }
}
