//! A silent feed in session with something sold (rulebook §6): entries stop, stops are suspended.

use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, seconds};
use crate::{account::hold::Level, clock::Timestamp, config::breakers::FeedRules};

/// The name of its hold; while it stands no stop fires.
pub const NAME: &str = "feed";

/// The underlyings of what is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedLook {
    /// Something is sold.
    pub short: bool,
    /// The oldest of their last frames; `None` when one of them did not answer.
    pub oldest: Option<Timestamp>,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The last instant at which every underlying was heard of.
    pub heard_at: Option<Timestamp>,
    /// Silence at the last look, seconds.
    pub silent_seconds: i64,
}

/// One look.
pub(super) fn look(
    rules: &FeedRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let (Some(look), now) = (seen.feed, seen.now) else { return };
    let held = seen.held(NAME).is_some();
    if !look.short {
        *state = State::default();
        if held && seen.reconciled {
            steps.push(Step::End { name: NAME, why: "nothing is sold any more".to_owned() });
        }
        return;
    }
    let Some(session) = seen.in_session() else { return };
    let heard = look.oldest.or(state.heard_at).map_or(now, |at| at.min(now)).max(session.open);
    state.heard_at = Some(heard);
    let silent = now - heard;
    state.silent_seconds = silent.num_seconds();
    if silent > seconds(rules.silent_seconds) {
        if !held {
            let cause = format!(
                "the underlying is silent for {} s > {} s; stops are suspended",
                state.silent_seconds, rules.silent_seconds
            );
            let (level, until) = (Level::Reducing, Until::Condition);
            steps.push(Trip { name: NAME, level, cause, until, critical: None }.step(now));
        }
    } else if held && seen.reconciled && look.oldest.is_some_and(|at| at >= session.open) {
        // Heard of, not merely silent for a short time of this session.
        steps.push(Step::End { name: NAME, why: "the feed is back".to_owned() });
    }
}
