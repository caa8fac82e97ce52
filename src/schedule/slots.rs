//! The pure planner: which slots a job has. Everything is worked out on civil days of the
//! trigger's zone and only then becomes an instant, so a clock change, there or elsewhere, never
//! moves a slot.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::job::{At, EarlyClose, Holiday, Job, On, Slot, Trigger, When};
use crate::{
    calendar::{Calendar, NEW_YORK, Session},
    clock::Timestamp,
};

/// The longest run of days without a session that a holiday moves a slot over.
const HOLIDAY_DAYS_MAX: usize = 14;

/// A slot lies at most so many hours before the UTC midnight of its civil day: a zone 14 hours
/// east, and an offset of 12 hours before the open.
const HOURS_BEFORE_DAY_MAX: i64 = 26;

/// And at most so many days after that midnight: a day, 12 hours west, 12 hours past the close.
const DAYS_AFTER_DAY_MAX: u64 = 2;

/// How far ahead a next slot is looked for: eight years hold every 29 February.
const SEARCH_DAYS_MAX: usize = 3_000;

/// The slots of `job` from `from` up to, not including, `to`, in order.
pub fn slots(job: &Job, calendar: &Calendar, from: Timestamp, to: Timestamp) -> Vec<Slot> {
    let mut found = Vec::new();
    let mut day = first_day(from);
    while day_starts(day) < to {
        found.extend(slots_of_day(job, calendar, day));
        let Some(next) = day.succ_opt() else { break };
        day = next;
    }
    found.retain(|slot| from <= slot.at && slot.at < to);
    found.sort_unstable();
    found.dedup_by_key(|slot| slot.at);
    found
}

/// The slots of `job` on the New York dates from `from` to `to`, both included.
pub fn slots_on(job: &Job, calendar: &Calendar, from: NaiveDate, to: NaiveDate) -> Vec<Slot> {
    let midnight = |day: NaiveDate| local(NEW_YORK, day.and_time(NaiveTime::MIN));
    let end = to.succ_opt().map_or(Timestamp::MAX_UTC, midnight);
    slots(job, calendar, midnight(from), end)
}

/// The first slot of `job` after `after`; `None` when there is none in the next eight years.
pub fn next_after(job: &Job, calendar: &Calendar, after: Timestamp) -> Option<Slot> {
    Timeline::after(after).peek(job, calendar)
}

/// The first civil day whose slots can lie at or after `at`.
fn first_day(at: Timestamp) -> NaiveDate {
    let day = at.date_naive();
    day.checked_sub_days(chrono::Days::new(DAYS_AFTER_DAY_MAX)).unwrap_or(day)
}

/// The earliest instant a slot of a civil day can have, in any zone.
fn day_starts(day: NaiveDate) -> Timestamp {
    day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(HOURS_BEFORE_DAY_MAX)
}

/// The slots of one civil day: every instant named by a trigger for that date.
fn slots_of_day(job: &Job, calendar: &Calendar, day: NaiveDate) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (index, trigger) in job.triggers.iter().enumerate() {
        let add = |at: Timestamp| slots.push(Slot { at, date: day, trigger: index });
        instants(trigger, calendar, day, add);
    }
    slots
}

fn instants(
    trigger: &Trigger,
    calendar: &Calendar,
    day: NaiveDate,
    mut add: impl FnMut(Timestamp),
) {
    let session = calendar.session(trigger.exchange, day);
    if let On::Cron(cron) = &trigger.on {
        return cron_instants(trigger, calendar, cron, (day, session), add);
    }
    let landed = match (&trigger.on, session) {
        (on, _) if on.is_civil() => lands(trigger, calendar, day, session, |d| names(on, d)),
        (on, Some(_)) => is_such_session(on, trigger, calendar, day),
        _ => false,
    };
    let early = session.is_some_and(|session| session.early_close);
    if !landed || early && trigger.early_close == EarlyClose::Skip {
        return;
    }
    match trigger.when {
        When::At(at) => {
            let Some(mut instant) = resolve(at, trigger.zone, day, session) else { return };
            if let (EarlyClose::NoLaterThan(offset), Some(session), true) =
                (trigger.early_close, session, early)
            {
                instant = instant.min(session.close + offset);
            }
            add(instant);
        }
        When::Every { step, from, to } => {
            let bound = |at| resolve(at, trigger.zone, day, session);
            let (Some(mut next), Some(last)) = (bound(from), bound(to)) else { return };
            while next <= last {
                add(next);
                next += step;
            }
        }
    }
}

/// Instants of a cron expression on a day, after holidays moved them.
fn cron_instants(
    trigger: &Trigger,
    calendar: &Calendar,
    cron: &croner::Cron,
    (day, session): (NaiveDate, Option<Session>),
    mut add: impl FnMut(Timestamp),
) {
    let zone = trigger.zone;
    let on = |day: NaiveDate| {
        let start = local(zone, day.and_time(NaiveTime::MIN)).with_timezone(&zone);
        cron.iter_from(start, croner::Direction::Forward)
            .take_while(move |at| at.date_naive() <= day)
    };
    if trigger.holiday == Holiday::Keep || session.is_some() {
        on(day).for_each(|at| add(at.to_utc()));
    }
    if session.is_some() && trigger.holiday != Holiday::Keep {
        for moved in moved_here(trigger, calendar, day) {
            on(moved).for_each(|at| add(local(zone, day.and_time(at.time()))));
        }
    }
}

/// Whether a civil rule's slot lies on `day`, after holidays moved it.
fn lands(
    trigger: &Trigger,
    calendar: &Calendar,
    day: NaiveDate,
    session: Option<Session>,
    names: impl Fn(NaiveDate) -> bool,
) -> bool {
    if session.is_none() {
        return trigger.holiday == Holiday::Keep && names(day);
    }
    names(day) || moved_here(trigger, calendar, day).any(names)
}

/// The days without a session whose slots a holiday moves to the session `day`.
fn moved_here(
    trigger: &Trigger,
    calendar: &Calendar,
    day: NaiveDate,
) -> impl Iterator<Item = NaiveDate> {
    let step: fn(&NaiveDate) -> Option<NaiveDate> = match trigger.holiday {
        Holiday::NextSession => NaiveDate::pred_opt,
        Holiday::PreviousSession => NaiveDate::succ_opt,
        Holiday::Skip | Holiday::Keep => |_| None,
    };
    std::iter::successors(step(&day), step)
        .take(HOLIDAY_DAYS_MAX)
        .take_while(|other| calendar.session(trigger.exchange, *other).is_none())
}

/// Whether a civil rule names a date, holidays aside.
fn names(on: &On, day: NaiveDate) -> bool {
    match on {
        On::Weekday(weekday) => day.weekday() == *weekday,
        On::Nth(n, weekday) => day.weekday() == *weekday && u32::from(*n) == day.day().div_ceil(7),
        On::Last(weekday) => {
            let next = day.checked_add_days(chrono::Days::new(7));
            day.weekday() == *weekday && next.is_none_or(|next| next.month() != day.month())
        }
        _ => false,
    }
}

/// Whether the session `day` is one the rule means.
fn is_such_session(on: &On, trigger: &Trigger, calendar: &Calendar, day: NaiveDate) -> bool {
    let previous = || calendar.previous_session(trigger.exchange, day).map(|s| s.date);
    let next = || calendar.next_session(trigger.exchange, day).map(|s| s.date);
    let month = |day: NaiveDate| (day.year(), day.month());
    match on {
        On::Session => true,
        On::FirstOfWeek => previous().is_none_or(|other| other.iso_week() != day.iso_week()),
        On::LastOfWeek => next().is_none_or(|other| other.iso_week() != day.iso_week()),
        On::FirstOfMonth => previous().is_none_or(|other| month(other) != month(day)),
        On::LastOfMonth => next().is_none_or(|other| month(other) != month(day)),
        On::FirstOfQuarter => {
            day.month0().is_multiple_of(3)
                && previous().is_none_or(|other| month(other) != month(day))
        }
        On::Weekday(_) | On::Nth(..) | On::Last(_) | On::Cron(_) => false,
    }
}

/// The instant of `at` on a day; `None` when it needs a session and there is none.
pub(super) fn resolve(
    at: At,
    zone: Tz,
    day: NaiveDate,
    session: Option<Session>,
) -> Option<Timestamp> {
    match at {
        At::Time(time) => Some(local(zone, day.and_time(time))),
        At::Open(offset) => session.map(|session| session.open + offset),
        At::Close(offset) => session.map(|session| session.close + offset),
    }
}

/// The instant of a local time: the first of two in an overlap, the first after it in a gap.
fn local(zone: Tz, time: NaiveDateTime) -> Timestamp {
    if let Some(found) = zone.from_local_datetime(&time).earliest() {
        return found.to_utc();
    }
    // In a gap: the last second before it is found by halving; the gap ends one second later.
    let (mut before, mut after) = (time - TimeDelta::days(1), time);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + (after - before) / 2;
        match zone.from_local_datetime(&middle).earliest() {
            Some(_) => before = middle,
            None => after = middle,
        }
    }
    let edge = zone.from_local_datetime(&truncated(before)).earliest();
    let last = edge.map_or_else(|| time.and_utc(), |edge: DateTime<Tz>| edge.to_utc());
    last + TimeDelta::seconds(1)
}

fn truncated(time: NaiveDateTime) -> NaiveDateTime {
    chrono::DurationRound::duration_trunc(time, TimeDelta::seconds(1)).unwrap_or(time)
}

/// The slots of one job from an instant on, worked out a day at a time.
#[derive(Debug, Clone)]
pub struct Timeline {
    after: Timestamp,
    next_day: NaiveDate,
    ready: VecDeque<Slot>,
}

impl Timeline {
    /// The slots after `after`.
    pub fn after(after: Timestamp) -> Self {
        Self { after, next_day: first_day(after), ready: VecDeque::new() }
    }

    /// The next slot, which stays.
    pub fn peek(&mut self, job: &Job, calendar: &Calendar) -> Option<Slot> {
        for _ in 0..SEARCH_DAYS_MAX {
            if let Some(slot) = self.ready.front().filter(|s| s.at < day_starts(self.next_day)) {
                return Some(*slot);
            }
            self.fill(job, calendar)?;
        }
        self.ready.front().copied()
    }

    /// Takes the slots up to `until`, included.
    pub fn take_until(&mut self, job: &Job, calendar: &Calendar, until: Timestamp) -> Vec<Slot> {
        let mut taken = Vec::new();
        while self.ready_before(until) && self.fill(job, calendar).is_some() {}
        while let Some(slot) = self.ready.front().filter(|slot| slot.at <= until) {
            taken.push(*slot);
            self.ready.pop_front();
        }
        self.after = self.after.max(until);
        taken
    }

    /// Whether a slot at or before `until` may not have been worked out yet.
    fn ready_before(&self, until: Timestamp) -> bool {
        day_starts(self.next_day) <= until
    }

    fn fill(&mut self, job: &Job, calendar: &Calendar) -> Option<()> {
        let fresh = slots_of_day(job, calendar, self.next_day);
        let fresh = fresh.into_iter().filter(|slot| slot.at > self.after);
        let unsorted = self.ready.len();
        self.ready.extend(fresh);
        if self.ready.len() > unsorted {
            self.ready.make_contiguous().sort_unstable();
            let mut last = None;
            self.ready.retain(|slot| last.replace(slot.at) != Some(slot.at));
        }
        self.next_day = self.next_day.succ_opt()?;
        Some(())
    }
}

#[cfg(test)]
mod tests;
