//! The store: one redb file, typed tables with text keys and JSON values, and the journal.
//!
//! The only place that knows redb. Owners declare their tables as constants of [`Table`].

use std::{marker::PhantomData, path::PathBuf, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::clock::Timestamp;

/// A typed table. The version is part of the stored type name: another shape cannot be misread.
#[derive(Debug)]
pub struct Table<V> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V> Table<V> {
    /// Declares a table.
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version, value: PhantomData }
    }
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// redb failed; the process should stop rather than go on.
    #[error("store: {0}")]
    Engine(#[from] redb::Error),
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
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: Option<PathBuf>,
}

/// Reads in one snapshot. Keep it short: an open reader grows the file.
pub trait Read {
    /// The value of a key.
    fn get<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        key: &str,
    ) -> Result<Option<V>, StoreError>;
    /// All rows whose key begins with `prefix`, in key order.
    fn list<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &str,
    ) -> Result<Vec<(String, V)>, StoreError>;
    /// At most `count` rows with `prefix`, the last first.
    fn last<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &str,
        count: usize,
    ) -> Result<Vec<(String, V)>, StoreError>;
}

/// A read transaction.
pub struct ReadTx {
    _private: (),
}

/// A write transaction: state, journal and outbox together or not at all.
pub struct WriteTx {
    _private: (),
}

impl WriteTx {
    /// Writes a value.
    pub fn put<V: Serialize>(
        &mut self,
        table: &Table<V>,
        key: &str,
        value: &V,
    ) -> Result<(), StoreError> {
        let _ = (table.name, table.version, key, value);
        unimplemented!("the store's owner writes this")
    }

    /// Removes a key; true when it was there.
    pub fn remove<V>(&mut self, table: &Table<V>, key: &str) -> Result<bool, StoreError> {
        let _ = (table.name, key);
        unimplemented!("the store's owner writes this")
    }

    /// The next number of a named sequence, from 1.
    pub fn next_sequence(&mut self, name: &str) -> Result<u64, StoreError> {
        let _ = name;
        unimplemented!("the store's owner writes this")
    }

    /// Appends to the journal: `cause` is the run, command or loop that acted, `kind` what it did.
    pub fn journal(
        &mut self,
        at: Timestamp,
        cause: &str,
        kind: &str,
        data: &impl Serialize,
    ) -> Result<(), StoreError> {
        let _ = (at, cause, kind, serde_json::to_value(data).ok());
        unimplemented!("the store's owner writes this")
    }
}

impl Store {
    /// A store in memory, for replays and tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self { inner: Arc::new(Inner { path: None }) })
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<&PathBuf> {
        self.inner.path.as_ref()
    }

    /// Runs `f` over one snapshot.
    pub fn read<T>(
        &self,
        f: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        f(&ReadTx { _private: () })
    }

    /// Runs `f` in one durable transaction; an error from it leaves nothing written.
    #[allow(clippy::unused_async)] // until the store is written
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        f(&mut WriteTx { _private: () })
    }
}

impl Read for ReadTx {
    fn get<V: DeserializeOwned>(&self, _: &Table<V>, _: &str) -> Result<Option<V>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
    fn list<V: DeserializeOwned>(
        &self,
        _: &Table<V>,
        _: &str,
    ) -> Result<Vec<(String, V)>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
    fn last<V: DeserializeOwned>(
        &self,
        _: &Table<V>,
        _: &str,
        _: usize,
    ) -> Result<Vec<(String, V)>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
}

impl Read for WriteTx {
    fn get<V: DeserializeOwned>(&self, _: &Table<V>, _: &str) -> Result<Option<V>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
    fn list<V: DeserializeOwned>(
        &self,
        _: &Table<V>,
        _: &str,
    ) -> Result<Vec<(String, V)>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
    fn last<V: DeserializeOwned>(
        &self,
        _: &Table<V>,
        _: &str,
        _: usize,
    ) -> Result<Vec<(String, V)>, StoreError> {
        unimplemented!("the store's owner writes this")
    }
}
