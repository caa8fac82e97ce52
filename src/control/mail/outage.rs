//! When the mailbox cannot be read: told once, and once more when it is over.
//!
//! What counts is for how long of the last hour nothing was heard, in one piece or in many: a server
//! that lets in and drops again, over and over, makes as deaf as one that is gone.

use std::collections::VecDeque;

use chrono::TimeDelta;

use crate::clock::Timestamp;

/// What lies further back counts no more.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// Deaf for so long of the window is told of.
const TELL_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Pieces that are remembered, at most.
const PIECES: usize = 1_000;

/// What stands in the way.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Timestamp>,
    pieces: VecDeque<(Timestamp, Timestamp)>,
    /// It was told of, as beginning then.
    told: Option<Timestamp>,
}

impl Outage {
    /// The mailbox cannot be read; gives since when, the first time that it is to be told.
    pub fn goes_on(&mut self, now: Timestamp) -> Option<Timestamp> {
        let since = *self.since.get_or_insert(now);
        if self.told.is_some() || self.deaf(now) < TELL_AFTER {
            return None;
        }
        self.told = Some(self.pieces.front().map_or(since, |(from, _)| *from));
        self.told
    }

    /// The mailbox was read; gives since when it could not be, when that was told of and is over.
    pub fn ends(&mut self, now: Timestamp) -> Option<Timestamp> {
        let piece = self.since.take().map(|since| (since, now));
        self.pieces.extend(piece);
        let surplus = self.pieces.len().saturating_sub(PIECES);
        self.pieces.drain(..surplus);
        let in_one_piece = piece.is_some_and(|(from, to)| to - from >= TELL_AFTER);
        if self.told.is_none() || !in_one_piece && self.deaf(now) >= TELL_AFTER {
            return None;
        }
        self.pieces.clear();
        self.told.take()
    }

    /// For how long of the window nothing was heard.
    fn deaf(&mut self, now: Timestamp) -> TimeDelta {
        let begin = now - WINDOW;
        self.pieces.retain(|(_, to)| *to > begin);
        let last = self.since.map(|since| (since, now));
        let pieces = self.pieces.iter().copied().chain(last);
        pieces.map(|(from, to)| (to - from.max(begin)).max(TimeDelta::zero())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        "2024-08-02T14:30:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minutes)
    }

    #[test]
    fn an_outage_in_one_piece_is_told_once_it_lasts_and_its_end_at_once() {
        let mut outage = Outage::default();
        assert_eq!((outage.goes_on(at(0)), outage.goes_on(at(14))), (None, None));
        assert_eq!((outage.goes_on(at(15)), outage.goes_on(at(20))), (Some(at(0)), None));
        assert_eq!((outage.ends(at(120)), outage.ends(at(121))), (Some(at(0)), None));
        assert_eq!((outage.goes_on(at(122)), outage.ends(at(130))), (None, None));
    }

    #[test]
    fn one_in_many_pieces_is_told_by_their_sum_in_an_hour_and_is_over_once_that_is_small() {
        let mut outage = Outage::default();
        let mut told = Vec::new();
        // Four minutes of every five.
        for n in 0..20 {
            told.extend(outage.goes_on(at(5 * n)));
            told.extend(outage.goes_on(at(5 * n + 4)));
            assert_eq!(outage.ends(at(5 * n + 4)), None);
        }
        assert_eq!(told, [at(0)], "once, and not that it is over");
        assert_eq!((outage.ends(at(130)), outage.ends(at(150))), (None, Some(at(0))));
        // One minute of every ten is borne with.
        for n in 20..40 {
            assert_eq!((outage.goes_on(at(10 * n)), outage.ends(at(10 * n + 1))), (None, None));
        }
    }
}
