//! More positions in a correlation group than any may have, by manual trades say (rulebook §6):
//! entries stop until there are fewer.

use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until};
use crate::{account::hold::Level, risk::groups::GroupCount};

/// The name of its hold.
pub const NAME: &str = "group";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The fullest group at the last look.
    pub group: Option<String>,
    /// Its positions.
    pub positions: u32,
}

/// One look.
pub(super) fn look(most: u32, state: &mut State, seen: &Observation, steps: &mut Vec<Step>) {
    let Some(counts) = &seen.groups else { return };
    let fuller = |best: &'_ &GroupCount, next: &GroupCount| next.positions > best.positions;
    let fullest = counts.iter().reduce(|best, next| if fuller(&best, next) { next } else { best });
    let Some(fullest) = fullest else { return };
    let (positions, bound) = (fullest.positions, most.saturating_add(1));
    let group = (positions > 0).then(|| fullest.group.clone());
    *state = State { group, positions };
    let held = seen.held(NAME).is_some();
    if positions >= bound && !held {
        let cause = format!("{positions} positions in {} > {most}", fullest.group);
        let (level, until) = (Level::Reducing, Until::Condition);
        steps.push(Trip { name: NAME, level, cause, until, critical: None }.step(seen.now));
    } else if positions < bound && held && seen.reconciled {
        let why = format!("no group has more than {most} positions any more");
        steps.push(Step::End { name: NAME, why });
    }
}
