//! The filters of the day: what holds for every product alike.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};
use rust_decimal::Decimal;

use super::{ZdteTimes, times};
use crate::{
    account::StrategyId,
    calendar::{NEW_YORK, new_york_date},
    clock::Timestamp,
    config::rulebook::CrisisMode,
    market::{EventDay, EventKind},
    strategy::{Snapshot, sheet::Sheet},
};

/// The longest closure that is looked through; the longest there was is four weekdays (2001).
const DAYS_CLOSED_MAX: usize = 14;

/// Writes the day's filters down.
pub(super) fn filters(snapshot: &Snapshot, sheet: &mut Sheet) {
    let enabled = snapshot.rulebook.friday_0dte.enabled;
    sheet.check("enabled", if enabled { "yes" } else { "no" }, "yes", enabled);
    let times = session(snapshot, sheet);
    if let Some(times) = times {
        window(snapshot, &times, sheet);
    }
    let exits = snapshot.closed_today.iter().filter(|p| p.strategy == StrategyId::Friday0dte);
    let exits = exits.count();
    sheet.check("re_entry", format_args!("{exits} exits today"), "0, no re-entry", exits == 0);
    vix(snapshot, sheet);
    fomc(snapshot, sheet);
    release(snapshot, EventKind::Cpi, snapshot.rulebook.friday_0dte.skip_cpi, sheet);
    release(snapshot, EventKind::Nfp, false, sheet);
}

/// A Friday session, or the first session after a Friday that was none (rulebook, head).
fn session(snapshot: &Snapshot, sheet: &mut Sheet) -> Option<ZdteTimes> {
    let Some(session) = snapshot.session else {
        let date = new_york_date(snapshot.now);
        sheet.check("day", format_args!("{date}, no session"), "a Friday session", false);
        return None;
    };
    let (moved, friday) =
        (stands_in(snapshot, session.date), session.date.weekday() == Weekday::Fri);
    let early = if session.early_close { ", early close" } else { "" };
    let moved_here = if moved { ", moved from Friday" } else { "" };
    let value = format!("{} {}{early}{moved_here}", session.date.format("%A"), session.date);
    sheet.check("day", value, "a Friday session", friday || moved);
    Some(times(&snapshot.rulebook, &session))
}

/// Whether a Friday without a session lies between the session before and `date`.
fn stands_in(snapshot: &Snapshot, date: NaiveDate) -> bool {
    let Some(previous) = snapshot.previous_session else { return false };
    let between = previous.iter_days().skip(1).take_while(|day| *day < date);
    between.take(DAYS_CLOSED_MAX).any(|day| day.weekday() == Weekday::Fri)
}

/// Both the slot and the moment lie in the entry window, its ends included.
fn window(snapshot: &Snapshot, times: &ZdteTimes, sheet: &mut Sheet) {
    let bound = format!("{} to {}", clock(times.entry), clock(times.last_entry));
    for (name, at) in [("slot", snapshot.slot), ("window", snapshot.now)] {
        let inside = times.entry <= at && at <= times.last_entry;
        sheet.check(name, clock(at), &bound, inside);
    }
}

fn vix(snapshot: &Snapshot, sheet: &mut Sheet) {
    let Some(vix) = snapshot.vix else {
        sheet.check("vix", "missing", "present, above zero", false);
        return;
    };
    let rules = &snapshot.rulebook.friday_0dte;
    sheet.check("vix", vix.level, "present, above zero", vix.level > Decimal::ZERO);
    let age = (snapshot.now - vix.at).num_milliseconds();
    let most = snapshot.rulebook.limits.data_age_seconds;
    let value = format!("{} s", Decimal::new(age, 3).normalize());
    sheet.check("vix_age", value, format_args!("<= {most} s"), age <= i64::from(most) * 1000);
    let ceiling = rules.nothing_above_vix;
    sheet.check("vix_ceiling", vix.level, format_args!("<= {ceiling}"), vix.level <= ceiling);
    let crisis = vix.level > rules.puts_only_above_vix;
    let mode = snapshot.rulebook.vix.crisis;
    let (mode_name, allowed) = match mode {
        CrisisMode::PutsOnly => ("puts_only", true),
        CrisisMode::ManageOnly => ("manage_only", false),
    };
    let bound = format!("<= {}, or crisis = puts_only", rules.puts_only_above_vix);
    let value = format!("{}, crisis = {mode_name}", vix.level);
    sheet.check("vix_crisis", value, bound, !crisis || allowed);
}

fn fomc(snapshot: &Snapshot, sheet: &mut Sheet) {
    let today = today(snapshot, EventKind::Fomc);
    let value = today.to_string();
    sheet.check("fomc", value, "no statement today", !matches!(today, Today::At(_)));
}

/// A release day: nothing before 10:30, that instant itself allowed; nothing at all where `skip`.
fn release(snapshot: &Snapshot, kind: EventKind, skip: bool, sheet: &mut Sheet) {
    let from = snapshot.rulebook.limits.release_days_not_before;
    let bound = if skip { "no release today".to_owned() } else { format!("not before {from}") };
    let today = today(snapshot, kind);
    let late_enough = snapshot.now.with_timezone(&NEW_YORK).time() >= from;
    let passed = !matches!(today, Today::At(_)) || (!skip && late_enough);
    sheet.check(kind.key(), today, bound, passed);
}

/// What is known of an event kind today.
enum Today {
    /// The calendar does not cover the date: not applied.
    Unknown,
    /// None.
    Free,
    /// One, at this instant.
    At(Timestamp),
}

impl fmt::Display for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown, not applied"),
            Self::Free => f.write_str("none today"),
            Self::At(at) => write!(f, "today {}", clock(*at)),
        }
    }
}

fn today(snapshot: &Snapshot, kind: EventKind) -> Today {
    let Some(EventDay::Known(events)) = snapshot.events.get(&kind) else { return Today::Unknown };
    let date = new_york_date(snapshot.now);
    let event = events.iter().find(|e| e.kind == kind && new_york_date(e.at) == date);
    event.map_or(Today::Free, |event| Today::At(event.at))
}

/// New York wall time: `10:30:00`.
pub(super) fn clock(at: Timestamp) -> String {
    at.with_timezone(&NEW_YORK).format("%H:%M:%S").to_string()
}
