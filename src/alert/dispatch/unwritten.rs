//! How attempts went that the store has not taken yet: while it hangs, what waits is still sent, and
//! what was taken is not sent again and again.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::waiting::{Waiting, backoff};
use crate::{alert::SendError, clock::Timestamp};

/// What a receiver took is not sent again for so long; by then the store has it, or the process is
/// another one.
const TAKEN_FOR: TimeDelta = TimeDelta::minutes(10);

/// One attempt.
#[derive(Debug)]
struct Attempt {
    /// Which telling of the alert it was, and which attempt.
    of: (u32, u32),
    /// Until then, by the steady clock, it stands in place of the row.
    until: TimeDelta,
    taken: bool,
    asked: bool,
}

/// Attempts by key.
#[derive(Debug, Default)]
pub(super) struct Unwritten(BTreeMap<String, Attempt>);

impl Unwritten {
    /// Remembers how an attempt went.
    pub fn note(
        &mut self,
        key: String,
        of: (u32, u32),
        result: &Result<(), SendError>,
        steady: TimeDelta,
    ) {
        let (wait, asked) = match result {
            Err(SendError::RetryAfter { after, .. }) => (*after, true),
            Err(SendError::Retry(_)) => (backoff(of.1.saturating_add(1)), false),
            Ok(()) | Err(SendError::Permanent(_)) => (TAKEN_FOR, false),
        };
        let taken = !matches!(result, Err(SendError::Retry(_) | SendError::RetryAfter { .. }));
        self.0.insert(key, Attempt { of, until: steady + wait, taken, asked });
    }

    /// Puts rows as they will be once the store has taken what is known.
    pub fn apply(
        &mut self,
        waiting: &mut Vec<(String, Waiting)>,
        now: Timestamp,
        steady: TimeDelta,
    ) {
        let stands = |key: &str, attempt: &Attempt| {
            let of = |row: &Waiting| (row.repeat, row.attempts) == attempt.of;
            steady < attempt.until && waiting.iter().any(|(other, row)| other == key && of(row))
        };
        self.0.retain(|key, attempt| stands(key, attempt));
        waiting.retain_mut(|(key, row)| {
            let Some(attempt) = self.0.get(key) else { return true };
            row.next_at = row.next_at.max(now + (attempt.until - steady));
            row.told_to_wait |= attempt.asked;
            !attempt.taken
        });
    }
}
