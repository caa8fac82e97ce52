//! Rows in memory, for replays and tests: a year of replay is some 100,000 small commits, which a
//! file format would only slow down. The semantics are redb's: snapshots, one writer, all or
//! nothing, another version of a table refused (`tests.rs` runs both side by side).

use std::{
    collections::BTreeMap,
    iter::Peekable,
    ops::{Bound, ControlFlow},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    StoreError,
    raw::{Keys, Order, RawRead, Take, Visit, is_empty},
    table::{Spec, type_name},
};

type Rows = BTreeMap<String, Vec<u8>>;
/// Changed rows; `None` for a removed one.
type Changes = BTreeMap<String, Option<Vec<u8>>>;
type Row<'a> = (&'a String, Option<&'a Vec<u8>>);

/// All tables. A table is shared with the snapshots that hold it and copied only if it changes
/// while one does.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tables: Mutex<Arc<Tables>>,
}

pub(crate) type Tables = BTreeMap<String, Versioned<Arc<Rows>>>;

/// A table's rows with the version of their shape.
#[derive(Debug, Clone)]
pub(crate) struct Versioned<T> {
    pub(crate) version: u32,
    rows: T,
}

/// A transaction over memory: what it changed, above the snapshot it began with.
#[derive(Debug)]
pub(crate) struct MemoryTx {
    base: Arc<Tables>,
    changes: BTreeMap<String, Versioned<Changes>>,
}

impl Memory {
    fn locked(&self) -> MutexGuard<'_, Arc<Tables>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Arc<Tables> {
        Arc::clone(&self.locked())
    }

    pub(crate) fn begin(&self) -> MemoryTx {
        MemoryTx { base: self.snapshot(), changes: BTreeMap::new() }
    }

    /// Applies a transaction. The caller admits one writer at a time.
    pub(crate) fn commit(&self, tx: MemoryTx) {
        let MemoryTx { base, changes } = tx;
        drop(base); // so that the tables change in place unless a reader holds them
        let mut held = self.locked();
        let tables = Arc::make_mut(&mut held);
        for (name, Versioned { version, rows: changed }) in changes {
            let empty = || Versioned { version, rows: Arc::default() };
            let rows = Arc::make_mut(&mut tables.entry(name).or_insert_with(empty).rows);
            for (key, value) in changed {
                match value {
                    Some(value) => drop(rows.insert(key, value)),
                    None => drop(rows.remove(&key)),
                }
            }
        }
    }
}

fn check_version(table: Spec<'_>, found: u32) -> Result<(), StoreError> {
    if found == table.version {
        return Ok(());
    }
    Err(StoreError::Shape {
        table: table.name.to_owned(),
        found: type_name(found),
        wanted: type_name(table.version),
    })
}

fn rows<'a>(tables: &'a Tables, table: Spec<'_>) -> Result<Option<&'a Rows>, StoreError> {
    let Some(found) = tables.get(table.name) else { return Ok(None) };
    check_version(table, found.version)?;
    Ok(Some(&found.rows))
}

impl RawRead for Arc<Tables> {
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(rows(self, table)?.and_then(|rows| rows.get(key)).cloned())
    }

    fn with_row(&self, table: Spec<'_>, key: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        rows(self, table)?.and_then(|rows| rows.get(key)).map_or(Ok(()), |bytes| take(bytes))
    }

    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let Some(rows) = rows(self, table)?.filter(|_| !is_empty(keys)) else { return Ok(()) };
        let found = rows.range::<str, _>(keys).map(|(key, value)| (key, Some(value)));
        match order {
            Order::Forward => visit_all(found, visit),
            Order::Backward => visit_all(found.rev(), visit),
        }
    }
}

fn visit_all<'a>(
    rows: impl Iterator<Item = Row<'a>>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    for (key, value) in rows {
        let Some(value) = value else { continue };
        if visit(key, value)? == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

impl MemoryTx {
    fn changed(&self, table: Spec<'_>) -> Result<Option<&Changes>, StoreError> {
        let Some(found) = self.changes.get(table.name) else { return Ok(None) };
        check_version(table, found.version)?;
        Ok(Some(&found.rows))
    }

    fn change(
        &mut self,
        table: Spec<'_>,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(found) = self.base.get(table.name) {
            check_version(table, found.version)?;
        }
        if !self.changes.contains_key(table.name) {
            let fresh = Versioned { version: table.version, rows: Changes::new() };
            self.changes.insert(table.name.to_owned(), fresh);
        }
        if let Some(changes) = self.changes.get_mut(table.name) {
            check_version(table, changes.version)?;
            changes.rows.insert(key.to_owned(), value);
        }
        Ok(())
    }

    pub(crate) fn put(
        &mut self,
        table: Spec<'_>,
        key: &str,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.change(table, key, Some(value.to_vec()))
    }

    pub(crate) fn remove(&mut self, table: Spec<'_>, key: &str) -> Result<bool, StoreError> {
        let was_there = self.row(table, key)?.is_some();
        self.change(table, key, None)?;
        Ok(was_there)
    }
}

impl RawRead for MemoryTx {
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changed(table)?.and_then(|changes| changes.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.base.row(table, key),
        }
    }

    fn with_row(&self, table: Spec<'_>, key: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        match self.changed(table)?.and_then(|changes| changes.get(key)) {
            Some(value) => value.as_ref().map_or(Ok(()), |bytes| take(bytes)),
            None => self.base.with_row(table, key, take),
        }
    }

    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let Some(changes) = self.changed(table)? else {
            return self.base.scan_rows(table, keys, order, visit);
        };
        if is_empty(keys) {
            return Ok(());
        }
        let none = Rows::new();
        let base = rows(&self.base, table)?.unwrap_or(&none);
        let base = base.range::<str, (Bound<&str>, Bound<&str>)>(keys);
        let base = base.map(|(key, value)| (key, Some(value)));
        let over = changes.range::<str, (Bound<&str>, Bound<&str>)>(keys);
        let over = over.map(|(key, value)| (key, value.as_ref()));
        match order {
            Order::Forward => visit_all(merge(base, over, |a, b| a < b), visit),
            Order::Backward => visit_all(merge(base.rev(), over.rev(), |a, b| a > b), visit),
        }
    }
}

/// Both in order, a row of `over` hiding the row of `base` with its key.
fn merge<'a>(
    base: impl Iterator<Item = Row<'a>>,
    over: impl Iterator<Item = Row<'a>>,
    before: impl Fn(&str, &str) -> bool,
) -> impl Iterator<Item = Row<'a>> {
    let (mut base, mut over) = (base.peekable(), over.peekable());
    std::iter::from_fn(move || match (base.peek(), over.peek()) {
        (Some((a, _)), Some((b, _))) if before(a, b) => base.next(),
        (Some((a, _)), Some((b, _))) if a == b => skip_then(&mut base, &mut over),
        (Some(_), None) => base.next(),
        _ => over.next(),
    })
}

fn skip_then<'a>(
    hidden: &mut impl Iterator<Item = Row<'a>>,
    shown: &mut Peekable<impl Iterator<Item = Row<'a>>>,
) -> Option<Row<'a>> {
    hidden.next();
    shown.next()
}
