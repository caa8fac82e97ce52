//! What can be wrong with a folder of files, told so that the user can mend it.

use std::{fmt, path::PathBuf};

use chrono::NaiveDate;

use super::formats::Kind;

/// A session that lacks what a replay needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The session.
    pub date: NaiveDate,
    /// What is missing: daily index bars or VIX.
    pub kind: Kind,
    /// The file whose row is missing.
    pub file: PathBuf,
    /// The line it would come after.
    pub line: u64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, kind, file, line } = self;
        let what = if *kind == Kind::Vix { "VIX" } else { "SPX" };
        write!(f, "no {what} bar for session {date} (`{}`, after line {line})", file.display())
    }
}

/// Why a folder cannot be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// The folder or a file cannot be read.
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A row that means nothing, or something impossible.
    #[error("`{}` line {line}, column `{column}`: found {found}, expected {expected}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Its line, the header being 1.
        line: u64,
        /// The column's name, or the row as a whole.
        column: String,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// A file with its header and nothing under it.
    #[error("`{}` has a header of {kind} and no rows", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
        /// What its header says it is.
        kind: Kind,
    },
    /// Two files of one kind.
    #[error("`{}` and `{}` both hold {kind}; keep one of them in the folder", first.display(), second.display())]
    Twice {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The kind.
        kind: Kind,
    },
    /// A header that tells of no kind.
    #[error(
        "`{}`: its header `{header}` is of no format known here; known are {}",
        file.display(),
        headers()
    )]
    UnknownHeader {
        /// The file.
        file: PathBuf,
        /// Its header.
        header: String,
    },
    /// An imported file whose header is another kind's.
    #[error("`{}` should hold {kind}, its header is that of {found}", file.display())]
    Misplaced {
        /// The file.
        file: PathBuf,
        /// What its name says.
        kind: Kind,
        /// What its header says.
        found: Kind,
    },
    /// An imported file cannot be written.
    #[error("cannot write `{}`: {cause}", path.display())]
    Unwritable {
        /// What was written.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A kind without which nothing can be replayed.
    #[error("no file with {kind} in `{}`: its header would be `{}`{}", folder.display(), kind.header(), aside(left))]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The kind.
        kind: Kind,
        /// What was left aside as unknown, and may have been meant.
        left: Vec<String>,
    },
    /// No exchange session between the dates.
    #[error("no exchange session from {from} to {to}")]
    NoSession {
        /// First date asked for.
        from: NaiveDate,
        /// Last date asked for.
        to: NaiveDate,
    },
    /// Nothing between the dates.
    #[error("no data from {from} to {to}: the folder covers {first} to {last}")]
    Outside {
        /// First date asked for.
        from: NaiveDate,
        /// Last date asked for.
        to: NaiveDate,
        /// First session with bars and VIX.
        first: NaiveDate,
        /// Last session with bars and VIX.
        last: NaiveDate,
    },
    /// Sessions between the dates lack their bars.
    #[error("gap: {}; the folder covers {first} to {last}", list(gaps))]
    Gaps {
        /// Every one of them, in order.
        gaps: Vec<Gap>,
        /// First session with bars and VIX.
        first: NaiveDate,
        /// Last session with bars and VIX.
        last: NaiveDate,
    },
}

/// The first few of a list, and how many more there are.
fn list(gaps: &[Gap]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = gaps.iter().take(SHOWN).map(Gap::to_string).collect();
    let more = gaps.len().saturating_sub(SHOWN);
    let tail = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("{}{tail}", shown.join("; "))
}

fn aside(left: &[String]) -> String {
    left.iter().flat_map(|text| ["; ", text.as_str()]).collect()
}

fn headers() -> String {
    Kind::ALL.map(|kind| format!("`{}`", kind.header())).join(", ")
}
