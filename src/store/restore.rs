//! Restore: a backup, verified, takes the place of the store; the replaced file is kept aside.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    Backup, StoreError, backup,
    check::{Check, check_held},
    lock::{OwnerLock, lock_path},
    open,
};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The store as it is now.
    pub store: Backup,
    /// Where the replaced file is, if there was one.
    pub replaced: Option<PathBuf>,
}

/// Replaced files kept beside a store; more are not made.
const ASIDE_MAX: u32 = 999;

/// Puts the backup `from` in the place of the store at `path`, which no process may have open.
///
/// The backup is verified first: pages, rows, journal. A store whose journal is ahead of the
/// backup's, or that cannot be read to tell, is replaced only with `force`.
pub fn restore(
    from: &Path,
    path: &Path,
    program: &str,
    force: bool,
) -> Result<Restored, StoreError> {
    if std::fs::canonicalize(from)
        .ok()
        .is_some_and(|from| std::fs::canonicalize(path).is_ok_and(|path| path == from))
    {
        let same = format!("store: {} is the store itself, not a backup of it", from.display());
        return Err(StoreError::Refused(same));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(StoreError::io("creating", parent))?;
    }
    let _lock = OwnerLock::take(path, program)?;
    // A file that was ever opened as a store has a lock of its own; a backup has none.
    let _other = lock_path(from).exists().then(|| OwnerLock::take(from, program)).transpose()?;
    let found = verified(from)?;
    let there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if there && !force {
        refuse_newer(&found, from, path)?;
    }
    let fresh = backup::beside(path, "restored");
    open::examine(from)?.read(|tx| backup::export(tx, &fresh))?;
    let replaced = if there { Some(keep_aside(path)?) } else { None };
    backup::replace(&fresh, path)?;
    let bytes = std::fs::metadata(path).map_err(StoreError::io("reading", path))?.len();
    let rows = found.tables.iter().map(|table| table.rows).sum();
    let (tables, journal) = (found.tables.len(), found.journal.head);
    let store = Backup { path: path.to_owned(), bytes, tables, rows, journal };
    Ok(Restored { store, replaced })
}

/// A backup must hold in all its parts.
fn verified(from: &Path) -> Result<Check, StoreError> {
    let found = check_held(from)?;
    if let Some(broken) = &found.journal.broken {
        let cause = format!("journal entry {}: {}", broken.sequence, broken.why);
        return Err(StoreError::Damaged { path: from.display().to_string(), cause });
    }
    if let Some(row) = found.unreadable.first() {
        let cause = format!("row `{row}` is no JSON");
        return Err(StoreError::Damaged { path: from.display().to_string(), cause });
    }
    Ok(found)
}

fn refuse_newer(found: &Check, from: &Path, path: &Path) -> Result<(), StoreError> {
    let backup = found.journal.head.sequence;
    let (from, shown) = (from.display(), path.display());
    let refuse = |why: String| {
        Err(StoreError::Refused(format!(
            "{why}; with --force it is replaced, and kept aside under another name"
        )))
    };
    match check_held(path) {
        Ok(store) if store.journal.head.sequence > backup => refuse(format!(
            "store: {shown} is newer than the backup {from}: its journal is at entry {}, the \
             backup's at {backup}",
            store.journal.head.sequence
        )),
        Ok(_) => Ok(()),
        Err(error) => {
            refuse(format!("store: cannot tell whether {shown} is newer than the backup ({error})"))
        }
    }
}

/// Gives the file a second name, so that there is a store under the first at every instant.
fn keep_aside(path: &Path) -> Result<PathBuf, StoreError> {
    for n in 1..=ASIDE_MAX {
        let aside = backup::beside(path, &format!("replaced-{n}"));
        match std::fs::hard_link(path, &aside) {
            Ok(()) => {
                backup::sync_directory(&aside)?;
                return Ok(aside);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(_) => return copy_aside(path, aside),
        }
    }
    let full =
        format!("store: {ASIDE_MAX} replaced files lie beside {}; remove some", path.display());
    Err(StoreError::Refused(full))
}

/// For file systems without hard links.
fn copy_aside(path: &Path, aside: PathBuf) -> Result<PathBuf, StoreError> {
    std::fs::copy(path, &aside).map_err(StoreError::io("copying", path))?;
    std::fs::File::open(&aside)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("syncing", &aside))?;
    backup::sync_directory(&aside)?;
    Ok(aside)
}
