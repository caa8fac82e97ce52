//! Limit 4: FOMC from 24 h before to 2 h after; CPI and NFP days before 10:30. An event kind whose
//! calendar does not cover the date is not applied.

use chrono::{TimeDelta, TimeZone};

use super::refusal::Refusal;
use crate::{
    calendar::{NEW_YORK, new_york_date},
    clock::Timestamp,
    config::rulebook::LimitRules,
    market::{EventDay, EventKind, MacroEvent},
    strategy::Snapshot,
};

/// Every known event that is too near.
pub(super) fn check(snapshot: &Snapshot) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.limits;
    let known = snapshot.events.values().filter_map(|day| match day {
        EventDay::Known(events) => Some(events),
        EventDay::Unknown => None,
    });
    known.flatten().try_for_each(|event| near(rules, event, snapshot.now))
}

fn near(rules: &LimitRules, event: &MacroEvent, at: Timestamp) -> Result<(), Refusal> {
    let (from, until) = span(rules, event);
    let blocked = match event.kind {
        EventKind::Fomc => from <= at && at <= until,
        EventKind::Cpi | EventKind::Nfp => from <= at && at < until,
    };
    if !blocked {
        return Ok(());
    }
    Err(Refusal::Event { kind: event.kind, event: event.at, at, until })
}

/// From when to when an event stops entries.
fn span(rules: &LimitRules, event: &MacroEvent) -> (Timestamp, Timestamp) {
    let hours = |hours: u32| TimeDelta::hours(i64::from(hours));
    if event.kind == EventKind::Fomc {
        let before = hours(rules.fomc_hours_before);
        return (event.at - before, event.at + hours(rules.fomc_hours_after));
    }
    let date = new_york_date(event.at);
    let local = |time| NEW_YORK.from_local_datetime(&date.and_time(time)).earliest();
    let until = local(rules.release_days_not_before).map_or(event.at, |at| at.to_utc());
    let midnight = local(chrono::NaiveTime::MIN).map_or(event.at, |at| at.to_utc());
    (midnight, until)
}
