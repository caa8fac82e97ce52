//! What the market said last of everything held, for answers that wait for nobody: a look that takes
//! longer than a person waits goes on by itself, and its end is there for the next who asks.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::TimeDelta;

use crate::{
    account::exposure::{Exposure, Holder},
    clock::Timestamp,
    desk::{Desk, known::Seen},
    signal,
};

/// A fresh look is waited for so long; then the last one speaks.
const LOOK_WAIT: TimeDelta = TimeDelta::milliseconds(450);

/// The market of what is held, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// The last look.
    pub seen: Seen,
    /// Of everything held or working its legs, as they were last priced whole.
    pub marks: BTreeMap<Holder, Marked>,
}

/// The legs of one thing held, priced at one moment.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The moment.
    pub at: Timestamp,
    /// Each leg.
    pub legs: Vec<Exposure>,
}

impl Looked {
    /// The first look.
    pub fn of(seen: Seen) -> Self {
        Self::default().after(seen)
    }

    /// After a further look: what it could not price keeps its last marks, what is gone goes.
    #[must_use]
    pub fn after(&self, seen: Seen) -> Self {
        let mut marks = BTreeMap::new();
        let Some((book, at)) = seen.book.as_ref().zip(seen.at) else {
            return Self { seen, marks: self.marks.clone() };
        };
        for unpriced in &book.unpriced {
            if let Some(kept) = self.marks.get(&unpriced.holder) {
                marks.insert(unpriced.holder.clone(), kept.clone());
            }
        }
        let lacking = |holder: &Holder| book.unpriced.iter().any(|leg| leg.holder == *holder);
        for leg in book.exposures.iter().filter(|leg| !lacking(&leg.holder)) {
            let new = || Marked { at, legs: Vec::new() };
            marks.entry(leg.holder.clone()).or_insert_with(new).legs.push(leg.clone());
        }
        Self { seen, marks }
    }
}

/// Looks for the answers of a daemon.
pub struct Looker {
    desk: Arc<Desk>,
    last: signal::Sender<Arc<Looked>>,
    looking: AtomicBool,
}

impl Looker {
    /// One that has not looked yet.
    pub fn new(desk: Arc<Desk>) -> Arc<Self> {
        Arc::new(Self { desk, last: signal::Sender::default(), looking: AtomicBool::new(false) })
    }

    /// What is known now: fresh where the market answers at once, else as it was last seen.
    pub async fn look(self: &Arc<Self>) -> Arc<Looked> {
        let mut told = self.last.subscribe();
        told.mark_unchanged();
        self.begin();
        let rt = &self.desk.parts().rt;
        let _ = rt.timeout(LOOK_WAIT, told.changed()).await;
        Arc::clone(&self.last.borrow())
    }

    /// Begins a look, where none is under way.
    fn begin(self: &Arc<Self>) {
        if self.looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let looker = Arc::clone(self);
        self.desk.parts().rt.spawn(async move {
            let looking = Looking(&looker.looking);
            match looker.desk.see().await {
                Ok(seen) => {
                    let next = looker.last.borrow().after(seen);
                    drop(looking);
                    looker.last.send_replace(Arc::new(next));
                }
                Err(error) => tracing::warn!(%error, "what is held cannot be read"),
            }
        });
    }
}

/// A look under way; over when it is dropped, also by a panic.
struct Looking<'a>(&'a AtomicBool);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
