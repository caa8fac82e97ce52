//! Opening a file: the lock, the schema, the integrity of the pages.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::{Builder, Database, DatabaseError, StorageBackend};

use super::{
    StoreError,
    engine::{Engine, Rows, panic_text},
    lock::OwnerLock,
};

/// Pages kept in memory. The store is small and reads are few; redb's own default is 1 GiB.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Opens or creates the store at `path` for the process `program`.
pub(crate) fn open_file(path: &Path, program: &str) -> Result<Engine, StoreError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(StoreError::io("creating", parent))?;
    }
    let lock = OwnerLock::take(path, program)?;
    if let Some(left) = lock.left_by() {
        tracing::warn!("unclean shutdown: {left} did not close the store; checking it");
    }
    let name = path.display().to_string();
    let db = guarded(&name, || builder().create(path))?;
    Ok(Engine::new(Rows::Disk(Box::new(db)), Some(lock), Some(path.to_owned())))
}

/// Opens a store over a backend of the caller's, for the injection of faults.
pub(crate) fn open_backend(backend: impl StorageBackend) -> Result<Engine, StoreError> {
    let db = guarded("the given backend", || builder().create_with_backend(backend))?;
    Ok(Engine::new(Rows::Disk(Box::new(db)), None, None))
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).set_repair_callback(
        |session| {
            tracing::warn!("unclean shutdown: repaired {:.0} %", session.progress() * 100.0);
        },
    );
    builder
}

/// Opens, with redb's ways of saying that a file is damaged (a panic among them) made one.
fn guarded(
    name: &str,
    open: impl FnOnce() -> Result<Database, DatabaseError>,
) -> Result<Database, StoreError> {
    let damaged = |cause| StoreError::Damaged { path: name.to_owned(), cause };
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::Held {
            path: name.to_owned(),
            owner: "a process that did not take the store's lock".to_owned(),
        }),
        Ok(Err(DatabaseError::Storage(redb::StorageError::Corrupted(cause)))) => {
            Err(damaged(cause))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => Err(damaged(panic_text(panic.as_ref()))),
    }
}
