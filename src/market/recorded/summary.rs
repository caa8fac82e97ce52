//! What loading a folder found, for the replay to print.

use std::{fmt, path::PathBuf};

use chrono::NaiveDate;

use super::Kind;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// Where it is.
    pub file: PathBuf,
    /// What it holds.
    pub kind: Kind,
    /// Its rows, the header not counted.
    pub rows: usize,
    /// Its first date.
    pub first: Option<NaiveDate>,
    /// Its last date.
    pub last: Option<NaiveDate>,
}

/// A folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadSummary {
    /// Files read, in the order of their names.
    pub files: Vec<FileSummary>,
    /// Wrong figures replaced.
    pub corrections: Vec<String>,
    /// What was met, known of, and handled.
    pub notes: Vec<String>,
    /// What the user may want to mend.
    pub warnings: Vec<String>,
}

impl fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FileSummary { file, kind, rows, first, last } in &self.files {
            let name = file.file_name().unwrap_or(file.as_os_str());
            write!(f, "{}: {kind}, {rows} rows", name.display())?;
            match (first, last) {
                (Some(first), Some(last)) => writeln!(f, ", {first} to {last}")?,
                _ => writeln!(f)?,
            }
        }
        let parts =
            [("corrected", &self.corrections), ("note", &self.notes), ("warning", &self.warnings)];
        for (label, lines) in parts {
            for line in lines {
                writeln!(f, "{label}: {line}")?;
            }
        }
        Ok(())
    }
}
