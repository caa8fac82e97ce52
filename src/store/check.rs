//! Looking after a file that no process has open: check and compact.

use std::{
    ops::{Bound, ControlFlow},
    path::Path,
};

use serde::{Serialize, de::IgnoredAny};

use super::{
    ReadTx, StoreError, Verification,
    engine::{Engine, panic_text},
    journal,
    lock::OwnerLock,
    open,
    raw::Order,
    schema,
    table::Spec,
    tx::Read,
};

/// What a check found; each page's checksum was verified before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The schema of the file.
    pub schema: u32,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its tables, in name order.
    pub tables: Vec<TableSize>,
    /// Rows that are no JSON, as `table/key`; at most 20 are named.
    pub unreadable: Vec<String>,
    /// The journal.
    pub journal: Verification,
}

impl Check {
    /// True when all of it holds.
    pub fn holds(&self) -> bool {
        self.unreadable.is_empty() && self.journal.broken.is_none()
    }
}

/// The size of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// The version of its shape.
    pub version: u32,
    /// Its rows.
    pub rows: u64,
    /// Their keys and values, bytes.
    pub bytes: u64,
}

/// Unreadable rows that are named.
const NAMED_MAX: usize = 20;

/// Checks the file at `path` for the process `program`: every page, every row, the journal. The
/// file is left as it is; damaged pages are an error, all else is in the result.
pub fn check(path: &Path, program: &str) -> Result<Check, StoreError> {
    let _lock = OwnerLock::take(path, program)?;
    check_held(path)
}

/// The same for a file that nobody else writes.
pub(crate) fn check_held(path: &Path) -> Result<Check, StoreError> {
    let bytes = std::fs::metadata(path).map_err(StoreError::io("reading", path))?.len();
    let engine = open::examine(path)?;
    let schema = schema::found(&engine)?.unwrap_or(schema::CURRENT.version);
    schema::refuse_newer(&schema::CURRENT, schema, path)?;
    engine.read(|tx| {
        let mut unreadable = Vec::new();
        let tables = tx
            .tables()?
            .into_iter()
            .map(|(name, version)| measure(tx, name, version, &mut unreadable))
            .collect::<Result<_, _>>()?;
        let journal = journal::verify(tx, &[])?;
        Ok(Check { schema, bytes, tables, unreadable, journal })
    })
}

/// Reads one snapshot of the file at `path`, its pages checked, for the process `program`. The file
/// is left as it is. The daemon must not run.
pub fn look<T>(
    path: &Path,
    program: &str,
    f: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let _lock = OwnerLock::take(path, program)?;
    let engine = open::examine(path)?;
    let schema = schema::found(&engine)?.unwrap_or(schema::CURRENT.version);
    schema::refuse_newer(&schema::CURRENT, schema, path)?;
    engine.read(f)
}

fn measure(
    tx: &ReadTx,
    name: String,
    version: u32,
    unreadable: &mut Vec<String>,
) -> Result<TableSize, StoreError> {
    let (mut rows, mut bytes) = (0, 0);
    let all = (Bound::Unbounded, Bound::Unbounded);
    let table = Spec { name: &name, version };
    tx.raw().scan_rows(table, all, Order::Forward, &mut |key, value| {
        rows += 1;
        bytes += (key.len() + value.len()) as u64;
        if serde_json::from_slice::<IgnoredAny>(value).is_err() && unreadable.len() < NAMED_MAX {
            unreadable.push(format!("{name}/{key}"));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(TableSize { name, version, rows, bytes })
}

/// What a compaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// The size before, bytes.
    pub bytes_before: u64,
    /// The size after, bytes.
    pub bytes_after: u64,
}

/// Rounds of compaction; each one that moved something may let the next move more.
const ROUNDS_MAX: usize = 8;

/// Gives back the free pages of the file at `path`, which no process may have open.
pub fn compact(path: &Path, program: &str) -> Result<Compaction, StoreError> {
    let size = || {
        let file = std::fs::metadata(path).map_err(StoreError::io("reading", path))?;
        Ok::<_, StoreError>(file.len())
    };
    let bytes_before = size()?;
    // Opened as a store first, so that a newer schema is refused and an older one migrated.
    let engine = open::open_file(path, program, &schema::CURRENT)?;
    let (mut db, lock) = Engine::into_database(engine)?;
    let moved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..ROUNDS_MAX {
            if !db.compact()? {
                break;
            }
        }
        Ok::<_, StoreError>(())
    }));
    moved.unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(panic.as_ref()))))?;
    drop(db);
    drop(lock);
    Ok(Compaction { bytes_before, bytes_after: size()? })
}
