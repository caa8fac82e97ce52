//! What waits, put before the receivers that are there now.
//!
//! Rows of a channel that has got several receivers since (an earlier version, a second chat) go to
//! each of them; rows for a receiver or a channel that the settings do not name any more are let go, or
//! they would come when it is named again, months later.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Voice,
    waiting::{WAITING, of_key, waiting_key},
};
use crate::store::{Read, Store, StoreError, WriteTx};

/// Puts what waits where it belongs, once a life.
pub(super) async fn come(store: &Store, voice: &Arc<Voice>) -> Result<(), StoreError> {
    let moved = store.read(|tx| moves(tx, voice))?;
    if moved.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut WriteTx| moved.iter().try_for_each(|(key, to)| carry(tx, key, to));
    store.write(write).await
}

/// Rows that lie on no line of now, with the lines they belong to.
fn moves(tx: &impl Read, voice: &Voice) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let names = voice.names();
    let here: BTreeSet<String> = names.iter().flat_map(|name| voice.lines_of(name)).collect();
    let (rows, broken) = tx.readable(&WAITING, "")?;
    let keys = rows.into_iter().map(|(key, _)| key).chain(broken.into_iter().map(|(key, _)| key));
    let away = keys.filter_map(|key| {
        let line = of_key(&key).map_or(key.as_str(), |(line, _)| line);
        let lines = (!here.contains(line)).then(|| voice.lines_of(line))?;
        Some((key, lines))
    });
    Ok(away.collect())
}

fn carry(tx: &mut WriteTx, key: &str, lines: &[String]) -> Result<(), StoreError> {
    tracing::warn!(key, to = lines.join(", "), "what waits there is on no line of the settings");
    let row = tx.get_readable(&WAITING, key)?;
    tx.remove(&WAITING, key)?;
    let (Some(row), Some((_, number))) = (row, of_key(key)) else { return Ok(()) };
    lines.iter().try_for_each(|line| tx.put(&WAITING, &waiting_key(line, number), &row))
}
