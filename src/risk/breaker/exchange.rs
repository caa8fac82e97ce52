//! Market-wide circuit breakers, as the exchange trips them (NYSE rule 7.12, formerly 80B).
//!
//! Measured on the S&P 500 against its previous close. Levels 1 and 2 halt for 15 minutes, each
//! once a day, when reached up to and including 15:25 (35 minutes before an early close); level 3
//! halts for the rest of the day at any time. What expires today stays under the exception to
//! HALTED: its close waits at the exchange, and leaves as soon as trading is resumed.

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Observation, Step, Trip, Until, minutes, shown};
use crate::{account::hold::Level, clock::Timestamp, config::breakers::ExchangeRules};

/// The name of its hold.
pub const NAME: &str = "exchange";
/// Between the two prints a level needs: one wrong print of the index halts nothing.
pub const GAP: TimeDelta = TimeDelta::seconds(10);

/// The S&P 500 against its previous close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexQuote {
    /// Last print.
    pub last: Decimal,
    /// The close of the session before.
    pub previous_close: Decimal,
    /// The instant of the print.
    pub at: Timestamp,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The session the figures are of.
    pub date: Option<NaiveDate>,
    /// The fall at the last look, percent; below zero for a rise.
    pub percent: Option<Decimal>,
    /// The highest level reached in the session: each halts once.
    pub level: u8,
    /// A level beyond it, and when it was first seen.
    pub reached: Option<(u8, Timestamp)>,
}

/// One look.
pub(super) fn look(
    rules: &ExchangeRules,
    state: &mut State,
    seen: &Observation,
    steps: &mut Vec<Step>,
) {
    let (Some(session), Some(index)) = (seen.in_session(), seen.index) else { return };
    if index.at < session.open || index.at > seen.now || index.previous_close <= Decimal::ZERO {
        return;
    }
    if state.date.is_none_or(|date| date < session.date) {
        *state = State { date: Some(session.date), ..State::default() };
    }
    let percent = (index.previous_close - index.last) / index.previous_close * Decimal::ONE_HUNDRED;
    state.percent = Some(percent);
    let bounds = [rules.level_1_percent, rules.level_2_percent, rules.level_3_percent];
    let level = bounds.iter().take_while(|bound| percent >= **bound).count();
    let level = u8::try_from(level).unwrap_or(3);
    if level <= state.level {
        state.reached = None;
        return;
    }
    let Some((before, first)) = state.reached.filter(|(_, at)| *at <= seen.now) else {
        state.reached = Some((level, seen.now));
        return;
    };
    if seen.now - first < GAP {
        return;
    }
    let level = level.min(before);
    (state.level, state.reached) = (level, None);
    let bound = bounds[usize::from(level) - 1];
    let cause = format!(
        "exchange breaker level {level}: the S&P 500 is down {} >= {bound} %",
        shown(percent)
    );
    let (until, critical) = if level == 3 {
        let told = format!("{cause}; trading is over for today. Open: {}", seen.legs);
        (session.close, Some(told))
    } else {
        if first > session.close - minutes(rules.last_minutes_before_close) {
            return;
        }
        (first + minutes(rules.halt_minutes), None)
    };
    if until > seen.now {
        let until = Until::At(until);
        steps
            .push(Trip { name: NAME, level: Level::Halted, cause, until, critical }.step(seen.now));
    }
}
