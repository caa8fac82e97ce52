//! The operator's hand on the latch: halt, reduce, resume, flatten; and the `HALT` file.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;

use super::{
    Desk, LatchAnswer, LatchError,
    intent::IntentRecord,
    latch::{self, BY_FILE, Change},
    read, record,
};
use crate::{
    account::{
        IntentId,
        hold::{Hold, Level},
    },
    clock::Timestamp,
    store::StoreError,
};

/// How long an answer waits for the cancels it caused.
const CANCELS_WAIT: TimeDelta = TimeDelta::seconds(10);

impl Desk {
    /// Stops everything but cancels, at once: memory, then the file, then the store. Working entries
    /// are cancelled; the answer says which, and what is still open.
    ///
    /// Idempotent. An error tells what could not be written; the latch is shut in memory all the
    /// same, and stays so.
    pub async fn halt(self: &Arc<Self>, cause: &str, by: &str) -> Result<LatchAnswer, LatchError> {
        self.note_stop();
        let file = self.latch.shut(cause);
        self.beat();
        let entries = self.working_entries()?;
        self.commit_change(Change::Halt, cause, by).await?;
        self.latch.release();
        file?;
        self.answer_after_cancels(entries).await
    }

    /// Stops entries; exits and defence go on. Working entries are cancelled.
    pub async fn reduce(
        self: &Arc<Self>,
        cause: &str,
        by: &str,
    ) -> Result<LatchAnswer, LatchError> {
        self.note_stop();
        let entries = self.working_entries()?;
        self.commit_change(Change::Reduce, cause, by).await?;
        self.answer_after_cancels(entries).await
    }

    /// Ends every manual hold and removes the `HALT` file; timed holds stay until their time. The
    /// answer's level says what still holds.
    pub async fn resume(
        self: &Arc<Self>,
        cause: &str,
        by: &str,
    ) -> Result<LatchAnswer, LatchError> {
        self.resume_over(None, cause, by).await
    }

    /// The same; `over` is the reason for which it passes over a breaker's days of grace, which is
    /// journalled. Without one it is refused until they are over.
    pub async fn resume_over(
        self: &Arc<Self>,
        over: Option<&str>,
        cause: &str,
        by: &str,
    ) -> Result<LatchAnswer, LatchError> {
        self.open_latch(Change::Resume, over, cause, by).await?;
        Ok(latch::answer(&self.parts.store, Vec::new())?)
    }

    /// Cancels everything and closes everything, EXTERNAL included, then halts. May be asked for
    /// while halted.
    pub async fn flatten(
        self: &Arc<Self>,
        cause: &str,
        by: &str,
    ) -> Result<LatchAnswer, LatchError> {
        self.note_stop();
        let entries = self.working_entries()?;
        self.open_latch(Change::Flatten, None, cause, by).await?;
        self.answer_after_cancels(entries).await
    }

    /// Any of the four, by name.
    pub async fn change(
        self: &Arc<Self>,
        change: Change,
        cause: &str,
        by: &str,
    ) -> Result<LatchAnswer, LatchError> {
        match change {
            Change::Halt => self.halt(cause, by).await,
            Change::Reduce => self.reduce(cause, by).await,
            Change::Resume => self.resume(cause, by).await,
            Change::Flatten => self.flatten(cause, by).await,
        }
    }

    /// Sets a hold of a breaker or of another part of the program. Setting the same again changes
    /// nothing; a hold never loosens what others hold.
    pub async fn hold(&self, hold: Hold, by: &str) -> Result<(), StoreError> {
        // What stands already wakes nobody: who asks again each time it wakes would never sleep.
        if self.latch.holds().iter().any(|standing| standing.is_same(&hold)) {
            return Ok(());
        }
        self.note_stop();
        let (now, by) = (self.now(), by.to_owned());
        self.write(move |tx| latch::set_hold(tx, &hold, &by, now)).await?;
        self.latch.refresh(&self.parts.store)?;
        self.beat();
        Ok(())
    }

    /// Stops and new holds since the desk was made: what was asked to undo one of them is not meant
    /// for the next.
    pub fn stops(&self) -> u64 {
        self.stops.load(Ordering::SeqCst)
    }

    fn note_stop(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes a hold of a `HALT` file that lies there by hand. The file stops orders by itself, from
    /// the moment it is there; the hold tells of it.
    pub async fn heed_file(&self) -> Result<(), StoreError> {
        if !self.latch.file_is_news() {
            return Ok(());
        }
        // The file may be about to go: a resume under way has the last word on it.
        let _opening = self.opening.lock().await;
        if !self.latch.file_is_news() {
            return Ok(());
        }
        let hold = Hold {
            name: BY_FILE.to_owned(),
            level: Level::Halted,
            cause: format!("the file `{}` in the data directory", latch::HALT_FILE),
            since: self.now(),
            until: None,
        };
        self.hold(hold, BY_FILE).await
    }

    /// Everything is closed and nothing works: FLATTENING becomes HALTED (rulebook §6).
    pub(super) async fn end_flatten(self: &Arc<Self>) -> Result<(), StoreError> {
        let held = self.latch.holds();
        let Some(flatten) = held.iter().find(|hold| hold.level == Level::Flattening) else {
            return Ok(());
        };
        let cause = format!("flattened: {}", flatten.cause);
        match self.halt(&cause, "desk").await {
            Err(LatchError::Store(error)) => Err(error),
            Err(error @ LatchError::File { .. }) => {
                tracing::error!(%error, "the latch is shut, but not by file");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    async fn commit_change(&self, change: Change, cause: &str, by: &str) -> Result<(), LatchError> {
        self.write_change(change, None, cause, by).await?;
        self.take_change()
    }

    /// A change that may loosen: the store, then the file, memory last. Until the file is gone the
    /// holds in memory still speak for it, so nobody takes it for one made by hand.
    async fn open_latch(
        &self,
        change: Change,
        over: Option<&str>,
        cause: &str,
        by: &str,
    ) -> Result<(), LatchError> {
        let _opening = self.opening.lock().await;
        self.write_change(change, over, cause, by).await?;
        self.latch.remove_file()?;
        self.latch.shut_still()?;
        self.take_change()
    }

    async fn write_change(
        &self,
        change: Change,
        over: Option<&str>,
        cause: &str,
        by: &str,
    ) -> Result<(), StoreError> {
        let (now, cause, by) = (self.now(), cause.to_owned(), by.to_owned());
        let over = over.map(str::to_owned);
        let write =
            move |tx: &mut _| latch::change_over(tx, change, over.as_deref(), &cause, &by, now);
        self.write(write).await.map(drop)
    }

    /// The store's holds rule from here.
    fn take_change(&self) -> Result<(), LatchError> {
        self.latch.refresh(&self.parts.store)?;
        self.beat();
        Ok(())
    }

    fn working_entries(&self) -> Result<Vec<IntentId>, StoreError> {
        let open = self.parts.store.read(read::open_intents)?;
        Ok(open.into_iter().filter(IntentRecord::is_entry).map(|r| r.intent.id).collect())
    }

    /// Waits, bounded, for the workers to cancel what opens, then tells how it stands.
    async fn answer_after_cancels(
        self: &Arc<Self>,
        entries: Vec<IntentId>,
    ) -> Result<LatchAnswer, LatchError> {
        let mut ended = self.ended_of(&entries)?;
        if ended.len() < entries.len() {
            let cause = "the latch is not ACTIVE";
            let (ids, now) = (entries.clone(), self.now());
            let want = move |tx: &mut _| {
                ids.iter().try_for_each(|id| record::want_cancel(tx, id, cause, now))
            };
            self.write(want).await?;
            self.wake();
            let until: Timestamp = now + CANCELS_WAIT;
            let mut pulse = self.pulse.subscribe();
            while ended.len() < entries.len() && self.now() < until {
                let left = until - self.now();
                let _ = self.parts.rt.timeout(left, pulse.changed()).await;
                ended = self.ended_of(&entries)?;
            }
        }
        Ok(latch::answer(&self.parts.store, ended)?)
    }

    fn ended_of(&self, entries: &[IntentId]) -> Result<Vec<IntentId>, StoreError> {
        self.parts.store.read(|tx| {
            let mut ended = Vec::new();
            for id in entries {
                if read::intent(tx, id)?.is_none_or(|record| record.state.is_terminal()) {
                    ended.push(id.clone());
                }
            }
            Ok(ended)
        })
    }
}
