//! How far the mailbox is read, as this life of the program knows it; the store follows.
//!
//! A mail is open until the store took everything that is noted of it. While one is open those behind
//! it are read all the same, but what the store remembers never passes it: after a crash it is looked
//! at again, and those behind it are known by their message ids. The same holds for one that the
//! server does not give: it is missed, and asked for again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::ledger::Cursor;
use crate::clock::Timestamp;

/// Mails that may be open, whatever they are.
const OPEN_MOST: usize = 64;
/// And commands that must not wait beside them.
const URGENT_MOST: usize = 64;

/// A mail that the server did not give so often is told of.
const TRIES: u32 = 3;
/// And it is asked for again after so long, doubled at each try, up to this.
const AGAIN_MOST: TimeDelta = TimeDelta::minutes(5);

/// A mail that the server does not give.
#[derive(Debug, Clone, Copy)]
struct Missed {
    since: Timestamp,
    times: u32,
    again_at: Timestamp,
}

/// How far a mailbox is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The server's numbers are of this UIDVALIDITY; `None` before the first look.
    validity: Option<u32>,
    highest: u32,
    open: BTreeSet<u32>,
    /// The first mail that was left for later, for there were too many open.
    left: Option<u32>,
    missed: BTreeMap<u32, Missed>,
    /// That a mail is missed was told.
    told: bool,
}

impl Reading {
    /// The last mail before all that are to be looked at, where it is known for these numbers.
    pub fn last(&mut self, validity: u32) -> Option<u32> {
        if self.validity != Some(validity) {
            return None;
        }
        if let (Some(left), true) = (self.left, self.open.is_empty()) {
            (self.left, self.highest) = (None, left.saturating_sub(1));
        }
        let missed = self.missed.keys().next().map(|first| first.saturating_sub(1));
        Some(missed.map_or(self.highest, |before| before.min(self.highest)))
    }

    /// What is new of the mails behind [`Self::last`]. A missed one that is not among them is gone.
    pub fn fresh(&mut self, found: &BTreeSet<u32>) -> Vec<u32> {
        self.missed.retain(|uid, _| found.contains(uid));
        self.told &= !self.missed.is_empty();
        let fresh = |uid: &u32| *uid > self.highest && !self.missed.contains_key(uid);
        found.iter().copied().filter(fresh).collect()
    }

    /// The server does not give a mail, which is asked for again after `wait` or, by and by, later.
    /// True when that is to be told.
    pub fn miss(&mut self, uid: u32, now: Timestamp, wait: TimeDelta) -> bool {
        self.highest = self.highest.max(uid);
        let never = Missed { since: now, times: 0, again_at: now };
        let missed = self.missed.entry(uid).or_insert(never);
        missed.again_at = now + (wait * (1 << missed.times.min(16))).min(AGAIN_MOST);
        missed.times += 1;
        missed.times >= TRIES && !std::mem::replace(&mut self.told, true)
    }

    /// When a missed mail is to be asked for next.
    pub fn again_at(&self) -> Option<Timestamp> {
        self.missed.values().map(|missed| missed.again_at).min()
    }

    /// Missed mails that are to be asked for again now, and since when they are missed.
    pub fn due(&self, now: Timestamp) -> Vec<(u32, Timestamp)> {
        // Further ahead than any wait is: the clock was put back since.
        let due = |at: Timestamp| at <= now || at > now + AGAIN_MOST;
        let missed = self.missed.iter().filter(|(_, missed)| due(missed.again_at));
        missed.map(|(uid, missed)| (*uid, missed.since)).collect()
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
        self.missed.remove(&uid);
        self.told &= !self.missed.is_empty();
        let most = if urgent { OPEN_MOST + URGENT_MOST } else { OPEN_MOST };
        if self.open.len() >= most {
            self.left = Some(self.left.map_or(uid, |left| left.min(uid)));
            return None;
        }
        let missed = self.missed.keys().next().copied();
        let before = self.open.iter().copied().chain(self.left).chain(missed).min();
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

    const SECOND: TimeDelta = TimeDelta::seconds(1);

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

    #[test]
    fn a_mail_that_is_not_given_holds_back_what_the_store_remembers_and_no_other_mail() {
        let mut reading = reading();
        let (start, wait) = ("2024-08-02T13:30:00Z".parse::<Timestamp>().unwrap(), SECOND * 2);
        assert!(!reading.miss(11, start, wait));
        assert_eq!((reading.last(7), reading.due(start)), (Some(10), vec![]));
        assert_eq!(reading.fresh(&[11, 12].into()), [12]);
        assert_eq!(upto(reading.open(12, true)), Some(10));
        reading.close(7, 12);
        // Asked for after 2 s, 4 s, 8 s and so on, told of at the third time, once.
        assert_eq!(reading.due(start + SECOND * 2), [(11, start)]);
        let told: Vec<bool> = (0..10).map(|_| reading.miss(11, start, wait)).collect();
        assert_eq!(told.iter().position(|told| *told), Some(1));
        assert_eq!(told.iter().filter(|told| **told).count(), 1);
        assert_eq!(reading.again_at(), Some(start + SECOND * 300), "five minutes at most");
        assert_eq!(upto(reading.open(11, true)), Some(12), "given at last");
        assert_eq!((reading.last(7), reading.again_at()), (Some(12), None));
    }

    #[test]
    fn a_missed_mail_that_is_gone_holds_nothing_back() {
        let mut reading = reading();
        let start = "2024-08-02T13:30:00Z".parse::<Timestamp>().unwrap();
        reading.miss(11, start, SECOND);
        assert_eq!(reading.fresh(&[12].into()), [12]);
        assert_eq!((upto(reading.open(12, false)), reading.again_at()), (Some(12), None));
    }
}
