//! Retention: old entries go, an anchor stays, and an entry of the chain vouches for the anchor.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::{Head, JOURNAL, entry::Entry};
use crate::{
    clock::Timestamp,
    store::{StoreError, Table, WriteTx, raw::Order, tx::Read},
};

/// For each prune the last entry it removed, by sequence: the chain goes on from its hash.
pub(crate) const ANCHORS: Table<Head> = Table::new("journal_anchors", 1);

/// The kind of the entry that tells of a prune.
pub(super) const PRUNED: &str = "journal_pruned";

/// Entries one prune removes at most; a longer past goes night by night.
const PRUNED_MAX: u64 = 50_000;

/// The particulars of a [`PRUNED`] entry.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pruned {
    pub(super) first: u64,
    pub(super) through: u64,
    pub(super) hash: String,
}

impl WriteTx {
    /// Removes the entries before the first one that is not older than `before`, at most fifty
    /// thousand, leaving an anchor
    /// so that the rest still verifies, and journals that it did. Returns how many were removed.
    pub fn prune_journal(
        &mut self,
        at: Timestamp,
        cause: &str,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let Some((first, last)) = self.older(before)? else { return Ok(0) };
        for sequence in first..=last.sequence {
            self.remove(&JOURNAL, &Entry::key(sequence))?;
        }
        self.put(&ANCHORS, &Entry::key(last.sequence), &last)?;
        let data = Pruned { first, through: last.sequence, hash: last.hash };
        self.journal(at, cause, PRUNED, &data)?;
        Ok(data.through - first + 1)
    }

    /// The first sequence and the last entry of those older than `before`.
    fn older(&self, before: Timestamp) -> Result<Option<(u64, Head)>, StoreError> {
        #[derive(Deserialize)]
        struct Stamp {
            sequence: u64,
            at: Timestamp,
            hash: String,
        }
        let mut span: Option<(u64, Head)> = None;
        let all = (Bound::Unbounded, Bound::Unbounded);
        self.raw().scan_rows(JOURNAL.spec(), all, Order::Forward, &mut |key, text| {
            let entry: Stamp = serde_json::from_slice(text).map_err(|source| {
                StoreError::Codec { table: JOURNAL.name(), key: key.to_owned(), source }
            })?;
            if entry.at >= before {
                return Ok(ControlFlow::Break(()));
            }
            let first = span.as_ref().map_or(entry.sequence, |(first, _)| *first);
            if entry.sequence - first >= PRUNED_MAX {
                return Ok(ControlFlow::Break(()));
            }
            span = Some((first, Head { sequence: entry.sequence, hash: entry.hash }));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(span)
    }
}
