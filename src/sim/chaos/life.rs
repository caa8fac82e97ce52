//! A machine, and the lives of a process on it. The tasks of a life die together at one point, wait
//! while the machine sleeps, and tell the time by its wall clock, which can be put wrong.
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

use crate::{
    clock::{Clock, Runtime, Spawn, Timestamp},
    signal as watch,
};

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

impl End {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::PowerFailed => "power_failed",
            Self::Stopped => "stopped",
            Self::StoreFailed(_) => "store_failed",
            Self::NotStarted(_) => "not_started",
            Self::Gave(_) => "gave",
            Self::Over => "over",
        }
    }
}

/// The machine the lives run on: whether it sleeps, and what its wall clock says.
pub struct Machine {
    world: Runtime,
    state: Mutex<Sleep>,
    /// Counts the steps of its clock; a sleep is one too.
    stepped: watch::Sender<u64>,
}

#[derive(Default)]
struct Sleep {
    /// How far its wall clock is ahead of the truth.
    offset: TimeDelta,
    /// Suspends that hold at the moment, and since when.
    holds: u32,
    since: Option<Timestamp>,
    /// All the time it was asleep, which the timers of its processes do not count.
    asleep: TimeDelta,
    /// Tasks to be polled when it wakes.
    waiting: Vec<Waker>,
}

impl Machine {
    /// A machine awake, its clock right.
    pub fn new(world: Runtime) -> Arc<Self> {
        Arc::new(Self { world, state: Mutex::default(), stepped: watch::Sender::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, Sleep> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts its wall clock further ahead, or back.
    pub fn step(&self, by: TimeDelta) {
        self.state().offset += by;
        self.stepped.send_modify(|count| *count += 1);
    }

    /// It sleeps from here on.
    pub fn suspend(&self) {
        let now = self.world.now();
        let mut state = self.state();
        state.holds += 1;
        state.since.get_or_insert(now);
    }

    /// It wakes, once for each suspend.
    pub fn resume(&self) {
        let now = self.world.now();
        let waiting = {
            let mut state = self.state();
            state.holds = state.holds.saturating_sub(1);
            if state.holds > 0 {
                return;
            }
            let Some(since) = state.since.take() else { return };
            state.asleep += now - since;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        self.stepped.send_modify(|count| *count += 1);
    }

    /// It sleeps now.
    pub fn is_asleep(&self) -> bool {
        self.state().since.is_some()
    }

    /// Its wall clock is wrong now.
    pub fn is_wrong(&self) -> bool {
        !self.state().offset.is_zero()
    }

    /// Told of each step of its clock and each waking.
    pub fn stepped(&self) -> watch::Receiver<u64> {
        self.stepped.subscribe()
    }

    fn wall(&self) -> Timestamp {
        self.world.now() + self.state().offset
    }

    /// True time without the time it was asleep.
    fn monotonic(&self) -> Timestamp {
        let state = self.state();
        state.since.unwrap_or_else(|| self.world.now()) - state.asleep
    }

    /// Resolves after so long on the machine's own timer.
    pub async fn sleep(&self, wait: TimeDelta) {
        let until = self.monotonic() + wait;
        loop {
            let left = until - self.monotonic();
            if left <= TimeDelta::zero() && !self.is_asleep() {
                return;
            }
            // Asleep nothing is due: it is looked at again now and then.
            let asleep = self.is_asleep();
            let least = if asleep { TimeDelta::seconds(1) } else { TimeDelta::zero() };
            self.world.sleep(left.max(least)).await;
        }
    }

    /// True, and `waker` is kept, while the machine sleeps.
    fn holds_up(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let asleep = state.since.is_some();
        if asleep {
            state.waiting.push(waker.clone());
        }
        asleep
    }
}

/// A process, from its start to its end.
pub struct Life {
    number: u32,
    machine: Arc<Machine>,
    from: Timestamp,
    state: Mutex<State>,
    ended: watch::Sender<Option<End>>,
    asked_to_stop: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    ended: Option<(Timestamp, End)>,
    cut_off: bool,
    next_task: u64,
    /// The waker of each task that was polled and has not ended.
    tasks: BTreeMap<u64, Waker>,
}

impl Life {
    /// A life that begins now.
    pub fn new(number: u32, machine: Arc<Machine>) -> Arc<Self> {
        let from = machine.world.now();
        let (ended, asked_to_stop) = (watch::Sender::new(None), watch::Sender::new(false));
        Arc::new(Self { number, machine, from, state: Mutex::default(), ended, asked_to_stop })
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

    /// The machine it runs on.
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// The clock and spawner of its tasks.
    pub fn runtime(self: &Arc<Self>) -> Runtime {
        let clock = Arc::new(LifeClock(Arc::clone(self)));
        Runtime::new(Arc::clone(&clock) as Arc<dyn Clock>, clock)
    }

    /// True time, for what is not of this process.
    pub fn world(&self) -> &Runtime {
        &self.machine.world
    }

    /// It has ended: nothing of it may reach anything.
    pub fn is_over(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Its machine sleeps.
    pub fn is_asleep(&self) -> bool {
        self.machine.is_asleep()
    }

    /// When and why it ended.
    pub fn end(&self) -> Option<(Timestamp, End)> {
        self.state().ended.clone()
    }

    /// Its disk takes nothing from it any more: it was killed, or has closed its files.
    pub fn is_cut_off(&self) -> bool {
        self.state().cut_off
    }

    /// Cuts it off from its disk.
    pub fn cut_off(&self) {
        self.state().cut_off = true;
    }

    /// Ends it here and now, unless it has ended.
    pub fn finish(&self, end: End) {
        let wakers = {
            let mut state = self.state();
            if state.ended.is_some() {
                return;
            }
            state.cut_off = matches!(end, End::Killed | End::PowerFailed);
            state.ended = Some((self.machine.world.now(), end.clone()));
            std::mem::take(&mut state.tasks)
        };
        wakers.into_values().for_each(Waker::wake);
        self.ended.send_replace(Some(end));
    }

    /// Resolves when it has ended. For tasks of the world.
    pub async fn ended(&self) -> End {
        let mut ended = self.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(Some(end)) => end,
            _ => std::future::pending().await, // the sender lives in `self`
        }
    }

    /// Asks it to stop, as SIGTERM does.
    pub fn ask_to_stop(&self) {
        self.asked_to_stop.send_replace(true);
    }

    /// Resolves when it was asked to stop.
    pub async fn asked_to_stop(&self) {
        let mut asked = self.asked_to_stop.subscribe();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await; // the sender lives in `self`
        }
    }
}

/// The clock and the spawner of a life.
struct LifeClock(Arc<Life>);

impl Clock for LifeClock {
    fn now(&self) -> Timestamp {
        self.0.machine.wall()
    }

    fn steady(&self) -> TimeDelta {
        self.0.machine.monotonic() - Timestamp::UNIX_EPOCH
    }

    /// As a live timer: a span is slept on the machine's own timer, whatever its wall clock does.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let (machine, wait) = (Arc::clone(&self.0.machine), at - self.now());
        async move {
            if wait > TimeDelta::zero() {
                machine.sleep(wait).await;
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
        self.0.world().spawn(Task { life, id, work: Some(task) });
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
        drop(state);
        if self.life.machine.holds_up(cx.waker()) { Turn::Wait } else { Turn::Poll }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::VirtualWorld;

    struct Bench {
        world: VirtualWorld,
        machine: Arc<Machine>,
        life: Arc<Life>,
        ticks: Arc<AtomicU32>,
    }

    fn second(count: i64) -> TimeDelta {
        TimeDelta::seconds(count)
    }

    /// A life with two tasks that count each second.
    fn bench() -> Bench {
        let world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
        let machine = Machine::new(world.runtime());
        let life = Life::new(1, Arc::clone(&machine));
        let ticks = Arc::new(AtomicU32::new(0));
        for _ in 0..2 {
            let (rt, ticks) = (life.runtime(), Arc::clone(&ticks));
            life.runtime().spawn(async move {
                loop {
                    rt.sleep(second(1)).await;
                    ticks.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Bench { world, machine, life, ticks }
    }

    impl Bench {
        fn run(&mut self, seconds: i64) -> u32 {
            let rt = self.world.runtime();
            self.world.run(async move { rt.sleep(second(seconds)).await }).unwrap();
            self.ticks.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn all_tasks_die_together_also_those_that_are_ready_and_what_they_held_is_dropped() {
        let mut bench = bench();
        let (rt, held) = (bench.life.runtime(), Arc::new(()));
        for _ in 0..3 {
            let (life, ticks, held) =
                (Arc::clone(&bench.life), Arc::clone(&bench.ticks), Arc::clone(&held));
            let rt2 = rt.clone();
            rt.spawn(async move {
                rt2.sleep(second(5)).await;
                life.finish(End::Killed); // the first of three that are ready
                ticks.fetch_add(100, Ordering::SeqCst);
                std::future::pending::<()>().await;
                drop(held);
            });
        }
        assert_eq!(bench.run(4), 8);
        assert_eq!(bench.run(60), 108, "one of three ran on to its wait, and nothing after it");
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(bench.life.is_cut_off());
    }

    #[test]
    fn a_machine_asleep_runs_nothing_and_its_timers_do_not_count_the_time() {
        let mut bench = bench();
        assert_eq!(bench.run(10), 20);
        bench.machine.suspend();
        assert_eq!(bench.run(3_600), 20);
        bench.machine.resume();
        assert_eq!(bench.run(10), 40);
        assert_eq!(bench.life.runtime().now(), bench.world.runtime().now(), "the wall went on");
    }

    #[test]
    fn a_step_moves_the_wall_clock_and_no_timer() {
        let mut bench = bench();
        bench.machine.step(TimeDelta::hours(-3));
        assert_eq!(bench.run(10), 20);
        let behind = bench.world.runtime().now() - bench.life.runtime().now();
        assert_eq!(behind, TimeDelta::hours(3));
        bench.machine.step(TimeDelta::hours(3));
        assert!(!bench.machine.is_wrong());
    }
}
