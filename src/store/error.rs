//! Why the store could not do what was asked.

use std::path::{Path, PathBuf};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// redb failed; the process should stop rather than go on.
    #[error("store: {0}")]
    Engine(Box<redb::Error>),
    /// A value could not be read or written as JSON.
    #[error("store: table `{table}`, key `{key}`: {source}")]
    Codec {
        /// The table.
        table: &'static str,
        /// The key.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// A rule of the caller's was broken inside a transaction; nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The store's thread is gone.
    #[error("store: closed")]
    Closed,
    /// An earlier commit failed: nothing is written any more, the process must stop.
    #[error("store: stopped after a failed write ({0}); restart the program to go on")]
    Failed(String),
    /// The closure of a transaction panicked; nothing was written.
    #[error("store: a transaction panicked and was undone: {0}")]
    Panicked(String),
    /// A table holds rows of another shape than the program knows.
    #[error("store: table `{table}` holds `{found}`, this program reads `{wanted}`")]
    Shape {
        /// The table.
        table: String,
        /// The stored type name.
        found: String,
        /// The program's type name.
        wanted: String,
    },
    /// The file was written by a newer program; it was not touched.
    #[error(
        "store: {path} has schema {found}, this program knows schemas up to {known}; it was left \
         untouched: use the newer program, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
    },
    /// The file has an older schema and no step leads from it.
    #[error("store: {path} has schema {found}; no migration leads from it to schema {known}")]
    NoMigration {
        /// The file.
        path: String,
        /// Its schema.
        found: u32,
        /// The schema of this program.
        known: u32,
    },
    /// Another process owns the file.
    #[error("store: {path} is in use by {owner}; stop it first, or ask it (`tomking status`)")]
    Held {
        /// The file.
        path: String,
        /// The other process in words.
        owner: String,
    },
    /// The file is damaged.
    #[error(
        "store: {path} is damaged: {cause}; keep it for inspection and restore a backup with \
         `tomking store restore FILE`"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        cause: String,
    },
    /// A file could not be read or written.
    #[error("store: {doing} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, such as `renaming`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// True when the storage itself failed, not the caller's rule.
    pub(crate) fn is_storage(&self) -> bool {
        matches!(self, Self::Engine(_))
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

macro_rules! widen {
    ($($kind:ident),*) => {
        $(impl From<redb::$kind> for StoreError {
            fn from(error: redb::$kind) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}
widen!(StorageError, TransactionError, CommitError, CompactionError, DatabaseError);
