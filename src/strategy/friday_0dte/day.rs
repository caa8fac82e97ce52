//! The filters of the day: what holds for every product alike.

use chrono::{Datelike, NaiveDate, Weekday};

use super::{ZdteTimes, times};
use crate::{
    account::StrategyId,
    calendar::new_york_date,
    config::rulebook::CrisisMode,
    market::EventKind,
    strategy::{
        Snapshot,
        day::{self, Today, clock, today},
        sheet::Sheet,
    },
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
    day::re_entry(snapshot, StrategyId::Friday0dte, sheet);
    vix(snapshot, sheet);
    fomc(snapshot, sheet);
    day::release(snapshot, EventKind::Cpi, snapshot.rulebook.friday_0dte.skip_cpi, sheet);
    day::release(snapshot, EventKind::Nfp, false, sheet);
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
    day::vix(snapshot, sheet);
    let Some(vix) = snapshot.vix else { return };
    let rules = &snapshot.rulebook.friday_0dte;
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
