//! A broker that does not answer (rulebook §6).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, minutes};
use crate::{account::hold::Level, clock::Timestamp, config::breakers::BrokerRules};

/// The name of its hold.
pub const NAME: &str = "broker-api";
/// An outage is over with the first answer that comes so long after the last failure: a call that
/// gets through between two that do not is no recovery.
const QUIET: TimeDelta = TimeDelta::seconds(60);

/// How the broker's calls went: three instants, whatever their number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    /// The first call that failed in the outage under way.
    pub failing_since: Option<Timestamp>,
    /// The last call that failed.
    pub failed_at: Option<Timestamp>,
    /// The last call that was answered.
    pub answered_at: Option<Timestamp>,
}

impl Calls {
    /// Notes a call that was answered; a refusal is an answer.
    pub fn answered(&mut self, now: Timestamp) {
        self.answered_at = Some(now);
        let stepped_back = self.failed_at.is_some_and(|at| at > now);
        if self.failed_at.is_none_or(|at| now - at >= QUIET) || stepped_back {
            self.failing_since = None;
        }
        if stepped_back {
            self.failed_at = Some(now);
        }
    }

    /// Notes a call that had no answer.
    pub fn failed(&mut self, now: Timestamp) {
        self.failed_at = Some(now);
        self.failing_since = Some(super::since(self.failing_since, now));
    }

    /// How long calls have failed: from the first to the last that did.
    pub fn outage(&self) -> TimeDelta {
        match (self.failing_since, self.failed_at) {
            (Some(first), Some(last)) => (last - first).max(TimeDelta::zero()),
            _ => TimeDelta::zero(),
        }
    }

    /// How long no call has failed, where one was answered since.
    pub fn clean(&self, now: Timestamp) -> TimeDelta {
        match (self.failed_at, self.answered_at) {
            (Some(failed), Some(answered)) if answered >= failed => now - failed,
            (None, Some(_)) => TimeDelta::MAX,
            _ => TimeDelta::zero(),
        }
    }
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The calls as of the last look.
    pub calls: Calls,
    /// An outage is counted from here: the last resume.
    pub from: Option<Timestamp>,
}

impl State {
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.from = Some(now);
    }

    /// How long calls have failed since the last resume.
    pub(super) fn outage(&self) -> TimeDelta {
        let mut calls = self.calls;
        calls.failing_since =
            calls.failing_since.map(|at| self.from.map_or(at, |from| at.max(from)));
        calls.outage()
    }
}

/// One look.
pub(super) fn look(
    rules: &BrokerRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let now = seen.now;
    state.calls = seen.calls;
    state.from = state.from.filter(|from| *from <= now);
    let held = seen.held(NAME).map(|hold| hold.level);
    let outage = state.outage();
    let words = |bound: u32| {
        format!("broker calls have failed for {} s > {bound} min", outage.num_seconds())
    };
    if outage > minutes(rules.halted_minutes) && held < Some(Level::Halted) {
        let cause = words(rules.halted_minutes);
        let critical = Some(by_hand(&cause, &seen.legs));
        let until = Until::Resumed;
        steps.push(Trip { name: NAME, level: Level::Halted, cause, until, critical }.step(now));
    } else if outage > minutes(rules.reducing_minutes) && held.is_none() {
        let cause = words(rules.reducing_minutes);
        let (level, until) = (Level::Reducing, Until::Condition);
        steps.push(Trip { name: NAME, level, cause, until, critical: None }.step(now));
    } else if held == Some(Level::Reducing)
        && seen.reconciled
        && state.calls.clean(now) >= minutes(rules.clean_minutes)
    {
        let why = format!("no broker call has failed for {} minutes", rules.clean_minutes);
        steps.push(Step::End { name: NAME, why });
    }
}

/// What a person does when no call gets through.
fn by_hand(cause: &str, legs: &str) -> String {
    let legs = if legs.is_empty() { "nothing is open" } else { legs };
    format!(
        "{cause}. Call the broker's trade desk by telephone: name the account, ask for every \
         working order to be cancelled, then for these legs to be closed: {legs}. When the broker \
         answers again look at `tomking status`, then `tomking resume`."
    )
}
