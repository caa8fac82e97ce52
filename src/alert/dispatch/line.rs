//! The line to one channel: one attempt at a time, until everything that waits for it was taken.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::FutureExt as _;

use super::{
    Next,
    pick::{self, ASKED_MOST, BACKOFF_FIRST, BACKOFF_MOST, Outlook, Pick, Recent},
    waiting::{DEAD, WAITING, Waiting, drop_oldest_dead},
};
use crate::{
    alert::{Channel, Outgoing, SendError, mute, route::Rules},
    clock::{Runtime, Timestamp},
    notice::Severity,
    planted::{self, Bug},
    store::{Read, Store, StoreError, WriteTx},
};

/// A channel that does not answer is waited for so long: one alert never holds up all others.
const SEND_WAIT: TimeDelta = TimeDelta::seconds(60);
/// After so long without success an alert is a dead letter.
pub(super) const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);

/// What a line without anything to do waits for.
const NEWS: &[&str] = &[WAITING.name(), mute::MUTES.name()];

/// The line to one channel.
pub struct Line {
    rt: Runtime,
    store: Store,
    rules: Arc<Rules>,
    channel: Arc<dyn Channel>,
    recent: Recent,
}

impl Line {
    /// A line that has sent nothing yet.
    pub fn new(rt: Runtime, store: Store, rules: Arc<Rules>, channel: Arc<dyn Channel>) -> Self {
        Self { rt, store, rules, channel, recent: Recent::default() }
    }

    /// Delivers for ever; only a failing store ends it.
    pub async fn run(mut self) -> StoreError {
        loop {
            let seen = self.store.changes(NEWS);
            let next = match self.step().await {
                Ok(next) => next,
                Err(error) => return error,
            };
            let store = self.store.clone();
            super::pass(&self.rt, next, store.changed(NEWS, seen)).await;
        }
    }

    /// Makes at most one attempt.
    pub async fn step(&mut self) -> Result<Next, StoreError> {
        let now = self.rt.now();
        match self.pick(now)? {
            Pick::Send(rows, silent) => {
                self.attempt(rows, silent).await?;
                Ok(Next::Now)
            }
            Pick::Leave(key) => {
                let write = move |tx: &mut WriteTx| tx.remove(&WAITING, &key).map(drop);
                self.store.write(write).await?;
                Ok(Next::Now)
            }
            Pick::At(at) => Ok(Next::At(at)),
            Pick::Nothing => Ok(Next::News),
        }
    }

    fn pick(&self, now: Timestamp) -> Result<Pick, StoreError> {
        let channel = self.channel.name();
        let (waiting, mutes) = self.store.read(|tx| {
            Ok((tx.list(&WAITING, &format!("{channel}/"))?, mute::in_force(tx, now)?))
        })?;
        let look = Outlook {
            channel,
            hushes: self.channel.hushes(),
            digests: self.channel.digests(),
            rules: &self.rules,
            mutes: &mutes,
            recent: &self.recent,
            now,
        };
        Ok(pick::pick(waiting, &look))
    }

    async fn attempt(
        &mut self,
        rows: Vec<(String, Waiting)>,
        silent: bool,
    ) -> Result<(), StoreError> {
        let alerts: Vec<_> = rows.iter().map(|(_, row)| row.alert.clone()).collect();
        let repeat = rows.iter().map(|(_, row)| row.repeat).max().unwrap_or(0);
        let out = Outgoing { alerts, silent, repeat };
        // A panic of a channel must not end its deliveries until the next start.
        let sending = AssertUnwindSafe(self.channel.send(&out)).catch_unwind();
        let result = match self.rt.timeout(SEND_WAIT, sending).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(SendError::Retry("the channel panicked".to_owned())),
            None => Err(SendError::Retry(no_answer())),
        };
        if result.is_ok() && out.severity() < Severity::Critical {
            let burst = self.rules.escalation.burst as usize;
            self.recent.note(out.alerts.len(), self.rt.now(), burst);
        }
        self.settle(rows, result).await
    }

    /// Writes down how an attempt went.
    async fn settle(
        &self,
        rows: Vec<(String, Waiting)>,
        result: Result<(), SendError>,
    ) -> Result<(), StoreError> {
        let now = self.rt.now();
        let line = format!("{}/", self.channel.name());
        let alerts = rows.iter().map(|(_, row)| &row.alert);
        let critical = alerts.filter(|alert| alert.severity == Severity::Critical);
        let critical = critical.map(|alert| alert.id).next();
        let severity = rows.iter().map(|(_, row)| row.alert.severity).max();
        let write = move |tx: &mut WriteTx| {
            for (key, row) in rows {
                match &result {
                    Ok(()) => drop(tx.remove(&WAITING, &key)?),
                    Err(error) => failed(tx, &key, row, error, now)?,
                }
            }
            if result.is_err() {
                share_the_clock(tx, &line, severity, now)?;
            }
            match (&result, critical) {
                (Ok(()), _) => hasten(tx, &line, now),
                (Err(error), Some(number)) => hold_back(tx, &line, number, error),
                _ => Ok(()),
            }
        };
        self.store.write(write).await
    }
}

/// What waits behind one that failed fails with it: its day begins now, not when its own turn comes, or
/// an outage of days would be told in order for days.
fn share_the_clock(
    tx: &mut WriteTx,
    line: &str,
    severity: Option<Severity>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (key, row) in tx.list(&WAITING, line)? {
        let behind = Some(row.alert.severity) == severity && row.failing_since.is_none();
        if behind && row.next_at <= now {
            tx.put(&WAITING, &key, &Waiting { failing_since: Some(now), ..row })?;
        }
    }
    Ok(())
}

/// A channel that took something is up again: what backs off is tried at once.
fn hasten(tx: &mut WriteTx, line: &str, now: Timestamp) -> Result<(), StoreError> {
    for (key, row) in tx.list(&WAITING, line)? {
        if row.attempts > 0 && row.next_at > now {
            tx.put(&WAITING, &key, &Waiting { next_at: now, told_to_wait: false, ..row })?;
        }
    }
    Ok(())
}

/// What is critical and waits behind one that failed waits as long, so that what comes later is told
/// from what was there.
fn hold_back(
    tx: &mut WriteTx,
    line: &str,
    failed: u64,
    error: &SendError,
) -> Result<(), StoreError> {
    let rows = tx.list(&WAITING, line)?;
    let head = rows.iter().find(|(_, row)| row.alert.id == failed);
    let Some(until) = head.map(|(_, row)| row.next_at) else { return Ok(()) };
    let asked = matches!(error, SendError::RetryAfter { .. });
    for (key, row) in &rows {
        let behind = row.alert.severity == Severity::Critical && row.next_at < until;
        if behind && !asked {
            tx.put(&WAITING, key, &Waiting { next_at: until, ..row.clone() })?;
        }
    }
    Ok(())
}

/// Writes down that an alert was not taken.
fn failed(
    tx: &mut WriteTx,
    key: &str,
    mut row: Waiting,
    error: &SendError,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Taken back while it was under way: somebody acknowledged it.
    if tx.get(&WAITING, key)?.is_none() {
        return Ok(());
    }
    let since = *row.failing_since.get_or_insert(now);
    row.attempts = row.attempts.saturating_add(1);
    row.next_at = now + pause(error, row.attempts);
    row.told_to_wait = matches!(error, SendError::RetryAfter { .. });
    row.last_error = Some(error.to_string());
    let dead = matches!(error, SendError::Permanent(_)) || now - since > GIVE_UP_AFTER;
    tracing::warn!(%key, attempts = row.attempts, dead, "alert not delivered: {error}");
    if planted::on(Bug::DropFailedDelivery) {
        return tx.remove(&WAITING, key).map(drop);
    }
    if !dead {
        return tx.put(&WAITING, key, &row);
    }
    tx.remove(&WAITING, key)?;
    tx.put(&DEAD, key, &row)?;
    drop_oldest_dead(tx, key)
}

fn no_answer() -> String {
    format!("no answer within {} s", SEND_WAIT.num_seconds())
}

/// How long until the next attempt: what the receiver asks for, else twice as long each time.
fn pause(error: &SendError, attempts: u32) -> TimeDelta {
    if let SendError::RetryAfter { after, .. } = error {
        return (*after).clamp(TimeDelta::seconds(1), ASKED_MOST);
    }
    let doublings = attempts.saturating_sub(1).min(10);
    (BACKOFF_FIRST * (1 << doublings)).min(BACKOFF_MOST)
}
