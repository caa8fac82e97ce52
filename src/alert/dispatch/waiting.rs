//! What waits for a channel, what a channel gave up, and how far each has taken rows.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::pick::{ASKED_MOST, BACKOFF_FIRST, BACKOFF_MOST};
use crate::{
    alert::{Alert, open::number_key},
    clock::Timestamp,
    store::{Read, StoreError, Table, WriteTx},
};

/// Rows that cannot be read, passed over in one look.
const UNREADABLE_MOST: usize = 64;
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

/// Rows with their keys, and the keys that cannot be read with the reason.
pub(super) type Rows<V> = (Vec<(String, V)>, Vec<(String, String)>);

/// The rows of `from <= key < to`; one that cannot be read keeps no other from being read.
pub(super) fn readable<V: DeserializeOwned>(
    tx: &impl Read,
    table: &Table<V>,
    from: &str,
    to: &str,
) -> Result<Rows<V>, StoreError> {
    let (mut rows, mut bad, mut from) = (Vec::new(), Vec::new(), from.to_owned());
    loop {
        match tx.range(table, &from, to) {
            Ok(rest) => {
                rows.extend(rest);
                return Ok((rows, bad));
            }
            Err(StoreError::Codec { table: of, key, source })
                if of == table.name() && bad.len() < UNREADABLE_MOST =>
            {
                rows.extend(tx.range(table, &from, &key)?);
                let why = StoreError::Codec { table: of, key: key.clone(), source }.to_string();
                from = format!("{key}\0");
                bad.push((key, why));
            }
            Err(error) => return Err(error),
        }
    }
}

/// What waits on a line, as far as it can be read: what cannot is told of where it is to be sent.
pub(super) fn on_line(tx: &impl Read, line: &str) -> Result<Vec<(String, Waiting)>, StoreError> {
    Ok(under(tx, &WAITING, line)?.0)
}

/// Every row of a line.
pub(super) fn under<V: DeserializeOwned>(
    tx: &impl Read,
    table: &Table<V>,
    line: &str,
) -> Result<Rows<V>, StoreError> {
    readable(tx, table, &format!("{line}/"), &format!("{line}0")) // `0` follows `/`
}

/// Takes back what waits only because nobody had acknowledged a matter.
pub(in crate::alert) fn drop_tellings(tx: &mut WriteTx, matter: &str) -> Result<(), StoreError> {
    let again = |row: &Waiting| (row.repeat > 0 || row.escalated) && row.alert.key == matter;
    let (waiting, _) = readable(tx, &WAITING, "", LAST)?;
    for (key, _) in waiting.iter().filter(|(_, row)| again(row)) {
        tx.remove(&WAITING, key)?;
    }
    Ok(())
}

/// Keeps the dead letters of a line bounded; `key` is the one just added.
pub(super) fn drop_oldest_dead(tx: &mut WriteTx, key: &str) -> Result<(), StoreError> {
    let line = of_key(key).map_or(key, |(line, _)| line);
    let (mut dead, _) = under(tx, &DEAD, line)?;
    dead.retain(|(other, _)| of_key(other).is_some_and(|(of, _)| of == line));
    let surplus = dead.len().saturating_sub(DEAD_KEPT);
    dead.iter().take(surplus).try_for_each(|(old, _)| tx.remove(&DEAD, old).map(drop))
}
