//! The filters of the day: what a strategy asks of the moment, whatever the product.

use std::fmt;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use rust_decimal::Decimal;

use super::{Snapshot, sheet::Sheet};
use crate::{
    account::StrategyId,
    calendar::{NEW_YORK, Session, new_york_date},
    clock::Timestamp,
    market::{EventDay, EventKind, MacroEvent},
};

/// Writes down what every strategy that is not flat by the evening asks of the day: enabled, a
/// session, inside its window, no exit of its own today, VIX known and fresh, no release to come
/// this morning. Returns VIX where it is known. FOMC is limit 4 of the gate alone: it refuses
/// for hours, not for a day.
pub(super) fn filters(
    snapshot: &Snapshot,
    strategy: StrategyId,
    enabled: bool,
    window_of: impl Fn(&Session) -> (Timestamp, Timestamp),
    sheet: &mut Sheet,
) -> Option<Decimal> {
    sheet.check("enabled", if enabled { "yes" } else { "no" }, "yes", enabled);
    if let Some(session) = &snapshot.session {
        let early = if session.early_close { ", early close" } else { "" };
        let value = format!("{} {}{early}", session.date.format("%A"), session.date);
        sheet.check("day", value, "a session", true);
        window(snapshot.now, window_of(session), sheet);
    } else {
        let date = new_york_date(snapshot.now);
        sheet.check("day", format_args!("{date}, no session"), "a session", false);
    }
    re_entry(snapshot, strategy, sheet);
    let level = vix(snapshot, sheet);
    release(snapshot, EventKind::Cpi, false, sheet);
    release(snapshot, EventKind::Nfp, false, sheet);
    level
}

/// The moment lies in the entry window, its ends included.
fn window(now: Timestamp, (from, to): (Timestamp, Timestamp), sheet: &mut Sheet) {
    let bound = format!("{} to {}", clock(from), clock(to));
    sheet.check("window", clock(now), bound, from <= now && now <= to);
}

/// A weekday of the month stands for itself and, where it was refused or is no session, for so many
/// days after: three further sessions, over a weekend.
const DAYS_AFTER_MAX: i64 = 5;

/// The last such weekday up to a day, and which of its month it is; `None` once too many days have
/// gone by since.
pub(super) fn weekday_of(date: NaiveDate, weekday: Weekday) -> Option<(NaiveDate, u32)> {
    let back = i64::from(date.weekday().days_since(weekday));
    let day = date.checked_sub_signed(TimeDelta::days(back))?;
    (back <= DAYS_AFTER_MAX).then(|| (day, day.day0() / 7 + 1))
}

/// Writes down whether the day is, or stands for, an nth weekday of its month.
pub(super) fn nth_weekday(snapshot: &Snapshot, weekday: Weekday, nth: u32, sheet: &mut Sheet) {
    let Some(session) = snapshot.session else { return };
    let found = weekday_of(session.date, weekday);
    let value = match found {
        Some((day, nth)) => format!("{} {nth} of the month, {day}", day.format("%A")),
        None => format!("{} {}", session.date.format("%A"), session.date),
    };
    let bound = format!("{weekday} {nth} of the month, or the sessions after it");
    sheet.check("weekday", value, bound, found.is_some_and(|(_, found)| found == nth));
}

/// No re-entry the same day after an exit (rulebook §4 common).
pub(super) fn re_entry(snapshot: &Snapshot, strategy: StrategyId, sheet: &mut Sheet) {
    let exits = snapshot.closed_today.iter().filter(|p| p.strategy == strategy).count();
    sheet.check("re_entry", format_args!("{exits} exits today"), "0, no re-entry", exits == 0);
}

/// VIX is there, above zero and fresh.
pub(super) fn vix(snapshot: &Snapshot, sheet: &mut Sheet) -> Option<Decimal> {
    let Some(vix) = snapshot.vix else {
        sheet.check("vix", "missing", "present, above zero", false);
        return None;
    };
    let positive = vix.level > Decimal::ZERO;
    sheet.check("vix", vix.level, "present, above zero", positive);
    let age = (snapshot.now - vix.at).num_milliseconds();
    let most = snapshot.rulebook.limits.data_age_seconds;
    let value = format!("{} s", Decimal::new(age, 3).normalize());
    sheet.check("vix_age", value, format_args!("<= {most} s"), age <= i64::from(most) * 1000);
    positive.then_some(vix.level)
}

/// A release day: nothing before 10:30, that instant itself allowed; nothing at all where `skip`.
pub(super) fn release(snapshot: &Snapshot, kind: EventKind, skip: bool, sheet: &mut Sheet) {
    let from = snapshot.rulebook.limits.release_days_not_before;
    let bound = if skip { "no release today".to_owned() } else { format!("not before {from}") };
    let today = today(snapshot, kind);
    let late_enough = snapshot.now.with_timezone(&NEW_YORK).time() >= from;
    let passed = !matches!(today, Today::At(_)) || (!skip && late_enough);
    sheet.check(kind.key(), today, bound, passed);
}

/// What is known of an event kind today.
pub(super) enum Today {
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

/// What the snapshot knows of an event kind today.
pub(super) fn today(snapshot: &Snapshot, kind: EventKind) -> Today {
    let Some(EventDay::Known(events)) = snapshot.events.get(&kind) else { return Today::Unknown };
    let date = new_york_date(snapshot.now);
    let is_today = |e: &&MacroEvent| e.kind == kind && new_york_date(e.at) == date;
    events.iter().find(is_today).map_or(Today::Free, |event| Today::At(event.at))
}

/// New York wall time: `10:30:00`.
pub(super) fn clock(at: Timestamp) -> String {
    at.with_timezone(&NEW_YORK).format("%H:%M:%S").to_string()
}
