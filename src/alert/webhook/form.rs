//! The form of what is posted, and each receiver's limits.

mod discord;
mod generic;
mod ntfy;
mod slack;

use reqwest::Url;
use serde_json::Value;

use crate::{
    alert::{Alert, Outgoing},
    calendar::NEW_YORK,
    config::voice::Preset,
    notice::Severity,
};

/// Lines of a digest; the rest is counted.
const DIGEST_LINES: usize = 25;
/// UTF-16 units of one line of a digest.
const DIGEST_LINE: usize = 140;

/// One post.
#[derive(Debug, PartialEq)]
pub(super) struct Post {
    /// The same for each attempt of the same message.
    pub id: String,
    /// JSON.
    pub body: Value,
}

/// What a receiver expects, with what of its own it needs.
pub(super) enum Form {
    Generic,
    Slack,
    Discord,
    Ntfy { topic: String, click: Option<String> },
}

impl Form {
    /// The form of a preset. `url` becomes the one to post to.
    pub fn new(preset: Preset, url: &mut Url, click: Option<String>) -> Result<Self, String> {
        Ok(match preset {
            Preset::Generic => Self::Generic,
            Preset::Slack => Self::Slack,
            Preset::Discord => {
                discord::aim(url);
                Self::Discord
            }
            Preset::Ntfy => Self::Ntfy { topic: ntfy::aim(url)?, click },
        })
    }

    /// Whether a burst comes as one post: programs take alerts one by one, people do not.
    pub fn digests(&self) -> bool {
        !matches!(self, Self::Generic)
    }

    /// Whether it can come without a sound: Discord suppresses the notification, ntfy has a low
    /// priority.
    pub fn hushes(&self) -> bool {
        matches!(self, Self::Discord | Self::Ntfy { .. })
    }

    /// What is posted, in order.
    pub fn posts(&self, out: &Outgoing) -> Vec<Post> {
        let whole = |body: Value| vec![Post { id: id(out, &out.alerts), body }];
        match self {
            Self::Generic => {
                let single = |alert: &Alert| Post {
                    id: id(out, std::slice::from_ref(alert)),
                    body: generic::body(alert, out.repeat),
                };
                out.alerts.iter().map(single).collect()
            }
            Self::Slack => whole(slack::body(out)),
            Self::Discord => whole(discord::body(out)),
            Self::Ntfy { topic, click } => whole(ntfy::body(out, topic, click.as_deref())),
        }
    }
}

/// The name of a message: the same for each attempt to deliver it, so that a receiver drops what it
/// has. What is told again because nobody acknowledged it is a message of its own. The second keeps
/// alerts of a store that was begun anew apart.
fn id(out: &Outgoing, alerts: &[Alert]) -> String {
    let (Some(first), Some(last)) = (alerts.first(), alerts.last()) else { return String::new() };
    let mut id = format!("tomking-{}", first.id);
    if first.id != last.id {
        id = format!("{id}-{}", last.id);
    }
    id = format!("{id}_{}", first.at.timestamp());
    if out.repeat > 0 { format!("{id}_again{}", out.repeat) } else { id }
}

/// A message in the words of a form that is read by people.
struct Words {
    /// One line.
    title: String,
    /// Further lines; may be empty.
    text: String,
    /// Where it comes from, in small print.
    small: String,
}

fn words(out: &Outgoing) -> Words {
    let again = if out.repeat > 0 {
        format!(" · told again ({}), nobody acknowledged it", out.repeat)
    } else {
        String::new()
    };
    match out.alerts.as_slice() {
        [alert] => Words {
            title: alert.title.clone(),
            text: alert.text.clone(),
            small: format!(
                "{} · {} · #{} · {}{again}",
                severity(alert.severity),
                alert.kind,
                alert.id,
                clock(alert)
            ),
        },
        alerts => digest(alerts, out.severity(), &again),
    }
}

fn digest(alerts: &[Alert], most: Severity, again: &str) -> Words {
    let line = |alert: &Alert| {
        let line = format!("#{} {} {}", alert.id, mark(alert.severity), alert.title);
        fit(&line.replace(['\n', '\r'], " "), DIGEST_LINE, plain)
    };
    let mut lines: Vec<String> = alerts.iter().take(DIGEST_LINES).map(line).collect();
    if let Some(more) = alerts.len().checked_sub(DIGEST_LINES).filter(|more| *more > 0) {
        lines.push(format!("and {more} more: tomking alerts list"));
    }
    let span = [alerts.first(), alerts.last()].map(|alert| alert.map(clock).unwrap_or_default());
    Words {
        title: format!("{} alerts at once, the worst {}", alerts.len(), severity(most)),
        text: lines.join("\n"),
        small: format!("digest · {} to {}{again}", span[0], span[1]),
    }
}

/// When it was raised, in New York's time.
fn clock(alert: &Alert) -> String {
    alert.at.with_timezone(&NEW_YORK).format("%a %-d %b %H:%M ET").to_string()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "ℹ️",
        Severity::Warning => "⚠️",
        Severity::Critical => "🚨",
    }
}

/// As much of a text as fits into `most` UTF-16 units once each letter is escaped: the strictest
/// way these services count. An ellipsis tells of a cut; no escape is cut in two.
fn fit(text: &str, most: usize, escape: fn(char, &mut String)) -> String {
    let (mut kept, mut units) = (String::new(), 0);
    let mut whole = String::new();
    for letter in text.chars() {
        let before = whole.len();
        escape(letter, &mut whole);
        units += whole[before..].encode_utf16().count();
        if units < most {
            kept.push_str(&whole[before..]);
        }
        if units > most {
            kept.push('…');
            return kept;
        }
    }
    whole
}

fn plain(letter: char, to: &mut String) {
    to.push(letter);
}

#[cfg(test)]
mod tests;
