//! The store's thread: live, one thread owns all writes; closures are sent to it.

use std::{sync::Arc, thread::JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::{StoreError, WriteTx, engine::Engine};

type Job = Box<dyn FnOnce(&Engine) + Send>;

/// Transactions that may wait; a caller beyond that waits for a place.
const QUEUE: usize = 256;

/// The thread's handle. Dropping it lets the queue run dry and waits for the thread.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(engine: Arc<Engine>) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&engine);
                }
            })
            .map_err(|error| StoreError::Refused(format!("store: starting its thread: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `f` on the thread. Once sent it runs to its end, also when the caller goes away.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, outcome) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            // A caller that went away needs no answer.
            let _ = done.send(engine.write(f));
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A transaction that held the last handle ends on the thread itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join(); // it catches panics, so there is none to pass on
            }
        }
    }
}
