//! What happens next to an open alert, as a pure function of its row and the rules. The instants of
//! the row are those by the time that has passed (`dispatch::ages`), not by the clock of then.
//!
//! A critical one is repeated to every channel but the log, each `critical_minutes`; after its first
//! hour each half an hour at most, and for 24 hours in all: a phone that rang for a day will not be
//! heard on the second, and the alert stays in the list. A warning goes to the next channel
//! `warning_minutes` after it was told to the one before, until all know. Quiet hours and mutes do
//! not count as waiting: what would come in them comes so many minutes after their end.

use chrono::TimeDelta;

use super::Kept;
use crate::{
    alert::route::{Mute, Rules},
    clock::Timestamp,
    notice::Severity,
};

/// A critical alert is repeated at its full rate for so long …
const URGENT: TimeDelta = TimeDelta::hours(1);
/// … then this much slower …
const SLOWER: TimeDelta = TimeDelta::minutes(30);
/// … and for so long in all.
pub const REPEATED_FOR: TimeDelta = TimeDelta::hours(24);
/// An alert that nobody acknowledged is let lie after so long.
pub const LAPSES: TimeDelta = TimeDelta::days(7);

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Told again to every channel that knows of it.
    Repeat,
    /// Told to this channel, which does not know of it.
    Escalate(String),
    /// Nobody acknowledged it; it is let lie.
    Lapse,
}

/// The next step with its instant. `chain` is who takes the alert, in order, without the log.
pub fn next(row: &Kept, chain: &[String], rules: &Rules, mutes: &[Mute]) -> (Timestamp, Step) {
    let lapse = (after(row.since, LAPSES), Step::Lapse);
    let step = match row.alert.severity {
        Severity::Info => None,
        Severity::Critical if chain.is_empty() => None,
        Severity::Critical => repeat(row, rules).map(|at| (at, Step::Repeat)),
        Severity::Warning => escalate(row, chain, rules, mutes),
    };
    step.unwrap_or(lapse)
}

fn repeat(row: &Kept, rules: &Rules) -> Option<Timestamp> {
    let minutes = TimeDelta::minutes(i64::from(rules.escalation.critical_minutes));
    let wait = if row.last_at - row.since < URGENT { minutes } else { minutes.max(SLOWER) };
    let at = after(row.last_at, wait);
    (at - row.since <= REPEATED_FOR).then_some(at)
}

fn escalate(
    row: &Kept,
    chain: &[String],
    rules: &Rules,
    mutes: &[Mute],
) -> Option<(Timestamp, Step)> {
    let next = chain.iter().find(|channel| !row.knows(channel))?;
    let wait = TimeDelta::minutes(i64::from(rules.escalation.warning_minutes));
    let due = after(row.last_at, wait);
    let audible = rules.audible(&row.alert, mutes, due);
    let at = if audible == due { due } else { after(audible, wait) };
    Some((at, Step::Escalate(next.clone())))
}

/// A later instant; one that no calendar has is the last of all.
fn after(at: Timestamp, wait: TimeDelta) -> Timestamp {
    at.checked_add_signed(wait).unwrap_or(Timestamp::MAX_UTC)
}
