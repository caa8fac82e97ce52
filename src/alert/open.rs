//! Alerts that wait for somebody: each warning and each critical alert is open until it is
//! acknowledged, or what it tells of is over.
//!
//! One matter (`Alert::key`) has one open alert. What is raised of it meanwhile folds into that one:
//! it is told as it comes, but it is not repeated, escalated and acknowledged on its own. So the
//! desk's own "still not flat" of each minute and the repeats from here do not multiply: a repeat is
//! made only when the matter was not told for the whole interval. An acknowledgement covers its
//! matter for half an hour: what is told of it until then makes no sound, what comes later is open
//! anew. Something more severe about the same matter never folds into something less severe.

/// What happens next to an open alert.
pub mod course;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{
    Alert,
    dispatch::waiting::{drop_tellings, heed},
    subject::Over,
};
use crate::{
    clock::Timestamp,
    notice::{OUTBOX, Severity},
    store::{Read, StoreError, Table, WriteTx},
};

/// Every warning and critical alert, by its outbox number (twenty digits).
pub const ALERTS: Table<Kept> = Table::new("alerts", 1);
/// The alert each matter is open under, or was acknowledged under lately, by its key.
pub const MATTERS: Table<u64> = Table::new("alert_matters", 1);

/// An acknowledgement covers what is told of the same matter for so long.
pub const COVERS: TimeDelta = TimeDelta::minutes(30);
/// Rows are kept for so many outbox numbers.
const KEPT_NUMBERS: u64 = 20_000;
/// Most rows given up in one step.
const DROPPED_MOST: usize = 64;

/// How an alert stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has acknowledged it.
    Open,
    /// Somebody has.
    Acknowledged {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// What it tells of is over.
    Over {
        /// When.
        at: Timestamp,
        /// By what, in words.
        why: String,
    },
    /// It belongs to an earlier one about the same matter, and stands as that does.
    Folded {
        /// The earlier one.
        into: u64,
    },
}

/// A channel that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its name.
    pub channel: String,
    /// When it was handed the alert.
    pub at: Timestamp,
}

/// A warning or critical alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The newest alert of the matter: what repeats tell.
    pub alert: Alert,
    /// When it was opened.
    pub since: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// Which channels were told, in their order.
    pub told: Vec<Told>,
    /// When it was told last, to any channel.
    pub last_at: Timestamp,
    /// How often it was repeated.
    pub repeats: u32,
    /// Later alerts that fold into it.
    pub folded: u32,
}

impl Kept {
    /// An alert nobody knows of yet.
    pub(super) fn new(alert: Alert, now: Timestamp) -> Self {
        Self {
            alert,
            since: now,
            standing: Standing::Open,
            told: Vec::new(),
            last_at: now,
            repeats: 0,
            folded: 0,
        }
    }

    /// Nobody has acknowledged it and it is not over.
    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// Whether a channel was told.
    pub fn knows(&self, channel: &str) -> bool {
        self.told.iter().any(|told| told.channel == channel)
    }

    pub(super) fn tell(&mut self, channel: &str, at: Timestamp) {
        if !self.knows(channel) {
            self.told.push(Told { channel: channel.to_owned(), at });
        }
    }
}

/// The key of a number.
pub fn number_key(number: u64) -> String {
    format!("{number:020}")
}

/// How a new warning or critical alert joins what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    /// The number of the row it stands under: its own, or the one it folds into.
    pub row: u64,
    /// Channels that know of the matter already.
    pub known: Vec<String>,
    /// Somebody acknowledged the matter lately: no sound.
    pub silent: bool,
}

/// What was acknowledged lately: when, and how long ago that is by the time that has passed.
pub(super) type Covered = BTreeMap<u64, (Timestamp, TimeDelta)>;

/// Whether an acknowledgement of a row still covers its matter.
fn covers(covered: &Covered, row: u64, at: Timestamp, now: Timestamp) -> bool {
    let counted = covered.get(&row).filter(|(of, _)| *of == at).map(|(_, ago)| *ago);
    counted.unwrap_or(now - at) < COVERS
}

/// Opens an alert, or folds it into the one that is open about the same matter.
pub(super) fn join(
    tx: &mut WriteTx,
    alert: &Alert,
    acknowledged: &Covered,
    now: Timestamp,
) -> Result<Joined, StoreError> {
    let (number, key) = (alert.id, number_key(alert.id));
    let before = match tx.get_readable(&MATTERS, &alert.key)? {
        Some(before) => tx.get_readable(&ALERTS, &number_key(before))?.map(|row| (before, row)),
        None => None,
    };
    if let Some((into, mut row)) = before {
        let covered = match &row.standing {
            Standing::Open => Some(false),
            Standing::Acknowledged { at, .. } => {
                covers(acknowledged, into, *at, now).then_some(true)
            }
            _ => None,
        };
        let less = row.alert.severity < alert.severity;
        match covered {
            Some(silent) if !less => {
                let folded =
                    Kept { standing: Standing::Folded { into }, ..Kept::new(alert.clone(), now) };
                tx.put(&ALERTS, &key, &folded)?;
                // The clock of a warning runs on: it is told again to who knows of it already.
                if row.alert.severity == Severity::Critical {
                    row.last_at = now;
                }
                if row.alert.severity == alert.severity {
                    row.alert = alert.clone();
                }
                row.folded = row.folded.saturating_add(1);
                tx.put(&ALERTS, &number_key(into), &row)?;
                let known = row.told.into_iter().map(|told| told.channel).collect();
                return Ok(Joined { row: into, known, silent });
            }
            Some(false) => end(tx, into, row, now, format!("alert {number} is more severe"))?,
            _ => {}
        }
    }
    tx.put(&ALERTS, &key, &Kept::new(alert.clone(), now))?;
    tx.put(&MATTERS, &alert.key, &number)?;
    Ok(Joined { row: number, known: Vec::new(), silent: false })
}

/// Notes that channels were handed an alert of a row.
pub(super) fn told(
    tx: &mut WriteTx,
    row: u64,
    channels: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = number_key(row);
    let Some(mut kept) = tx.get(&ALERTS, &key)? else { return Ok(()) };
    for channel in channels {
        kept.tell(channel, now);
    }
    tx.put(&ALERTS, &key, &kept)
}

/// Ends what a notice says is over.
pub(super) fn end_all(
    tx: &mut WriteTx,
    over: &[Over],
    by: &Alert,
    now: Timestamp,
) -> Result<(), StoreError> {
    if over.is_empty() {
        return Ok(());
    }
    for (key, number) in tx.readable(&MATTERS, "")?.0 {
        if !over.iter().any(|over| over.ends(&key)) {
            continue;
        }
        match tx.get_readable(&ALERTS, &number_key(number))? {
            Some(row) if row.is_open() => end(tx, number, row, now, by.title.clone())?,
            _ => drop(tx.remove(&MATTERS, &key)?),
        }
    }
    Ok(())
}

/// Ends one that is open.
pub(super) fn end(
    tx: &mut WriteTx,
    number: u64,
    row: Kept,
    now: Timestamp,
    why: String,
) -> Result<(), StoreError> {
    tx.remove(&MATTERS, &row.alert.key)?;
    drop_tellings(tx, &row.alert.key)?;
    let ended = Kept { standing: Standing::Over { at: now, why }, ..row };
    tx.put(&ALERTS, &number_key(number), &ended)
}

/// Gives up the oldest rows, but none that a matter is open under; one that cannot be read is none.
pub(super) fn drop_oldest(tx: &mut WriteTx, newest: u64) -> Result<(), StoreError> {
    let end = number_key(newest.saturating_sub(KEPT_NUMBERS));
    let mut last = String::new();
    for _ in 0..DROPPED_MOST {
        let (key, kept) = match tx.first_after(&ALERTS, &last) {
            Ok(Some((key, row))) => (key, row.is_open()),
            Ok(None) => return Ok(()),
            Err(StoreError::Codec { key, .. }) => (key, false),
            Err(error) => return Err(error),
        };
        if key >= end {
            return Ok(());
        }
        if !kept {
            tx.remove(&ALERTS, &key)?;
        }
        last = key;
    }
    Ok(())
}

/// Acknowledges one alert, or all that are open: they are not repeated and do not escalate any more.
/// Gives those that were open, with their numbers. One that is acknowledged or over already stays
/// as it is.
///
/// # Errors
/// [`StoreError::Refused`] for a number that is no warning and no critical alert.
pub fn acknowledge(
    tx: &mut WriteTx,
    number: Option<u64>,
    by: &str,
    now: Timestamp,
) -> Result<Vec<(u64, Kept)>, StoreError> {
    let numbers = match number {
        Some(number) => vec![row_of(tx, number)?],
        None => tx.readable(&MATTERS, "")?.0.into_iter().map(|(_, number)| number).collect(),
    };
    let mut acknowledged = Vec::new();
    for number in numbers {
        let Some(mut row) = tx.get_readable(&ALERTS, &number_key(number))? else { continue };
        if !row.is_open() {
            continue;
        }
        row.standing = Standing::Acknowledged { by: by.to_owned(), at: now };
        tx.put(&ALERTS, &number_key(number), &row)?;
        // So that who waits for news of open alerts hears of it.
        tx.put(&MATTERS, &row.alert.key, &number)?;
        acknowledged.push((number, row));
    }
    if !acknowledged.is_empty() {
        heed(tx, &acknowledged.iter().map(|(_, row)| row.alert.key.clone()).collect())?;
        acknowledged.sort_by_key(|(number, _)| *number);
        let numbers: Vec<u64> = acknowledged.iter().map(|(number, _)| *number).collect();
        tx.journal(now, by, "alerts_acknowledged", &serde_json::json!({ "alerts": numbers }))?;
    }
    Ok(acknowledged)
}

/// The row an alert stands under.
fn row_of(tx: &impl Read, number: u64) -> Result<u64, StoreError> {
    if let Some(row) = tx.get(&ALERTS, &number_key(number))? {
        return Ok(match row.standing {
            Standing::Folded { into } => into,
            _ => number,
        });
    }
    let refused = match tx.get(&OUTBOX, &number_key(number))? {
        None => format!("there is no alert {number}; `tomking alerts` lists the newest"),
        Some(_) => format!("alert {number} is for the record; nothing waits for a word on it"),
    };
    Err(StoreError::Refused(refused))
}

#[cfg(test)]
mod tests;
