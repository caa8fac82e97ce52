//! A jump of VIX over its previous close (rulebook §6): entries stop, and 0DTE is closed.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, minutes, seconds};
use crate::{
    account::hold::Level, clock::Timestamp, config::breakers::VixSpikeRules, money::round_half_up,
};

/// The name of its hold; while it stands 0DTE positions are closed.
pub const NAME: &str = "vix-spike";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The session the figures are of.
    pub date: Option<NaiveDate>,
    /// The last print of it.
    pub level: Option<Decimal>,
    /// The close before.
    pub previous_close: Option<Decimal>,
    /// The first of the prints in a row that are over a bound.
    pub over_since: Option<Timestamp>,
    /// It tripped on that day.
    pub tripped: bool,
}

impl State {
    /// The rise in points, and in percent.
    pub(super) fn rise(&self) -> Option<(Decimal, Decimal)> {
        let close = self.previous_close.filter(|close| *close > Decimal::ZERO)?;
        let points = self.level? - close;
        Some((points, points / close * Decimal::ONE_HUNDRED))
    }
}

/// One look. Prints of regular hours count, but not those of the first minutes after the open: an
/// open with wild prices trips nothing that fair ones would not.
pub(super) fn look(
    rules: &VixSpikeRules,
    blind_minutes: u32,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let (Some(session), Some(vix)) = (seen.in_session(), seen.vix) else { return };
    let from = session.open + minutes(blind_minutes);
    if seen.now < from || vix.at < from || vix.at > seen.now {
        return;
    }
    if state.date.is_none_or(|date| date < session.date) {
        *state = State { date: Some(session.date), ..State::default() };
    }
    (state.level, state.previous_close) = (Some(vix.level), vix.previous_close);
    let Some((points, percent)) = state.rise() else { return };
    if points < rules.rise_points && percent < rules.rise_percent {
        state.over_since = None;
        return;
    }
    // Two prints so far apart, not one print looked at twice.
    let first = super::since(state.over_since, vix.at);
    state.over_since = Some(first);
    if state.tripped || vix.at - first < seconds(rules.gap_seconds) {
        return;
    }
    state.tripped = true;
    let round = |figure| round_half_up(figure, 2);
    let cause = format!(
        "VIX {} is {} points, {} % above its previous close {} (bounds {} points, {} %)",
        round(vix.level),
        round(points),
        round(percent),
        round(state.previous_close.unwrap_or_default()),
        rules.rise_points,
        rules.rise_percent
    );
    let hours = chrono::TimeDelta::hours(i64::from(rules.hold_hours));
    let until = Until::At(seen.now + hours);
    let trip = Trip { name: NAME, level: Level::Reducing, cause, until, critical: None };
    steps.push(trip.step(seen.now));
}
