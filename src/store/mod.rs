//! The store: one redb file, typed tables with text keys and JSON values, and the journal.
//!
//! The only place that knows redb. Owners declare their tables as constants of `Table`.
//!
//! One transaction per step: state, journal entry and outbox rows are written by one closure given
//! to `Store::write`, and are there together or not at all. Reads are closures too, over one
//! snapshot: an open snapshot keeps redb from reusing pages, so the file grows while it lasts
//! (5,000 commits under one reader made 100 KiB into 106 MiB), and no API here can hold one over
//! an `await`.

mod backup;
mod changes;
mod check;
mod decoded;
mod digest;
mod disk;
mod engine;
mod error;
mod journal;
mod lock;
mod memory;
mod open;
mod overlay;
mod raw;
mod restore;
mod schema;
mod table;
mod thread;
mod tx;

#[cfg(test)]
mod tests;

use std::{
    ops::{Bound, RangeBounds},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use redb::StorageBackend;

pub use backup::Backup;
pub use check::{Check, Compaction, TableSize, check, compact, look};
pub(crate) use engine::caught;
pub use error::StoreError;
pub(crate) use journal::sha256_hex;
pub use journal::{
    Break as JournalBreak, Entry as JournalEntry, Head as JournalHead, Verification,
};
pub(crate) use lock::DAEMON;
pub use restore::{Restored, restore};
pub use table::{Table, VERSION_MAX};
pub use tx::{Read, ReadTx, Readable, WriteTx};

use engine::{Engine, Rows};
use thread::Writer;

/// The store file of a data directory.
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("tomking.redb")
}

/// The store of the paper venue in a data directory: the broker's side of the account.
pub fn venue_path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("venue.redb")
}

/// The store. Cheap to clone; all clones are one store, closed when the last is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// Where it is `None`, the caller's thread writes. Dropped first: the thread ends, then the
    /// file is closed.
    writer: Option<Writer>,
    engine: Arc<Engine>,
}

impl Store {
    /// A store in memory, for replays and tests. All is done inline on the calling thread.
    pub fn in_memory() -> Result<Self, StoreError> {
        let engine = Engine::new(Rows::Memory(memory::Memory::default()), None, None);
        schema::stamp(&engine, &schema::CURRENT)?; // so that a backup of it is a whole store
        Ok(Self::inline(engine))
    }

    /// Opens or creates the file at `path`, with a thread that owns the writes: for the daemon.
    /// `program` names this process to others that want the file, such as `tomking run`.
    pub fn open(path: &Path, program: &str) -> Result<Self, StoreError> {
        let engine = Arc::new(open::open_file(path, program, &schema::CURRENT)?);
        let writer = Some(Writer::start(Arc::clone(&engine))?);
        Ok(Self { inner: Arc::new(Inner { writer, engine }) })
    }

    /// Opens or creates the file at `path`, writing on the calling thread: for subcommands.
    pub fn open_inline(path: &Path, program: &str) -> Result<Self, StoreError> {
        Ok(Self::inline(open::open_file(path, program, &schema::CURRENT)?))
    }

    /// A store over a backend of the caller's, writing inline: for the injection of faults.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, StoreError> {
        Ok(Self::inline(open::open_backend(backend, &schema::CURRENT)?))
    }

    fn inline(engine: Engine) -> Self {
        Self { inner: Arc::new(Inner { writer: None, engine: Arc::new(engine) }) }
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<&PathBuf> {
        self.inner.engine.path.as_ref()
    }

    /// The earlier owner that did not close the file, in words: an unclean shutdown.
    pub fn left_by(&self) -> Option<&str> {
        self.inner.engine.left_by()
    }

    /// Runs `f` over one snapshot.
    pub fn read<T>(
        &self,
        f: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.engine.read(f)
    }

    /// Runs `f` in one durable transaction; an error or a panic in it leaves nothing written.
    ///
    /// `f` must not write to the store by another way than its transaction: there is one writer, and
    /// it would wait for itself. Once the write has begun it runs to its end, also when the returned
    /// future is dropped. After an error of the storage it is unknown whether the transaction became
    /// durable, all later writes are refused, and [`Store::failed`] resolves: the process must stop.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.inner.writer {
            Some(writer) => writer.write(f).await,
            None => self.inner.engine.write(f),
        }
    }

    /// Commits of this process that touched any of the tables named. Rows read after a call are
    /// those of the store for as long as a later call gives the same number.
    pub fn changes(&self, tables: &[&str]) -> u64 {
        self.inner.engine.changes.of(tables)
    }

    /// Commits of this process.
    pub fn commits(&self) -> u64 {
        self.inner.engine.changes.commits()
    }

    /// Resolves once [`Store::changes`] of the tables is no longer `seen`.
    pub async fn changed(&self, tables: &[&str], seen: u64) {
        // Subscribed before the first look, so that no commit falls in between.
        let mut commits = self.inner.engine.changes.subscribe();
        while self.changes(tables) == seen {
            let told = commits.changed().await;
            told.expect("the engine outlives this borrow of the store");
        }
    }

    /// Resolves with the cause once the storage has failed; never before.
    pub async fn failed(&self) -> String {
        let mut failures = self.inner.engine.failures();
        let cause = failures.wait_for(Option::is_some).await;
        match cause {
            Ok(cause) => cause.unwrap_or_default(),
            Err(_) => std::future::pending().await, // the engine outlives this borrow of the store
        }
    }

    /// The cause, when the storage has failed.
    pub fn failure(&self) -> Option<String> {
        self.inner.engine.failures().borrow().clone()
    }

    /// The head of the journal; its hash in hex is the digest of a replay.
    pub fn journal_head(&self) -> Result<JournalHead, StoreError> {
        self.read(Read::journal_head)
    }

    /// The SHA-256, in lower-case hex, of everything the store holds: two stores have the same only
    /// when they hold the same rows.
    pub fn digest(&self) -> Result<String, StoreError> {
        self.read(digest::of)
    }

    /// The journal entries whose sequence lies in `range`, in order.
    pub fn journal(&self, range: impl RangeBounds<u64>) -> Result<Vec<JournalEntry>, StoreError> {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(from) => from.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(to) => to.saturating_add(1),
            Bound::Excluded(to) => *to,
            Bound::Unbounded => u64::MAX,
        };
        self.read(|tx| {
            let from = JournalEntry::key(from);
            let rows = tx.range(&journal::JOURNAL, &from, &JournalEntry::key(end))?;
            Ok(rows.into_iter().map(|(_, entry)| entry).collect())
        })
    }

    /// Walks the journal's hash chain and names the first entry that does not hold. `known` are
    /// heads from elsewhere, such as those printed in reports.
    pub fn verify_journal(&self, known: &[JournalHead]) -> Result<Verification, StoreError> {
        self.read(|tx| tx.verify_journal(known))
    }

    /// Exports one snapshot into a new file at `to`, replacing a file of that name: checked, synced
    /// and renamed. It takes about 0.2 s for 64 MiB on the calling thread, and writers go on
    /// meanwhile.
    pub fn backup(&self, to: &Path) -> Result<Backup, StoreError> {
        self.read(|tx| backup::export(tx, to))
    }
}
