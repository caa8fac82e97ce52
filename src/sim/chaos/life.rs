//! One life of a process: its tasks die together at one point, can be stopped for a while as a
//! machine asleep stops them, and tell the time by a wall clock that can be put wrong.
//!
//! Architecture Invariant: after its end no task of a life is polled again, whatever is ready.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use chrono::TimeDelta;
use futures::{FutureExt as _, future::BoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::{Clock, Runtime, Spawn, Timestamp};

/// Why a life ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", content = "cause", rename_all = "snake_case")]
pub enum End {
    /// Killed (`kill -9`).
    Killed,
    /// The power failed.
    PowerFailed,
    /// It was asked to stop.
    Stopped,
    /// Its store failed: it stopped by itself.
    StoreFailed(String),
    /// It could not start.
    NotStarted(String),
    /// It stopped without being asked to: a defect, unless a store failed too.
    Gave(String),
    /// The run was over.
    Over,
}

/// A process, from its start to its end.
pub struct Life {
    number: u32,
    world: Runtime,
    from: Timestamp,
    state: Mutex<State>,
    ended: watch::Sender<Option<End>>,
}

#[derive(Default)]
struct State {
    ended: Option<(Timestamp, End)>,
    /// How far its wall clock is ahead of the truth.
    offset: TimeDelta,
    asleep_since: Option<Timestamp>,
    /// All the time it was asleep, which its sleeps do not count.
    asleep: TimeDelta,
    next_task: u64,
    /// The waker of each task that was polled and has not ended.
    tasks: BTreeMap<u64, Waker>,
}

impl Life {
    /// A life that begins now.
    pub fn new(number: u32, world: Runtime) -> Arc<Self> {
        let from = world.now();
        let (state, ended) = (Mutex::default(), watch::Sender::new(None));
        Arc::new(Self { number, world, from, state, ended })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The true instant it began.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// The clock and spawner of its tasks.
    pub fn runtime(self: &Arc<Self>) -> Runtime {
        let clock = Arc::new(LifeClock(Arc::clone(self)));
        Runtime::new(Arc::clone(&clock) as Arc<dyn Clock>, clock)
    }

    /// True time, for what is not of this process.
    pub fn world(&self) -> &Runtime {
        &self.world
    }

    /// It has ended: nothing of it may reach anything.
    pub fn is_over(&self) -> bool {
        self.state().ended.is_some()
    }

    /// When and why it ended.
    pub fn end(&self) -> Option<(Timestamp, End)> {
        self.state().ended.clone()
    }

    /// Ends it here and now, unless it has ended.
    pub fn finish(&self, end: End) {
        let wakers = {
            let mut state = self.state();
            if state.ended.is_some() {
                return;
            }
            state.ended = Some((self.world.now(), end.clone()));
            std::mem::take(&mut state.tasks)
        };
        wakers.into_values().for_each(Waker::wake);
        self.ended.send_replace(Some(end));
    }

    /// Resolves when it has ended. For tasks of the world.
    pub async fn ended(&self) -> End {
        let mut ended = self.ended.subscribe();
        match ended.wait_for(Option::is_some).await.map(|end| end.clone()) {
            Ok(Some(end)) => end,
            _ => std::future::pending().await, // the sender lives in `self`
        }
    }

    /// Puts its wall clock further ahead, or back.
    pub fn step(&self, by: TimeDelta) {
        self.state().offset += by;
    }

    /// Stops its tasks: the machine sleeps.
    pub fn suspend(&self) {
        let now = self.world.now();
        self.state().asleep_since.get_or_insert(now);
    }

    /// The machine wakes.
    pub fn resume(&self) {
        let now = self.world.now();
        let wakers: Vec<Waker> = {
            let mut state = self.state();
            let Some(since) = state.asleep_since.take() else { return };
            state.asleep += now - since;
            state.tasks.values().cloned().collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The machine sleeps now.
    pub fn is_asleep(&self) -> bool {
        self.state().asleep_since.is_some()
    }

    /// The time its machine was awake, from the beginning of the world's own.
    fn monotonic(&self) -> Timestamp {
        let state = self.state();
        state.asleep_since.unwrap_or_else(|| self.world.now()) - state.asleep
    }
}

/// The clock and the spawner of a life.
struct LifeClock(Arc<Life>);

impl Clock for LifeClock {
    fn now(&self) -> Timestamp {
        self.0.world.now() + self.0.state().offset
    }

    /// As a live timer: a span is slept on the monotonic clock, whatever the wall clock does.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let life = Arc::clone(&self.0);
        let until = life.monotonic() + (at - self.now());
        async move {
            loop {
                let left = until - life.monotonic();
                if left <= TimeDelta::zero() {
                    return;
                }
                life.world.sleep(left).await;
            }
        }
        .boxed()
    }
}

impl Spawn for LifeClock {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let life = Arc::clone(&self.0);
        let id = {
            let mut state = life.state();
            state.next_task += 1;
            state.next_task
        };
        self.0.world.spawn(Task { life, id, work: Some(task) });
    }
}

/// A task of a life.
struct Task {
    life: Arc<Life>,
    id: u64,
    work: Option<BoxFuture<'static, ()>>,
}

/// What is to be done with a task that was woken.
enum Turn {
    Poll,
    Wait,
    Drop,
}

impl Task {
    fn turn(&self, cx: &Context<'_>) -> Turn {
        let mut state = self.life.state();
        if state.ended.is_some() {
            return Turn::Drop;
        }
        let waker = state.tasks.entry(self.id).or_insert_with(|| cx.waker().clone());
        if !waker.will_wake(cx.waker()) {
            waker.clone_from(cx.waker());
        }
        if state.asleep_since.is_some() { Turn::Wait } else { Turn::Poll }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.turn(cx) {
            Turn::Wait => return Poll::Pending,
            Turn::Drop => drop(self.work.take()),
            Turn::Poll => {}
        }
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            drop(self.work.take());
        }
        polled
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let waker = self.life.state().tasks.remove(&self.id);
        drop(waker); // after the lock
    }
}
