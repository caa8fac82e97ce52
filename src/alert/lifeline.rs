//! Who watches whether the desk lives. While it does, the service manager is fed and the dead-man's
//! switch pinged; when a loop gives no sign of life for a minute both stop, and who can be told is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
/// A loop that is silent for so long hangs: no single wait of any of them is longer than half of that.
pub const SILENT_MOST: TimeDelta = TimeDelta::seconds(60);

/// Failures in a row of a part of the voice before the switch is not pinged any more: the seventh comes
/// a minute after the first.
const FAILURES_MOST: u32 = 7;

/// Whether all lives: written by the lifeline and the voice, read by the heartbeat and who asks.
#[derive(Debug, Default)]
pub struct Health {
    /// What hangs, in words.
    ill: Mutex<Option<String>>,
    /// What fails again and again, by the part of the voice.
    troubles: Mutex<BTreeMap<String, Trouble>>,
}

/// A part of the voice fails again and again.
#[derive(Debug)]
struct Trouble {
    failures: u32,
    why: String,
}

impl Health {
    /// What hangs, in words; `None` while all lives.
    pub fn ill(&self) -> Option<String> {
        self.ill.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What keeps the switch from being pinged: something hangs, or alerts have not gone on for a
    /// while, so that somebody else must tell.
    pub fn unwell(&self) -> Option<String> {
        let lasting = |troubles: &BTreeMap<String, Trouble>| {
            let mut lasting = troubles.iter().filter(|(_, of)| of.failures >= FAILURES_MOST);
            lasting.next().map(|(part, of)| in_words(part, of))
        };
        self.ill().or_else(|| lasting(&self.troubled_parts()))
    }

    /// What does not go on in the voice, in words.
    pub fn troubles(&self) -> Vec<String> {
        self.troubled_parts().iter().map(|(part, of)| in_words(part, of)).collect()
    }

    /// A part of the voice failed, so many times in a row.
    pub(super) fn troubled(&self, part: &str, failures: u32, why: &str) {
        let trouble = Trouble { failures, why: why.to_owned() };
        self.troubled_parts().insert(part.to_owned(), trouble);
    }

    /// It goes on.
    pub(super) fn mended(&self, part: &str) {
        self.troubled_parts().remove(part);
    }

    fn troubled_parts(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, ill: Option<String>) {
        *self.ill.lock().unwrap_or_else(PoisonError::into_inner) = ill;
    }
}

fn in_words(part: &str, Trouble { failures, why }: &Trouble) -> String {
    format!("{part}: not going on after {failures} attempts: {why}")
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
        loops: Vec<(String, Arc<Turns>)>,
        status: impl Fn() -> String + Send + Sync,
    ) {
        let mut watched: Vec<(String, Watcher)> =
            loops.into_iter().map(|(name, turns)| (name, Watcher::new(turns))).collect();
        let every = self.manager.feed_every().map_or(LOOK_EVERY, |every| every.min(LOOK_EVERY));
        let (mut shown, mut told) = (String::new(), BTreeMap::new());
        loop {
            self.rt.sleep(every).await;
            let looked = watched.iter_mut().map(|(name, watcher)| (&**name, watcher.look(every)));
            let silent = looked.filter(|(_, silent)| *silent >= SILENT_MOST).collect();
            let line = self.hang(&mut told, &silent).unwrap_or_else(&status);
            if line != shown {
                self.manager.status(line.clone());
                shown = line;
            }
        }
    }

    /// Tells once of each loop that hangs, while it does; gives in words what hangs.
    fn hang(
        &self,
        told: &mut BTreeMap<String, String>,
        silent: &BTreeMap<&str, TimeDelta>,
    ) -> Option<String> {
        told.retain(|name, was| {
            let hangs = silent.contains_key(&**name);
            if !hangs {
                tracing::warn!("{was}; it goes on now");
            }
            hangs
        });
        let news: Vec<_> = silent.iter().filter(|(name, _)| !told.contains_key(**name)).collect();
        for (name, silent) in news {
            told.insert((*name).to_owned(), self.tell(name, *silent));
        }
        let words: Vec<&str> = told.values().map(String::as_str).collect();
        let ill = (!words.is_empty()).then(|| words.join("; "));
        if ill.is_none() {
            self.manager.alive();
        }
        self.health.set(ill.clone());
        ill
    }

    /// Tells that a loop hangs; gives it in words.
    fn tell(&self, name: &str, silent: TimeDelta) -> String {
        let seconds = silent.num_seconds();
        let told = format!("the loop of {name} gives no sign of life since {seconds} s");
        tracing::error!("{told}; a service manager with a watchdog starts the daemon anew");
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
