//! Time. The one file that reads the system clock; everything else is handed a `Runtime`.
//!
//! Live, the runtime is tokio and the wall clock. In a replay it is a discrete-event world on one
//! thread: all tasks run until none can go on, then time jumps to the earliest timer. The demo is
//! the same world with a pace: the thread waits on the wall before each jump. The same seed gives
//! the same order of steps, so the same bytes.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{
    FutureExt,
    executor::{LocalPool, LocalSpawner},
    future::{BoxFuture, Either, select},
    task::LocalSpawnExt,
};

/// An instant in UTC, to the nanosecond.
pub type Timestamp = DateTime<Utc>;

/// What tells the time and wakes a task at an instant.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
    /// Resolves at `at`, or at once when `at` has passed.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;
    /// The same as near to `at` as the clock can, at the cost of some work: for the start of a job.
    fn sleep_exactly(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.sleep_until(at)
    }
    /// The time that has passed since an instant of the clock's own, which no correction of `now`
    /// moves: only differences of it mean something. While the machine is suspended it may stand.
    fn steady(&self) -> TimeDelta {
        self.now() - Timestamp::UNIX_EPOCH
    }
}

/// Starts a task that goes on by itself.
pub trait Spawn: Send + Sync {
    /// Starts `task`. A panic inside it ends that task only.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Does work that may take long: off the threads that carry the tasks, where there are others.
    fn work(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// The clock and the spawner of one world: live, replay or demo. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawn>,
}

impl Runtime {
    /// A runtime of the given parts.
    pub fn new(clock: Arc<dyn Clock>, spawner: Arc<dyn Spawn>) -> Self {
        Self { clock, spawner }
    }

    /// The live runtime: the wall clock, and tasks on the tokio runtime this is called from.
    pub fn live() -> Self {
        Self::new(Arc::new(WallClock), Arc::new(TokioSpawn(tokio::runtime::Handle::current())))
    }

    /// The clock alone.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time that has passed, whatever was done to the clock: see [`Clock::steady`].
    pub fn steady(&self) -> TimeDelta {
        self.clock.steady()
    }

    /// Resolves at `at`, or at once when `at` has passed.
    pub fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(at)
    }

    /// Resolves as near to `at` as the clock can: for the start of a job.
    pub fn sleep_exactly(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.clock.sleep_exactly(at)
    }

    /// Resolves after `wait`.
    pub fn sleep(&self, wait: TimeDelta) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(self.now() + wait)
    }

    /// Starts `task`; a panic inside it ends that task only.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(task.boxed());
    }

    /// Does work that may take long (a walk through the journal, a backup) off the threads that
    /// carry the desk; in virtual time, at once. `None` when it panicked.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = futures::channel::oneshot::channel();
        let work = std::panic::AssertUnwindSafe(work);
        self.spawner.work(Box::new(move || {
            if let Ok(done) = std::panic::catch_unwind(work) {
                let _ = tell.send(done);
            }
        }));
        told.await.ok()
    }

    /// `Some` with the result of `work`, or `None` when `limit` passes first and `work` is dropped.
    pub async fn timeout<T>(&self, limit: TimeDelta, work: impl Future<Output = T>) -> Option<T> {
        let work = std::pin::pin!(work);
        match select(work, self.sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }
}

/// The system clock.
#[derive(Debug, Clone, Copy)]
pub struct WallClock;

impl Clock for WallClock {
    #[allow(clippy::disallowed_methods)] // the one place
    fn now(&self) -> Timestamp {
        Utc::now()
    }

    #[allow(clippy::disallowed_methods)] // the one place
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let wait = (at - self.now()).to_std().unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).boxed()
    }

    #[allow(clippy::disallowed_methods)] // the one place
    fn steady(&self) -> TimeDelta {
        static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let passed = BEGAN.get_or_init(std::time::Instant::now).elapsed();
        TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)
    }

    fn sleep_exactly(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        async move {
            // tokio's timer rounds up to whole milliseconds and may fire one late: what it would
            // overshoot is spent yielding, for a bounded time, since the wall may be stepped.
            WallClock.sleep_until(at - TimeDelta::microseconds(1_500)).await;
            let last_stretch = Stopwatch::start();
            while WallClock.now() < at && last_stretch.elapsed() < Duration::from_millis(2) {
                tokio::task::yield_now().await;
            }
        }
        .boxed()
    }
}

/// A monotonic stopwatch on the wall, for measurements shown to people; never for decisions.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts counting.
    #[allow(clippy::disallowed_methods)] // the one place
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

struct TokioSpawn(tokio::runtime::Handle);

impl Spawn for TokioSpawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.0.spawn(task));
    }

    fn work(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(work));
    }
}

/// How long the wall waits while virtual time passes; `None` as a pace means not at all.
pub type Pace = Box<dyn FnMut(Timestamp, Timestamp) -> Duration>;

/// Looks at a world when an instant of it is over; false ends the run.
pub type Look = Box<dyn FnMut(Timestamp) -> bool>;

/// The discrete-event world: virtual time on one thread.
pub struct VirtualWorld {
    pool: LocalPool,
    shared: Arc<Mutex<VirtualState>>,
    pace: Option<Pace>,
    look: Option<Look>,
}

struct VirtualState {
    now: Timestamp,
    sequence: u64,
    /// By instant, then in the order they were set.
    timers: BTreeMap<(Timestamp, u64), Waker>,
    spawned: Vec<BoxFuture<'static, ()>>,
}

fn locked(shared: &Mutex<VirtualState>) -> MutexGuard<'_, VirtualState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VirtualWorld {
    /// A world whose time starts at `start`, stepped as fast as the machine goes.
    pub fn new(start: Timestamp) -> Self {
        let state =
            VirtualState { now: start, sequence: 0, timers: BTreeMap::new(), spawned: Vec::new() };
        Self { pool: LocalPool::new(), shared: Arc::new(Mutex::new(state)), pace: None, look: None }
    }

    /// The same world, waiting on the wall as `pace` says before each jump of time.
    #[must_use]
    pub fn paced(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// The same world, with `look` called before each jump of time, when every task waits.
    #[must_use]
    pub fn watched(mut self, look: Look) -> Self {
        self.look = Some(look);
        self
    }

    /// The handle tasks use.
    pub fn runtime(&self) -> Runtime {
        let clock = Arc::new(VirtualClock(Arc::clone(&self.shared)));
        Runtime::new(Arc::clone(&clock) as Arc<dyn Clock>, clock)
    }

    /// Runs until `main` resolves; other tasks are kept for a later call.
    ///
    /// Returns `None` when every task waits for something other than time (a deadlock), or the look
    /// of a watched world ends it.
    pub fn run<T: 'static>(&mut self, main: impl Future<Output = T> + 'static) -> Option<T> {
        let result = std::rc::Rc::new(std::cell::RefCell::new(None));
        let slot = std::rc::Rc::clone(&result);
        let spawner = self.pool.spawner();
        spawner
            .spawn_local(async move {
                let value = main.await;
                *slot.borrow_mut() = Some(value);
            })
            .expect("the pool lives as long as the world");
        loop {
            self.settle(&spawner);
            if let Some(value) = result.borrow_mut().take() {
                return Some(value);
            }
            let now = locked(&self.shared).now;
            if !self.look.as_mut().is_none_or(|look| look(now)) || !self.jump() {
                return None;
            }
        }
    }

    /// Runs every task until none can make progress at the present instant.
    fn settle(&mut self, spawner: &LocalSpawner) {
        loop {
            self.pool.run_until_stalled();
            let spawned = std::mem::take(&mut locked(&self.shared).spawned);
            if spawned.is_empty() {
                return;
            }
            for task in spawned {
                let guarded = std::panic::AssertUnwindSafe(task).catch_unwind().map(|_| ());
                spawner.spawn_local(guarded).expect("the pool lives as long as the world");
            }
        }
    }

    /// Moves time to the earliest timer and wakes it; false when there is none.
    fn jump(&mut self) -> bool {
        let (from, next) = {
            let state = locked(&self.shared);
            let Some(((at, _), _)) = state.timers.first_key_value() else { return false };
            (state.now, *at)
        };
        if let Some(pace) = &mut self.pace {
            std::thread::sleep(pace(from, next));
        }
        let mut due = Vec::new();
        {
            let mut state = locked(&self.shared);
            state.now = state.now.max(next);
            while let Some(timer) = state.timers.first_entry().filter(|t| t.key().0 <= next) {
                due.push(timer.remove());
            }
        }
        due.into_iter().for_each(Waker::wake);
        true
    }
}

/// The clock and spawner of a [`VirtualWorld`].
struct VirtualClock(Arc<Mutex<VirtualState>>);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        locked(&self.0).now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        VirtualSleep { shared: Arc::clone(&self.0), at, timer: None }.boxed()
    }
}

impl Spawn for VirtualClock {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        locked(&self.0).spawned.push(task);
    }
}

struct VirtualSleep {
    shared: Arc<Mutex<VirtualState>>,
    at: Timestamp,
    /// The number of its timer, once it has one.
    timer: Option<u64>,
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let mut state = locked(&shared);
        if state.now >= self.at {
            return Poll::Ready(());
        }
        // Set once: a sleep stays in the task that polled it first.
        if self.timer.is_none() {
            state.sequence += 1;
            let number = state.sequence;
            state.timers.insert((self.at, number), cx.waker().clone());
            self.timer = Some(number);
        }
        Poll::Pending
    }
}

/// Time never jumps to the timer of a sleep that nobody waits for any more.
impl Drop for VirtualSleep {
    fn drop(&mut self) {
        if let Some(number) = self.timer {
            let waker = locked(&self.shared).timers.remove(&(self.at, number));
            drop(waker); // after the lock
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2024-08-02T13:30:00Z".parse().unwrap()
    }

    #[test]
    fn time_jumps_to_the_earliest_timer_and_equal_timers_keep_their_order() {
        let mut world = VirtualWorld::new(start());
        let rt = world.runtime();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for (name, seconds) in [("c", 20), ("a", 10), ("b", 10)] {
            let (rt2, seen) = (rt.clone(), Arc::clone(&seen));
            rt.spawn(async move {
                rt2.sleep(TimeDelta::seconds(seconds)).await;
                seen.lock().unwrap().push((name, rt2.now()));
            });
        }
        let rt2 = rt.clone();
        world.run(async move { rt2.sleep(TimeDelta::seconds(30)).await }).unwrap();
        let at = |s| start() + TimeDelta::seconds(s);
        assert_eq!(*seen.lock().unwrap(), vec![("a", at(10)), ("b", at(10)), ("c", at(20))]);
    }

    #[test]
    fn a_timeout_gives_none_exactly_at_its_limit() {
        let mut world = VirtualWorld::new(start());
        let rt = world.runtime();
        let (out, at) = world
            .run(async move {
                let out = rt.timeout(TimeDelta::seconds(5), futures::future::pending::<()>()).await;
                (out, rt.now())
            })
            .unwrap();
        assert_eq!((out, at), (None, start() + TimeDelta::seconds(5)));
    }

    #[test]
    fn a_timer_nobody_waits_for_any_more_is_no_instant_of_the_world() {
        let mut world = VirtualWorld::new(start());
        let rt = world.runtime();
        let waits = TimeDelta::hours(1);
        let main =
            async move { rt.timeout(waits, async { rt.sleep(TimeDelta::seconds(1)).await }).await };
        assert_eq!(world.run(main), Some(Some(())));
        assert_eq!(world.run(futures::future::pending::<()>()), None);
        assert_eq!(world.runtime().now(), start() + TimeDelta::seconds(1));
    }

    #[test]
    fn a_watched_world_is_looked_at_after_each_instant_and_ends_when_told() {
        let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let log = std::rc::Rc::clone(&seen);
        let mut world = VirtualWorld::new(start()).watched(Box::new(move |now| {
            log.borrow_mut().push((now - start()).num_seconds());
            log.borrow().len() < 3
        }));
        let rt = world.runtime();
        let main = async move {
            loop {
                rt.sleep(TimeDelta::seconds(5)).await;
            }
        };
        assert_eq!(world.run::<()>(main), None);
        assert_eq!(*seen.borrow(), [0, 5, 10]);
    }

    #[test]
    fn a_panicking_task_harms_no_other() {
        let mut world = VirtualWorld::new(start());
        let rt = world.runtime();
        rt.spawn(async { panic!("planted") });
        let rt2 = rt.clone();
        assert_eq!(world.run(async move { rt2.sleep(TimeDelta::seconds(1)).await }), Some(()));
    }

    #[test]
    fn a_world_in_which_nothing_waits_for_time_is_a_deadlock() {
        let mut world = VirtualWorld::new(start());
        assert_eq!(world.run(futures::future::pending::<()>()), None);
    }
}
