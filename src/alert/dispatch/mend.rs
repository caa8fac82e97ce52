//! Rows that cannot be read: none holds up another. What is still in the outbox is made anew from
//! there, so that it is told once too often rather than never; all else is let go, and told of.

use super::{
    settle::tell_once,
    waiting::{WAITING, Waiting, of_key},
};
use crate::{
    alert::{
        Alert,
        mute::MUTES,
        open::{ALERTS, Kept, MATTERS, number_key},
        render,
    },
    clock::Timestamp,
    notice::{Notice, OUTBOX},
    store::{Read, StoreError, WriteTx},
};

/// The matter of what is told here: something that no channel in particular misses.
const EVERYBODY: &str = "every channel";

/// A row of what stands that cannot be read.
#[derive(Debug)]
pub(super) enum Broken {
    /// The alert a matter is open under is not known.
    Matter(String),
    /// How the alert of a matter stands is not known.
    Alert(String, u64),
    /// A mute.
    Mute(String),
}

/// What cannot be read, and why.
pub(super) type BrokenRows = Vec<(Broken, StoreError)>;

/// Mutes that cannot be read: they can never hold.
pub(super) fn mutes(tx: &impl Read) -> Result<BrokenRows, StoreError> {
    let (_, broken) = tx.readable(&MUTES, "")?;
    Ok(broken.into_iter().map(|(key, error)| (Broken::Mute(key), error)).collect())
}

/// Sees to what stands and cannot be read.
pub(super) fn standing(
    tx: &mut WriteTx,
    broken: BrokenRows,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut lost = Vec::new();
    for (row, error) in broken {
        tracing::error!("a row of the alerts cannot be read: {error}");
        match row {
            Broken::Mute(key) => drop(tx.remove(&MUTES, &key)?),
            Broken::Matter(key) => {
                tx.remove(&MATTERS, &key)?;
                lost.push((format!("what is open of {key}"), error));
            }
            Broken::Alert(matter, number) => {
                let key = number_key(number);
                if let Some(alert) = original(tx, number)? {
                    let alert = Alert { key: matter, ..alert };
                    tx.put(&ALERTS, &key, &Kept::new(alert, now))?;
                } else {
                    tx.remove(&MATTERS, &matter)?;
                    tx.remove(&ALERTS, &key)?;
                    lost.push((format!("alert {number}"), error));
                }
            }
        }
    }
    tell(tx, EVERYBODY, &lost, now)
}

/// Sees to what waits on a line and cannot be read.
pub(super) fn waiting(
    tx: &mut WriteTx,
    line: &str,
    broken: Vec<(String, StoreError)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut lost = Vec::new();
    for (key, error) in broken {
        if !matches!(tx.get(&WAITING, &key), Err(StoreError::Codec { .. })) {
            continue; // the other lane was here
        }
        tracing::error!(line, "an alert that waits cannot be read: {error}");
        let number = of_key(&key).map(|(_, number)| number);
        if let Some(alert) = number.map_or(Ok(None), |number| original(tx, number))? {
            tx.put(&WAITING, &key, &Waiting::new(alert, now))?;
        } else {
            tx.remove(&WAITING, &key)?;
            lost.push((number.map_or(key, |number| format!("alert {number}")), error));
        }
    }
    tell(tx, line, &lost, now)
}

/// Tells of rows of the outbox that cannot be read.
pub(super) fn pass_over(
    tx: &mut WriteTx,
    bad: Vec<(String, StoreError)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lost = bad.into_iter().map(|(key, error)| {
        tracing::error!(key, "an alert is passed over: {error}");
        (format!("alert {}", key.trim_start_matches('0')), error)
    });
    let lost: Vec<_> = lost.collect();
    tell(tx, EVERYBODY, &lost, now)
}

/// An alert as it was raised, where that can be read.
fn original(tx: &impl Read, number: u64) -> Result<Option<Alert>, StoreError> {
    let row = tx.get_readable(&OUTBOX, &number_key(number))?;
    Ok(row.map(|row| render(number, &row)))
}

/// Tells of all that was let go at once.
fn tell(
    tx: &mut WriteTx,
    line: &str,
    lost: &[(String, StoreError)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some((what, error)) = lost.first() else { return Ok(()) };
    let what = match lost.len() - 1 {
        0 => what.clone(),
        more => format!("{what} and {more} more"),
    };
    let (line, reason) = (line.to_owned(), error.to_string());
    tell_once(tx, Notice::NotDelivered { line, what, attempts: 0, reason }, now)
}
