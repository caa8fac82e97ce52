//! Whether a loop still turns. What counts is that its task is woken and goes on: a loop whose
//! partner hangs behind a timeout lives, one that waits for ever, or blocks its thread, does not.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use chrono::TimeDelta;

/// The life of one loop, written by the loop and read by who watches over it.
#[derive(Debug, Default)]
pub struct Turns {
    /// How often its task went on.
    steps: AtomicU64,
    /// It runs.
    runs: AtomicBool,
    /// It waits for what may never come, as it should.
    rests: AtomicBool,
    /// It panicked and has not come to the end of a turn since.
    fell: AtomicBool,
}

impl Turns {
    /// Runs a loop under watch.
    pub fn of<F: Future>(self: &Arc<Self>, work: F) -> Watched<F> {
        Watched { turns: Arc::clone(self), work: Box::pin(work) }
    }

    /// Waits for something without a limit: meanwhile nothing is expected of the loop.
    pub async fn rest<T>(&self, wait: impl Future<Output = T>) -> T {
        self.turned();
        self.rests.store(true, Ordering::SeqCst);
        let came = wait.await;
        self.rests.store(false, Ordering::SeqCst);
        came
    }

    /// A turn came to its end.
    pub fn turned(&self) {
        self.fell.store(false, Ordering::SeqCst);
    }

    /// The loop panicked; until it ends a turn again, what it does is no sign of life.
    pub fn fell(&self) {
        self.fell.store(true, Ordering::SeqCst);
    }
}

/// A loop under watch.
pub struct Watched<F> {
    turns: Arc<Turns>,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.turns.runs.store(true, Ordering::SeqCst);
        let polled = self.work.as_mut().poll(context);
        self.turns.steps.fetch_add(1, Ordering::SeqCst);
        polled
    }
}

impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        self.turns.runs.store(false, Ordering::SeqCst);
        self.turns.rests.store(false, Ordering::SeqCst);
    }
}

/// Looks at one loop again and again, and counts how long it has given no sign of life. The time is
/// that between the looks, so a step of the wall clock is no silence.
#[derive(Debug)]
pub struct Watcher {
    turns: Arc<Turns>,
    steps: u64,
    silent: TimeDelta,
}

impl Watcher {
    /// A watcher of a loop, which has just given a sign of life.
    pub fn new(turns: Arc<Turns>) -> Self {
        let steps = turns.steps.load(Ordering::SeqCst);
        Self { turns, steps, silent: TimeDelta::zero() }
    }

    /// Looks once, so long after the last look; for how long the loop has been silent.
    pub fn look(&mut self, since: TimeDelta) -> TimeDelta {
        let steps = self.turns.steps.load(Ordering::SeqCst);
        let went_on = steps != self.steps && !self.turns.fell.load(Ordering::SeqCst);
        let lives = went_on
            || !self.turns.runs.load(Ordering::SeqCst) && !self.turns.fell.load(Ordering::SeqCst)
            || self.turns.rests.load(Ordering::SeqCst);
        self.steps = steps;
        self.silent = if lives { TimeDelta::zero() } else { self.silent + since };
        self.silent
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, task::noop_waker};

    use super::*;

    fn poll<F: Future>(watched: &mut Watched<F>) {
        let waker = noop_waker();
        let _ = watched.poll_unpin(&mut Context::from_waker(&waker));
    }

    /// A loop that goes on at each poll.
    async fn goes_on() {
        loop {
            let mut first = true;
            std::future::poll_fn(|_| {
                if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }
    }

    const LOOK: TimeDelta = TimeDelta::seconds(5);

    #[test]
    fn a_loop_that_is_not_woken_any_more_is_silent_for_as_long_as_it_is_looked_at() {
        let turns = Arc::new(Turns::default());
        let mut watcher = Watcher::new(Arc::clone(&turns));
        assert_eq!(watcher.look(LOOK).num_seconds(), 0, "it has not begun");
        let mut watched = turns.of(goes_on());
        poll(&mut watched);
        assert_eq!(watcher.look(LOOK).num_seconds(), 0);
        assert_eq!(watcher.look(LOOK).num_seconds(), 5);
        assert_eq!(watcher.look(LOOK).num_seconds(), 10);
        poll(&mut watched);
        assert_eq!(watcher.look(LOOK).num_seconds(), 0, "it goes on");
        assert_eq!(watcher.look(LOOK).num_seconds(), 5);
        drop(watched);
        assert_eq!(watcher.look(LOOK).num_seconds(), 0, "it has ended");
    }

    #[test]
    fn a_loop_that_rests_is_not_silent() {
        let turns = Arc::new(Turns::default());
        let mut watcher = Watcher::new(Arc::clone(&turns));
        let own = Arc::clone(&turns);
        let mut watched = turns.of(async move { own.rest(std::future::pending::<()>()).await });
        poll(&mut watched);
        for _ in 0..3 {
            assert_eq!(watcher.look(LOOK).num_seconds(), 0);
        }
    }

    #[test]
    fn a_loop_that_panics_again_and_again_is_silent_until_it_ends_a_turn() {
        let turns = Arc::new(Turns::default());
        let mut watcher = Watcher::new(Arc::clone(&turns));
        for look in 1..=3 {
            let mut watched = turns.of(goes_on());
            poll(&mut watched);
            turns.fell();
            drop(watched);
            assert_eq!(watcher.look(LOOK).num_seconds(), 5 * look);
        }
        turns.turned();
        let mut watched = turns.of(goes_on());
        poll(&mut watched);
        assert_eq!(watcher.look(LOOK).num_seconds(), 0);
    }
}
