//! A value that others wait on. As tokio's watch channel, whose words it has, but who waits is
//! woken in the order in which the waits began: tokio draws that order by chance, and then the
//! same seed would not give the same bytes.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    task::{Context, Poll, Waker},
};

struct State<T> {
    value: T,
    version: u64,
    closed: bool,
    next: u64,
    /// Who waits, in the order the waits began.
    waiting: BTreeMap<u64, Waker>,
}

struct Shared<T>(RwLock<State<T>>);

impl<T> Shared<T> {
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes everybody who waits.
    fn tell(&self, change: impl FnOnce(&mut State<T>)) {
        let waiting = {
            let mut state = self.write();
            change(&mut state);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

/// The value, for as long as this is held; do not hold it over an `await`.
pub struct Ref<'a, T>(RwLockReadGuard<'a, State<T>>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// The sender is gone: nothing will change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sender is gone")]
pub struct Closed;

/// Who sets the value.
pub struct Sender<T>(Arc<Shared<T>>);

/// Who waits for changes of it.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// A sender and a first receiver, which has seen the first value.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Sender<T> {
    /// A sender without receivers.
    pub fn new(value: T) -> Self {
        let waiting = BTreeMap::new();
        let state = State { value, version: 0, closed: false, next: 0, waiting };
        Self(Arc::new(Shared(RwLock::new(state))))
    }

    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.read())
    }

    /// A receiver that has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { seen: self.0.read().version, shared: Arc::clone(&self.0) }
    }

    /// Changes the value in place and tells of it.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.0.tell(|state| {
            change(&mut state.value);
            state.version += 1;
        });
    }

    /// Sets the value and tells of it; gives the one before.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|held| std::mem::swap(held, &mut value));
        value
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.tell(|state| state.closed = true);
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.0.read().value).finish()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Receiver<T> {
    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.read())
    }

    /// The value, seen from here on.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let state = self.shared.read();
        self.seen = state.version;
        Ref(state)
    }

    /// Counts the present value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.read().version;
    }

    /// Resolves once there is a value that was not seen yet, which then is.
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed { receiver: self, place: None }
    }
}

impl<T: Clone> Receiver<T> {
    /// Resolves with the first value, the present one included, for which `wanted` holds.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<T, Closed> {
        loop {
            let value = self.borrow_and_update().clone();
            if wanted(&value) {
                return Ok(value);
            }
            self.changed().await?;
        }
    }
}

/// A wait for a change.
pub struct Changed<'a, T> {
    receiver: &'a mut Receiver<T>,
    /// Its place among those who wait.
    place: Option<u64>,
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = Arc::clone(&self.receiver.shared);
        let mut state = shared.write();
        if state.version != self.receiver.seen {
            self.receiver.seen = state.version;
            return Poll::Ready(Ok(()));
        }
        if state.closed {
            return Poll::Ready(Err(Closed));
        }
        let place = *self.place.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        let before = state.waiting.insert(place, cx.waker().clone());
        drop(state);
        drop(before); // after the lock
        Poll::Pending
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.receiver.shared.write().waiting.remove(&place);
            drop(waker); // after the lock
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::TimeDelta;

    use super::*;
    use crate::clock::VirtualWorld;

    #[test]
    fn who_waits_is_woken_in_the_order_the_waits_began_always() {
        for _ in 0..20 {
            let mut world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
            let (rt, sender) = (world.runtime(), Arc::new(Sender::new(0_u32)));
            let woken = Arc::new(Mutex::new(Vec::new()));
            for name in 0..12 {
                let (mut receiver, woken) = (sender.subscribe(), Arc::clone(&woken));
                rt.spawn(async move {
                    while receiver.changed().await.is_ok() {
                        woken.lock().unwrap().push((name, *receiver.borrow()));
                    }
                    woken.lock().unwrap().push((name, 99));
                });
            }
            let main = async move {
                for _ in 0..2 {
                    rt.sleep(TimeDelta::seconds(1)).await;
                    sender.send_modify(|value| *value += 1);
                }
                rt.sleep(TimeDelta::seconds(1)).await;
                drop(sender);
                rt.sleep(TimeDelta::seconds(1)).await;
            };
            world.run(main).unwrap();
            let expected: Vec<(i32, u32)> =
                [1, 2, 99].iter().flat_map(|value| (0..12).map(move |n| (n, *value))).collect();
            assert_eq!(*woken.lock().unwrap(), expected);
        }
    }

    #[test]
    fn a_wait_for_a_value_sees_the_present_one_and_ends_with_the_sender() {
        use futures::executor::block_on;
        let (sender, mut receiver) = channel(1);
        assert_eq!(block_on(receiver.wait_for(|value| *value == 1)), Ok(1));
        assert_eq!(sender.send_replace(5), 1);
        assert_eq!(block_on(receiver.wait_for(|value| *value > 4)), Ok(5));
        receiver.mark_unchanged();
        drop(sender);
        assert_eq!(block_on(receiver.changed()), Err(Closed));
        assert_eq!(block_on(receiver.wait_for(|value| *value == 5)), Ok(5));
    }
}
