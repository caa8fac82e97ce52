//! How the ear by mail is, for who asks, and what it remembers while the store does not.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
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
}

impl State {
    /// How the ear is now.
    pub fn hearing(&self) -> Hearing {
        lock(&self.hearing).clone()
    }

    /// The mailbox was looked at; gives since when it could not be.
    pub(in crate::control) fn looked(&self, now: Timestamp) -> Option<Timestamp> {
        let mut hearing = lock(&self.hearing);
        hearing.looked_at = Some(now);
        hearing.failing_since.take()
    }

    /// The mailbox cannot be read; gives since when.
    pub(in crate::control) fn failed(&self, now: Timestamp, why: &str) -> Timestamp {
        let mut hearing = lock(&self.hearing);
        hearing.last_error = Some(why.to_owned());
        *hearing.failing_since.get_or_insert(now)
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

    /// The store has counted them.
    pub(super) fn counted(&self) {
        lock(&self.guesses).clear();
    }

    /// Wrong codes of a sender that the store may not have counted.
    pub(super) fn guesses(&self, sender: &str) -> u32 {
        lock(&self.guesses).get(sender).copied().unwrap_or(0)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
