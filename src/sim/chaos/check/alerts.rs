//! Invariant 8: each alert is delivered at least once to each channel it is owed to, and none is
//! lost.
//!
//! Owed at once: what is for the record and what is critical to every channel, a warning to the
//! first. Always: what is owed is either delivered, or waiting in the store, or not yet taken; a dead
//! letter only after the 24 h for which deliveries are tried. No number of the outbox is left out. At
//! the end everything raised more than [`AT_ONCE`] ago was delivered.
//!
//! Owed later, and looked at when the process has been healthy for long enough: a warning that is
//! still open to the channels after the first, as itself or as a later one of the same matter; a
//! critical alert that is still open again, to every channel, within the slow rate of repeats.
//!
//! No lag is tolerated for the first; a delivery counts from the instant the channel took it, which
//! is before the daemon knows. The others wait for the longest pause between two attempts, 5 min,
//! and for the row that holds back those behind it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::{Broken, Invariant, Moment, Scene};
use crate::{
    alert::{
        dispatch::{CURSORS, DEAD, WAITING},
        open::{ALERTS, Kept, MATTERS, Standing, number_key},
        render,
    },
    clock::Timestamp,
    notice::{OUTBOX, Severity},
    store::{Read, ReadTx, StoreError},
};

/// Deliveries are tried for so long.
const TRIED_FOR: TimeDelta = TimeDelta::hours(24);
/// How long a delivery may take once nothing is wrong.
const AT_ONCE: TimeDelta = TimeDelta::minutes(15);
/// The slow rate of repeats.
const REPEATED_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// Repeats end after a day, by a clock that may be hours off.
const REPEATED_FOR: TimeDelta = TimeDelta::hours(20);
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
    /// The newest number, and the last delivery, of a matter by a channel.
    told: BTreeMap<(String, String), (u64, Timestamp)>,
    /// Warnings not known to have gone on to every channel, with the instant first seen and the
    /// matter.
    warnings: BTreeMap<u64, (Timestamp, String)>,
    /// When critical alerts were first seen.
    criticals: BTreeMap<u64, Timestamp>,
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
        if matches!(moment, Moment::DayEnd | Moment::End)
            && let Some(healthy) = scene.healthy_since()
            && let Some(words) = scene.store.read(|tx| self.let_lie(tx, scene, healthy))?
        {
            return Err(Broken(words));
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
            let matter = (delivery.channel.clone(), delivery.key.clone());
            let newest = self.told.get(&matter).map_or(0, |(id, _)| *id).max(delivery.id);
            self.told.insert(matter, (newest, delivery.at));
        }
        self.heard = scene.log.deliveries.len();
    }

    fn lost(&mut self, tx: &ReadTx, scene: &Scene<'_>) -> Result<Option<String>, StoreError> {
        while let Some((key, row)) = tx.first_after(&OUTBOX, &number_key(self.last))? {
            let number: u64 = key.parse().unwrap_or(0);
            if number != self.last + 1 {
                let expected = self.last + 1;
                return Ok(Some(format!("alert {expected} is gone from the outbox")));
            }
            self.last = number;
            let alert = render(number, &row);
            self.owe(number, alert.severity, alert.key, scene);
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

    /// Who is owed an alert from the instant it was raised on.
    fn owe(&mut self, number: u64, severity: Severity, matter: String, scene: &Scene<'_>) {
        let in_turn =
            severity == Severity::Warning && scene.settings.voice.escalation.warning_minutes > 0;
        let count = if in_turn { 1 } else { scene.channels.len() };
        for channel in &scene.channels[..count] {
            let taken = self.taken.get(channel).is_some_and(|taken| taken.contains(&number));
            if !taken {
                self.owed.entry(channel.clone()).or_default().insert(number, scene.now);
            }
        }
        if in_turn {
            self.warnings.insert(number, (scene.now, matter));
        } else if severity == Severity::Critical {
            self.criticals.insert(number, scene.now);
        }
    }

    /// What is open and does not go on.
    fn let_lie(
        &mut self,
        tx: &ReadTx,
        scene: &Scene<'_>,
        healthy: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let words = self.not_escalated(tx, scene, healthy)?;
        if words.is_some() || scene.now - healthy < REPEATED_WITHIN + AT_ONCE {
            return Ok(words);
        }
        self.not_repeated(tx, scene)
    }

    fn not_escalated(
        &mut self,
        tx: &ReadTx,
        scene: &Scene<'_>,
        healthy: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let [_, later @ ..] = scene.channels else { return Ok(None) };
        let minutes = i64::from(scene.settings.voice.escalation.warning_minutes);
        let turns = i32::try_from(later.len()).unwrap_or(i32::MAX);
        let bound = TimeDelta::minutes(minutes) * turns + AT_ONCE;
        let mut done = Vec::new();
        for (number, (at, matter)) in &self.warnings {
            if scene.now - (*at).max(healthy) <= bound {
                continue;
            }
            let told = |channel: &String| {
                let told = self.told.get(&(channel.clone(), matter.clone()));
                told.is_some_and(|(newest, _)| newest >= number)
            };
            if let Some(channel) = later.iter().find(|channel| !told(channel))
                && under(tx, *number)?.is_none_or(|row| row.is_open())
            {
                return Ok(Some(format!(
                    "warning {number} of {at} is open and has not gone on to `{channel}`"
                )));
            }
            done.push(*number);
        }
        for number in done {
            self.warnings.remove(&number);
        }
        Ok(None)
    }

    fn not_repeated(&self, tx: &ReadTx, scene: &Scene<'_>) -> Result<Option<String>, StoreError> {
        for (matter, number) in tx.list(&MATTERS, "")? {
            let (Some(row), Some(at)) = (under(tx, number)?, self.criticals.get(&number)) else {
                continue;
            };
            let age = (scene.now - *at).max(scene.now - row.since);
            if !row.is_open() || age > REPEATED_FOR || scene.now - *at < REPEATED_WITHIN {
                continue;
            }
            for channel in scene.channels {
                let last = self.told.get(&(channel.clone(), matter.clone())).map(|(_, at)| *at);
                if last.is_none_or(|last| scene.now - last > REPEATED_WITHIN + AT_ONCE) {
                    let last = last.map_or_else(|| "never".to_owned(), |last| last.to_string());
                    return Ok(Some(format!(
                        "critical alert {number} of {at} is open; `{channel}` was last told: {last}"
                    )));
                }
            }
        }
        Ok(None)
    }
}

/// The row an alert stands under.
fn under(tx: &ReadTx, number: u64) -> Result<Option<Kept>, StoreError> {
    let row = tx.get(&ALERTS, &number_key(number))?;
    match row.as_ref().map(|row| &row.standing) {
        Some(Standing::Folded { into }) => tx.get(&ALERTS, &number_key(*into)),
        _ => Ok(row),
    }
}
