//! Invariant 8: each alert is delivered at least once on each channel, and none is lost.
//!
//! Always: a row of the outbox is, for each channel, either delivered, or waiting in the store, or
//! not yet taken by it; a dead letter only after the 24 h for which deliveries are tried. No number
//! of the outbox is left out. At the end everything raised more than [`AT_ONCE`] ago was delivered.
//!
//! No lag is tolerated for the first; a delivery counts from the instant the channel took it, which
//! is before the daemon knows. The last waits for the longest pause between two attempts, 5 min,
//! and for the row that holds back those behind it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::{Broken, Invariant, Moment, Scene};
use crate::{
    alert::dispatch::{CURSORS, DEAD, WAITING},
    clock::Timestamp,
    notice::OUTBOX,
    store::{Read, ReadTx, StoreError},
};

/// Deliveries are tried for so long.
const TRIED_FOR: TimeDelta = TimeDelta::hours(24);
/// How long a delivery may take once nothing is wrong.
const AT_ONCE: TimeDelta = TimeDelta::minutes(15);
const TABLES: &[&str] = &[CURSORS.name(), DEAD.name(), OUTBOX.name(), WAITING.name()];

/// The invariant.
#[derive(Default)]
pub(super) struct Alerts {
    seen: Option<(u32, u64)>,
    /// The last outbox number known.
    last: u64,
    /// Deliveries of the log taken in.
    heard: usize,
    /// What each channel has not taken, by number, with the instant it was first seen.
    owed: BTreeMap<String, BTreeMap<u64, Timestamp>>,
    taken: BTreeMap<String, BTreeSet<u64>>,
}

impl Invariant for Alerts {
    fn number(&self) -> u8 {
        8
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        if matches!(moment, Moment::Wire(_)) {
            return Ok(());
        }
        self.hear(scene);
        let now = (scene.life(), scene.store.changes(TABLES));
        if self.seen != Some(now) {
            self.seen = Some(now);
            let lost = scene.store.read(|tx| self.lost(tx, scene))?;
            if let Some(words) = lost {
                return Err(Broken(words));
            }
        }
        if matches!(moment, Moment::End) {
            let late = |(channel, owed): (&String, &BTreeMap<u64, Timestamp>)| {
                let (id, at) = owed.iter().find(|(_, at)| scene.now - **at > AT_ONCE)?;
                Some(format!("alert {id} of {at} was never delivered by `{channel}`"))
            };
            return self.owed.iter().find_map(late).map_or(Ok(()), |words| Err(Broken(words)));
        }
        Ok(())
    }
}

impl Alerts {
    fn hear(&mut self, scene: &Scene<'_>) {
        for delivery in &scene.log.deliveries[self.heard..] {
            if let Some(owed) = self.owed.get_mut(&delivery.channel) {
                owed.remove(&delivery.id);
            }
            self.taken.entry(delivery.channel.clone()).or_default().insert(delivery.id);
        }
        self.heard = scene.log.deliveries.len();
    }

    fn lost(&mut self, tx: &ReadTx, scene: &Scene<'_>) -> Result<Option<String>, StoreError> {
        while let Some((key, _)) = tx.first_after(&OUTBOX, &format!("{:020}", self.last))? {
            let number: u64 = key.parse().unwrap_or(0);
            if number != self.last + 1 {
                let expected = self.last + 1;
                return Ok(Some(format!("alert {expected} is gone from the outbox")));
            }
            self.last = number;
            for channel in scene.channels {
                let taken = self.taken.get(channel).is_some_and(|taken| taken.contains(&number));
                if !taken {
                    self.owed.entry(channel.clone()).or_default().insert(number, scene.now);
                }
            }
        }
        for (channel, owed) in &self.owed {
            let cursor = tx.get(&CURSORS, channel)?.unwrap_or(0);
            for (number, at) in owed.iter().take_while(|(number, _)| **number <= cursor) {
                let key = format!("{channel}/{number:020}");
                if tx.get(&WAITING, &key)?.is_some() {
                    continue;
                }
                let words = match tx.get(&DEAD, &key)? {
                    Some(_) if scene.now - *at >= TRIED_FOR => continue,
                    Some(dead) => format!(
                        "alert {number} was given up by `{channel}` after {} attempts in {} min",
                        dead.attempts,
                        (scene.now - *at).num_minutes()
                    ),
                    None => format!(
                        "alert {number} was taken by `{channel}`, not delivered, and waits nowhere"
                    ),
                };
                return Ok(Some(words));
            }
        }
        Ok(None)
    }
}
