//! The service manager, where one started the daemon: told when it is ready, that it lives, and
//! that it stops (`sd_notify(3)`). Without one all of this is nothing.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use chrono::TimeDelta;
use sd_notify::NotifyState;

/// Words that may wait for the manager; what comes while so many do is dropped.
const WAITING: usize = 16;

/// What is told.
enum Word {
    Ready,
    Alive,
    Stopping,
    Status(String),
}

/// The line to the service manager. Its writes block, so a thread of their own makes them: a
/// manager that does not read never holds up the daemon.
pub struct Manager {
    words: Option<SyncSender<Word>>,
    watchdog: Option<TimeDelta>,
}

impl Manager {
    /// The manager that started this process, where there is one.
    pub fn of_this_process() -> Self {
        let there = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = sd_notify::watchdog_enabled()
            .and_then(|limit| TimeDelta::from_std(limit).ok())
            .filter(|limit| there && *limit > TimeDelta::zero());
        Self { words: there.then(line).flatten(), watchdog }
    }

    /// Nobody.
    pub const fn none() -> Self {
        Self { words: None, watchdog: None }
    }

    /// How often it wants a sign of life, where it does: it acts when none came for twice as long.
    pub fn feed_every(&self) -> Option<TimeDelta> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// The daemon is reconciled and runs.
    pub fn ready(&self) {
        self.tell(Word::Ready);
    }

    /// The desk lives.
    pub fn alive(&self) {
        self.tell(Word::Alive);
    }

    /// The daemon was asked to stop.
    pub fn stopping(&self) {
        self.tell(Word::Stopping);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, line: String) {
        self.tell(Word::Status(line));
    }

    fn tell(&self, word: Word) {
        if let Some(words) = &self.words {
            let _ = words.try_send(word);
        }
    }
}

fn line() -> Option<SyncSender<Word>> {
    let (words, heard) = sync_channel::<Word>(WAITING);
    let write = move || {
        let mut failed = false;
        for word in heard {
            let state = match &word {
                Word::Ready => NotifyState::Ready,
                Word::Alive => NotifyState::Watchdog,
                Word::Stopping => NotifyState::Stopping,
                Word::Status(line) => NotifyState::Status(line),
            };
            if let Err(error) = sd_notify::notify(&[state])
                && !std::mem::replace(&mut failed, true)
            {
                tracing::warn!(%error, "the service manager cannot be told");
            }
        }
    };
    let thread = thread::Builder::new().name("manager".to_owned()).spawn(write);
    if let Err(error) = &thread {
        tracing::warn!(%error, "the service manager cannot be told");
    }
    thread.is_ok().then_some(words)
}
