//! What waits for a channel, what a channel gave up, and how far each has taken rows.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::pick::{ASKED_MOST, BACKOFF_FIRST, BACKOFF_MOST};
use crate::{
    alert::{Alert, open::number_key},
    clock::Timestamp,
    store::{Read, Readable, StoreError, Table, WriteTx},
};

/// Dead letters kept for each line; the oldest go.
pub(super) const DEAD_KEPT: usize = 1000;

/// How far each channel has taken rows from the outbox, by channel name; under [`ROUTED`] how far
/// any has.
pub const CURSORS: Table<u64> = Table::new("delivery_cursors", 1);
/// What waits for a channel, by `<line>/<outbox key>`; a line is a channel, or `<channel>/<receiver>`
/// where the channel has several.
pub const WAITING: Table<Waiting> = Table::new("deliveries_waiting", 1);
/// What a channel gave up, by `<line>/<outbox key>`.
pub const DEAD: Table<Waiting> = Table::new("deliveries_dead", 1);

/// Beyond every key.
pub(super) const LAST: &str = "\u{10ffff}";

/// No channel has this name.
pub const ROUTED: &str = "*";

/// One alert that a channel has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // a row: each is a fact of its own
pub struct Waiting {
    /// The alert.
    pub alert: Alert,
    /// Attempts so far.
    pub attempts: u32,
    /// No attempt before this instant.
    pub next_at: Timestamp,
    /// How long the wait is that ends then: by a clock put back it lasts no longer.
    #[serde(default)]
    pub wait_ms: Option<i64>,
    /// The last error.
    pub last_error: Option<String>,
    /// The first attempt that failed.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// The receiver named the wait until `next_at`: nothing at all goes to it before.
    #[serde(default)]
    pub told_to_wait: bool,
    /// How often it was told before because nobody acknowledged it.
    #[serde(default)]
    pub repeat: u32,
    /// It comes because nobody acknowledged it where it was told before.
    #[serde(default)]
    pub escalated: bool,
    /// Its matter was acknowledged lately: no sound.
    #[serde(default)]
    pub hushed: bool,
    /// It is no line of a digest: one that it was in was refused.
    #[serde(default)]
    pub alone: bool,
}

impl Waiting {
    /// An alert to be told now.
    pub fn new(alert: Alert, now: Timestamp) -> Self {
        Self {
            alert,
            attempts: 0,
            next_at: now,
            wait_ms: Some(0),
            last_error: None,
            failing_since: None,
            told_to_wait: false,
            repeat: 0,
            escalated: false,
            hushed: false,
            alone: false,
        }
    }
}

impl Waiting {
    /// How long the wait is that ends at `next_at`. Rows of earlier versions do not say it: then it
    /// is as long as their rule allows.
    pub(super) fn wait(&self) -> TimeDelta {
        match self.wait_ms.and_then(TimeDelta::try_milliseconds) {
            Some(wait) => wait.clamp(TimeDelta::zero(), ASKED_MOST),
            None if self.told_to_wait => ASKED_MOST,
            None => backoff(self.attempts),
        }
    }

    /// It waits only because nobody acknowledged what was told before.
    fn is_again(&self) -> bool {
        self.repeat > 0 || self.escalated
    }

    /// It waits because the receiver took nothing: there is reason to try it once it takes something.
    pub(super) fn backs_off(&self) -> bool {
        !self.told_to_wait && self.wait() > TimeDelta::zero()
    }

    /// The same with a wait from now on.
    pub(super) fn after(self, wait: TimeDelta, now: Timestamp) -> Self {
        Self { next_at: now + wait, wait_ms: Some(wait.num_milliseconds()), ..self }
    }
}

/// How long until the next attempt: twice as long each time.
pub(super) fn backoff(attempts: u32) -> TimeDelta {
    let doublings = attempts.saturating_sub(1).min(10);
    let wait = (BACKOFF_FIRST * (1 << doublings)).min(BACKOFF_MOST);
    if attempts == 0 { TimeDelta::zero() } else { wait }
}

/// The key of an alert that waits on a line.
pub(in crate::alert) fn waiting_key(line: &str, number: u64) -> String {
    format!("{line}/{}", number_key(number))
}

/// The line and the number of a key.
pub(super) fn of_key(key: &str) -> Option<(&str, u64)> {
    let (line, number) = key.rsplit_once('/')?;
    Some((line, number.parse().ok()?))
}

/// What waits on a line, as far as it can be read: what cannot is seen to where it is to be sent.
pub(super) fn on_line(tx: &impl Read, line: &str) -> Result<Vec<(String, Waiting)>, StoreError> {
    Ok(under(tx, &WAITING, line)?.0)
}

/// Every row of a line.
pub(super) fn under<V: DeserializeOwned>(
    tx: &impl Read,
    table: &Table<V>,
    line: &str,
) -> Result<Readable<V>, StoreError> {
    tx.readable(table, &format!("{line}/"))
}

/// Takes back what waits only because nobody had acknowledged a matter.
pub(in crate::alert) fn drop_tellings(tx: &mut WriteTx, matter: &str) -> Result<(), StoreError> {
    for (key, row) in tx.readable(&WAITING, "")?.0 {
        if row.is_again() && row.alert.key == matter {
            tx.remove(&WAITING, &key)?;
        }
    }
    Ok(())
}

/// The same of matters that were acknowledged. What else waits of them makes no sound any more.
pub(in crate::alert) fn heed(
    tx: &mut WriteTx,
    matters: &BTreeSet<String>,
) -> Result<(), StoreError> {
    for (key, row) in tx.readable(&WAITING, "")?.0 {
        if !matters.contains(&row.alert.key) {
            continue;
        }
        if row.is_again() {
            tx.remove(&WAITING, &key)?;
        } else {
            tx.put(&WAITING, &key, &Waiting { hushed: true, ..row })?;
        }
    }
    Ok(())
}

/// Keeps the dead letters of a line bounded; `key` is the one just added.
pub(super) fn drop_oldest_dead(tx: &mut WriteTx, key: &str) -> Result<(), StoreError> {
    let line = of_key(key).map_or(key, |(line, _)| line);
    let (dead, broken) = under(tx, &DEAD, line)?;
    let keys = dead.into_iter().map(|(key, _)| key).chain(broken.into_iter().map(|(key, _)| key));
    let mut keys: Vec<String> =
        keys.filter(|other| of_key(other).is_some_and(|(of, _)| of == line)).collect();
    keys.sort_unstable();
    let surplus = keys.len().saturating_sub(DEAD_KEPT);
    keys.iter().take(surplus).try_for_each(|old| tx.remove(&DEAD, old).map(drop))
}
