//! Appending, inside the transaction of what the entry tells of.

use serde::Serialize;

use super::{
    HEAD, Head, JOURNAL,
    entry::{Body, Entry, sha256_hex},
};
use crate::{
    clock::Timestamp,
    store::{StoreError, WriteTx, tx::Read},
};

impl WriteTx {
    /// Appends to the journal: `cause` is the run, command or loop that acted, `kind` what it did.
    pub fn journal(
        &mut self,
        at: Timestamp,
        cause: &str,
        kind: &str,
        data: &impl Serialize,
    ) -> Result<(), StoreError> {
        let head = self.journal_head()?;
        let sequence = head.sequence + 1;
        let key = Entry::key(sequence);
        let body = Body { sequence, at, cause, kind, data, previous: &head.hash };
        let mut text = serde_json::to_vec(&body).map_err(|source| StoreError::Codec {
            table: JOURNAL.name(),
            key: key.clone(),
            source,
        })?;
        let hash = sha256_hex(&text);
        text.pop(); // the closing brace, which comes back after the hash
        text.extend_from_slice(b",\"hash\":\"");
        text.extend_from_slice(hash.as_bytes());
        text.extend_from_slice(b"\"}");
        self.put_raw(JOURNAL.spec(), &key, &text)?;
        self.head = Some(Head { sequence, hash });
        Ok(())
    }

    /// Writes the head once, however many entries the transaction appended.
    pub(crate) fn write_head(&mut self) -> Result<(), StoreError> {
        match self.head.take() {
            Some(head) => self.put(&HEAD, Head::KEY, &head),
            None => Ok(()),
        }
    }
}
