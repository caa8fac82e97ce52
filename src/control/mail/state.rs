//! How the ear by mail is, for who asks, and what it remembers while the store does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::clock::Timestamp;

/// How the ear is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// The server's last answer to a look at the mailbox.
    pub looked_at: Option<Timestamp>,
    /// Since when the mailbox cannot be read.
    pub failing_since: Option<Timestamp>,
    /// Why it cannot, or could not last.
    pub last_error: Option<String>,
    /// Why the store does not take what is noted of mails.
    pub store_error: Option<String>,
    /// Mails of which the store has not taken everything yet.
    pub unwritten: usize,
}

/// What the parts of the ear share.
#[derive(Debug, Default)]
pub struct State {
    hearing: Mutex<Hearing>,
    /// Wrong codes by sender that the store may not have counted yet.
    guesses: Mutex<BTreeMap<String, u32>>,
    /// That the store does not take what is noted was told.
    told: AtomicBool,
    /// Mails with a command that are being taken, by their message ids.
    held: Mutex<BTreeSet<String>>,
}

/// A mail that nobody else takes until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    state: Arc<State>,
    message_id: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.state.held).remove(&self.message_id);
    }
}

impl State {
    /// How the ear is now.
    pub fn hearing(&self) -> Hearing {
        lock(&self.hearing).clone()
    }

    /// The mailbox was looked at.
    pub(in crate::control) fn looked(&self, now: Timestamp) {
        let mut hearing = lock(&self.hearing);
        hearing.looked_at = Some(now);
        hearing.failing_since = None;
    }

    /// The mailbox cannot be read.
    pub(in crate::control) fn failed(&self, now: Timestamp, why: &str) {
        let mut hearing = lock(&self.hearing);
        hearing.last_error = Some(why.to_owned());
        hearing.failing_since.get_or_insert(now);
    }

    /// So many mails wait for the store.
    pub(in crate::control) fn waiting(&self, unwritten: usize) {
        lock(&self.hearing).unwritten = unwritten;
    }

    /// The store took what was noted.
    pub(super) fn written(&self) {
        lock(&self.hearing).store_error = None;
        self.told.store(false, Ordering::SeqCst);
    }

    /// The store did not; true the first time.
    pub(super) fn refused(&self, why: &str) -> bool {
        lock(&self.hearing).store_error = Some(why.to_owned());
        !self.told.swap(true, Ordering::SeqCst)
    }

    /// Counts a wrong code before the store does.
    pub(super) fn guessed(&self, sender: &str) {
        *lock(&self.guesses).entry(sender.to_owned()).or_default() += 1;
    }

    /// The store has counted one of them, or it is too long ago to count.
    pub(super) fn counted(&self, sender: &str) {
        let mut guesses = lock(&self.guesses);
        if let Some(count) = guesses.get_mut(sender) {
            *count = count.saturating_sub(1);
        }
        guesses.retain(|_, count| *count > 0);
    }

    /// Holds a mail; `None` while it is held already.
    pub(super) fn hold(self: &Arc<Self>, message_id: &str) -> Option<Held> {
        let new = lock(&self.held).insert(message_id.to_owned());
        new.then(|| Held { state: Arc::clone(self), message_id: message_id.to_owned() })
    }

    /// Wrong codes of a sender that the store may not have counted.
    pub(super) fn guesses(&self, sender: &str) -> u32 {
        lock(&self.guesses).get(sender).copied().unwrap_or(0)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_code_that_the_store_counts_leaves_those_that_still_wait() {
        let state = State::default();
        for sender in ["a", "a", "b"] {
            state.guessed(sender);
        }
        state.counted("b");
        assert_eq!(["a", "b"].map(|sender| state.guesses(sender)), [2, 0]);
        state.counted("a");
        assert_eq!(state.guesses("a"), 1);
    }

    #[test]
    fn a_mail_is_held_by_one_at_a_time() {
        let state = Arc::new(State::default());
        let held = state.hold("x");
        assert!(held.is_some() && state.hold("x").is_none() && state.hold("y").is_some());
        drop(held);
        assert!(state.hold("x").is_some());
    }
}
