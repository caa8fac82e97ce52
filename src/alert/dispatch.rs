//! From the durable outbox to the channels: at least once, the most severe first, in order within a
//! severity.
//!
//! A router takes each row of the outbox once and puts it, in one transaction, before every channel
//! that is told at once; later it puts repeats and escalations there. A line to each channel sends
//! what waits for it, on its own, so one that is down delays nobody. What waits and what is open is
//! in the store: a restart goes on where the last life was, and what may have arrived is sent again.

mod line;
mod pick;
mod router;
/// The rows: what waits, what was given up.
pub mod waiting;

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::{
    FutureExt as _,
    future::{BoxFuture, select_all},
};

use self::line::Line;
pub use self::waiting::{CURSORS, DEAD, WAITING, Waiting};
use super::{Alert, Channel, route::Rules};
use crate::{
    clock::{Runtime, Timestamp},
    config::voice::{LOG, Mode},
    store::{Store, StoreError},
};

/// While something waits for an instant it is looked at at least this often: the wall clock may have
/// been put right meanwhile.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// A part that panicked is started again after so long.
const AGAIN: TimeDelta = TimeDelta::seconds(5);

/// The channels with the rules they are told by.
#[derive(Clone)]
pub struct Voice {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Every channel, in the order warnings escalate by; the log is no part of that order.
    pub channels: Vec<Arc<dyn Channel>>,
}

impl Voice {
    /// The voice of settings, over channels in their order.
    pub fn new(rules: Rules, channels: Vec<Arc<dyn Channel>>) -> Arc<Self> {
        Arc::new(Self { rules: Arc::new(rules), channels })
    }

    fn names(&self) -> Vec<String> {
        self.channels.iter().map(|channel| channel.name().to_owned()).collect()
    }

    /// The names of channels, of which `wanted` says which.
    fn wanting(&self, wanted: &[bool]) -> Vec<&str> {
        let both = self.channels.iter().zip(wanted);
        both.filter(|(_, wanted)| **wanted).map(|(channel, _)| channel.name()).collect()
    }

    /// Who takes an alert, in the order of escalation, the log left out.
    fn chain(&self, alert: &Alert) -> Vec<String> {
        let takes = |channel: &&Arc<dyn Channel>| {
            channel.name() != LOG
                && channel.takes(alert)
                && self.rules.mode(channel.name(), alert) != Mode::Off
        };
        self.channels.iter().filter(takes).map(|channel| channel.name().to_owned()).collect()
    }
}

/// What there is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// More, now.
    Now,
    /// Something at an instant.
    At(Timestamp),
    /// Nothing until there is news.
    News,
}

/// Waits until there is something to do.
async fn pass(rt: &Runtime, next: Next, news: impl Future<Output = ()>) {
    match next {
        Next::Now => {}
        Next::At(at) => {
            let wait = (at - rt.now()).clamp(TimeDelta::zero(), LOOK_EVERY);
            let _ = rt.timeout(wait, news).await;
        }
        Next::News => news.await,
    }
}

/// Every part of the voice, by name: a router, and a line to each channel. Each goes on for ever;
/// only a failing store ends it.
pub fn parts(
    rt: &Runtime,
    store: &Store,
    voice: &Arc<Voice>,
) -> Vec<(String, BoxFuture<'static, StoreError>)> {
    let router = router::run(rt.clone(), store.clone(), Arc::clone(voice)).boxed();
    let mut parts = vec![("router".to_owned(), router)];
    for channel in &voice.channels {
        let rules = Arc::clone(&voice.rules);
        let line = Line::new(rt.clone(), store.clone(), rules, Arc::clone(channel));
        parts.push((channel.name().to_owned(), line.run().boxed()));
    }
    parts
}

/// Starts every part of the voice, each as a task of its own: a panic of one ends no other.
pub fn start(rt: &Runtime, store: &Store, voice: &Arc<Voice>) {
    for place in 0..parts(rt, store, voice).len() {
        let (rt2, store, voice) = (rt.clone(), store.clone(), Arc::clone(voice));
        rt.spawn(async move {
            loop {
                let (name, part) = parts(&rt2, &store, &voice).swap_remove(place);
                if let Ok(error) = AssertUnwindSafe(part).catch_unwind().await {
                    tracing::error!(part = name, %error, "alerts are not delivered any more");
                    return;
                }
                tracing::error!(part = name, "it panicked and is started again");
                rt2.sleep(AGAIN).await;
            }
        });
    }
}

/// Delivers to one channel for ever, by the default rules; only a failing store ends it.
pub async fn run(rt: Runtime, store: Store, channel: Arc<dyn Channel>) -> StoreError {
    let voice = Voice::new(Rules::default(), vec![channel]);
    let parts = parts(&rt, &store, &voice).into_iter().map(|(_, part)| part);
    select_all(parts).await.0
}

#[cfg(test)]
mod tests;
