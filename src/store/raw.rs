//! The seam under the transactions: rows as bytes, the same over redb and over memory.

use std::ops::{Bound, ControlFlow};

use super::{StoreError, table::Spec};

/// Bounds of keys, in text order.
pub type Keys<'a> = (Bound<&'a str>, Bound<&'a str>);

/// Which end a scan begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// Takes each row of a scan; `Break` ends it.
pub type Visit<'v> = dyn FnMut(&str, &[u8]) -> Result<ControlFlow<()>, StoreError> + 'v;

/// Takes the bytes of one row.
pub type Take<'t> = dyn FnMut(&[u8]) -> Result<(), StoreError> + 't;

/// Rows as bytes. A missing table reads as empty.
pub trait RawRead {
    /// The bytes of a key.
    fn row(&self, table: Spec<'_>, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Hands the bytes of a key, where it is there, to `take`.
    fn with_row(&self, table: Spec<'_>, key: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        self.row(table, key)?.map_or(Ok(()), |bytes| take(&bytes))
    }
    /// Visits the rows of `keys` in `order`.
    fn scan_rows(
        &self,
        table: Spec<'_>,
        keys: Keys<'_>,
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

/// The bounds of all keys that begin with `prefix`; the upper one is held by `after`.
pub(crate) fn prefix_keys<'a>(prefix: &'a str, after: &'a mut Option<String>) -> Keys<'a> {
    *after = successor(prefix);
    let upper = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(prefix), upper)
}

/// True for bounds no key can lie in, which range functions do not accept.
pub(crate) fn is_empty((lower, upper): Keys<'_>) -> bool {
    match (lower, upper) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            a >= b
        }
        _ => false,
    }
}

/// The least text greater than every text that begins with `prefix`; `None` when there is none.
///
/// UTF-8 orders bytes as it orders characters, so the last character that has one is replaced by
/// its successor.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = next_char(last) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn next_char(c: char) -> Option<char> {
    match c {
        '\u{D7FF}' => Some('\u{E000}'), // over the surrogates
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_of_a_prefix_is_above_all_it_begins_and_nothing_else() {
        let cases = [
            ("", None),
            ("a", Some("b")),
            ("run/", Some("run0")),
            ("\u{10FFFF}", None),
            ("a\u{10FFFF}", Some("b")),
            ("\u{D7FF}", Some("\u{E000}")),
        ];
        for (prefix, expected) in cases {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        }
    }

    #[test]
    fn bounds_that_cross_are_empty() {
        use Bound::{Excluded, Included, Unbounded};
        assert!(is_empty((Included("b"), Included("a"))));
        assert!(is_empty((Included("a"), Excluded("a"))));
        assert!(is_empty((Excluded("a"), Excluded("a"))));
        assert!(!is_empty((Included("a"), Included("a"))));
        assert!(!is_empty((Unbounded, Excluded("a"))));
    }
}
