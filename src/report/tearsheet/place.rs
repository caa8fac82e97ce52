//! Where a report's files go. They are written beside the place and moved there together, so a reader
//! finds a whole report or none; and nothing that is not a report of ours is ever replaced.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The page.
pub const PAGE: &str = "index.html";
/// Closed trades.
pub const TRADES: &str = "trades.csv";
/// Closes.
pub const EQUITY: &str = "equity.csv";
/// Decisions.
pub const DECISIONS: &str = "decisions.csv";
/// What tells a directory as ours.
const MARK: &str = ".tomking-report";
const OURS: [&str; 5] = [PAGE, TRADES, EQUITY, DECISIONS, MARK];

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Somebody else's file lies there.
    #[error(
        "`{place}` holds `{found}`, which is no part of a report of this program; nothing was changed\n\
         hint: name a new or an empty directory"
    )]
    Foreign {
        /// The directory.
        place: PathBuf,
        /// One of its files.
        found: String,
    },
    /// It is no directory.
    #[error("`{0}` is not a directory; the report is a directory of files")]
    NoDirectory(PathBuf),
    /// The system refused something.
    #[error("{doing} `{path}`: {cause}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A file could not be made.
    #[error("making the report: {0}")]
    Form(String),
}

fn system(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PlaceError {
    let path = path.to_owned();
    move |cause| PlaceError::System { doing, path, cause }
}

/// Whether a report may be written there; to be asked before the work of making one.
pub fn check(place: &Path) -> Result<(), PlaceError> {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(PlaceError::NoDirectory(place.to_owned()));
        }
        Err(error) => return Err(system("reading", place)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(system("reading", place))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let marked = names.iter().any(|name| name == MARK);
    let foreign = names.iter().find(|name| !marked || !OURS.contains(&name.as_str()));
    foreign.map_or(Ok(()), |found| {
        Err(PlaceError::Foreign { place: place.to_owned(), found: found.clone() })
    })
}

/// Writes the files, whole or not at all; an earlier report of ours gives way.
pub fn write(place: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), PlaceError> {
    check(place)?;
    let beside = |end: &str| {
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        name.push(end);
        place.with_file_name(name)
    };
    let (fresh, old) = (beside(".part"), beside(".old"));
    check(&fresh)?;
    check(&old)?;
    remove(&fresh)?;
    remove(&old)?;
    fs::create_dir_all(&fresh).map_err(system("creating", &fresh))?;
    let mark: (&str, Vec<u8>) =
        (MARK, b"A report of tomking; it may be replaced by another.\n".to_vec());
    // The mark first: what an interruption leaves behind is then known as ours.
    for (name, bytes) in std::iter::once(&mark).chain(files) {
        let file = fresh.join(name);
        fs::write(&file, bytes).map_err(system("writing", &file))?;
    }
    if place.exists() {
        fs::rename(place, &old).map_err(system("moving aside", place))?;
    }
    fs::rename(&fresh, place).map_err(system("moving into place", place))?;
    remove(&old)
}

fn remove(ours: &Path) -> Result<(), PlaceError> {
    match fs::remove_dir_all(ours) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(system("removing", ours)(error))
        }
        _ => Ok(()),
    }
}
