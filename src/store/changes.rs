//! How often each table changed since the store was opened: who keeps rows in memory learns from it
//! when to read them again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::signal as watch;

/// Commits that touched a table, by its name.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    tables: Mutex<BTreeMap<String, u64>>,
    commits: watch::Sender<u64>,
}

impl Counts {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a commit that touched these tables. It is called before the writer is answered, so
    /// whoever waited for a write never sees the count of before it.
    pub(crate) fn note(&self, tables: Vec<String>) {
        {
            let mut counts = self.locked();
            for table in tables {
                *counts.entry(table).or_default() += 1;
            }
        }
        self.commits.send_modify(|commits| *commits += 1);
    }

    /// Every commit.
    pub(crate) fn commits(&self) -> u64 {
        *self.commits.borrow()
    }

    /// Told of each commit from here on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Commits that touched any of the tables.
    pub(crate) fn of(&self, tables: &[&str]) -> u64 {
        let counts = self.locked();
        tables.iter().filter_map(|table| counts.get(*table)).sum()
    }
}
