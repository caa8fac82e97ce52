//! The form of entries and of the head.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    clock::Timestamp,
    store::{StoreError, Table, raw::RawRead},
};

/// Entries by sequence.
pub(crate) const JOURNAL: Table<Entry> = Table::new("journal", 1);
/// The head, under [`Head::KEY`].
pub(crate) const HEAD: Table<Head> = Table::new("journal_head", 1);

/// One step that acted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The number, from 1.
    pub sequence: u64,
    /// The instant of the step.
    pub at: Timestamp,
    /// The run, command or loop that acted.
    pub cause: String,
    /// What it did.
    pub kind: String,
    /// The particulars.
    pub data: serde_json::Value,
    /// The hash of the entry before, 64 hex digits; zeros for the first.
    pub previous: String,
    /// The hash of this entry.
    pub hash: String,
}

impl Entry {
    /// The row key of a sequence: twenty digits, so text order is number order.
    pub(crate) fn key(sequence: u64) -> String {
        format!("{sequence:020}")
    }
}

/// The hashed part of an entry, its fields in the stored order.
#[derive(Serialize)]
pub(super) struct Body<'a, D> {
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) cause: &'a str,
    pub(super) kind: &'a str,
    pub(super) data: &'a D,
    pub(super) previous: &'a str,
}

/// The last entry's sequence and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The sequence of the last entry; 0 for an empty journal.
    pub sequence: u64,
    /// Its hash, 64 lower-case hex digits; zeros for an empty journal.
    pub hash: String,
}

impl Head {
    pub(crate) const KEY: &'static str = "head";

    /// The head of an empty journal.
    pub fn empty() -> Self {
        Self { sequence: 0, hash: "0".repeat(64) }
    }

    pub(crate) fn of(raw: &dyn RawRead) -> Result<Self, StoreError> {
        let Some(bytes) = raw.row(HEAD.spec(), Self::KEY)? else { return Ok(Self::empty()) };
        serde_json::from_slice(&bytes).map_err(|source| StoreError::Codec {
            table: HEAD.name(),
            key: Self::KEY.to_owned(),
            source,
        })
    }
}

/// The SHA-256 of `text` in lower-case hex.
pub(crate) fn sha256_hex(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}
