//! The files a user has imported: one file of each kind in one folder, merged row by row. A file is
//! taken whole or not at all, and put in place by a rename, so a broken import changes nothing.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::Write as _,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    DataError, Kind, bars, corrections, rates,
    table::{Row, Table},
};
use crate::market::DailyBar;

/// Conflicts named one by one; beyond them only their number.
const CONFLICTS_SHOWN: usize = 20;

/// What becomes of a row that differs from the one kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// The kept one stays.
    Keep,
    /// The new one takes its place.
    Replace,
}

/// The imported files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    folder: PathBuf,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub kind: Kind,
    /// Its rows.
    pub rows: usize,
    /// Rows that were not there.
    pub added: usize,
    /// Rows that were there, with the same figures.
    pub duplicates: usize,
    /// Rows that filled empty cells of those there.
    pub filled: usize,
    /// Rows that differ from those there.
    pub conflicts: usize,
    /// The first of them, in order.
    pub conflicting: Vec<Conflict>,
    /// Conflicting rows took the place of those there.
    pub replaced: bool,
    /// The first day now kept of the kind.
    pub from_date: Option<NaiveDate>,
    /// The last day now kept of the kind.
    pub to_date: Option<NaiveDate>,
}

/// Two rows of one day that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The day.
    pub date: NaiveDate,
    /// The first column that differs.
    pub column: String,
    /// What is kept there.
    pub kept: String,
    /// What the new file has.
    pub offered: String,
}

/// A row's place: its day, and its time or event where a day has several rows.
type Key = (NaiveDate, String);
/// Rows by place, each with its cells in the order of its kind's columns.
type Rows = BTreeMap<Key, Vec<String>>;

impl Library {
    /// The library of a data directory; its folder need not exist.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("imported") }
    }

    /// The folder, which `RecordedTape::load` reads.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a kind.
    pub fn file(&self, kind: Kind) -> PathBuf {
        self.folder.join(format!("{}.csv", kind.name()))
    }

    /// Takes some files in: every row of every file is checked before anything is written.
    pub fn import(
        &self,
        files: &[PathBuf],
        on_conflict: OnConflict,
    ) -> Result<Vec<Imported>, DataError> {
        let mut kept: BTreeMap<Kind, Rows> = BTreeMap::new();
        let mut found = Vec::new();
        for file in files {
            let (kind, new) = read(file)?;
            let rows = match kept.entry(kind) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(self.rows(kind)?),
            };
            found.push(merge(file, kind, rows, new, on_conflict));
        }
        for (kind, rows) in &kept {
            self.write(*kind, rows)?;
        }
        Ok(found)
    }

    /// What is kept of a kind, checked; nothing where nothing was imported.
    fn rows(&self, kind: Kind) -> Result<Rows, DataError> {
        match self.checked(kind)? {
            Some(table) => rows(kind, &table),
            None => Ok(Rows::new()),
        }
    }

    /// The kept file of a kind, every row checked; `None` where there is none.
    pub(super) fn checked(&self, kind: Kind) -> Result<Option<Table>, DataError> {
        let file = self.file(kind);
        if !file.exists() {
            return Ok(None);
        }
        let (found, table) = known(&file)?;
        if found != kind {
            return Err(DataError::Misplaced { file, kind, found });
        }
        validate(kind, &table)?;
        Ok(Some(table))
    }

    /// Writes a kind's file beside the old one, checks it, and puts it in its place.
    fn write(&self, kind: Kind, rows: &Rows) -> Result<(), DataError> {
        let file = self.file(kind);
        let beside = file.with_extension("new");
        let failed = |error: std::io::Error| DataError::Unwritable {
            path: beside.clone(),
            cause: error.to_string(),
        };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut text = kind.header().to_owned() + "\n";
        for cells in rows.values() {
            text.push_str(&cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        let mut out = std::fs::File::create(&beside).map_err(failed)?;
        out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
        let (_, table) = known(&beside)?;
        validate(kind, &table)?;
        std::fs::rename(&beside, &file).map_err(failed)?;
        let folder = std::fs::File::open(&self.folder).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }

    /// The daily bars kept of a kind, known wrong figures corrected; none of other kinds.
    pub fn bars(&self, kind: Kind) -> Result<Vec<DailyBar>, DataError> {
        let Some(table) = self.checked(kind)? else { return Ok(Vec::new()) };
        let mut bars = match kind {
            Kind::Index => bars::index(&table)?,
            Kind::Vix => bars::vix(&table)?.0,
            Kind::Hourly | Kind::Term | Kind::Fx | Kind::Events => return Ok(Vec::new()),
        };
        corrections::apply(kind, &mut bars);
        Ok(bars.into_values().collect())
    }
}

/// A cell as CSV has it.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// A file of a kind known here.
fn known(file: &Path) -> Result<(Kind, Table), DataError> {
    Table::read(file)?.map_err(|header| DataError::UnknownHeader { file: file.to_owned(), header })
}

/// A file's kind and rows, every row checked.
fn read(file: &Path) -> Result<(Kind, Rows), DataError> {
    let (kind, table) = known(file)?;
    validate(kind, &table)?;
    Ok((kind, rows(kind, &table)?))
}

/// Every row means what its kind says.
pub(super) fn validate(kind: Kind, table: &Table) -> Result<(), DataError> {
    match kind {
        Kind::Index => bars::index(table).map(drop),
        Kind::Vix => bars::vix(table).map(drop),
        Kind::Hourly => bars::hourly(table).map(drop),
        Kind::Term => rates::terms(table).map(drop),
        Kind::Fx => rates::fx(table).map(drop),
        Kind::Events => rates::events(table).map(drop),
    }
}

fn rows(kind: Kind, table: &Table) -> Result<Rows, DataError> {
    let columns = columns(kind);
    let mut found = Rows::new();
    for row in table.rows() {
        let key = key(kind, &row)?;
        let cells = columns.iter().map(|column| row.text(column).to_owned()).collect();
        if found.insert(key.clone(), cells).is_some() {
            let (date, part) = key;
            let text = format!("{date} {part}");
            return Err(row.error("date", text.trim(), "one row for it"));
        }
    }
    Ok(found)
}

fn columns(kind: Kind) -> Vec<String> {
    kind.header().split(',').map(str::to_ascii_lowercase).collect()
}

fn key(kind: Kind, row: &Row<'_>) -> Result<Key, DataError> {
    let part = match kind {
        Kind::Hourly => row.text("time"),
        Kind::Events => row.text("event"),
        Kind::Index | Kind::Vix | Kind::Term | Kind::Fx => "",
    };
    Ok((row.date()?, part.to_owned()))
}

fn merge(file: &Path, kind: Kind, kept: &mut Rows, new: Rows, on_conflict: OnConflict) -> Imported {
    let columns = columns(kind);
    let mut told = Imported {
        file: file.to_owned(),
        kind,
        rows: new.len(),
        added: 0,
        duplicates: 0,
        filled: 0,
        conflicts: 0,
        conflicting: Vec::new(),
        replaced: on_conflict == OnConflict::Replace,
        from_date: None,
        to_date: None,
    };
    for (key, cells) in new {
        let Some(there) = kept.get_mut(&key) else {
            told.added += 1;
            kept.insert(key, cells);
            continue;
        };
        if let Some(place) = differs(there, &cells) {
            told.conflicts += 1;
            if told.conflicting.len() < CONFLICTS_SHOWN {
                told.conflicting.push(Conflict {
                    date: key.0,
                    column: columns[place].clone(),
                    kept: there[place].clone(),
                    offered: cells[place].clone(),
                });
            }
            if on_conflict == OnConflict::Replace {
                *there = cells;
            }
        } else if fill(there, &cells) {
            told.filled += 1;
        } else {
            told.duplicates += 1;
        }
    }
    told.from_date = kept.first_key_value().map(|((date, _), _)| *date);
    told.to_date = kept.last_key_value().map(|((date, _), _)| *date);
    told
}

/// The first column in which two rows say different things; an empty cell says nothing.
fn differs(kept: &[String], new: &[String]) -> Option<usize> {
    let other = |(kept, new): (&String, &String)| {
        let figure = |text: &str| text.parse::<Decimal>().ok();
        let same = match (figure(kept), figure(new)) {
            (Some(kept), Some(new)) => kept == new,
            _ => kept == new,
        };
        !same && !kept.is_empty() && !new.is_empty()
    };
    kept.iter().zip(new).position(other)
}

/// Fills empty cells; whether there were any to fill.
fn fill(kept: &mut [String], new: &[String]) -> bool {
    let mut filled = false;
    for (kept, new) in kept.iter_mut().zip(new) {
        if kept.is_empty() && !new.is_empty() {
            kept.clone_from(new);
            filled = true;
        }
    }
    filled
}
