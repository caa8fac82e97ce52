//! A channel that writes down what it took and when, for the tests of who is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;

use super::stepped::Stepped;
use crate::{
    alert::{
        Channel, Outgoing, SendError,
        dispatch::{Voice, start},
        route::Rules,
    },
    clock::{Runtime, Timestamp, VirtualWorld},
    notice::{Notice, raise},
    store::{Store, WriteTx},
};

pub const NOON: &str = "2024-08-02T12:00:00Z";

/// Seconds since noon, the numbers, the repeat, and whether it was without a sound.
pub type Entry = (i64, Vec<u64>, u32, bool);

pub struct Phone {
    pub name: &'static str,
    pub hushes: bool,
    pub digests: bool,
    /// Seconds since noon from and until which it is down.
    pub down: Vec<(i64, i64)>,
    /// What it says while it is down.
    pub says: SendError,
    /// So many seconds after it was asked.
    pub says_after: i64,
    /// Whatever this alert is in, it refuses for good.
    pub refuses: Option<u64>,
    /// When it was tried, seconds since noon.
    pub tried: Mutex<Vec<i64>>,
    pub took: Mutex<Vec<Entry>>,
    pub rt: Mutex<Option<Runtime>>,
}

impl Phone {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            hushes: false,
            digests: false,
            down: Vec::new(),
            says: SendError::Retry("503".to_owned()),
            says_after: 0,
            refuses: None,
            tried: Mutex::default(),
            took: Mutex::default(),
            rt: Mutex::default(),
        }
    }

    pub fn took(&self) -> Vec<Entry> {
        self.took.lock().unwrap().clone()
    }

    /// When it took something, seconds since noon.
    pub fn times(&self) -> Vec<i64> {
        self.took().into_iter().map(|(at, ..)| at).collect()
    }
}

pub fn seconds(now: Timestamp) -> i64 {
    (now - NOON.parse::<Timestamp>().unwrap()).num_seconds()
}

#[async_trait]
impl Channel for Phone {
    fn name(&self) -> &str {
        self.name
    }
    fn hushes(&self) -> bool {
        self.hushes
    }
    fn digests(&self) -> bool {
        self.digests
    }
    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        let rt = self.rt.lock().unwrap().clone().unwrap();
        let now = seconds(rt.now());
        self.tried.lock().unwrap().push(now);
        if self.down.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            if self.says_after > 0 {
                rt.sleep(TimeDelta::seconds(self.says_after)).await;
            }
            return Err(self.says.clone());
        }
        let ids: Vec<u64> = out.alerts.iter().map(|alert| alert.id).collect();
        if self.refuses.is_some_and(|refused| ids.contains(&refused)) {
            return Err(SendError::Permanent("it may not say that".to_owned()));
        }
        self.took.lock().unwrap().push((now, ids, out.repeat, out.silent));
        Ok(())
    }
}

/// What happens to the owner's alerts, at seconds since noon.
pub enum Act {
    Raise(Notice),
    Ack(Option<u64>),
    Mute(Option<&'static str>, u32),
    /// The clock is put right by so many seconds.
    Step(i64),
}

/// Plays acts from `from` seconds since noon on, in one life that ends at `until`.
pub fn play(
    store: &Store,
    rules: &Rules,
    phones: &[&Arc<Phone>],
    (from, until): (i64, i64),
    acts: Vec<(i64, Act)>,
) {
    let noon: Timestamp = NOON.parse().unwrap();
    let at = |seconds| noon + TimeDelta::seconds(seconds);
    let mut world = VirtualWorld::new(at(from));
    let (rt, store) = (world.runtime(), store.clone());
    let clock = Stepped::over(rt.clone());
    let of = |phone: &&Arc<Phone>| {
        *phone.rt.lock().unwrap() = Some(rt.clone());
        Arc::clone(*phone) as Arc<dyn Channel>
    };
    let voice = Voice::new(rules.clone(), phones.iter().map(of).collect());
    let end = at(until);
    world
        .run(async move {
            let wall = clock.runtime();
            start(&wall, &store, &voice);
            for (second, act) in acts {
                rt.sleep_until(noon + TimeDelta::seconds(second)).await;
                if let Act::Step(seconds) = act {
                    clock.step(TimeDelta::seconds(seconds));
                }
                let now = wall.now();
                let done = store.write(move |tx: &mut WriteTx| match act {
                    Act::Step(_) => Ok(()),
                    Act::Raise(notice) => raise(tx, now, notice),
                    Act::Ack(id) => {
                        crate::alert::open::acknowledge(tx, id, "operator", now).map(drop)
                    }
                    Act::Mute(kind, minutes) => {
                        crate::alert::mute::set(tx, kind, minutes, "operator", now).map(drop)
                    }
                });
                done.await.unwrap();
            }
            rt.sleep_until(end).await;
        })
        .unwrap();
}

pub fn warning(text: &str) -> Notice {
    Notice::Limit { limit: text.to_owned(), value: 1.into(), bound: 1.into() }
}

pub fn critical(text: &str) -> Notice {
    Notice::Difference { what: format!("{text}: off by one") }
}

pub fn info(text: &str) -> Notice {
    Notice::Phase { text: text.to_owned() }
}
