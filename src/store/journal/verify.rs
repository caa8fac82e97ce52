//! Verification: walks the chain and names the first entry that does not hold.

use std::{borrow::Cow, ops::Bound, ops::ControlFlow};

use serde::{Deserialize, Serialize};

use super::{
    Head, JOURNAL,
    entry::{Entry, sha256_hex},
    prune::{ANCHORS, PRUNED, Pruned},
};
use crate::store::{
    StoreError,
    raw::{Order, RawRead},
    tx::Read,
};

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Entries that hold, from the first kept one up to the break if there is one.
    pub entries: u64,
    /// The sequence of the first kept entry; earlier ones were pruned. 0 when there is none.
    pub first: u64,
    /// The head as it is stored.
    pub head: Head,
    /// The first entry that does not hold.
    pub broken: Option<Break>,
}

/// An entry that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// Its sequence.
    pub sequence: u64,
    /// What is wrong with it.
    pub why: String,
}

impl Break {
    fn at(sequence: u64, why: impl Into<String>) -> Self {
        Self { sequence, why: why.into() }
    }
}

/// The part of a row the chain needs.
#[derive(Deserialize)]
struct Link<'a> {
    sequence: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    previous: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PrunedRow {
    data: Pruned,
}

/// Verifies the journal, also against heads known from elsewhere, such as a printed report.
pub(crate) fn verify(tx: &impl Read, known: &[Head]) -> Result<Verification, StoreError> {
    let head = tx.journal_head()?;
    let anchor = tx.last(&ANCHORS, "", 1)?.pop().map(|(_, anchor)| anchor);
    let start = anchor.clone().unwrap_or_else(Head::empty);
    let mut walk = Walk {
        raw: tx.raw(),
        head: &head,
        known,
        last: start.clone(),
        start: start.sequence,
        vouched: anchor.is_none(),
        anchor: start,
    };
    let broken = walk.run()?;
    let holds = broken.as_ref().map_or(walk.last.sequence, |broken| broken.sequence - 1);
    let entries = holds.saturating_sub(walk.start);
    let first = if entries == 0 { 0 } else { walk.start + 1 };
    Ok(Verification { entries, first, head, broken })
}

struct Walk<'a> {
    raw: &'a dyn RawRead,
    head: &'a Head,
    known: &'a [Head],
    /// The last entry that holds.
    last: Head,
    /// The sequence before the first kept entry.
    start: u64,
    anchor: Head,
    /// An entry of the chain names the anchor.
    vouched: bool,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<Option<Break>, StoreError> {
        let mut broken = None;
        let raw = self.raw;
        let all = (Bound::Unbounded, Bound::Unbounded);
        raw.scan_rows(JOURNAL.spec(), all, Order::Forward, &mut |key, text| {
            broken = self.step(key, text)?;
            Ok(match broken {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            })
        })?;
        Ok(broken.or_else(|| self.end()))
    }

    /// Checks one row and goes on to it, or says what is wrong.
    fn step(&mut self, key: &str, text: &[u8]) -> Result<Option<Break>, StoreError> {
        let expected = self.last.sequence + 1;
        let Some(sequence) = key.parse().ok().filter(|n| Entry::key(*n) == key) else {
            return Ok(Some(Break::at(
                expected,
                format!("a row with the key `{key}` is no entry"),
            )));
        };
        if let Some(gap) = gap(expected, sequence) {
            return Ok(Some(gap));
        }
        let Some((link, hash)) = read(text) else {
            return Ok(Some(Break::at(sequence, "changed: its text is no journal entry")));
        };
        if sha256_hex(&hashed_text(text)) != hash {
            return Ok(Some(Break::at(sequence, "changed: its text does not give its hash")));
        }
        if link.sequence != sequence {
            let why = format!("reordered: its place holds entry {}", link.sequence);
            return Ok(Some(Break::at(sequence, why)));
        }
        if link.previous != self.last.hash {
            return Ok(Some(self.blame(sequence, &hash)?));
        }
        if let Some(other) = self.known.iter().find(|k| k.sequence == sequence && k.hash != hash) {
            let why = format!("replaced: its hash was once known as {}", other.hash);
            return Ok(Some(Break::at(sequence, why)));
        }
        if link.kind == PRUNED {
            self.vouch(text);
        }
        self.last = Head { sequence, hash };
        Ok(None)
    }

    /// A link that does not fit: the entry before was replaced if what follows vouches for this
    /// one, else this one was.
    fn blame(&self, sequence: u64, hash: &str) -> Result<Break, StoreError> {
        let next = self.raw.row(JOURNAL.spec(), &Entry::key(sequence + 1))?;
        let named = match next.as_deref().and_then(read) {
            Some((link, _)) => link.previous.into_owned(),
            None if self.head.sequence == sequence => self.head.hash.clone(),
            None => String::new(),
        };
        Ok(if named == hash && self.last.sequence > self.start {
            Break::at(sequence - 1, format!("replaced: entry {sequence} names another hash for it"))
        } else if self.last.sequence == self.start && self.start > 0 {
            Break::at(sequence, "does not continue from the anchor of the pruned entries")
        } else {
            Break::at(sequence, format!("replaced: it does not name entry {}", sequence - 1))
        })
    }

    fn vouch(&mut self, text: &[u8]) {
        let named = serde_json::from_slice::<PrunedRow>(text);
        self.vouched |= named.is_ok_and(|row| {
            row.data.through == self.anchor.sequence && row.data.hash == self.anchor.hash
        });
    }

    /// Compares the end of the walk with the head, and the start with what vouches for it.
    fn end(&self) -> Option<Break> {
        let Head { sequence, hash } = &self.last;
        if !self.vouched {
            let why = "no entry vouches for the anchor that stands for what came before";
            return Some(Break::at(self.start + 1, why));
        }
        let furthest = self.known.iter().map(|known| known.sequence).max().unwrap_or(0);
        let head = self.head.sequence.max(furthest);
        if *sequence < head {
            let why = format!("missing: the tail is cut, the head is entry {head}");
            return Some(Break::at(sequence + 1, why));
        }
        if *sequence > self.head.sequence {
            let why = format!("not written by the store: the head is entry {}", self.head.sequence);
            return Some(Break::at(self.head.sequence + 1, why));
        }
        (*hash != self.head.hash)
            .then(|| Break::at(*sequence, "replaced: the head names another hash for it"))
    }
}

fn gap(expected: u64, found: u64) -> Option<Break> {
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Less => {
            Some(Break::at(found, "it should have been pruned: the anchor stands after it"))
        }
        std::cmp::Ordering::Greater if found == expected + 1 => {
            Some(Break::at(expected, "missing"))
        }
        std::cmp::Ordering::Greater => {
            Some(Break::at(expected, format!("missing, with all up to {}", found - 1)))
        }
    }
}

/// `,"hash":"`, 64 digits, `"}`.
const TAIL: usize = 9 + 64 + 2;

/// A row's link and its hash.
fn read(text: &[u8]) -> Option<(Link<'_>, String)> {
    let tail = text.get(text.len().checked_sub(TAIL)?..)?;
    let hash = tail.strip_prefix(b",\"hash\":\"")?.strip_suffix(b"\"}")?;
    let link = serde_json::from_slice(text).ok()?;
    Some((link, String::from_utf8(hash.to_vec()).ok()?))
}

/// The text a row's hash is of; the row must have been read before.
fn hashed_text(text: &[u8]) -> Vec<u8> {
    let mut hashed = text[..text.len() - TAIL].to_vec();
    hashed.push(b'}');
    hashed
}
