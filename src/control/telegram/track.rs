//! Which updates are handled: a poll confirms those below its offset, so the offset stays at the
//! first that is not handled yet.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::clock::Timestamp;

/// Handled numbers remembered, so that one given again is known.
const DONE_MAX: usize = 1024;
/// After a week without updates Telegram numbers them anew, at random.
const NUMBERS_HOLD: TimeDelta = TimeDelta::days(5);

/// The updates of one life.
#[derive(Debug, Default)]
pub struct Track {
    open: BTreeSet<i64>,
    done: BTreeSet<i64>,
    last_at: Option<Timestamp>,
}

impl Track {
    /// Takes up an update; false for one that was taken up before.
    pub fn take(&mut self, id: i64, now: Timestamp) -> bool {
        self.last_at = Some(now);
        !self.done.contains(&id) && self.open.insert(id)
    }

    /// An update is handled.
    pub fn finish(&mut self, id: i64) {
        self.open.remove(&id);
        self.done.insert(id);
        while self.done.len() > DONE_MAX {
            self.done.pop_first();
        }
    }

    /// Whether some are not handled yet.
    pub fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    /// What the next poll asks from; `None`: from whatever was not confirmed.
    pub fn offset(&mut self, now: Timestamp) -> Option<i64> {
        if self.last_at.is_some_and(|at| now - at > NUMBERS_HOLD) && self.open.is_empty() {
            self.done.clear();
        }
        let after = self.done.last().map(|last| last + 1);
        self.open.first().copied().or(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_handled_is_confirmed() {
        let now = "2024-08-02T14:30:00Z".parse().unwrap();
        let mut track = Track::default();
        assert_eq!(track.offset(now), None);
        for id in [7, 8, 9] {
            assert!(track.take(id, now));
        }
        track.finish(8);
        track.finish(9);
        assert_eq!(track.offset(now), Some(7), "8 and 9 are given again, and known");
        assert!(!track.take(8, now) && !track.take(7, now));
        track.finish(7);
        assert_eq!(track.offset(now), Some(10));
        assert_eq!(track.offset(now + TimeDelta::days(6)), None, "numbers may have begun anew");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = "2024-08-02T14:30:00Z".parse().unwrap();
        let mut track = Track::default();
        for id in 0..3000 {
            track.take(id, now);
            track.finish(id);
        }
        assert_eq!((track.done.len(), track.offset(now)), (DONE_MAX, Some(3000)));
    }
}
