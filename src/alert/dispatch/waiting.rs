//! What waits for a channel, what a channel gave up, and how far each has taken rows.

use serde::{Deserialize, Serialize};

use crate::{
    alert::{Alert, open::number_key},
    clock::Timestamp,
    store::{Read, StoreError, Table, WriteTx},
};

/// Dead letters kept for each channel; the oldest go.
pub(super) const DEAD_KEPT: usize = 1000;

/// How far each channel has taken rows from the outbox, by channel name; under [`ROUTED`] how far
/// any has.
pub const CURSORS: Table<u64> = Table::new("delivery_cursors", 1);
/// What waits for a channel, by `<channel>/<outbox key>`.
pub const WAITING: Table<Waiting> = Table::new("deliveries_waiting", 1);
/// What a channel gave up, by `<channel>/<outbox key>`.
pub const DEAD: Table<Waiting> = Table::new("deliveries_dead", 1);

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
            last_error: None,
            failing_since: None,
            told_to_wait: false,
            repeat: 0,
            escalated: false,
            hushed: false,
        }
    }
}

/// The key of an alert that waits for a channel.
pub(in crate::alert) fn waiting_key(channel: &str, number: u64) -> String {
    format!("{channel}/{}", number_key(number))
}

/// Takes back what waits only because nobody had acknowledged a matter.
pub(in crate::alert) fn drop_tellings(tx: &mut WriteTx, matter: &str) -> Result<(), StoreError> {
    let again = |row: &Waiting| (row.repeat > 0 || row.escalated) && row.alert.key == matter;
    for (key, _) in tx.list(&WAITING, "")?.iter().filter(|(_, row)| again(row)) {
        tx.remove(&WAITING, key)?;
    }
    Ok(())
}

/// Keeps the dead letters of a channel bounded; `key` is the one just added.
pub(super) fn drop_oldest_dead(tx: &mut WriteTx, key: &str) -> Result<(), StoreError> {
    let channel = key.rsplit_once('/').map_or(key, |(channel, _)| channel);
    let dead = tx.list(&DEAD, &format!("{channel}/"))?;
    let surplus = dead.len().saturating_sub(DEAD_KEPT);
    dead.iter().take(surplus).try_for_each(|(old, _)| tx.remove(&DEAD, old).map(drop))
}
