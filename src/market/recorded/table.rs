//! A CSV file as rows that know where they stand, so that an error can say it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::{DataError, formats::Kind};
use crate::money::round_half_up;

/// Rows one file may have: a century of minutes would not fit, a century of hours does.
const ROWS_MAX: usize = 2_000_000;

/// A file, read whole.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: PathBuf,
    columns: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// Where the rows of a kind stand: to tell of the one that is missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    file: PathBuf,
    lines: BTreeMap<NaiveDate, u64>,
}

impl Source {
    /// The file, and the line after which the row of a date would come.
    pub(super) fn place(&self, date: NaiveDate) -> (PathBuf, u64) {
        let before = self.lines.range(..date).next_back();
        (self.file.clone(), before.map_or(1, |(_, line)| *line))
    }
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    fields: &'a csv::StringRecord,
}

impl Table {
    /// The kind of a file by its header, and its rows when the kind is known; the header as it
    /// stands when not.
    pub(super) fn read(path: &Path) -> Result<Result<(Kind, Self), String>, DataError> {
        let unreadable = |cause: String| DataError::Unreadable { path: path.to_owned(), cause };
        let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = reader.byte_headers().map_err(|e| unreadable(e.to_string()))?;
        let header: Vec<String> =
            header.iter().map(|c| String::from_utf8_lossy(c).trim().to_owned()).collect();
        let columns: Vec<String> = header.iter().map(|c| c.to_ascii_lowercase()).collect();
        let Some(kind) = Kind::of(&columns) else { return Ok(Err(header.join(","))) };
        let mut table = Self { file: path.to_owned(), columns, rows: Vec::new() };
        for record in reader.records() {
            let position = match &record {
                Ok(record) => record.position(),
                Err(error) => error.position(),
            };
            let line = position.map_or(0, |position| line(bytes, position));
            table.push(line, record)?;
        }
        if table.rows.is_empty() {
            return Err(DataError::Empty { file: path.to_owned(), kind });
        }
        Ok(Ok((kind, table)))
    }

    fn push(&mut self, line: u64, row: csv::Result<csv::StringRecord>) -> Result<(), DataError> {
        let unreadable =
            |_| self.error(line, "row", "bytes that are no text", "a row of UTF-8 text");
        let record = row.map_err(unreadable)?;
        let count = self.columns.len();
        if record.len() != count {
            let found = format!("{} columns", record.len());
            let expected = format!("{count} columns (`{}`)", self.columns.join(","));
            return Err(self.error(line, "row", &found, &expected));
        }
        if self.rows.len() == ROWS_MAX {
            let expected = format!("at most {ROWS_MAX} rows");
            return Err(self.error(line, "row", "one more row", &expected));
        }
        self.rows.push((line, record));
        Ok(())
    }

    fn error(&self, line: u64, column: &str, found: &str, expected: &str) -> DataError {
        DataError::Row {
            file: self.file.clone(),
            line,
            column: column.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// Every row, in the file's order.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { table: self, line: *line, fields })
    }

    /// Where its dates stand, for a table already read.
    pub(super) fn source(&self) -> Source {
        let dated = self.rows().filter_map(|row| Some((row.date().ok()?, row.line)));
        Source { file: self.file.clone(), lines: dated.collect() }
    }

    /// The names of the columns, in lower case.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }
}

/// The line a record stands on: the reader's position is before the blank lines it skips.
fn line(bytes: &[u8], position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
    let blank = bytes[from..].iter().take_while(|b| matches!(b, b'\r' | b'\n'));
    position.line() + blank.filter(|b| **b == b'\n').count() as u64
}

impl<'a> Row<'a> {
    /// The text of a column, trimmed; empty when there is no such column.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let at = self.table.columns.iter().position(|c| c == column);
        at.and_then(|i| self.fields.get(i)).unwrap_or("").trim()
    }

    /// An error at this row.
    pub(super) fn error(&self, column: &str, found: &str, expected: &str) -> DataError {
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
        self.table.error(self.line, column, &found, expected)
    }

    /// A date of the form YYYY-MM-DD.
    pub(super) fn date(&self) -> Result<NaiveDate, DataError> {
        let text = self.text("date");
        let strict = Some(text).filter(|t| t.len() == 10);
        let date = strict.and_then(|t| NaiveDate::parse_from_str(t, "%Y-%m-%d").ok());
        date.ok_or_else(|| self.error("date", text, "a date like 2024-08-05"))
    }

    /// A date later than the one of the row before.
    pub(super) fn date_after(&self, last: Option<NaiveDate>) -> Result<NaiveDate, DataError> {
        let date = self.date()?;
        match last {
            Some(last) if date <= last => {
                let expected = format!("a date after {last}: rows ascend, one a day");
                Err(self.error("date", &date.to_string(), &expected))
            }
            _ => Ok(date),
        }
    }

    /// A time of the form HH:MM.
    pub(super) fn time(&self, column: &str) -> Result<NaiveTime, DataError> {
        let text = self.text(column);
        let strict = Some(text).filter(|t| t.len() == 5);
        let time = strict.and_then(|t| NaiveTime::parse_from_str(t, "%H:%M").ok());
        time.ok_or_else(|| self.error(column, text, "a time like 09:30"))
    }

    /// A number above zero.
    pub(super) fn positive(&self, column: &str) -> Result<Decimal, DataError> {
        let text = self.text(column);
        let value: Option<Decimal> = text.parse().ok();
        let value = value.filter(|v| *v > Decimal::ZERO && *v < Decimal::from(1_000_000_000));
        value.ok_or_else(|| self.error(column, text, "a number above 0"))
    }

    /// A number above zero, or an empty cell.
    pub(super) fn maybe(&self, column: &str) -> Result<Option<Decimal>, DataError> {
        if self.text(column).is_empty() { Ok(None) } else { self.positive(column).map(Some) }
    }

    /// A price, to the cent.
    pub(super) fn price(&self, column: &str) -> Result<Decimal, DataError> {
        self.positive(column).map(|value| round_half_up(value, 2))
    }
}
