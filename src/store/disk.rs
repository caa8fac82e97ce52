//! Rows in redb.

use std::ops::ControlFlow;

use redb::{
    AccessGuard, ReadTransaction, ReadableTable, StorageError, TableDefinition, TableError,
    TableHandle, WriteTransaction,
};

use super::{
    StoreError,
    raw::{Keys, Order, RawRead, Visit, is_empty},
    table::{Json, Spec, VERSION_MAX, type_name},
};

/// What can be done with the tables of one version. redb takes the stored type name from a Rust
/// type, so each version has its own.
trait Shape: Sync {
    fn read_get(&self, tx: &ReadTransaction, name: &str, key: &str) -> Got;
    fn read_scan(&self, tx: &ReadTransaction, name: &str, scan: Scan<'_, '_>) -> Done;
    fn write_get(&self, tx: &WriteTransaction, name: &str, key: &str) -> Got;
    fn write_scan(&self, tx: &WriteTransaction, name: &str, scan: Scan<'_, '_>) -> Done;
    fn put(&self, tx: &WriteTransaction, name: &str, key: &str, value: &[u8]) -> Done;
    fn remove(&self, tx: &WriteTransaction, name: &str, key: &str) -> Result<bool, StoreError>;
    fn delete(&self, tx: &WriteTransaction, name: &str) -> Result<bool, StoreError>;
    fn is_of(&self, tx: &ReadTransaction, name: &str) -> Result<bool, StoreError>;
}

type Got = Result<Option<Vec<u8>>, StoreError>;
type Done = Result<(), StoreError>;

struct Scan<'a, 'v> {
    keys: Keys<'a>,
    order: Order,
    visit: &'a mut Visit<'v>,
}

struct Of<const V: u32>;

impl<const V: u32> Of<V> {
    const fn definition(name: &str) -> TableDefinition<'_, &'static str, Json<V>> {
        TableDefinition::new(name)
    }

    /// `None` for a table that is not there.
    fn readable(
        tx: &ReadTransaction,
        name: &str,
    ) -> Result<Option<redb::ReadOnlyTable<&'static str, Json<V>>>, StoreError> {
        match tx.open_table(Self::definition(name)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(table_error(error, V)),
        }
    }

    fn writable<'t>(
        tx: &'t WriteTransaction,
        name: &str,
    ) -> Result<redb::Table<'t, &'static str, Json<V>>, StoreError> {
        tx.open_table(Self::definition(name)).map_err(|error| table_error(error, V))
    }

    fn scan(
        table: &impl ReadableTable<&'static str, Json<V>>,
        Scan { keys, order, visit }: Scan<'_, '_>,
    ) -> Result<(), StoreError> {
        if is_empty(keys) {
            return Ok(());
        }
        let rows = table.range::<&str>(keys)?;
        match order {
            Order::Forward => visit_all(rows, visit),
            Order::Backward => visit_all(rows.rev(), visit),
        }
    }
}

type Row<'a, const V: u32> =
    Result<(AccessGuard<'a, &'static str>, AccessGuard<'a, Json<V>>), StorageError>;

fn visit_all<'a, const V: u32>(
    rows: impl Iterator<Item = Row<'a, V>>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    for row in rows {
        let (key, value) = row?;
        if visit(key.value(), value.value())? == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

/// Another version is a matter of its own; all else is redb's.
fn table_error(error: TableError, version: u32) -> StoreError {
    match error {
        TableError::TableTypeMismatch { table, value, .. } => {
            StoreError::Shape { table, found: value.name().to_owned(), wanted: type_name(version) }
        }
        other => redb::Error::from(other).into(),
    }
}

impl<const V: u32> Shape for Of<V> {
    fn read_get(&self, tx: &ReadTransaction, name: &str, key: &str) -> Got {
        let Some(table) = Self::readable(tx, name)? else { return Ok(None) };
        Ok(table.get(key)?.map(|guard| guard.value().to_vec()))
    }

    fn read_scan(&self, tx: &ReadTransaction, name: &str, scan: Scan<'_, '_>) -> Done {
        Self::readable(tx, name)?.map_or(Ok(()), |table| Self::scan(&table, scan))
    }

    fn write_get(&self, tx: &WriteTransaction, name: &str, key: &str) -> Got {
        let table = Self::writable(tx, name)?;
        let found = table.get(key)?.map(|guard| guard.value().to_vec());
        Ok(found)
    }

    fn write_scan(&self, tx: &WriteTransaction, name: &str, scan: Scan<'_, '_>) -> Done {
        Self::scan(&Self::writable(tx, name)?, scan)
    }

    fn put(&self, tx: &WriteTransaction, name: &str, key: &str, value: &[u8]) -> Done {
        Self::writable(tx, name)?.insert(key, value)?;
        Ok(())
    }

    fn remove(&self, tx: &WriteTransaction, name: &str, key: &str) -> Result<bool, StoreError> {
        let mut table = Self::writable(tx, name)?;
        let was_there = table.remove(key)?.is_some();
        Ok(was_there)
    }

    fn delete(&self, tx: &WriteTransaction, name: &str) -> Result<bool, StoreError> {
        tx.delete_table(Self::definition(name)).map_err(|error| table_error(error, V))
    }

    fn is_of(&self, tx: &ReadTransaction, name: &str) -> Result<bool, StoreError> {
        match Self::readable(tx, name) {
            Ok(table) => Ok(table.is_some()),
            Err(StoreError::Shape { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The shapes of versions 1 to 16, by version less one.
static SHAPES: [&dyn Shape; VERSION_MAX as usize] = [
    &Of::<1>, &Of::<2>, &Of::<3>, &Of::<4>, &Of::<5>, &Of::<6>, &Of::<7>, &Of::<8>, &Of::<9>,
    &Of::<10>, &Of::<11>, &Of::<12>, &Of::<13>, &Of::<14>, &Of::<15>, &Of::<16>,
];

fn shape(version: u32) -> &'static dyn Shape {
    SHAPES[version as usize - 1] // `Table::new` admits versions 1 to 16 only
}

/// The tables of a snapshot with their versions, in name order.
pub(crate) fn tables(tx: &ReadTransaction) -> Result<Vec<(String, u32)>, StoreError> {
    let mut found = Vec::new();
    for handle in tx.list_tables()? {
        let name = handle.name();
        let version = (1..=VERSION_MAX)
            .find_map(|version| match shape(version).is_of(tx, name) {
                Ok(true) => Some(Ok(version)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            })
            .unwrap_or_else(|| Err(unknown_shape(name)))?;
        found.push((name.to_owned(), version));
    }
    found.sort();
    Ok(found)
}

fn unknown_shape(name: &str) -> StoreError {
    StoreError::Shape {
        table: name.to_owned(),
        found: "a type of another program".to_owned(),
        wanted: type_name(1),
    }
}

impl RawRead for ReadTransaction {
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        shape(table.version).read_get(self, table.name, key)
    }

    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        shape(table.version).read_scan(self, table.name, Scan { keys, order, visit })
    }
}

impl RawRead for WriteTransaction {
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        shape(table.version).write_get(self, table.name, key)
    }

    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        shape(table.version).write_scan(self, table.name, Scan { keys, order, visit })
    }
}

/// Writes a row.
pub(crate) fn put(
    tx: &WriteTransaction,
    table: Spec<'_>,
    key: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    shape(table.version).put(tx, table.name, key, value)
}

/// Removes a row; true when it was there.
pub(crate) fn remove(
    tx: &WriteTransaction,
    table: Spec<'_>,
    key: &str,
) -> Result<bool, StoreError> {
    shape(table.version).remove(tx, table.name, key)
}

/// Removes a table; true when it was there.
pub(crate) fn delete(tx: &WriteTransaction, table: Spec<'_>) -> Result<bool, StoreError> {
    shape(table.version).delete(tx, table.name)
}
