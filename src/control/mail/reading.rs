//! How far the mailbox is read, as this life of the program knows it; the store follows.
//!
//! A mail is open until the store took everything that is noted of it. While one is open those behind
//! it are read all the same, but what the store remembers never passes it: after a crash it is looked
//! at again, and those behind it are known by their message ids.

use std::collections::BTreeSet;

use super::ledger::Cursor;

/// Mails that may be open, whatever they are.
const OPEN_MOST: usize = 64;
/// And commands that must not wait beside them.
const URGENT_MOST: usize = 64;

/// How far a mailbox is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The server's numbers are of this UIDVALIDITY; `None` before the first look.
    validity: Option<u32>,
    highest: u32,
    open: BTreeSet<u32>,
    /// The first mail that was left for later, for there were too many open.
    left: Option<u32>,
}

impl Reading {
    /// The last mail that was looked at, where it is known for these numbers.
    pub fn last(&mut self, validity: u32) -> Option<u32> {
        if self.validity != Some(validity) {
            return None;
        }
        if let (Some(left), true) = (self.left, self.open.is_empty()) {
            (self.left, self.highest) = (None, left.saturating_sub(1));
        }
        Some(self.highest)
    }

    /// Begins with what the store knows.
    pub fn begin(&mut self, validity: u32, last: u32) {
        *self = Self { validity: Some(validity), highest: last, ..Self::default() };
    }

    /// Opens a mail: how far the store may remember to have read, once it takes what is noted of it.
    /// `None` when it is left for later.
    pub fn open(&mut self, uid: u32, urgent: bool) -> Option<Cursor> {
        let validity = self.validity?;
        self.highest = self.highest.max(uid);
        let most = if urgent { OPEN_MOST + URGENT_MOST } else { OPEN_MOST };
        if self.open.len() >= most {
            self.left = Some(self.left.map_or(uid, |left| left.min(uid)));
            return None;
        }
        let before = self.open.iter().copied().chain(self.left).min();
        let done = before.map_or(self.highest, |first| self.highest.min(first.saturating_sub(1)));
        self.open.insert(uid);
        Some(Cursor { validity, uid: done })
    }

    /// The store has everything of a mail.
    pub fn close(&mut self, validity: u32, uid: u32) {
        if self.validity == Some(validity) {
            self.open.remove(&uid);
        }
    }

    /// Mails that are open.
    pub fn waiting(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        let mut reading = Reading::default();
        assert_eq!(reading.last(7), None);
        reading.begin(7, 10);
        reading
    }

    fn upto(cursor: Option<Cursor>) -> Option<u32> {
        cursor.map(|cursor| cursor.uid)
    }

    #[test]
    fn what_the_store_remembers_never_passes_a_mail_it_does_not_have() {
        let mut reading = reading();
        assert_eq!(upto(reading.open(11, false)), Some(11));
        assert_eq!(upto(reading.open(12, true)), Some(10));
        reading.close(7, 12);
        assert_eq!((upto(reading.open(13, false)), reading.last(7)), (Some(10), Some(13)));
        reading.close(7, 11);
        reading.close(7, 13);
        assert_eq!(upto(reading.open(14, false)), Some(14));
        reading.close(6, 14);
        assert_eq!(reading.waiting(), 1, "a mail of other numbers is another mail");
        assert_eq!(reading.last(8), None);
    }

    #[test]
    fn what_was_left_for_later_is_looked_at_once_there_is_room_and_urgent_mails_are_not_left() {
        let mut reading = reading();
        let most = u32::try_from(OPEN_MOST).unwrap();
        for uid in 11..11 + most {
            assert!(reading.open(uid, false).is_some());
        }
        assert_eq!(reading.open(11 + most, false), None);
        assert_eq!(upto(reading.open(12 + most, true)), Some(10));
        assert_eq!(reading.last(7), Some(12 + most), "no mail is fetched again while it waits");
        (11..13 + most).for_each(|uid| reading.close(7, uid));
        assert_eq!(reading.last(7), Some(10 + most));
        assert_eq!(upto(reading.open(11 + most, false)), Some(11 + most));
    }
}
