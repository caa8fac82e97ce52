//! A job as its file says, validated.

use chrono::{NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use croner::Cron;

use crate::{
    calendar::{Exchange, NEW_YORK},
    schedule::text::span,
};

/// A scheduled job: when it is due, what happens when it was missed, how it runs.
#[derive(Debug, Clone)]
pub struct Job {
    /// The name: its file's, without `.toml`.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// Scheduled at all.
    pub enabled: bool,
    /// Place among jobs due at one instant, lowest first; `None` waits for nobody.
    pub order: Option<u8>,
    /// When it is due; a slot named by several triggers is one slot.
    pub triggers: Vec<Trigger>,
    /// What happens to a slot that was not started in time.
    pub missed: MissedRule,
    /// How a run goes.
    pub run: RunRule,
    /// Its slots may be five minutes apart or less: one ledger row a session.
    pub frequent: bool,
    /// Where it was read, for messages.
    pub file: String,
}

impl Job {
    /// Its triggers in one line: what a changed file is told by.
    pub fn when(&self) -> String {
        let mut told: Vec<(String, String)> = Vec::new();
        for trigger in self.triggers.iter().map(Trigger::describe) {
            let (day, rest) = trigger.split_once(' ').unwrap_or((&trigger, ""));
            match told.last_mut().filter(|(_, of)| of == rest) {
                Some((days, _)) => *days = format!("{days}, {day}"),
                None => told.push((day.to_owned(), rest.to_owned())),
            }
        }
        let lines = told.into_iter().map(|(days, rest)| format!("{days} {rest}"));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Where it stands among jobs due at one instant; those without an order come last, by name.
    pub fn rank(&self) -> u16 {
        self.order.map_or(u16::MAX, u16::from)
    }
}

/// One rule of when a job is due.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The days.
    pub on: On,
    /// The instants of such a day; a cron expression has its own.
    pub when: When,
    /// The zone of its times of day.
    pub zone: Tz,
    /// The calendar of its sessions, opens and closes.
    pub exchange: Exchange,
    /// What a day without a session does.
    pub holiday: Holiday,
    /// What an early close does.
    pub early_close: EarlyClose,
}

impl Trigger {
    /// In words, short: `friday 10:30, not on holidays`; a zone other than New York is named.
    pub fn describe(&self) -> String {
        let days = self.on.describe();
        let when = match (&self.on, &self.when) {
            (On::Cron(_), _) => days,
            (_, When::At(at)) => format!("{days} {}", at.describe()),
            (_, When::Every { step, from, to }) => {
                let (from, to) = (from.describe(), to.describe());
                format!("{days} every {} {from} to {to}", span(*step))
            }
        };
        let holiday = match self.holiday {
            Holiday::PreviousSession => ", holiday: the session before",
            Holiday::NextSession if self.on.is_civil() => ", holiday: the session after",
            Holiday::Skip => ", not on holidays",
            Holiday::NextSession | Holiday::Keep => "",
        };
        let early = match self.early_close {
            EarlyClose::Keep => String::new(),
            EarlyClose::Skip => ", not on early closes".to_owned(),
            EarlyClose::NoLaterThan(by) => {
                format!(", early close: by {}", At::Close(by).describe())
            }
        };
        let zone = match self.zone {
            NEW_YORK => String::new(),
            zone => format!(" {zone}"),
        };
        format!("{when}{zone}{holiday}{early}")
    }
}

/// The days of a trigger.
#[derive(Debug, Clone)]
pub enum On {
    /// Every session.
    Session,
    /// The first session of a week (Monday to Sunday).
    FirstOfWeek,
    /// The last one.
    LastOfWeek,
    /// The first session of a month.
    FirstOfMonth,
    /// The last one.
    LastOfMonth,
    /// The first session of January, April, July or October.
    FirstOfQuarter,
    /// Each such weekday.
    Weekday(Weekday),
    /// The nth such weekday of a month, from 1.
    Nth(u8, Weekday),
    /// The last such weekday of a month.
    Last(Weekday),
    /// A cron expression, days and times.
    Cron(Box<Cron>),
}

impl On {
    /// Names civil days, which may turn out to be holidays.
    pub fn is_civil(&self) -> bool {
        matches!(self, Self::Weekday(_) | Self::Nth(..) | Self::Last(_) | Self::Cron(_))
    }

    fn describe(&self) -> String {
        match self {
            Self::Session => "every session".to_owned(),
            Self::FirstOfWeek => "first session of the week".to_owned(),
            Self::LastOfWeek => "last session of the week".to_owned(),
            Self::FirstOfMonth => "first session of the month".to_owned(),
            Self::LastOfMonth => "last session of the month".to_owned(),
            Self::FirstOfQuarter => "first session of the quarter".to_owned(),
            Self::Weekday(day) => weekday_name(*day).to_owned(),
            Self::Nth(n, day) => {
                let nth = ["1st", "2nd", "3rd", "4th", "5th"].get(usize::from(*n) - 1);
                format!("{} {}", nth.unwrap_or(&"nth"), weekday_name(*day))
            }
            Self::Last(day) => format!("last {}", weekday_name(*day)),
            Self::Cron(cron) => format!("cron {}", cron.pattern),
        }
    }
}

/// A weekday as job files write it.
pub fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "monday",
        Weekday::Tue => "tuesday",
        Weekday::Wed => "wednesday",
        Weekday::Thu => "thursday",
        Weekday::Fri => "friday",
        Weekday::Sat => "saturday",
        Weekday::Sun => "sunday",
    }
}

/// The instants of a trigger's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once.
    At(At),
    /// From one instant to another, both included.
    Every {
        /// The distance of slots.
        step: TimeDelta,
        /// The first.
        from: At,
        /// The last, if the steps meet it.
        to: At,
    },
}

/// An instant of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A time of day in the trigger's zone.
    Time(NaiveTime),
    /// So long after the session's open.
    Open(TimeDelta),
    /// So long after its close; negative before.
    Close(TimeDelta),
}

impl At {
    /// Needs a session to be an instant.
    pub fn needs_session(&self) -> bool {
        !matches!(self, Self::Time(_))
    }

    /// As a job file writes it.
    pub fn describe(&self) -> String {
        let relative = |name: &str, offset: &TimeDelta| match offset.num_seconds() {
            0 => name.to_owned(),
            1.. => format!("{name}+{}", span(*offset)),
            _ => format!("{name}-{}", span(-*offset)),
        };
        match self {
            Self::Time(time) => time.format("%H:%M").to_string(),
            Self::Open(offset) => relative("open", offset),
            Self::Close(offset) => relative("close", offset),
        }
    }
}

/// What a named day that is no session does (rulebook head: it moves to the next session).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holiday {
    /// The slot moves to the next session.
    NextSession,
    /// The slot moves to the session before.
    PreviousSession,
    /// No slot.
    Skip,
    /// The slot stays: the job does not care.
    Keep,
}

/// What an early close does (rulebook §4 common: min(its time, close − offset)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyClose {
    /// Nothing.
    Keep,
    /// No slot.
    Skip,
    /// The slot comes no later than this, measured from the close.
    NoLaterThan(TimeDelta),
}

/// What happens to a slot that was not started in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissedRule {
    /// The policy.
    pub policy: MissedPolicy,
    /// How late it may still start.
    pub window: Window,
    /// When the window went by: so many further sessions are tried, from the slot's own time.
    pub next_sessions: u8,
    /// A missed slot raises a notice.
    pub alert: bool,
}

/// What to do with slots that were not started in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedPolicy {
    /// They are missed.
    Skip,
    /// Each runs once, while its window is open.
    Once,
    /// The last runs, while its window is open; it stands for the others.
    Coalesce,
}

/// How late a slot may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// However late.
    Always,
    /// Less late than this.
    Within(TimeDelta),
    /// Up to an instant of the slot's day, included.
    Until(At),
}

/// How a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunRule {
    /// What a slot does while an earlier one still runs.
    pub overlap: Overlap,
    /// An attempt that takes longer is given up.
    pub timeout: TimeDelta,
    /// Attempts after the first.
    pub retries: u32,
    /// The wait before the first retry; it doubles with each, up to five minutes.
    pub backoff: TimeDelta,
    /// A run that starts later than this raises a notice.
    pub late_alarm: Option<TimeDelta>,
}

impl RunRule {
    /// The wait after the given attempt (from 1) failed.
    pub fn wait_after(&self, attempt: u32) -> TimeDelta {
        let factor = 1_i32 << attempt.saturating_sub(1).min(10);
        (self.backoff * factor).min(TimeDelta::minutes(5))
    }
}

/// What a slot does while an earlier one of its job still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped.
    Skip,
    /// One waits for its turn; further ones are skipped.
    Queue,
}

/// A slot of a job: the instant, and the trigger that named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The scheduled instant.
    pub at: crate::clock::Timestamp,
    /// The day it belongs to, in the trigger's zone, after a holiday moved it.
    pub date: NaiveDate,
    /// The place of its trigger in the file.
    pub trigger: usize,
}
