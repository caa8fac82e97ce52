mod broken;
mod chance;
mod clocks;
mod escalation;
mod lines;
mod receivers;
pub mod stepped;
mod told;
mod trouble;

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::{
    alert::{Alert, Outgoing, SendError},
    clock::VirtualWorld,
    notice::{Notice, raise},
    store::{Read, WriteTx},
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
        if out.repeat > 0 {
            return Ok(()); // these tests are of the first telling
        }
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
            _ if out.repeat > 0 => Ok(()),
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
    let channel: Arc<dyn Channel> = Arc::new(Scripted { permanent: true, ..Scripted::default() });
    let voice = Voice::new(Rules::default(), vec![channel]);
    let to = voice.lines().remove(0);
    let mut line = Line::new(rt.clone(), store2.clone(), Arc::clone(&voice.rules), to);
    let mut router = Router::new(rt.clone(), store2.clone(), voice);
    let extra = u64::try_from(super::waiting::DEAD_KEPT).unwrap() + 5;
    world
        .run(async move {
            for _ in 0..extra {
                let at = rt.now();
                store2.write(move |tx| raise(tx, at, difference())).await.unwrap();
                router.step().await.unwrap();
                line.step().await.unwrap();
            }
        })
        .unwrap();
    let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap();
    assert_eq!(dead.len(), super::waiting::DEAD_KEPT);
    let newest = extra + 1; // the second one tells of the first
    assert!(dead.last().unwrap().0.ends_with(&newest.to_string()), "the newest is kept");
}

#[test]
fn a_permanent_refusal_becomes_a_dead_letter() {
    let channel = Scripted { permanent: true, ..Scripted::default() };
    let told_of_in_vain = 1;
    assert_eq!(delivered(channel, vec![difference()]), (vec![], 0, 1 + told_of_in_vain));
}
