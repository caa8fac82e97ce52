//! A wall clock that somebody puts right: waits last as long as before, `now` does not.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use futures::future::BoxFuture;

use crate::clock::{Clock, Runtime, Spawn, Timestamp, VirtualWorld};

/// Over a world of its own, which stands unless it is passed; or over one that goes.
#[derive(Clone)]
pub struct Stepped {
    world: Runtime,
    state: Arc<Mutex<(TimeDelta, TimeDelta)>>,
}

impl Stepped {
    /// A clock that stands at an instant.
    pub fn new(at: &str) -> Self {
        Self::over(VirtualWorld::new(at.parse().unwrap()).runtime())
    }

    /// A clock over a world that goes.
    pub fn over(world: Runtime) -> Self {
        Self { world, state: Arc::default() }
    }

    pub fn runtime(&self) -> Runtime {
        Runtime::new(Arc::new(self.clone()), Arc::new(self.clone()))
    }

    /// Somebody puts the wall clock right.
    pub fn step(&self, by: TimeDelta) {
        self.state.lock().unwrap().0 += by;
    }

    /// Time passes.
    pub fn pass(&self, by: TimeDelta) {
        self.state.lock().unwrap().1 += by;
    }
}

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        let (stepped, passed) = *self.state.lock().unwrap();
        self.world.now() + stepped + passed
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.world.sleep(at - self.now())
    }

    fn steady(&self) -> TimeDelta {
        self.world.steady() + self.state.lock().unwrap().1
    }
}

impl Spawn for Stepped {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.spawn(task);
    }
}
