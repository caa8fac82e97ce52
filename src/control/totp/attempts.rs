//! How many wrong codes are heard, of each who may send one.
//!
//! By mail 2,901 codes are valid for a halt, so one guess in 345 is right; 41 for a flatten, one in
//! 24,400. What a forger gains is the product of that and of the guesses heard, so these are few.

use chrono::TimeDelta;

use crate::{
    clock::Timestamp,
    store::{Read, StoreError, Table, WriteTx},
};

/// Wrong codes by who sent them, the oldest first.
pub const WRONG: Table<Vec<Timestamp>> = Table::new("codes_wrong", 1);

/// So many wrong codes within so long, and no further one is heard until the oldest has aged.
#[derive(Debug, Clone, Copy)]
pub struct Limits(&'static [(TimeDelta, usize)]);

impl Limits {
    /// Limits of other things that are counted the same way.
    pub const fn of(limits: &'static [(TimeDelta, usize)]) -> Self {
        Self(limits)
    }

    /// By mail, for each sender: three in an hour, six in a day, twelve in 30 days.
    pub const MAIL: Self =
        Self(&[(TimeDelta::hours(1), 3), (TimeDelta::hours(24), 6), (TimeDelta::days(30), 12)]);
    /// In conversations, of all together: ten in an hour, 30 in a day. Three codes are valid.
    pub const INTERACTIVE: Self = Self(&[(TimeDelta::hours(1), 10), (TimeDelta::hours(24), 30)]);

    /// Whether so many at once reach any of them.
    pub fn reached(&self, count: u32) -> bool {
        self.0.iter().any(|(_, most)| usize::try_from(count).is_ok_and(|count| count >= *most))
    }
}

/// Instants kept for each sender: more than any limit counts.
const KEPT: usize = 64;

/// Until when nothing of `who` is heard; `None` when it is.
///
/// Attempts of the future (the clock was put back since) count as of now.
pub fn locked(
    tx: &impl Read,
    who: &str,
    limits: &Limits,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    locked_in(tx, &WRONG, who, limits, now)
}

/// Counts a wrong code.
pub fn failed(tx: &mut WriteTx, who: &str, now: Timestamp) -> Result<(), StoreError> {
    failed_in(tx, &WRONG, who, now)
}

/// The same for what is counted in another table.
pub fn locked_in(
    tx: &impl Read,
    table: &Table<Vec<Timestamp>>,
    who: &str,
    limits: &Limits,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let counted = sound(tx.get(table, who))?.unwrap_or_default();
    let until = limits.0.iter().filter_map(|(within, most)| {
        let since = counted.iter().rev().nth(most - 1)?;
        let until = (*since).min(now) + *within;
        (until > now).then_some(until)
    });
    Ok(until.max())
}

/// Counts one in another table.
pub fn failed_in(
    tx: &mut WriteTx,
    table: &Table<Vec<Timestamp>>,
    who: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut counted = sound(tx.get(table, who))?.unwrap_or_default();
    counted.push(now);
    let surplus = counted.len().saturating_sub(KEPT);
    counted.drain(..surplus);
    tx.put(table, who, &counted)
}

/// A row that cannot be read counts as none: it must not close the way it is about, and the next
/// write mends it.
pub fn sound<T>(row: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match row {
        Err(error @ StoreError::Codec { .. }) => {
            tracing::warn!(%error, "a row is passed over");
            Ok(None)
        }
        row => row,
    }
}
