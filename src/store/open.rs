//! Opening a file: the lock, the schema, the integrity of the pages.

use std::path::Path;

use redb::{Builder, Database, DatabaseError, StorageBackend};

use super::{
    StoreError, backup,
    engine::{Engine, Rows, caught},
    lock::OwnerLock,
    overlay::Overlay,
    schema::{self, Schema},
};

/// Pages kept in memory. The store is small and reads are few; redb's own default is 1 GiB.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Opens or creates the store at `path` for the process `program`.
pub(crate) fn open_file(
    path: &Path,
    program: &str,
    schema: &'static Schema,
) -> Result<Engine, StoreError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(StoreError::io("creating", parent))?;
    }
    let lock = OwnerLock::take(path, program)?;
    if let Some(left) = lock.left_by() {
        tracing::warn!("unclean shutdown: {left} did not close the store; checking it");
    }
    let there = is_there(path)?;
    let found = if there { schema_of(path)? } else { None };
    if let Some(found) = found {
        schema::admit(schema, found, path)?;
    }
    if !there {
        create_stamped(path, schema)?;
    }
    let unclean = lock.left_by().is_some();
    let db = guarded(path, || builder(unclean).open(path))?;
    let engine = Engine::new(Rows::Disk(Box::new(db)), Some(lock), Some(path.to_owned()));
    match found {
        Some(found) if found < schema.version => {
            schema::migrate(&engine, schema, found, path)?;
        }
        None if there => schema::stamp(&engine, schema)?,
        _ => {}
    }
    Ok(engine)
}

/// Opens a store over a backend of the caller's, for the injection of faults.
pub(crate) fn open_backend(
    backend: impl StorageBackend,
    schema: &Schema,
) -> Result<Engine, StoreError> {
    let name = Path::new("the given backend");
    let db = guarded(name, || builder(false).create_with_backend(backend))?;
    let engine = Engine::new(Rows::Disk(Box::new(db)), None, None);
    match schema::found(&engine)? {
        None => schema::stamp(&engine, schema)?,
        Some(found) if found == schema.version => {}
        Some(found) => {
            // Without a file there is no place for the backup that goes before a migration.
            schema::admit(&Schema { steps: &[], ..*schema }, found, name)?;
        }
    }
    Ok(engine)
}

/// A store comes into its place whole: an empty file has lost all it held, its holds too.
fn is_there(path: &Path) -> Result<bool, StoreError> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => Err(damaged(path, "it is empty".to_owned())),
        found => Ok(found.is_ok()),
    }
}

/// The schema of a file, which is left as it is, also if it was not closed cleanly.
fn schema_of(path: &Path) -> Result<Option<u32>, StoreError> {
    let overlay = Overlay::open(path).map_err(StoreError::io("opening", path))?;
    let mut plain = Database::builder();
    plain.set_cache_size(CACHE_BYTES);
    let db = guarded(path, || plain.create_with_backend(overlay))?;
    let engine = Engine::new(Rows::Disk(Box::new(db)), None, None);
    caught(|| schema::found(&engine)).unwrap_or_else(|panic| Err(damaged(path, panic)))
}

/// Opens a file with every page checked, leaving it as it is.
pub(crate) fn examine(path: &Path) -> Result<Engine, StoreError> {
    is_there(path)?;
    let overlay = Overlay::open(path).map_err(StoreError::io("opening", path))?;
    let db = guarded(path, || builder(false).create_with_backend(overlay))?;
    Ok(Engine::new(Rows::Disk(Box::new(db)), None, Some(path.to_owned())))
}

/// Opens a file that is there, with every page checked.
pub(crate) fn existing(path: &Path) -> Result<Database, StoreError> {
    guarded(path, || builder(false).open(path))
}

/// Creates a file.
pub(crate) fn create(path: &Path) -> Result<Database, StoreError> {
    guarded(path, || builder(false).create(path))
}

/// Creates a store under another name and renames it, so that a crash leaves none or a whole one.
fn create_stamped(path: &Path, schema: &Schema) -> Result<(), StoreError> {
    let fresh = backup::beside(path, "new");
    backup::remove(&fresh)?;
    let engine = Engine::new(Rows::Disk(Box::new(create(&fresh)?)), None, None);
    schema::stamp(&engine, schema)?;
    drop(engine); // closes the file
    backup::replace(&fresh, path)
}

/// redb calls back while it walks all pages, as it does at each open.
fn builder(unclean: bool) -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).set_repair_callback(
        move |session| {
            let percent = session.progress() * 100.0;
            if unclean {
                tracing::warn!("unclean shutdown: checking and repairing, {percent:.0} %");
            } else {
                tracing::debug!("checking the pages of the store, {percent:.0} %");
            }
        },
    );
    builder
}

/// Opens, with redb's ways of saying that a file is damaged (a panic among them) made one.
fn guarded(
    path: &Path,
    open: impl FnOnce() -> Result<Database, DatabaseError>,
) -> Result<Database, StoreError> {
    match caught(open) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::Held {
            path: path.display().to_string(),
            owner: "a process that did not take the store's lock".to_owned(),
        }),
        Ok(Err(DatabaseError::Storage(redb::StorageError::Corrupted(cause)))) => {
            Err(damaged(path, cause))
        }
        Ok(Err(error)) => {
            let error = redb::Error::from(error);
            match &error {
                redb::Error::Io(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
                    Err(damaged(path, cause.to_string()))
                }
                _ => Err(error.into()),
            }
        }
        Err(panic) => Err(damaged(path, panic)),
    }
}

fn damaged(path: &Path, cause: String) -> StoreError {
    StoreError::Damaged { path: path.display().to_string(), cause }
}
