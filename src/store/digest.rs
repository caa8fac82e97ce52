//! One figure for everything a store holds.

use std::ops::{Bound, ControlFlow};

use sha2::{Digest as _, Sha256};

use super::{ReadTx, StoreError, journal, raw::Order, table::Spec, tx::Read as _};

/// The SHA-256, in lower-case hex, of every row of every table, each part with its length before
/// it: two stores have the same only when they hold the same rows.
pub(crate) fn of(tx: &ReadTx) -> Result<String, StoreError> {
    let mut hash = Sha256::new();
    let part = |hash: &mut Sha256, bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for (name, version) in tx.tables()? {
        let (mut rows, mut empty) = (Sha256::new(), true);
        let keys = (Bound::Unbounded, Bound::Unbounded);
        let table = Spec { name: &name, version };
        tx.raw().scan_rows(table, keys, Order::Forward, &mut |key, value| {
            empty = false;
            part(&mut rows, key.as_bytes());
            part(&mut rows, value);
            Ok(ControlFlow::Continue(()))
        })?;
        // A table without rows is as one that was never there.
        if !empty {
            part(&mut hash, name.as_bytes());
            hash.update(version.to_be_bytes());
            hash.update(rows.finalize());
        }
    }
    Ok(journal::hex(&hash.finalize()))
}
