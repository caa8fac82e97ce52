//! Rows as they were last decoded: a row is decoded again only when its bytes are others.
//!
//! What a row decodes to depends on its bytes and its type alone, and the bytes are always those of
//! the transaction that asks: so there is nothing to invalidate, and a snapshot, a transaction that
//! is taken back and a restart all see what they would have seen without it.

use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::de::DeserializeOwned;

use super::{StoreError, Table, tx::decode};

/// Rows kept at most; one more and all are forgotten.
const ROWS_MAX: usize = 512;
/// The longest row that is kept, bytes: reports and the like are read rarely.
const ROW_BYTES_MAX: usize = 32 * 1024;

/// The rows of one store that were read by their keys.
#[derive(Debug, Default)]
pub struct Decoded {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By type and table: one table may be read as two types.
    tables: BTreeMap<(TypeId, &'static str), BTreeMap<String, Row>>,
    count: usize,
}

#[derive(Debug)]
struct Row {
    bytes: Box<[u8]>,
    value: Arc<dyn Any + Send + Sync>,
}

impl Decoded {
    /// The value of a row with these bytes.
    pub(crate) fn value<V>(
        &self,
        table: &Table<V>,
        key: &str,
        bytes: &[u8],
    ) -> Result<Arc<V>, StoreError>
    where
        V: DeserializeOwned + Send + Sync + 'static,
    {
        let place = (TypeId::of::<V>(), table.name);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let row = kept.tables.get_mut(&place).and_then(|rows| rows.get_mut(key));
        if let Some(row) = &row
            && *row.bytes == *bytes
            && let Ok(value) = Arc::clone(&row.value).downcast()
        {
            return Ok(value);
        }
        let value = Arc::new(decode(table, key, bytes)?);
        let fresh = || Row { bytes: bytes.into(), value: Arc::clone(&value) as _ };
        match row {
            Some(row) => *row = fresh(),
            None if bytes.len() > ROW_BYTES_MAX => {}
            None => kept.add(place, key, fresh()),
        }
        Ok(value)
    }
}

impl Kept {
    fn add(&mut self, place: (TypeId, &'static str), key: &str, row: Row) {
        if self.count >= ROWS_MAX {
            self.tables.clear();
            self.count = 0;
        }
        self.tables.entry(place).or_default().insert(key.to_owned(), row);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Table<u64> = Table::new("numbers", 1);
    const TEXTS: Table<serde_json::Value> = Table::new("numbers", 1);

    #[test]
    fn a_row_is_decoded_anew_exactly_when_its_bytes_are_others() {
        let decoded = Decoded::default();
        let of = |bytes: &[u8]| decoded.value(&NUMBERS, "a", bytes);
        let first = of(b"1").unwrap();
        assert!(Arc::ptr_eq(&first, &of(b"1").unwrap()));
        assert_eq!((*first, *of(b"2").unwrap(), *of(b"1").unwrap()), (1, 2, 1));
        assert!(of(b"x").is_err());
        assert_eq!(*of(b"1").unwrap(), 1);
        assert_eq!(*decoded.value(&TEXTS, "a", b"1").unwrap(), serde_json::json!(1));
    }

    #[test]
    fn no_more_rows_are_kept_than_the_bound() {
        let decoded = Decoded::default();
        for n in 0..3 * ROWS_MAX / 2 {
            decoded.value(&NUMBERS, &n.to_string(), b"7").unwrap();
            let kept = decoded.kept.lock().unwrap();
            assert!(kept.count <= ROWS_MAX);
            assert_eq!(kept.count, kept.tables.values().map(BTreeMap::len).sum::<usize>());
        }
        let long = format!("\"{}\"", "x".repeat(ROW_BYTES_MAX));
        decoded.value(&TEXTS, "long", long.as_bytes()).unwrap();
        assert_eq!(decoded.kept.lock().unwrap().count, ROWS_MAX / 2);
    }
}
