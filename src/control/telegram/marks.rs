//! What became of an update that changes something, across restarts: Telegram gives an update again
//! until a later poll confirms it, so a life that ends in between meets it twice.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    store::{Read, Store, StoreError, Table},
};

/// Marks kept of one bot; the oldest go.
const KEPT_MAX: usize = 256;
/// Telegram gives an update again for 24 hours; numbers may begin anew after a week of silence.
const KEPT_FOR: TimeDelta = TimeDelta::hours(48);

/// Updates that changed something, by `<bot>/<number>` with twenty digits.
pub const UPDATES: Table<Mark> = Table::new("telegram_updates", 1);

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was taken up.
    pub at: Timestamp,
    /// It was done to its end, or refused.
    pub done: bool,
}

/// The marks of one bot.
#[derive(Clone)]
pub struct Marks {
    store: Store,
    bot: String,
}

impl Marks {
    /// The marks of a bot, by its id.
    pub fn new(store: Store, bot: &str) -> Self {
        Self { store, bot: bot.to_owned() }
    }

    fn key(&self, update: i64) -> String {
        format!("{}/{update:020}", self.bot)
    }

    /// What is known of an update; a mark of long ago is of another update with its number.
    pub fn of(&self, update: i64, now: Timestamp) -> Result<Option<Mark>, StoreError> {
        let key = self.key(update);
        let mark = self.store.read(|tx| tx.get(&UPDATES, &key))?;
        Ok(mark.filter(|mark| now - mark.at < KEPT_FOR))
    }

    /// Marks an update as taken up, or as done.
    pub async fn put(&self, update: i64, now: Timestamp, done: bool) -> Result<(), StoreError> {
        let (key, prefix) = (self.key(update), format!("{}/", self.bot));
        let write = self.store.write(move |tx| {
            tx.put(&UPDATES, &key, &Mark { at: now, done })?;
            let newest = tx.last(&UPDATES, &prefix, KEPT_MAX + 1)?;
            if newest.len() > KEPT_MAX {
                // Numbers begin anew now and then: the oldest by time goes, not by number.
                let oldest = newest.iter().min_by_key(|(_, mark)| mark.at);
                if let Some((oldest, _)) = oldest {
                    tx.remove(&UPDATES, oldest)?;
                }
            }
            Ok(())
        });
        write.await
    }
}
