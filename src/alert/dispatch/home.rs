//! What waits, put before the receivers that are there now.
//!
//! Rows of a channel that has got several receivers since (an earlier version, a second chat) go to
//! each of them; rows for one that the settings do not name any more are let go.

use std::sync::Arc;

use super::{
    Voice,
    waiting::{WAITING, of_key, under, waiting_key},
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
    let mut moved = Vec::new();
    for channel in &voice.channels {
        let lines = voice.lines_of(channel.name());
        for (key, _) in under(tx, &WAITING, channel.name())?.0 {
            let Some((line, _)) = of_key(&key) else { continue };
            if lines.iter().any(|of| of == line) {
                continue;
            }
            let whole = line == channel.name();
            moved.push((key.clone(), if whole { lines.clone() } else { Vec::new() }));
        }
    }
    Ok(moved)
}

fn carry(tx: &mut WriteTx, key: &str, lines: &[String]) -> Result<(), StoreError> {
    let (Some(row), Some((line, number))) = (tx.get_readable(&WAITING, key)?, of_key(key)) else {
        return Ok(());
    };
    tracing::info!(line, number, to = lines.join(", "), "an alert that waits goes to another line");
    tx.remove(&WAITING, key)?;
    for line in lines {
        tx.put(&WAITING, &waiting_key(line, number), &row)?;
    }
    Ok(())
}
