//! Job files: TOML to a validated `Job`, or an error with file, line, key and what would be
//! right.

mod reader;
mod words;

use chrono::TimeDelta;
use toml::de::DeTable;

pub use self::reader::JobFileError;
use self::reader::{Section, Source};
use super::job::{
    At, EarlyClose, Holiday, Job, MissedPolicy, MissedRule, On, Overlap, RunRule, Trigger, When,
    Window,
};
use crate::{
    calendar::{Exchange, NEW_YORK},
    clock::Timestamp,
};

const JOB_KEYS: [&str; 6] = ["about", "enabled", "order", "trigger", "missed", "run"];
const TRIGGER_KEYS: [&str; 10] =
    ["on", "at", "every", "from", "to", "cron", "zone", "calendar", "holiday", "early_close"];
const MISSED_KEYS: [&str; 5] = ["policy", "within", "until", "next_sessions", "alert"];
const RUN_KEYS: [&str; 5] = ["overlap", "timeout", "retries", "backoff", "late_alarm"];

/// Slots this near each other, or nearer, share one ledger row a session (design §3).
const FREQUENT_MINUTES: i64 = 5;

/// Reads the job `name` from the text of `file` (a name for messages).
pub fn parse(name: &str, file: &str, text: &str) -> Result<Job, JobFileError> {
    let source = Source { file, text };
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.error(at, format!("not TOML: {}", error.message()), "see https://toml.io")
    })?;
    let top = Section::new(source, "", root.get_ref(), 0, &JOB_KEYS)?;
    let about = top.required("about", "say in one line what the job does", a_line)?;
    let enabled = top.flag("enabled", true)?;
    let order = top.whole("order", 0..100)?.and_then(|order| u8::try_from(order).ok());
    let sections = top.sections("trigger", &TRIGGER_KEYS)?;
    let triggers = sections.iter().map(trigger).collect::<Result<Vec<_>, _>>()?;
    let missed = missed(&top, &triggers)?;
    let run = run(&top)?;
    let frequent = triggers.iter().any(is_frequent);
    let file = file.to_owned();
    Ok(Job { name: name.to_owned(), about, enabled, order, triggers, missed, run, frequent, file })
}

fn a_line(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 200 && !text.contains('\n');
    fits.then(|| text.to_owned()).ok_or_else(|| "write one line of at most 200 letters".to_owned())
}

fn trigger(section: &Section) -> Result<Trigger, JobFileError> {
    let wanted = "say on which days: on = \"session\", \"friday\", \"2nd tuesday\", …";
    let on = section.required("on", wanted, words::days)?;
    let (on, when) = match on {
        Some(on) => (on, times(section)?),
        None => cron(section)?,
    };
    let default_holiday = match on {
        On::Cron(_) => Holiday::Keep,
        _ => Holiday::NextSession,
    };
    let holiday = section.parsed("holiday", words::holiday)?;
    if holiday.is_some() && !on.is_civil() {
        let problem = "has no meaning here: these days are sessions by themselves";
        return Err(section.error("holiday", problem, "remove the line"));
    }
    let trigger = Trigger {
        holiday: holiday.unwrap_or(default_holiday),
        early_close: section.parsed("early_close", words::early_close)?.unwrap_or(EarlyClose::Keep),
        zone: section.parsed("zone", words::zone)?.unwrap_or(NEW_YORK),
        exchange: section.parsed("calendar", words::exchange)?.unwrap_or(Exchange::Xnys),
        on,
        when,
    };
    check(section, &trigger)?;
    Ok(trigger)
}

fn times(section: &Section) -> Result<When, JobFileError> {
    if section.has("cron") {
        let hint = "write on = \"cron\" to use it, or remove it";
        return Err(section.error("cron", "is there, but `on` names days", hint));
    }
    if !section.has("every") {
        for key in ["from", "to"] {
            if section.has(key) {
                let hint = "add every = \"5m\", or write at = … alone";
                return Err(section.error(key, "belongs to `every`, which is missing", hint));
            }
        }
        let wanted = "say when: at = \"10:30\", \"open+5m\" or \"close-15m\"";
        return section.required("at", wanted, words::an_instant).map(When::At);
    }
    if section.has("at") {
        let hint = "keep one of them";
        return Err(section.error("at", "and `every` exclude each other", hint));
    }
    let step = section.required("every", "", words::a_span)?;
    let wanted = "say when `every` begins and ends: from = \"open\", to = \"close\"";
    let from = section.required("from", wanted, words::an_instant)?;
    let to = section.required("to", wanted, words::an_instant)?;
    Ok(When::Every { step, from, to })
}

fn cron(section: &Section) -> Result<(On, When), JobFileError> {
    for key in ["at", "every", "from", "to"] {
        if section.has(key) {
            let hint = "a cron expression has its own times: remove the line";
            return Err(section.error(key, "has no meaning beside on = \"cron\"", hint));
        }
    }
    let wanted = "write the expression: cron = \"45 8 6 4 *\" is 6 April 08:45";
    let cron = section.required("cron", wanted, words::cron)?;
    let start: Timestamp = chrono::DateTime::UNIX_EPOCH;
    if cron.find_next_occurrence(&start, false).is_err() {
        let hint = "write days that exist: \"0 0 30 2 *\" is 30 February";
        return Err(section.error("cron", "never comes", hint));
    }
    // Its instants come from the expression; `when` is not looked at.
    Ok((On::Cron(cron), When::At(At::Open(TimeDelta::zero()))))
}

/// What each key allows alone but not together.
fn check(section: &Section, trigger: &Trigger) -> Result<(), JobFileError> {
    let cron = matches!(trigger.on, On::Cron(_));
    let relative = match trigger.when {
        When::At(at) => at.needs_session(),
        When::Every { from, to, .. } => from.needs_session() || to.needs_session(),
    };
    if trigger.holiday == Holiday::Keep && relative && !cron {
        let problem = "is \"keep\", but a holiday has no open and no close";
        let hint = "write a time of day in `at`, or holiday = \"skip\" or \"next_session\"";
        return Err(section.error("holiday", problem, hint));
    }
    let clamps = matches!(trigger.early_close, EarlyClose::NoLaterThan(_));
    if clamps && matches!(trigger.when, When::Every { .. }) {
        let hint = "end the steps at the close instead: to = \"close\"";
        return Err(section.error("early_close", "cannot move repeated slots", hint));
    }
    if trigger.early_close != EarlyClose::Keep && cron {
        let hint = "name the days with `on` and the time with `at` instead of cron";
        return Err(section.error("early_close", "cannot move a cron expression", hint));
    }
    Ok(())
}

fn missed(top: &Section, triggers: &[Trigger]) -> Result<MissedRule, JobFileError> {
    let mut rule = MissedRule {
        policy: MissedPolicy::Skip,
        window: Window::Always,
        next_sessions: 0,
        alert: false,
    };
    let Some(section) = top.section("missed", &MISSED_KEYS)? else { return Ok(rule) };
    let wanted = "write policy = \"skip\", \"once\" or \"coalesce\"";
    rule.policy = section.required("policy", wanted, words::missed_policy)?;
    rule.alert = section.flag("alert", false)?;
    let sessions = section.whole("next_sessions", 0..6)?.unwrap_or(0);
    rule.next_sessions = u8::try_from(sessions).unwrap_or(0);
    let within = section.parsed("within", words::a_span)?;
    let until = section.parsed("until", words::an_instant)?;
    rule.window = match (within, until) {
        (Some(_), Some(_)) => {
            return Err(section.error("until", "and `within` exclude each other", "keep one"));
        }
        (Some(span), None) => Window::Within(span),
        (None, Some(at)) => Window::Until(at),
        (None, None) => Window::Always,
    };
    let keeps = |trigger: &Trigger| trigger.holiday == Holiday::Keep;
    let needs_session = until.is_some_and(|at| at.needs_session());
    if needs_session && triggers.iter().any(|trigger| trigger.on.is_civil() && keeps(trigger)) {
        let hint = "write a time of day, or `within`";
        return Err(section.error("until", "needs a session, which a holiday has not", hint));
    }
    if rule.policy == MissedPolicy::Skip {
        for key in ["within", "until", "next_sessions"] {
            if section.has(key) {
                let hint = "write policy = \"once\" or \"coalesce\", or remove the line";
                return Err(section.error(key, "has no meaning with policy = \"skip\"", hint));
            }
        }
    }
    if rule.next_sessions > 0 && rule.window == Window::Always {
        let hint = "add until = \"close\" or within = \"15m\"";
        return Err(section.error("next_sessions", "has no meaning without a window", hint));
    }
    Ok(rule)
}

fn run(top: &Section) -> Result<RunRule, JobFileError> {
    let mut rule = RunRule {
        overlap: Overlap::Skip,
        timeout: TimeDelta::seconds(60),
        retries: 0,
        backoff: TimeDelta::seconds(5),
        late_alarm: None,
    };
    let Some(section) = top.section("run", &RUN_KEYS)? else { return Ok(rule) };
    rule.overlap = section.parsed("overlap", words::overlap)?.unwrap_or(rule.overlap);
    rule.timeout = section.parsed("timeout", words::a_span)?.unwrap_or(rule.timeout);
    rule.retries = section.whole("retries", 0..11)?.unwrap_or(rule.retries);
    rule.backoff = section.parsed("backoff", words::a_span)?.unwrap_or(rule.backoff);
    rule.late_alarm = section.parsed("late_alarm", words::a_span)?;
    Ok(rule)
}

fn is_frequent(trigger: &Trigger) -> bool {
    let limit = TimeDelta::minutes(FREQUENT_MINUTES);
    match (&trigger.on, trigger.when) {
        (On::Cron(cron), _) => {
            let start: Timestamp = chrono::DateTime::UNIX_EPOCH;
            let first: Vec<_> = cron.iter_after(start).take(3).collect();
            first.windows(2).any(|pair| pair[1] - pair[0] <= limit)
        }
        (_, When::Every { step, .. }) => step <= limit,
        (_, When::At(_)) => false,
    }
}

#[cfg(test)]
mod tests;
