//! Backup: one snapshot exported into a new file. A copy of a live file is no backup: under writes
//! nearly every copy is corrupt.

use std::{
    fs::File,
    ops::{Bound, ControlFlow},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    JournalHead, ReadTx, StoreError,
    engine::{Engine, Rows},
    open,
    raw::Order,
    table::Spec,
    tx::Read,
};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its tables.
    pub tables: usize,
    /// Its rows.
    pub rows: u64,
    /// The head of its journal.
    pub journal: JournalHead,
}

/// Exports the snapshot into `to`: a new file beside it, checked, synced, then renamed over it.
pub(crate) fn export(tx: &ReadTx, to: &Path) -> Result<Backup, StoreError> {
    let fresh = beside(to, "new");
    remove(&fresh)?;
    let engine = Engine::new(Rows::Disk(Box::new(open::create(&fresh)?)), None, None);
    let tables = tx.tables()?;
    let rows = engine.write(|out| {
        let mut rows = 0;
        for (name, version) in &tables {
            let table = Spec { name, version: *version };
            let all = (Bound::Unbounded, Bound::Unbounded);
            tx.raw().scan_rows(table, all, Order::Forward, &mut |key, bytes| {
                rows += 1;
                out.put_raw(table, key, bytes)?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(rows)
    })?;
    let journal = engine.read(Read::journal_head)?;
    drop(engine); // closes the file
    drop(open::existing(&fresh)?); // reads each page back
    let bytes = File::open(&fresh)
        .and_then(|file| {
            file.sync_all()?;
            file.metadata()
        })
        .map_err(StoreError::io("syncing", &fresh))?
        .len();
    replace(&fresh, to)?;
    Ok(Backup { path: to.to_owned(), bytes, tables: tables.len(), rows, journal })
}

/// Renames `from` over `to`, and makes that durable.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(StoreError::io("renaming", from))?;
    sync_directory(to)
}

/// Syncs the directory of `path`, so that a name in it lasts.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    if cfg!(not(unix)) {
        return Ok(()); // a directory cannot be opened as a file elsewhere
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or_else(|| Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(StoreError::io("syncing the directory", parent))
}

/// `path` with `.suffix` behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file that may be there.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}
