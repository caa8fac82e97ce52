//! Limit 3: a session is open, not in its first minutes, inside the strategy's window.

use chrono::TimeDelta;

use super::refusal::Refusal;
use crate::strategy::{Candidate, Snapshot, rule};

/// The session and the window of the candidate's strategy, at the moment of gathering.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let at = snapshot.now;
    let open = snapshot.session.filter(|session| session.contains(at));
    let session = open.ok_or(Refusal::SessionClosed { at })?;
    let bound = i64::from(snapshot.rulebook.limits.minutes_after_open) * 60;
    if at < session.open + TimeDelta::seconds(bound) {
        return Err(Refusal::AfterOpen { seconds: (at - session.open).num_seconds(), bound });
    }
    let strategy = candidate.strategy;
    let rule = rule(strategy).ok_or(Refusal::Strategy { strategy })?;
    let (from, to) = rule.window(&snapshot.rulebook, &session);
    if at < from || at > to {
        return Err(Refusal::Window { at, from, to });
    }
    Ok(())
}
