//! Transactions: what can be read in a snapshot and written in a step.

use std::{
    cell::Cell,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    StoreError, Table,
    decoded::Decoded,
    disk,
    journal::{self, Entry, Head, JOURNAL, Verification},
    memory::{MemoryTx, Tables},
    raw::{Keys, Order, RawRead, Take, Visit, prefix_keys},
    table::Spec,
};

/// The numbers handed out by [`WriteTx::next_sequence`], by name.
pub(crate) const SEQUENCES: Table<u64> = Table::new("sequences", 1);

/// Rows in key order, and what is wrong with those that cannot be read.
pub type Readable<V> = (Vec<(String, V)>, Vec<(String, StoreError)>);

/// Reads in one snapshot. Keep it short: an open reader grows the file.
pub trait Read {
    #[doc(hidden)]
    fn raw(&self) -> &dyn RawRead;

    #[doc(hidden)]
    fn decoded(&self) -> &Decoded;

    /// The value of a key.
    fn get<V>(&self, table: &Table<V>, key: &str) -> Result<Option<V>, StoreError>
    where
        V: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        Ok(self.shared(table, key)?.map(Arc::unwrap_or_clone))
    }

    /// The value of a key, shared with who read the same bytes before.
    fn shared<V>(&self, table: &Table<V>, key: &str) -> Result<Option<Arc<V>>, StoreError>
    where
        V: DeserializeOwned + Send + Sync + 'static,
    {
        let mut found = None;
        self.raw().with_row(table.spec(), key, &mut |bytes| {
            found = Some(self.decoded().value(table, key, bytes)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The value of a key; none where it cannot be read.
    fn get_readable<V>(&self, table: &Table<V>, key: &str) -> Result<Option<V>, StoreError>
    where
        V: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        match self.get(table, key) {
            Err(StoreError::Codec { .. }) => Ok(None),
            found => found,
        }
    }

    /// All rows whose key begins with `prefix`, in key order.
    fn list<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &str,
    ) -> Result<Vec<(String, V)>, StoreError> {
        let mut after = None;
        collect(self.raw(), table, prefix_keys(prefix, &mut after), Order::Forward, usize::MAX)
    }

    /// The same, passing over rows that cannot be read: by their keys, with what is wrong.
    fn readable<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &str,
    ) -> Result<Readable<V>, StoreError> {
        let mut after = None;
        sift(self.raw(), table, prefix_keys(prefix, &mut after))
    }

    /// The same of the rows with `from <= key < to`.
    fn readable_range<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        from: &str,
        to: &str,
    ) -> Result<Readable<V>, StoreError> {
        sift(self.raw(), table, (Bound::Included(from), Bound::Excluded(to)))
    }

    /// At most `count` rows with `prefix`, the last first.
    fn last<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &str,
        count: usize,
    ) -> Result<Vec<(String, V)>, StoreError> {
        let mut after = None;
        collect(self.raw(), table, prefix_keys(prefix, &mut after), Order::Backward, count)
    }

    /// The rows with `from <= key < to`, in key order.
    fn range<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        from: &str,
        to: &str,
    ) -> Result<Vec<(String, V)>, StoreError> {
        let keys = (Bound::Included(from), Bound::Excluded(to));
        collect(self.raw(), table, keys, Order::Forward, usize::MAX)
    }

    /// The first row whose key is greater than `key`.
    fn first_after<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        key: &str,
    ) -> Result<Option<(String, V)>, StoreError> {
        let keys = (Bound::Excluded(key), Bound::Unbounded);
        Ok(collect(self.raw(), table, keys, Order::Forward, 1)?.pop())
    }

    /// At most `count` journal entries with sequences from `from` on.
    fn journal_entries(&self, from: u64, count: usize) -> Result<Vec<Entry>, StoreError> {
        let from = Entry::key(from);
        let keys = (Bound::Included(from.as_str()), Bound::Unbounded);
        let rows = collect(self.raw(), &JOURNAL, keys, Order::Forward, count)?;
        Ok(rows.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The last `count` journal entries, the oldest first.
    fn journal_tail(&self, count: usize) -> Result<Vec<Entry>, StoreError> {
        let mut rows = self.last(&JOURNAL, "", count)?;
        rows.reverse();
        Ok(rows.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Walks the journal's hash chain and names the first entry that does not hold. `known` are
    /// heads from elsewhere, such as those printed in reports.
    fn verify_journal(&self, known: &[Head]) -> Result<Verification, StoreError>
    where
        Self: Sized,
    {
        journal::verify(self, known)
    }

    /// The head of the journal; its hash in hex is the digest of a replay.
    fn journal_head(&self) -> Result<Head, StoreError> {
        Head::of(self.raw())
    }
}

pub(crate) fn decode<V: DeserializeOwned>(
    table: &Table<V>,
    key: &str,
    bytes: &[u8],
) -> Result<V, StoreError> {
    serde_json::from_slice(bytes).map_err(|source| StoreError::Codec {
        table: table.name,
        key: key.to_owned(),
        source,
    })
}

fn collect<V: DeserializeOwned>(
    raw: &dyn RawRead,
    table: &Table<V>,
    keys: Keys<'_>,
    order: Order,
    count: usize,
) -> Result<Vec<(String, V)>, StoreError> {
    let mut rows = Vec::new();
    if count == 0 {
        return Ok(rows);
    }
    raw.scan_rows(table.spec(), keys, order, &mut |key, bytes| {
        rows.push((key.to_owned(), decode(table, key, bytes)?));
        Ok(if rows.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(rows)
}

fn sift<V: DeserializeOwned>(
    raw: &dyn RawRead,
    table: &Table<V>,
    keys: Keys<'_>,
) -> Result<Readable<V>, StoreError> {
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    raw.scan_rows(table.spec(), keys, Order::Forward, &mut |key, bytes| {
        match decode(table, key, bytes) {
            Ok(value) => rows.push((key.to_owned(), value)),
            Err(error) => broken.push((key.to_owned(), error)),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((rows, broken))
}

/// A read transaction.
pub struct ReadTx {
    pub(crate) source: ReadSource,
    pub(crate) decoded: Arc<Decoded>,
}

pub(crate) enum ReadSource {
    Disk(Box<redb::ReadTransaction>),
    Memory(Arc<Tables>),
}

impl Read for ReadTx {
    fn raw(&self) -> &dyn RawRead {
        match &self.source {
            ReadSource::Disk(tx) => &**tx,
            ReadSource::Memory(tables) => tables,
        }
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }
}

impl ReadTx {
    /// The tables with their versions, in name order.
    pub(crate) fn tables(&self) -> Result<Vec<(String, u32)>, StoreError> {
        match &self.source {
            ReadSource::Disk(tx) => disk::tables(tx),
            ReadSource::Memory(tables) => {
                Ok(tables.iter().map(|(name, table)| (name.clone(), table.version)).collect())
            }
        }
    }
}

/// A write transaction: state, journal and outbox together or not at all.
pub struct WriteTx {
    pub(crate) target: WriteTarget,
    decoded: Arc<Decoded>,
    /// The journal's head in this transaction, once it was asked for.
    pub(crate) head: Option<Head>,
    /// The tables it changed, each once.
    pub(crate) touched: Vec<String>,
    /// The storage failed in this transaction, whatever the closure made of it.
    pub(crate) broken: Cell<bool>,
}

pub(crate) enum WriteTarget {
    Disk(Box<redb::WriteTransaction>),
    Memory(MemoryTx),
}

impl WriteTx {
    pub(crate) fn new(target: WriteTarget, decoded: Arc<Decoded>) -> Self {
        Self { target, decoded, head: None, touched: Vec::new(), broken: Cell::new(false) }
    }

    /// Writes a value.
    pub fn put<V: Serialize>(
        &mut self,
        table: &Table<V>,
        key: &str,
        value: &V,
    ) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(value).map_err(|source| StoreError::Codec {
            table: table.name,
            key: key.to_owned(),
            source,
        })?;
        self.put_raw(table.spec(), key, &bytes)
    }

    pub(crate) fn put_raw(
        &mut self,
        table: Spec<'_>,
        key: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.touch(table);
        let done = match &mut self.target {
            WriteTarget::Disk(tx) => disk::put(tx, table, key, bytes),
            WriteTarget::Memory(tx) => tx.put(table, key, bytes),
        };
        self.watch(done)
    }

    /// Removes a key; true when it was there.
    pub fn remove<V>(&mut self, table: &Table<V>, key: &str) -> Result<bool, StoreError> {
        self.touch(table.spec());
        let done = match &mut self.target {
            WriteTarget::Disk(tx) => disk::remove(tx, table.spec(), key),
            WriteTarget::Memory(tx) => tx.remove(table.spec(), key),
        };
        self.watch(done)
    }

    /// The next number of a named sequence, from 1.
    pub fn next_sequence(&mut self, name: &str) -> Result<u64, StoreError> {
        let next = self.get(&SEQUENCES, name)?.unwrap_or(0) + 1;
        self.put(&SEQUENCES, name, &next)?;
        Ok(next)
    }

    fn touch(&mut self, table: Spec<'_>) {
        if self.touched.iter().all(|name| name != table.name) {
            self.touched.push(table.name.to_owned());
        }
    }

    /// Remembers that the storage failed, so that nothing is committed after it.
    fn watch<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.as_ref().is_err_and(StoreError::is_storage) {
            self.broken.set(true);
        }
        done
    }
}

impl Read for WriteTx {
    fn raw(&self) -> &dyn RawRead {
        self
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    fn journal_head(&self) -> Result<Head, StoreError> {
        self.head.clone().map_or_else(|| Head::of(self), Ok)
    }
}

impl RawRead for WriteTx {
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.watch(match &self.target {
            WriteTarget::Disk(tx) => tx.row(table, key),
            WriteTarget::Memory(tx) => tx.row(table, key),
        })
    }

    fn with_row(&self, table: Spec<'_>, key: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        self.watch(match &self.target {
            WriteTarget::Disk(tx) => tx.with_row(table, key, take),
            WriteTarget::Memory(tx) => tx.with_row(table, key, take),
        })
    }

    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.watch(match &self.target {
            WriteTarget::Disk(tx) => tx.scan_rows(table, keys, order, visit),
            WriteTarget::Memory(tx) => tx.scan_rows(table, keys, order, visit),
        })
    }
}
