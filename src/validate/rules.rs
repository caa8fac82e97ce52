//! Settings: the rulebook's figures, jobs, the calendar's horizon, placeholders.

use serde_json::Value;

use super::{Found, Subject, strict};
use crate::{
    alert::heartbeat,
    calendar::{new_york_date, verified_until},
    config::{Rulebook, stages::StageId},
    control::totp,
    schedule::JobSet,
};

/// Days before the calendar's horizon from which on it is told.
const HORIZON_DAYS: i64 = 90;

/// Jobs without which nothing is watched, closed, reconciled, told or kept.
const MUST_RUN: [&str; 8] = [
    "pre-market-check",
    "position-management",
    "0dte-flat",
    "risk-snapshot",
    "end-of-day-reconciliation",
    "expiry-and-assignment-check",
    "daily-report",
    "store-backup",
];

/// What stands where a figure or a secret should be.
const PLACEHOLDERS: [&str; 9] = [
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "example.com",
    "example.org",
    "todo",
    "your-",
    "xxxx",
];

pub(super) fn all(subject: &Subject<'_>) -> Vec<Found> {
    vec![
        figures(subject),
        jobs(subject),
        heartbeat_job(subject),
        horizon(subject),
        placeholders(subject),
        secrets(subject),
    ]
}

fn figures(subject: &Subject<'_>) -> Found {
    let values = serde_json::to_value(&subject.settings.rulebook)
        .and_then(|found| Ok((found, serde_json::to_value(Rulebook::embedded())?)));
    let outcome = values.map_err(|error| error.to_string()).map(|(found, default)| {
        let (looser, differ) = strict::looser(&found, &default);
        let measured = match looser.as_slice() {
            [] => format!("{differ} differ from the defaults, none looser"),
            looser => format!("{} not as strict: {}", looser.len(), looser.join("; ")),
        };
        (looser.is_empty(), measured)
    });
    let evidence = format!("{} against the defaults", subject.dirs.config_dir.display());
    Found::new("rulebook figures", "each as strict as the rulebook or stricter", outcome, evidence)
}

fn jobs(subject: &Subject<'_>) -> Found {
    let known = JobSet::embedded().map_err(|error| error.to_string());
    let outcome = known.map(|known| {
        let on = |name: &str| subject.jobs.get(name).is_ok_and(|job| job.enabled);
        let off: Vec<&str> = MUST_RUN.into_iter().filter(|name| !on(name)).collect();
        let (of, enabled) =
            (known.iter().count(), subject.jobs.iter().filter(|job| job.enabled).count());
        let measured = match off.as_slice() {
            [] => format!("all valid, {enabled} of {of} enabled"),
            off => format!("off: {}", off.join(", ")),
        };
        (off.is_empty(), measured)
    });
    let bound = format!("valid, and enabled: {}", MUST_RUN.join(", "));
    Found::new("job files", bound, outcome, "the job files in force")
}

fn heartbeat_job(subject: &Subject<'_>) -> Found {
    let on = subject.jobs.get(heartbeat::JOB).is_ok_and(|job| job.enabled);
    let measured = if on { "enabled" } else { "off: no dead-man's switch is set" };
    let outcome = Ok((on, measured.to_owned()));
    Found::new("heartbeat", "the job is enabled", outcome, "jobs and `voice.dead_man`")
        .from(StageId::One)
}

fn horizon(subject: &Subject<'_>) -> Found {
    let left = (verified_until() - new_york_date(subject.now)).num_days();
    let outcome = Ok((left >= HORIZON_DAYS, format!("{left} days")));
    let evidence = format!("sessions are verified until {}", verified_until());
    Found::new("calendar", format!("at least {HORIZON_DAYS} days verified"), outcome, evidence)
}

/// A placeholder is a text that stands for a figure or a secret still to be filled in; a claimed
/// figure is one too, so none is among what is measured.
fn placeholders(subject: &Subject<'_>) -> Found {
    let mut found = Vec::new();
    match serde_json::to_value(subject.settings) {
        Ok(settings) => walk(&settings, "", &mut found),
        Err(error) => found.push(format!("the settings cannot be looked at: {error}")),
    }
    let voice = &subject.settings.voice;
    let webhooks = voice.webhook.iter().map(|hook| (format!("webhook {}", hook.name), &hook.url));
    let switch = voice.dead_man.iter().map(|switch| ("dead-man's switch".to_owned(), &switch.url));
    for (name, source) in webhooks.chain(switch) {
        if source.read().is_ok_and(|secret| is_placeholder(&secret)) {
            found.push(format!("the secret of {name}"));
        }
    }
    let measured = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    let evidence = "every text of the settings, and the secrets they name";
    Found::new("placeholders", "none", Ok((found.is_empty(), measured)), evidence)
}

/// The daemon does not start without any of them.
fn secrets(subject: &Subject<'_>) -> Found {
    let voice = &subject.settings.voice;
    let mut faults = voice.unread();
    faults.extend(totp::fault(voice));
    let measured = if faults.is_empty() { "each".to_owned() } else { faults.join("; ") };
    let outcome = Ok((faults.is_empty(), measured));
    Found::new("secrets", "each can be read", outcome, "the places that `voice` names")
}

fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, &format!("{path}.{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, found)),
        Value::String(text) if is_placeholder(text) => {
            found.push(path.trim_start_matches('.').to_owned());
        }
        _ => {}
    }
}

fn is_placeholder(text: &str) -> bool {
    let text = text.to_lowercase();
    PLACEHOLDERS.iter().any(|word| text.contains(word))
}
