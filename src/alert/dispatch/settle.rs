//! How an attempt went, written down: taken, tried again later, or given up and told.

use chrono::TimeDelta;

use super::waiting::{DEAD, WAITING, Waiting, backoff, drop_oldest_dead, on_line};
use crate::{
    alert::{SendError, open::MATTERS, subject},
    clock::Timestamp,
    notice::{Notice, Severity, raise},
    planted::{self, Bug},
    store::{Read, StoreError, WriteTx},
};

/// An attempt that is over.
pub(super) struct Settled {
    /// The line it was made on.
    pub line: String,
    /// What was sent.
    pub rows: Vec<Failed>,
    /// What the receiver said.
    pub result: Result<(), SendError>,
    /// When.
    pub now: Timestamp,
    /// At the last look something backed off on the line.
    pub behind: bool,
}

/// One alert of an attempt.
pub(super) struct Failed {
    /// Its key.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// It has failed for so long that it is given up, should it fail again.
    pub over: bool,
}

/// Writes down how an attempt went.
pub(super) fn settle(tx: &mut WriteTx, settled: Settled) -> Result<(), StoreError> {
    let Settled { line, rows, result, now, behind } = settled;
    let Err(error) = result else {
        for row in rows {
            tx.remove(&WAITING, &row.key)?;
        }
        return if behind { hasten(tx, &line, now) } else { Ok(()) };
    };
    if rows.len() > 1 && matches!(error, SendError::Permanent(_)) {
        return rows.iter().try_for_each(|row| part(tx, &row.key, &error, now));
    }
    let severity = rows.iter().map(|row| row.severity).max();
    let critical = rows.iter().find(|row| row.severity == Severity::Critical);
    let critical = critical.map(|row| row.key.clone());
    let mut given_up = None;
    for row in rows {
        given_up = failed(tx, row, &error, now)?.or(given_up);
    }
    share_the_clock(tx, &line, severity, now)?;
    if let Some(key) = critical.filter(|_| !matches!(error, SendError::RetryAfter { .. })) {
        hold_back(tx, &line, &key)?;
    }
    given_up.map_or(Ok(()), |row| tell(tx, &line, row, now))
}

/// What was refused together may be taken one by one: it is not known which of it was refused.
fn part(tx: &mut WriteTx, key: &str, error: &SendError, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut row) = tx.get_readable(&WAITING, key)? else { return Ok(()) };
    row.alone = true;
    row.attempts = row.attempts.saturating_add(1);
    row.last_error = Some(error.to_string());
    tx.put(&WAITING, key, &row.after(TimeDelta::zero(), now))
}

/// Writes down that an alert was not taken; gives it where it is given up.
fn failed(
    tx: &mut WriteTx,
    Failed { key, over, .. }: Failed,
    error: &SendError,
    now: Timestamp,
) -> Result<Option<Waiting>, StoreError> {
    // Taken back while it was under way: somebody acknowledged it.
    let Some(mut row) = tx.get_readable(&WAITING, &key)? else { return Ok(None) };
    row.failing_since.get_or_insert(now);
    row.attempts = row.attempts.saturating_add(1);
    row.told_to_wait = matches!(error, SendError::RetryAfter { .. });
    row.last_error = Some(error.to_string());
    let wait = match error {
        SendError::RetryAfter { after, .. } => *after,
        _ => backoff(row.attempts),
    };
    let row = row.after(wait, now);
    let dead = matches!(error, SendError::Permanent(_)) || over;
    tracing::warn!(%key, attempts = row.attempts, dead, "alert not delivered: {error}");
    if planted::on(Bug::DropFailedDelivery) {
        tx.remove(&WAITING, &key)?;
        return Ok(None);
    }
    if !dead {
        tx.put(&WAITING, &key, &row)?;
        return Ok(None);
    }
    tx.remove(&WAITING, &key)?;
    tx.put(&DEAD, &key, &row)?;
    drop_oldest_dead(tx, &key)?;
    Ok(Some(row))
}

/// Tells the owner that something was given up; what tells of that is not told of in its turn.
fn tell(tx: &mut WriteTx, line: &str, row: Waiting, now: Timestamp) -> Result<(), StoreError> {
    let (line, what, attempts) = (line.to_owned(), row.alert.title, row.attempts);
    let reason = row.last_error.unwrap_or_default();
    let notice = Notice::NotDelivered { line, what, attempts, reason };
    if row.alert.kind == notice.kind() { Ok(()) } else { tell_once(tx, notice, now) }
}

/// Tells the owner of something, once until that is acknowledged.
pub(super) fn tell_once(
    tx: &mut WriteTx,
    notice: Notice,
    now: Timestamp,
) -> Result<(), StoreError> {
    match tx.get_readable(&MATTERS, &subject::key(&notice))? {
        Some(_) => Ok(()),
        None => raise(tx, now, notice),
    }
}

/// What waits behind one that failed fails with it: its day begins now, not when its own turn comes,
/// or an outage of days would be told in order for days.
fn share_the_clock(
    tx: &mut WriteTx,
    line: &str,
    severity: Option<Severity>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (key, row) in on_line(tx, line)? {
        if Some(row.alert.severity) == severity && row.failing_since.is_none() {
            tx.put(&WAITING, &key, &Waiting { failing_since: Some(now), ..row })?;
        }
    }
    Ok(())
}

/// A receiver that took something is up again: what backs off is tried at once. What it asked to wait
/// it still waits.
fn hasten(tx: &mut WriteTx, line: &str, now: Timestamp) -> Result<(), StoreError> {
    for (key, row) in on_line(tx, line)? {
        if row.backs_off() {
            tx.put(&WAITING, &key, &row.after(TimeDelta::zero(), now))?;
        }
    }
    Ok(())
}

/// What is critical and waits behind one that failed waits as long, so that what comes later is told
/// from what was there. All of it: by instants of a clock that was put back since, none could be told
/// from another.
fn hold_back(tx: &mut WriteTx, line: &str, failed: &str) -> Result<(), StoreError> {
    let Some(head) = tx.get_readable(&WAITING, failed)? else { return Ok(()) };
    for (key, row) in on_line(tx, line)? {
        if row.alert.severity == Severity::Critical && !row.told_to_wait && key != failed {
            let held = Waiting { next_at: head.next_at, wait_ms: head.wait_ms, ..row };
            tx.put(&WAITING, &key, &held)?;
        }
    }
    Ok(())
}
