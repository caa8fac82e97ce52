//! Mutes: a kind of alert, or every kind, makes no sound for a while. What is critical always does.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::route::Mute;
use crate::{
    clock::Timestamp,
    config::voice::KINDS,
    store::{Read, StoreError, Table, WriteTx},
};

/// Mutes, by kind; that of every kind under `*`.
pub const MUTES: Table<Mute> = Table::new("alert_mutes", 1);
const EVERY: &str = "*";
/// A mute that is over is kept for so long.
const KEPT: TimeDelta = TimeDelta::days(1);
/// The longest mute.
pub const MINUTES_MOST: u32 = 1440;

/// What is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Every mute in force, that of every kind first.
    pub mutes: Vec<Mute>,
}

/// Every mute that is kept: who counts the time that has passed tells which of them are in force.
pub(super) fn known(tx: &impl Read) -> Result<Vec<Mute>, StoreError> {
    Ok(tx.readable(&MUTES, "")?.0.into_iter().map(|(_, mute)| mute).collect())
}

/// The mutes in force by the wall clock.
pub fn in_force(tx: &impl Read, now: Timestamp) -> Result<Vec<Mute>, StoreError> {
    let rows = tx.readable(&MUTES, "")?.0.into_iter().map(|(_, mute)| mute);
    Ok(rows.filter(|mute| now < mute.until).collect())
}

/// Mutes a kind, or every kind, for so many minutes from now; 0 ends that mute. Journalled.
///
/// # Errors
/// [`StoreError::Refused`] for a kind that is none, and for more than [`MINUTES_MOST`].
pub fn set(
    tx: &mut WriteTx,
    kind: Option<&str>,
    minutes: u32,
    by: &str,
    now: Timestamp,
) -> Result<Muted, StoreError> {
    if let Some(kind) = kind.filter(|kind| !KINDS.contains(kind)) {
        let right = KINDS.join(", ");
        return Err(StoreError::Refused(format!(
            "{kind:?} is no kind of alert; there are {right}"
        )));
    }
    if minutes > MINUTES_MOST {
        return Err(StoreError::Refused(format!(
            "{minutes} minutes: a mute lasts at most {MINUTES_MOST}, a day"
        )));
    }
    for (key, mute) in tx.readable(&MUTES, "")?.0 {
        // By a wall clock put forward it may be over and still hold.
        if mute.until + KEPT <= now {
            tx.remove(&MUTES, &key)?;
        }
    }
    let key = kind.unwrap_or(EVERY);
    let until = now + TimeDelta::minutes(i64::from(minutes));
    if minutes == 0 {
        tx.remove(&MUTES, key)?;
    } else {
        let (kind, by) = (kind.map(str::to_owned), by.to_owned());
        tx.put(&MUTES, key, &Mute { kind, since: now, until, by })?;
    }
    let data = serde_json::json!({ "kind": kind, "until": (minutes > 0).then_some(until) });
    tx.journal(now, by, "alerts_muted", &data)?;
    Ok(Muted { mutes: in_force(tx, now)? })
}
