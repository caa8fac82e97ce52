//! What people asked for, a lane for each of them: done one after another in the order it was
//! written. Only a halt overtakes; what its writer asks after it waits for it.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use chrono::TimeDelta;
use futures::{FutureExt as _, channel::oneshot};

use super::{Ear, gate::Sort, mouth::Saying, poll::Work};
use crate::alert::telegram::{markup::escape, send::Piece};

/// An update is handled within this, or counts as handled.
const HANDLING_MAX: TimeDelta = TimeDelta::seconds(20);
/// Questions of one person that wait. Of more the oldest are left out: they would keep the poll from
/// what comes after them.
const QUESTIONS_MAX: usize = 16;

/// A place in a lane.
enum Turn {
    /// An update is handled.
    Do(i64, Box<Work>),
    /// A halt that has overtaken ends.
    After(oneshot::Receiver<()>),
}

impl Turn {
    fn looks(&self) -> bool {
        matches!(self, Self::Do(_, work) if work.sort == Sort::Read)
    }
}

/// The lanes of those who wait, by user. A lane that is there is being worked off.
#[derive(Default)]
pub(super) struct Lanes(BTreeMap<u64, VecDeque<Turn>>);

impl Lanes {
    /// Queues a turn. True when the lane is new: whoever queues works it off.
    fn queue(&mut self, user: u64, turn: Turn) -> bool {
        let new = !self.0.contains_key(&user);
        self.0.entry(user).or_default().push_back(turn);
        new
    }

    /// The oldest question of a lane that holds too many, taken out of it.
    fn surplus(&mut self, user: u64) -> Option<i64> {
        let lane = self.0.get_mut(&user)?;
        if lane.iter().filter(|turn| turn.looks()).count() <= QUESTIONS_MAX {
            return None;
        }
        match lane.remove(lane.iter().position(Turn::looks)?)? {
            Turn::Do(id, _) => Some(id),
            Turn::After(_) => None,
        }
    }

    /// The next turn; a lane that is worked off is gone.
    fn next(&mut self, user: u64) -> Option<Turn> {
        let turn = self.0.get_mut(&user)?.pop_front();
        if turn.is_none() {
            self.0.remove(&user);
        }
        turn
    }
}

impl Ear {
    /// Has an update handled in its person's turn, a halt at once.
    pub(super) fn set_out(self: &Arc<Self>, id: i64, work: Work) {
        let user = work.speaker.user;
        let turn = if work.sort == Sort::Halt {
            let (me, (over, halted)) = (Arc::clone(self), oneshot::channel());
            self.rt.spawn(async move {
                me.work(id, work).await;
                let _ = over.send(());
            });
            Turn::After(halted)
        } else {
            Turn::Do(id, Box::new(work))
        };
        let (new, surplus) = {
            let mut lanes = self.lanes();
            (lanes.queue(user, turn), lanes.surplus(user))
        };
        if new {
            self.rt.spawn(Arc::clone(self).lane(user));
        }
        if let Some(id) = surplus {
            tracing::warn!(user, update = id, "a question by Telegram is left out: too many wait");
            self.finish(id);
        }
    }

    async fn lane(self: Arc<Self>, user: u64) {
        loop {
            let turn = self.lanes().next(user);
            match turn {
                None => return,
                // A halt that ended by a panic has ended, too.
                Some(Turn::After(halt)) => drop(halt.await),
                Some(Turn::Do(id, work)) => self.work(id, *work).await,
            }
        }
    }

    /// Handles an update within its bounds.
    async fn work(self: &Arc<Self>, id: i64, work: Work) {
        let place = work.speaker.place;
        let handling = AssertUnwindSafe(self.handle(id, work)).catch_unwind();
        let failed = match self.rt.timeout(HANDLING_MAX, handling).await {
            Some(Ok(())) => None,
            Some(Err(_)) => {
                self.counts.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(update = id, "a command by Telegram panicked");
                Some("That failed; the log says why. /status shows what was done.")
            }
            None => {
                tracing::error!(update = id, "a command by Telegram did not end");
                Some("That did not end in time and may be done or not; /status shows it.")
            }
        };
        if let Some(words) = failed {
            let pieces = vec![Piece::Text(escape(words), None)];
            self.mouth.say(Saying { place, pieces, instead: None, told: None });
        }
        self.finish(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::telegram::send::Place,
        control::{
            console::Caller,
            table::Role,
            telegram::{
                gate::{Speaker, sort},
                poll::Task,
            },
        },
    };

    fn turn(id: i64, line: &str) -> Turn {
        let caller = Caller { name: "telegram:11".to_owned(), role: Role::Owner };
        let speaker = Speaker { caller, user: 11, place: Place { chat: 11, topic: None } };
        let sent = "2024-08-02T14:30:00Z".parse().unwrap();
        let what = Task::Line(line.to_owned(), sent);
        Turn::Do(id, Box::new(Work { speaker, sort: sort(line), what }))
    }

    #[test]
    fn of_too_many_questions_the_oldest_is_left_out_and_never_what_acts() {
        let mut lanes = Lanes::default();
        assert!(lanes.queue(11, turn(0, "/pause lt112")));
        let most = i64::try_from(QUESTIONS_MAX).unwrap();
        for id in 1..=most {
            assert!(!lanes.queue(11, turn(id, "/status")));
            assert_eq!(lanes.surplus(11), None);
        }
        lanes.queue(11, turn(most + 1, "/run daily-report"));
        assert_eq!(lanes.surplus(11), None);
        lanes.queue(11, turn(most + 2, "/status"));
        assert_eq!((lanes.surplus(11), lanes.surplus(11)), (Some(1), None));
        let mut ids = Vec::new();
        while let Some(Turn::Do(id, _)) = lanes.next(11) {
            ids.push(id);
        }
        let wanted: Vec<i64> = std::iter::once(0).chain(2..=most + 2).collect();
        assert_eq!(ids, wanted);
        assert!(lanes.0.is_empty(), "a lane that is worked off is gone");
    }
}
