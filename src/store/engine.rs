//! What runs a transaction: begin, the caller's closure, commit; and what is done when any of the
//! three goes wrong.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex, Once, PoisonError},
};

use redb::ReadableDatabase;

use crate::signal as watch;

use super::{
    ReadTx, StoreError, WriteTx,
    changes::Counts,
    decoded::Decoded,
    lock::OwnerLock,
    memory::Memory,
    tx::{ReadSource, WriteTarget},
};

/// Where rows are.
pub(crate) enum Rows {
    /// In redb: a file, or a backend handed in.
    Disk(Box<redb::Database>),
    /// In memory.
    Memory(Memory),
}

/// One open store.
pub(crate) struct Engine {
    rows: Rows,
    pub(crate) path: Option<PathBuf>,
    /// Why nothing is written any more.
    failure: watch::Sender<Option<String>>,
    /// How often each table changed.
    pub(crate) changes: Counts,
    /// Rows as they were last decoded.
    decoded: Arc<Decoded>,
    /// One writer at a time in memory; redb sees to it itself.
    turn: Mutex<()>,
    /// Dropped after `rows`, so that the next owner finds a closed file.
    lock: Option<OwnerLock>,
}

impl Engine {
    pub(crate) fn new(rows: Rows, lock: Option<OwnerLock>, path: Option<PathBuf>) -> Self {
        let (failure, changes, turn) =
            (watch::Sender::new(None), Counts::default(), Mutex::new(()));
        Self { rows, path, failure, changes, decoded: Arc::default(), turn, lock }
    }

    /// The database and the lock that must outlive it, for maintenance.
    pub(crate) fn into_database(self) -> Result<(redb::Database, Option<OwnerLock>), StoreError> {
        match self.rows {
            Rows::Disk(db) => Ok((*db, self.lock)),
            Rows::Memory(_) => Err(StoreError::Refused("a store in memory has no file".to_owned())),
        }
    }

    /// What an earlier owner left when it did not close the file.
    pub(crate) fn left_by(&self) -> Option<&str> {
        self.lock.as_ref().and_then(OwnerLock::left_by)
    }

    pub(crate) fn failures(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    pub(crate) fn read<T>(
        &self,
        f: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let source = match &self.rows {
            Rows::Disk(db) => ReadSource::Disk(Box::new(db.begin_read()?)),
            Rows::Memory(memory) => ReadSource::Memory(memory.snapshot()),
        };
        f(&ReadTx { source, decoded: Arc::clone(&self.decoded) })
    }

    /// Runs `f` and commits; an error or a panic of `f` leaves nothing written, an error of the
    /// storage stops the store for good.
    pub(crate) fn write<T>(
        &self,
        f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = self.failure.borrow().as_ref() {
            return Err(StoreError::Failed(why.clone()));
        }
        let mut tx = self.begin().map_err(|error| self.stop(error))?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let value = f(&mut tx)?;
            tx.write_head()?;
            Ok(value)
        }))
        .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(panic.as_ref()))));
        let broken = tx.broken.get();
        match outcome {
            Ok(value) if !broken => {
                finish(|| self.commit(tx)).map(|()| value).map_err(|error| self.stop(error))
            }
            Ok(_) => {
                let error = StoreError::Failed("the storage failed inside a transaction".into());
                Err(self.undo(tx, error, true))
            }
            Err(error) => Err(self.undo(tx, error, broken)),
        }
    }

    fn begin(&self) -> Result<WriteTx, StoreError> {
        let target = match &self.rows {
            Rows::Memory(memory) => WriteTarget::Memory(memory.begin()),
            Rows::Disk(db) => {
                let mut tx = db.begin_write()?;
                tx.set_two_phase_commit(true);
                tx.set_quick_repair(true);
                WriteTarget::Disk(Box::new(tx))
            }
        };
        Ok(WriteTx::new(target, Arc::clone(&self.decoded)))
    }

    fn commit(&self, tx: WriteTx) -> Result<(), StoreError> {
        match (tx.target, &self.rows) {
            (WriteTarget::Disk(tx), _) => tx.commit()?,
            (WriteTarget::Memory(tx), Rows::Memory(memory)) => memory.commit(tx),
            (WriteTarget::Memory(_), Rows::Disk(_)) => return Err(StoreError::Closed),
        }
        self.changes.note(tx.touched);
        Ok(())
    }

    /// Takes a transaction back. When even that fails, or the storage had failed, the store stops.
    fn undo(&self, tx: WriteTx, error: StoreError, broken: bool) -> StoreError {
        let undone = finish(|| match tx.target {
            WriteTarget::Disk(tx) => tx.abort().map_err(StoreError::from),
            WriteTarget::Memory(_) => Ok(()),
        });
        match undone {
            Err(failed) => {
                self.stop(failed);
                error
            }
            Ok(()) if broken => self.stop(error),
            Ok(()) => error,
        }
    }

    /// No write is taken from here on, and whoever waits for it is told.
    fn stop(&self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store failed; the program must stop");
        self.failure.send_replace(Some(error.to_string()));
        error
    }
}

/// Runs a step of redb's; a panic in it is a failure of the storage.
fn finish(step: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(panic.as_ref()))))
}

thread_local! {
    /// This thread expects a panic and will tell of it in its own words.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `step` and gives its panic as an error's text. redb says in a panic that a file is damaged:
/// a person is told once, by the error, not also by the panic's own report on stderr.
pub(crate) fn caught<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(step));
    QUIET.set(before);
    outcome.map_err(|panic| panic_text(panic.as_ref()))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
