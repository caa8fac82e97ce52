//! From the durable outbox to the channels: at least once, the most severe first, in order within a
//! severity.
//!
//! A router takes each row of the outbox once and puts it, in one transaction, before every channel
//! that is told at once; later it puts repeats and escalations there. Lines send what waits: to each
//! receiver of a channel one for what is critical and one for all else. So a receiver that is down,
//! or asks to wait, delays no other, and nothing critical waits for a report that is being sent. What
//! waits and what is open is in the store: a restart goes on where the last life was, and what may
//! have arrived is sent again.

mod ages;
mod home;
mod line;
mod mend;
mod pick;
mod router;
mod settle;
mod unwritten;
mod voice;
/// The rows: what waits, what was given up.
pub mod waiting;

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use chrono::TimeDelta;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Either, select, select_all},
};

use self::{line::Line, router::Router};
pub use self::{
    voice::{Voice, delivers},
    waiting::{CURSORS, DEAD, WAITING, Waiting},
};
use super::{Channel, lifeline::Health, route::Rules};
use crate::{
    clock::{Runtime, Timestamp},
    store::{Store, StoreError},
    vital::Turns,
};

/// While something waits for an instant it is looked at at least this often: the wall clock may have
/// been put right meanwhile.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// A part that panicked is started again after so long.
const AGAIN: TimeDelta = TimeDelta::seconds(5);
/// A step that failed is tried again after so long, doubled each time …
const TROUBLED_FIRST: TimeDelta = TimeDelta::seconds(1);
/// … to this: shorter than the silence that counts as hanging.
const TROUBLED_MOST: TimeDelta = TimeDelta::seconds(30);
/// Who waits for a receiver shows so often that it lives.
const BREATH: TimeDelta = TimeDelta::seconds(10);

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

/// Something that goes on step by step.
trait Part: Send {
    /// The tables whose changes are news to it.
    fn news(&self) -> &'static [&'static str];
    /// Makes one step.
    fn step(&mut self) -> impl Future<Output = Result<Next, StoreError>> + Send;
}

/// What every part runs in.
#[derive(Clone)]
struct Around {
    rt: Runtime,
    store: Store,
    health: Arc<Health>,
    turns: Arc<Turns>,
    name: String,
}

impl Around {
    /// Goes on for ever. A step that fails is told of and tried again, ever slower; only a store that
    /// failed for good ends it.
    async fn go_on(self, mut part: impl Part) -> StoreError {
        let mut failures = 0_u32;
        // What troubled it before it panicked is past.
        self.health.mended(&self.name);
        loop {
            let seen = self.store.changes(part.news());
            match part.step().await {
                Ok(next) => {
                    if std::mem::take(&mut failures) > 0 {
                        tracing::info!(part = self.name, "alerts go on");
                        self.health.mended(&self.name);
                    }
                    self.pass(next, self.store.changed(part.news(), seen)).await;
                }
                Err(error) if self.is_over(&error) => return error,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures.is_power_of_two() {
                        tracing::error!(part = self.name, failures, %error, "alerts do not go on");
                    }
                    self.health.troubled(&self.name, failures, &error.to_string());
                    let doublings = failures.saturating_sub(1).min(5);
                    let wait = (TROUBLED_FIRST * (1 << doublings)).min(TROUBLED_MOST);
                    self.rt.sleep(wait).await;
                }
            }
        }
    }

    /// Whether nothing will ever be written any more: the process is about to stop.
    fn is_over(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::Closed | StoreError::Failed(_))
            || self.store.failure().is_some()
    }

    /// Waits until there is something to do.
    async fn pass(&self, next: Next, news: impl Future<Output = ()>) {
        self.turns.turned();
        match next {
            Next::Now => {}
            Next::At(at) => {
                let wait = (at - self.rt.now()).clamp(TimeDelta::zero(), LOOK_EVERY);
                let _ = self.rt.timeout(wait, news).await;
            }
            Next::News => self.turns.rest(news).await,
        }
    }
}

/// Waits for a receiver, for so long at most. Its task is woken meanwhile: one whose receiver does not
/// answer lives, one that blocks its thread does not.
async fn within<T>(rt: &Runtime, limit: TimeDelta, work: impl Future<Output = T>) -> Option<T> {
    let work = async {
        let mut work = pin!(work);
        loop {
            match select(work.as_mut(), rt.sleep(BREATH)).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => {}
            }
        }
    };
    rt.timeout(limit, work).await
}

/// Every part of the voice, by name: a router, and the lines. Each goes on for ever; only a store that
/// failed for good ends it.
pub fn parts(
    rt: &Runtime,
    store: &Store,
    voice: &Arc<Voice>,
) -> Vec<(String, BoxFuture<'static, StoreError>)> {
    (0..voice.loops().len())
        .map(|place| (voice.loops()[place].0.clone(), part(rt, store, voice, place)))
        .collect()
}

/// One part of the voice, by its place among [`Voice::loops`].
fn part(
    rt: &Runtime,
    store: &Store,
    voice: &Arc<Voice>,
    place: usize,
) -> BoxFuture<'static, StoreError> {
    let (name, turns) = voice.loops()[place].clone();
    let (health, of) = (Arc::clone(&voice.health), Arc::clone(&turns));
    let around = Around { rt: rt.clone(), store: store.clone(), health, turns: of, name };
    let (rt, store) = (rt.clone(), store.clone());
    match place.checked_sub(1).and_then(|line| voice.lines().into_iter().nth(line)) {
        None => turns.of(around.go_on(Router::new(rt, store, Arc::clone(voice)))).boxed(),
        Some(to) => {
            let line = Line::new(rt, store, Arc::clone(&voice.rules), to);
            turns.of(around.go_on(line)).boxed()
        }
    }
}

/// Starts every part of the voice, each as a task of its own: a panic of one ends no other.
pub fn start(rt: &Runtime, store: &Store, voice: &Arc<Voice>) {
    for place in 0..voice.loops().len() {
        let (rt2, store, voice) = (rt.clone(), store.clone(), Arc::clone(voice));
        rt.spawn(async move {
            let (name, turns) = voice.loops()[place].clone();
            loop {
                let part = part(&rt2, &store, &voice, place);
                if let Ok(error) = AssertUnwindSafe(part).catch_unwind().await {
                    tracing::error!(part = name, %error, "alerts are not delivered any more");
                    return;
                }
                turns.fell();
                tracing::error!(part = name, "it panicked and is started again");
                rt2.sleep(AGAIN).await;
            }
        });
    }
}

/// Delivers to one channel for ever, by the default rules; only a store that failed for good ends it.
pub async fn run(rt: Runtime, store: Store, channel: Arc<dyn Channel>) -> StoreError {
    let voice = Voice::new(Rules::default(), vec![channel]);
    let parts = parts(&rt, &store, &voice).into_iter().map(|(_, part)| part);
    select_all(parts).await.0
}

#[cfg(test)]
mod tests;
