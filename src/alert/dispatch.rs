//! Delivery from the durable outbox to one channel: at least once, the most severe first, in order
//! within a severity, with backoff, and a dead letter at the end.

use std::{cmp::Reverse, panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::{Alert, Channel, Outgoing, SendError, render};
use crate::{
    clock::{Runtime, Timestamp},
    notice::{OUTBOX, Severity},
    planted::{self, Bug},
    store::{Read, Store, StoreError, Table, WriteTx},
};

/// While something waits for another attempt it is looked at at least this often: the wall clock
/// may have been put right meanwhile.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// A channel that does not answer is waited for so long: one alert never holds up all others.
const SEND_WAIT: TimeDelta = TimeDelta::seconds(60);
/// Waits between attempts double from the first to the last of these.
const BACKOFF_FIRST: TimeDelta = TimeDelta::seconds(2);
const BACKOFF_MOST: TimeDelta = TimeDelta::minutes(5);
/// After so long without success an alert is a dead letter.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);
/// Most outbox rows taken in one step.
const BATCH: u64 = 64;

/// A channel that was never there before begins with at most so many earlier alerts.
const NEW_CHANNEL_MOST: usize = 500;
/// Dead letters kept for each channel; the oldest go.
const DEAD_KEPT: usize = 1000;

/// What a channel without anything to do waits for.
const NEWS: &[&str] = &[OUTBOX.name()];

/// How far each channel has taken rows from the outbox, by channel name.
pub const CURSORS: Table<u64> = Table::new("delivery_cursors", 1);
/// What waits for a channel, by `<channel>/<outbox key>`.
pub const WAITING: Table<Waiting> = Table::new("deliveries_waiting", 1);
/// What a channel gave up, by `<channel>/<outbox key>`.
pub const DEAD: Table<Waiting> = Table::new("deliveries_dead", 1);

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
}

/// What a channel has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// More, now.
    Now,
    /// Another attempt at an instant.
    At(Timestamp),
    /// Nothing until there is news.
    News,
}

/// Delivers to one channel for ever; only a failing store ends it.
pub async fn run(rt: Runtime, store: Store, channel: Arc<dyn Channel>) -> StoreError {
    loop {
        let seen = store.changes(NEWS);
        let next = match step(&rt, &store, channel.as_ref()).await {
            Ok(next) => next,
            Err(error) => return error,
        };
        let news = store.changed(NEWS, seen);
        match next {
            Next::Now => {}
            Next::At(at) => {
                let wait = (at - rt.now()).clamp(TimeDelta::zero(), LOOK_EVERY);
                let _ = rt.timeout(wait, news).await;
            }
            Next::News => news.await,
        }
    }
}

/// Takes what is new and makes at most one attempt.
pub async fn step(rt: &Runtime, store: &Store, channel: &dyn Channel) -> Result<Next, StoreError> {
    let took = take_new(rt, store, channel).await?;
    match due(store, channel.name(), rt.now())? {
        Due::Now(key, waiting) => {
            // A panic of a channel must not end its deliveries until the next start.
            let out = Outgoing::one(waiting.alert.clone());
            let sending = AssertUnwindSafe(channel.send(&out)).catch_unwind();
            let result = match rt.timeout(SEND_WAIT, sending).await {
                Some(Ok(result)) => result,
                Some(Err(_)) => Err(SendError::Retry("the channel panicked".to_owned())),
                None => Err(SendError::Retry(no_answer())),
            };
            settle(rt, store, key, *waiting, result).await?;
            Ok(Next::Now)
        }
        _ if took => Ok(Next::Now),
        Due::At(at) => Ok(Next::At(at)),
        Due::Nothing => Ok(Next::News),
    }
}

/// Copies new outbox rows this channel wants into its waiting list.
async fn take_new(rt: &Runtime, store: &Store, channel: &dyn Channel) -> Result<bool, StoreError> {
    let name = channel.name().to_owned();
    let (cursor, rows) = store.read(|tx| {
        let cursor = match tx.get(&CURSORS, &name)? {
            Some(cursor) => cursor,
            None => first_cursor(tx, rt.now())?,
        };
        let (from, to) = (outbox_key(cursor + 1), outbox_key(cursor + 1 + BATCH));
        Ok((cursor, tx.range(&OUTBOX, &from, &to)?))
    })?;
    let Some((last, _)) = rows.last() else { return Ok(false) };
    let last = last.parse().unwrap_or(cursor);
    let now = rt.now();
    let alerts: Vec<Alert> = rows
        .iter()
        .map(|(key, row)| render(key.parse().unwrap_or(cursor), row))
        .filter(|alert| channel.takes(alert))
        .collect();
    let write = move |tx: &mut WriteTx| {
        for alert in alerts {
            let key = format!("{name}/{}", outbox_key(alert.id));
            tx.put(
                &WAITING,
                &key,
                &Waiting { alert, attempts: 0, next_at: now, last_error: None },
            )?;
        }
        tx.put(&CURSORS, &name, &last)
    };
    store.write(write).await?;
    Ok(true)
}

/// Where a channel that was never there before begins: with what a retry would still be made for,
/// and not with the history of months.
fn first_cursor(tx: &impl Read, now: Timestamp) -> Result<u64, StoreError> {
    let newest = tx.last(&OUTBOX, "", NEW_CHANNEL_MOST)?;
    let recent = newest.iter().take_while(|(_, row)| now - row.at <= GIVE_UP_AFTER);
    let oldest = recent.last().or(newest.first());
    let Some((key, row)) = oldest else { return Ok(0) };
    let sequence: u64 = key.parse().unwrap_or(0);
    Ok(if now - row.at <= GIVE_UP_AFTER { sequence.saturating_sub(1) } else { sequence })
}

fn no_answer() -> String {
    format!("no answer within {} s", SEND_WAIT.num_seconds())
}

/// What waits for a channel.
enum Due {
    /// This may be tried now.
    Now(String, Box<Waiting>),
    /// Something may be tried at an instant.
    At(Timestamp),
    /// Nothing waits.
    Nothing,
}

/// The most severe, then the oldest, of what may be tried now. A row that backs off holds back
/// those behind it of its own severity: order is kept.
fn due(store: &Store, channel: &str, now: Timestamp) -> Result<Due, StoreError> {
    let mut waiting = store.read(|tx| tx.list(&WAITING, &format!("{channel}/")))?;
    waiting.sort_by_key(|(_, row)| (Reverse(row.alert.severity), row.alert.id));
    let mut held: Option<Severity> = None;
    let mut first: Option<Timestamp> = None;
    for (key, row) in waiting {
        if held == Some(row.alert.severity) {
            continue;
        }
        // Further ahead than any wait is: the clock was put back since.
        if row.next_at <= now || row.next_at > now + BACKOFF_MOST {
            return Ok(Due::Now(key, Box::new(row)));
        }
        held = Some(row.alert.severity);
        first = Some(first.map_or(row.next_at, |at| at.min(row.next_at)));
    }
    Ok(first.map_or(Due::Nothing, Due::At))
}

async fn settle(
    rt: &Runtime,
    store: &Store,
    key: String,
    mut waiting: Waiting,
    result: Result<(), SendError>,
) -> Result<(), StoreError> {
    let now = rt.now();
    waiting.attempts += 1;
    let dead = match &result {
        Ok(()) => false,
        Err(SendError::Permanent(_)) => true,
        Err(SendError::Retry(_) | SendError::RetryAfter { .. }) => {
            now - waiting.alert.at > GIVE_UP_AFTER
        }
    };
    waiting.next_at = now + pause(&result, waiting.attempts);
    waiting.last_error = result.as_ref().err().map(ToString::to_string);
    if let Some(error) = &waiting.last_error {
        tracing::warn!(%key, attempts = waiting.attempts, dead, "alert not delivered: {error}");
    }
    let write = move |tx: &mut WriteTx| match (result, dead) {
        (Ok(()), _) => tx.remove(&WAITING, &key).map(|_| ()),
        _ if planted::on(Bug::DropFailedDelivery) => tx.remove(&WAITING, &key).map(|_| ()),
        (Err(_), true) => {
            tx.remove(&WAITING, &key)?;
            tx.put(&DEAD, &key, &waiting)?;
            drop_oldest_dead(tx, &key)
        }
        (Err(_), false) => tx.put(&WAITING, &key, &waiting),
    };
    store.write(write).await
}

/// Keeps the dead letters of a channel bounded; `key` is the one just added.
fn drop_oldest_dead(tx: &mut WriteTx, key: &str) -> Result<(), StoreError> {
    let channel = key.rsplit_once('/').map_or(key, |(channel, _)| channel);
    let dead = tx.list(&DEAD, &format!("{channel}/"))?;
    let surplus = dead.len().saturating_sub(DEAD_KEPT);
    dead.iter().take(surplus).try_for_each(|(old, _)| tx.remove(&DEAD, old).map(drop))
}

/// How long until the next attempt: what the receiver asks for, else twice as long each time.
fn pause(result: &Result<(), SendError>, attempts: u32) -> TimeDelta {
    match result {
        Err(SendError::RetryAfter { after, .. }) => (*after).clamp(BACKOFF_FIRST, BACKOFF_MOST),
        _ => backoff(attempts),
    }
}

fn backoff(attempts: u32) -> TimeDelta {
    let doublings = attempts.saturating_sub(1).min(10);
    (BACKOFF_FIRST * (1 << doublings)).min(BACKOFF_MOST)
}

fn outbox_key(sequence: u64) -> String {
    format!("{sequence:020}")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::{
        clock::VirtualWorld,
        notice::{Notice, raise},
    };

    #[derive(Default)]
    struct Scripted {
        failures: Mutex<u32>,
        permanent: bool,
        seen: Mutex<Vec<(String, u64)>>,
    }

    #[async_trait]
    impl Channel for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }
        fn takes(&self, alert: &Alert) -> bool {
            alert.kind != "stopping"
        }
        async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
            let alert = &out.alerts[0];
            let mut failures = self.failures.lock().unwrap();
            if self.permanent {
                return Err(SendError::Permanent("410 gone".to_owned()));
            }
            if *failures > 0 {
                *failures -= 1;
                return Err(SendError::Retry("503".to_owned()));
            }
            self.seen.lock().unwrap().push((alert.kind.clone(), alert.id));
            Ok(())
        }
    }

    fn difference() -> Notice {
        Notice::Difference { what: "ES +1".to_owned() }
    }

    /// Raises the notices, runs the channel for ten minutes, and gives what it saw.
    fn delivered(channel: Scripted, notices: Vec<Notice>) -> (Vec<(String, u64)>, usize, usize) {
        let mut world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
        let (rt, channel) = (world.runtime(), Arc::new(channel));
        let store = Store::in_memory().unwrap();
        let (store2, channel2) = (store.clone(), Arc::clone(&channel));
        world
            .run(async move {
                let at = rt.now();
                let write = move |tx: &mut WriteTx| {
                    notices.into_iter().try_for_each(|notice| raise(tx, at, notice))
                };
                store2.write(write).await.unwrap();
                let work = run(rt.clone(), store2, channel2);
                assert!(rt.timeout(TimeDelta::minutes(10), work).await.is_none());
            })
            .unwrap();
        let waiting = store.read(|tx| tx.list(&WAITING, "")).unwrap().len();
        let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap().len();
        let seen = channel.seen.lock().unwrap().clone();
        (seen, waiting, dead)
    }

    #[test]
    fn critical_alerts_overtake_and_the_rest_keep_their_order() {
        let started = |v: &str| Notice::Started { version: v.to_owned() };
        let notices = vec![started("1"), started("2"), difference(), Notice::Stopping];
        let (seen, waiting, dead) = delivered(Scripted::default(), notices);
        let kinds: Vec<_> = seen.iter().map(|(kind, id)| (kind.as_str(), *id)).collect();
        assert_eq!(kinds, [("difference", 3), ("started", 1), ("started", 2)]);
        assert_eq!((waiting, dead), (0, 0));
    }

    #[test]
    fn a_channel_that_fails_for_a_while_loses_nothing() {
        let channel = Scripted { failures: Mutex::new(5), ..Scripted::default() };
        let (seen, waiting, _) = delivered(channel, vec![difference(), difference()]);
        assert_eq!(seen.len(), 2);
        assert_eq!(waiting, 0);
    }

    #[test]
    fn a_new_channel_is_not_told_the_history_of_months() {
        let mut world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
        let (rt, channel) = (world.runtime(), Arc::new(Scripted::default()));
        let store = Store::in_memory().unwrap();
        let (store2, channel2) = (store.clone(), Arc::clone(&channel));
        world
            .run(async move {
                let now = rt.now();
                let ages = (0..200).rev().map(TimeDelta::hours);
                let write = move |tx: &mut WriteTx| {
                    ages.into_iter().try_for_each(|age| raise(tx, now - age, difference()))
                };
                store2.write(write).await.unwrap();
                let work = run(rt.clone(), store2, channel2);
                assert!(rt.timeout(TimeDelta::minutes(1), work).await.is_none());
            })
            .unwrap();
        let ids: Vec<u64> = channel.seen.lock().unwrap().iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, (176..=200).collect::<Vec<_>>(), "the last 24 hours, in order");
    }

    /// A receiver that takes the alert, whose answer never comes: the program dies waiting for it.
    struct Hangs(Mutex<Vec<u64>>);

    #[async_trait]
    impl Channel for Hangs {
        fn name(&self) -> &'static str {
            "scripted"
        }
        async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
            let alert = &out.alerts[0];
            self.0.lock().unwrap().push(alert.id);
            std::future::pending().await
        }
    }

    /// A receiver that panics once, then hangs once, then works.
    #[derive(Default)]
    struct Shaky(Mutex<(u32, Vec<u64>)>);

    #[async_trait]
    impl Channel for Shaky {
        fn name(&self) -> &'static str {
            "scripted"
        }
        async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
            let alert = &out.alerts[0];
            let tries = {
                let mut state = self.0.lock().unwrap();
                state.0 += 1;
                state.0
            };
            match tries {
                1 => panic!("planted"),
                2 => std::future::pending().await,
                _ => {
                    self.0.lock().unwrap().1.push(alert.id);
                    Ok(())
                }
            }
        }
    }

    #[test]
    fn a_channel_that_panics_or_never_answers_is_tried_again_in_the_same_life() {
        let store = Store::in_memory().unwrap();
        let at = "2024-08-02T13:30:00Z".parse().unwrap();
        let write = move |tx: &mut WriteTx| (0..2).try_for_each(|_| raise(tx, at, difference()));
        futures::executor::block_on(store.write(write)).unwrap();
        let shaky = Arc::new(Shaky::default());
        life(&store, "2024-08-02T13:30:00Z", 5, Arc::clone(&shaky) as Arc<dyn Channel>);
        assert_eq!(shaky.0.lock().unwrap().1, [1, 2]);
        assert_eq!(store.read(|tx| tx.list(&WAITING, "")).unwrap(), []);
    }

    /// One life of the program on a store, from an instant on, ended after `minutes`.
    fn life(store: &Store, from: &str, minutes: i64, channel: Arc<dyn Channel>) {
        let mut world = VirtualWorld::new(from.parse().unwrap());
        let (rt, store) = (world.runtime(), store.clone());
        world
            .run(async move {
                let work = run(rt.clone(), store, channel);
                assert!(rt.timeout(TimeDelta::minutes(minutes), work).await.is_none());
            })
            .unwrap();
    }

    #[test]
    fn what_waits_outlives_the_program_and_what_may_have_arrived_is_sent_again() {
        let store = Store::in_memory().unwrap();
        let at = "2024-08-02T13:30:00Z".parse().unwrap();
        let write = move |tx: &mut WriteTx| (0..3).try_for_each(|_| raise(tx, at, difference()));
        futures::executor::block_on(store.write(write)).unwrap();

        let down = Scripted { failures: Mutex::new(u32::MAX), ..Scripted::default() };
        life(&store, "2024-08-02T13:30:00Z", 1, Arc::new(down));
        let waiting = store.read(|tx| tx.list(&WAITING, "")).unwrap();
        assert_eq!(waiting.len(), 3, "taken from the outbox, kept for the channel");
        assert!(waiting[0].1.attempts > 1 && waiting[0].1.last_error.as_deref() == Some("503"));

        let dies = Arc::new(Hangs(Mutex::default()));
        life(&store, "2024-08-02T13:40:00Z", 1, Arc::clone(&dies) as Arc<dyn Channel>);
        assert_eq!(*dies.0.lock().unwrap(), [1]);

        let up = Arc::new(Scripted::default());
        life(&store, "2024-08-02T13:50:00Z", 10, Arc::clone(&up) as Arc<dyn Channel>);
        let ids: Vec<u64> = up.seen.lock().unwrap().iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, [1, 2, 3], "the first one twice, under the same id");
        assert_eq!(store.read(|tx| tx.list(&WAITING, "")).unwrap(), []);
    }

    #[test]
    fn dead_letters_are_bounded() {
        let store = Store::in_memory().unwrap();
        let mut world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
        let (rt, store2) = (world.runtime(), store.clone());
        let channel = Scripted { permanent: true, ..Scripted::default() };
        let extra = u64::try_from(DEAD_KEPT).unwrap() + 5;
        world
            .run(async move {
                for _ in 0..extra {
                    let at = rt.now();
                    store2.write(move |tx| raise(tx, at, difference())).await.unwrap();
                    step(&rt, &store2, &channel).await.unwrap();
                }
            })
            .unwrap();
        let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap();
        assert_eq!(dead.len(), DEAD_KEPT);
        assert!(dead.last().unwrap().0.ends_with(&extra.to_string()), "the newest is kept");
    }

    #[test]
    fn a_permanent_refusal_becomes_a_dead_letter() {
        let channel = Scripted { permanent: true, ..Scripted::default() };
        assert_eq!(delivered(channel, vec![difference()]), (vec![], 0, 1));
    }
}
