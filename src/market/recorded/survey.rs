//! What the library holds, from when to when, and what is missing in between.

use std::{collections::BTreeSet, path::PathBuf};

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::{DataError, Kind, library::Library};
use crate::{
    calendar::{Calendar, Exchange},
    market::history::{IvRank, YearHigh},
};

/// Gaps named one by one; beyond them only their number.
const GAPS_SHOWN: usize = 20;
/// Pound-dollar rates are fixed on banking days; without one for longer they are missing.
const FX_DAYS_MAX: i64 = 5;

/// One kept file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// What it holds.
    pub kind: Kind,
    /// Where it is.
    pub file: PathBuf,
    /// Its rows.
    pub rows: usize,
    /// Its first day.
    pub from_date: Option<NaiveDate>,
    /// Its last day.
    pub to_date: Option<NaiveDate>,
    /// Sessions between them without a row; of rates, the days after which one is missing.
    pub gaps: usize,
    /// The first of them.
    pub missing: Vec<NaiveDate>,
    /// Rows on days without a session, which nothing reads.
    pub off_session: usize,
    /// Why it cannot be read; nothing when it can.
    pub error: Option<String>,
}

/// What the kept histories tell on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The session before that day, up to which they must reach.
    pub session_date: NaiveDate,
    /// The highest print of SPX in 252 sessions.
    pub year_high: YearHigh,
    /// Where the last close of VIX stands in its 252 sessions.
    pub vix_rank: IvRank,
}

impl Library {
    /// Every kept file, in the order of the kinds; one that cannot be read says why.
    pub fn survey(&self, calendar: &Calendar) -> Vec<Holding> {
        let there = Kind::ALL.into_iter().filter(|kind| self.file(*kind).exists());
        there.map(|kind| self.holding(kind, calendar)).collect()
    }

    fn holding(&self, kind: Kind, calendar: &Calendar) -> Holding {
        let mut found = Holding {
            kind,
            file: self.file(kind),
            rows: 0,
            from_date: None,
            to_date: None,
            gaps: 0,
            missing: Vec::new(),
            off_session: 0,
            error: None,
        };
        let table = match self.checked(kind) {
            Ok(Some(table)) => table,
            Ok(None) => return found,
            Err(error) => return Holding { error: Some(error.to_string()), ..found },
        };
        found.rows = table.rows().len();
        let dates: BTreeSet<NaiveDate> = table.rows().filter_map(|row| row.date().ok()).collect();
        (found.from_date, found.to_date) = (dates.first().copied(), dates.last().copied());
        let gaps = gaps(kind, &dates, calendar);
        found.gaps = gaps.len();
        found.missing = gaps.into_iter().take(GAPS_SHOWN).collect();
        if kind.is_by_session() {
            let stray = |date: &&NaiveDate| calendar.session(Exchange::Xnys, **date).is_none();
            found.off_session = dates.iter().filter(stray).count();
        }
        found
    }

    /// What the kept bars tell on a day; `Unknown` with its reason where they do not.
    pub fn told(&self, calendar: &Calendar, today: NaiveDate) -> Result<Told, DataError> {
        let session = previous_session(calendar, today);
        let (index, vix) = (self.bars(Kind::Index)?, self.bars(Kind::Vix)?);
        let of_session = |date: NaiveDate| calendar.session(Exchange::Xnys, date).is_some();
        let closes: Vec<_> = vix
            .iter()
            .filter(|bar| of_session(bar.date))
            .map(|bar| (bar.date, bar.close))
            .collect();
        let now = closes.iter().rev().find(|(date, _)| *date <= session).map(|(_, close)| *close);
        Ok(Told {
            session_date: session,
            year_high: YearHigh::of(&index, session),
            vix_rank: IvRank::of(&closes, now.unwrap_or_default(), session),
        })
    }
}

/// The last session before a day; within two weeks there always is one.
fn previous_session(calendar: &Calendar, today: NaiveDate) -> NaiveDate {
    let before = today.pred_opt().unwrap_or(today);
    let sessions = calendar.sessions(Exchange::Xnys, before - TimeDelta::days(14), before);
    sessions.last().map_or(before, |session| session.date)
}

fn gaps(kind: Kind, dates: &BTreeSet<NaiveDate>, calendar: &Calendar) -> Vec<NaiveDate> {
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Vec::new() };
    match kind {
        Kind::Index | Kind::Vix | Kind::Hourly | Kind::Term => calendar
            .sessions(Exchange::Xnys, *first, *last)
            .iter()
            .map(|session| session.date)
            .filter(|date| !dates.contains(date))
            .collect(),
        Kind::Fx => dates
            .iter()
            .zip(dates.iter().skip(1))
            .filter(|(before, next)| (**next - **before).num_days() > FX_DAYS_MAX)
            .map(|(before, _)| *before)
            .collect(),
        // No calendar tells on which days there must be one.
        Kind::Events => Vec::new(),
    }
}
