//! Message ids: pure functions of what a mail is about, so that a mail tried again is known for
//! the same one, and all mails about one thing make one thread.
//!
//! Ids here are without angle brackets. Outbox numbers begin again in a new store, so each id
//! carries a digest of the alert beside its number: a mailbox that drops repeats would otherwise
//! swallow the new alert 17 as the old one.

use sha2::{Digest as _, Sha256};

use crate::alert::Alert;

/// Characters of an id, which may come from outside, that are written into a header.
const ID_MOST: usize = 400;

/// The id of an alert's mail; `repeat` counts how often it went out before.
pub fn alert(alert: &Alert, repeat: u32, host: &str) -> String {
    match repeat {
        0 => format!("alert-{}.{}@{host}", alert.id, mark(alert)),
        repeat => format!("alert-{}.{}.again-{repeat}@{host}", alert.id, mark(alert)),
    }
}

/// The id of the mail of a burst, the alerts by number ascending; `repeat` as above.
pub fn digest_of(alerts: &[Alert], repeat: u32, host: &str) -> String {
    let numbers = |alert: Option<&Alert>| alert.map_or(0, |alert| alert.id);
    let marks: Vec<String> = alerts.iter().map(mark).collect();
    let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
    let (first, last) = (numbers(alerts.first()), numbers(alerts.last()));
    let again = if repeat == 0 { String::new() } else { format!(".again-{repeat}") };
    format!("digest-{first}-{last}.{}{again}@{host}", digest(&marks))
}

/// The id of the mail of an enclosure, as `name` names it: `report-daily-2026-10-16`. One that is
/// sent again on purpose is another alert, so another mail.
pub fn enclosure(name: &str, alert: &Alert, host: &str) -> String {
    format!("{}.{}-{}@{host}", safe(name), alert.id, mark(alert))
}

/// The id that all mails about one thing refer to. No mail has it: whichever of them is kept or
/// deleted, the others stay together.
pub fn thread(key: &str, host: &str) -> String {
    format!("about-{}@{host}", digest(&[key]))
}

/// The number of the alert a message id is of; `None` for any other id.
pub fn alert_number(id: &str) -> Option<u64> {
    let rest = id.trim().trim_start_matches('<').strip_prefix("alert-")?;
    rest.split_once('.')?.0.parse().ok()
}

/// A short digest of texts.
pub(super) fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let start =
        hash.finalize().iter().take(6).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("{start:012x}")
}

fn mark(alert: &Alert) -> String {
    digest(&[&alert.at.to_rfc3339(), &alert.kind, &alert.title])
}

fn safe(name: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.chars().map(|c| if keep(c) { c } else { '-' }).take(80).collect()
}

/// An id as headers have it, from wherever it came: nothing in it can end the line or the brackets.
pub(super) fn bracketed(id: &str) -> String {
    let inside = id.trim().trim_start_matches('<').trim_end_matches('>');
    let keep = |c: &char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    format!("<{}>", inside.chars().filter(keep).take(ID_MOST).collect::<String>())
}
