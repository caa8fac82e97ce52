//! The journal: append-only, numbered from 1, each entry naming the hash of the one before.
//!
//! # Form
//! A row of the table `journal` is the JSON text of an `Entry`, its fields in this order and
//! `hash` last. The hash of an entry is the SHA-256, in lower-case hex, of that very text without
//! the hash: what comes before `,"hash":`, closed by `}`. So it covers each byte that is stored,
//! and can be checked with a few lines in any language:
//!
//! ```text
//! {"sequence":2,"at":"2024-08-02T13:30:00Z","cause":"run friday-0dte-entry",
//!  "kind":"decided","data":{…},"previous":"<hash of entry 1>"}     <- hashed (one line)
//! {…,"previous":"<hash of entry 1>","hash":"<hash>"}               <- stored
//! ```
//!
//! Entry 1 names 64 zeros as its previous hash. The head (sequence and hash of the last entry) is
//! kept apart in the table `journal_head`, so a cut tail shows; printed in a report it also shows
//! a journal that was rewritten as a whole.
//!
//! Retention removes the oldest entries and leaves the last removed one's sequence and hash in the
//! table `journal_anchors`; an entry of kind `journal_pruned` in the chain names the same, so an
//! anchor cannot be made up.

mod append;
mod entry;
mod prune;
mod verify;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Head};
pub(crate) use entry::{HEAD, JOURNAL, hex, sha256_hex};
pub(crate) use verify::verify;
pub use verify::{Break, Verification};
