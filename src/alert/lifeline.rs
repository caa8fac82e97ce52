//! Who watches whether the desk lives. While it does, the service manager is fed and the dead-man's
//! switch pinged; when a loop gives no sign of life for a minute both stop, and who can be told is.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use super::{dead_man::DeadMan, manager::Manager};
use crate::{
    clock::Runtime,
    notice::{Notice, raise},
    store::{Store, WriteTx},
    vital::{Turns, Watcher},
};

/// Between two looks, at most.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// A loop that is silent for so long hangs: the slowest of them goes on each ten seconds, and no
/// single wait of theirs is longer than that.
pub const SILENT_MOST: TimeDelta = TimeDelta::seconds(60);

/// Whether all lives: written by the lifeline, read by the heartbeat.
#[derive(Debug, Default)]
pub struct Health(Mutex<Option<String>>);

impl Health {
    /// What hangs, in words; `None` while all lives.
    pub fn ill(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, ill: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ill;
    }
}

/// What a lifeline works with.
pub struct Lifeline {
    /// Clock and spawner.
    pub rt: Runtime,
    /// Where a hang is written for the channels.
    pub store: Store,
    /// Who is fed.
    pub manager: Arc<Manager>,
    /// Who is told of a hang at once.
    pub switch: Option<Arc<DeadMan>>,
    /// What the heartbeat reads.
    pub health: Arc<Health>,
}

impl Lifeline {
    /// Watches the named loops for ever; `status` is the line the manager shows.
    pub async fn watch(
        self,
        loops: Vec<(&'static str, Arc<Turns>)>,
        status: impl Fn() -> String + Send + Sync,
    ) {
        let mut watched: Vec<(&str, Watcher)> =
            loops.into_iter().map(|(name, turns)| (name, Watcher::new(turns))).collect();
        let every = self.manager.feed_every().map_or(LOOK_EVERY, |every| every.min(LOOK_EVERY));
        let mut shown = String::new();
        loop {
            self.rt.sleep(every).await;
            let silent = watched.iter_mut().map(|(name, watcher)| (*name, watcher.look(every)));
            let worst = silent.max_by_key(|(_, silent)| *silent);
            let hangs = worst.filter(|(_, silent)| *silent >= SILENT_MOST);
            let line = match hangs {
                None => {
                    self.lives();
                    status()
                }
                Some((name, silent)) => self.hangs(name, silent),
            };
            if line != shown {
                self.manager.status(line.clone());
                shown = line;
            }
        }
    }

    fn lives(&self) {
        self.manager.alive();
        if let Some(was) = self.health.ill() {
            tracing::warn!("{was}; it goes on now");
            self.health.set(None);
        }
    }

    /// Tells once that something hangs; what is told gives the status line.
    fn hangs(&self, name: &str, silent: TimeDelta) -> String {
        if let Some(told) = self.health.ill() {
            return told;
        }
        let seconds = silent.num_seconds();
        let told = format!("the loop of {name} gives no sign of life since {seconds} s");
        tracing::error!("{told}; a service manager with a watchdog starts the daemon anew");
        self.health.set(Some(told.clone()));
        let (at, store) = (self.rt.now(), self.store.clone());
        let notice = Notice::Hung { what: name.to_owned(), seconds };
        // Neither is waited for: the store may be what hangs.
        self.rt.spawn(async move {
            let write = move |tx: &mut WriteTx| raise(tx, at, notice);
            if let Err(error) = store.write(write).await {
                tracing::error!(%error, "the hang is not told to the channels");
            }
        });
        if let Some(switch) = self.switch.clone() {
            let reason = told.clone();
            self.rt.spawn(async move {
                if let Err(error) = switch.fail(&reason).await {
                    tracing::warn!(%error, "the dead-man's switch is not told of the hang");
                }
            });
        }
        told
    }
}

#[cfg(test)]
mod tests;
