//! What the mail of an alert says: once as plain text, once as a page, from the same words.

use chrono::SecondsFormat;

use super::letter::one_line;
use crate::{alert::Alert, calendar::NEW_YORK, clock::Timestamp, notice::Severity};

/// A title on its own line, characters.
const TITLE_MOST: usize = 300;
/// Lines of one alert's text, and characters of each.
const LINES_MOST: usize = 60;
const LINE_MOST: usize = 2000;
/// Alerts told one by one in the mail of a burst.
const ALERTS_MOST: usize = 100;

/// The words of a mail.
pub(super) struct Words {
    /// Its subject.
    pub(super) subject: String,
    /// The most severe of it.
    pub(super) severity: Severity,
    /// Stands above a digest's items; of one alert alone there is none.
    pub(super) opening: Option<String>,
    /// The alerts.
    pub(super) items: Vec<Item>,
    /// What is left out, and how to act.
    pub(super) footer: Vec<String>,
    /// Mails that may be written in answer, where an inbox is read: label and address to open.
    pub(super) answers: Vec<(String, String)>,
}

/// One alert.
pub(super) struct Item {
    /// How much it matters.
    pub(super) severity: Severity,
    /// One line, enough to act on.
    pub(super) title: String,
    /// Further lines.
    pub(super) lines: Vec<String>,
    /// When it was raised, its number and its kind.
    pub(super) origin: String,
}

impl Words {
    /// Of one alert that went out `repeat` times before.
    pub(super) fn of(alert: &Alert, repeat: u32, inbox: Option<&str>) -> Self {
        let item = Item::of(alert);
        let again = (repeat > 0).then(|| told_again(repeat));
        let act = act(alert.severity, Some(alert.id), inbox);
        Self {
            subject: format!("[{}] {}", label(alert.severity), item.title),
            severity: alert.severity,
            opening: again,
            items: vec![item],
            footer: act,
            answers: answers(alert.severity, Some(alert.id), inbox),
        }
    }

    /// Of a burst: the most severe first, then the oldest.
    pub(super) fn of_many(alerts: &[Alert], repeat: u32, inbox: Option<&str>) -> Self {
        let mut sorted: Vec<&Alert> = alerts.iter().collect();
        sorted.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.id));
        let severity = sorted.first().map_or(Severity::Info, |alert| alert.severity);
        let first = sorted.first().map(|alert| one_line(&alert.title, TITLE_MOST));
        let count = alerts.len();
        let mut opening = tally(alerts);
        if repeat > 0 {
            opening = format!("{opening} {}", told_again(repeat));
        }
        let mut footer = Vec::new();
        if count > ALERTS_MOST {
            footer.push(format!(
                "{} more are not shown; `tomking alerts list` has all.",
                count - ALERTS_MOST
            ));
        }
        footer.extend(act(severity, None, inbox));
        Self {
            subject: format!(
                "[{}] {count} alerts, first: {}",
                label(severity),
                first.unwrap_or_default()
            ),
            severity,
            opening: Some(opening),
            items: sorted.into_iter().take(ALERTS_MOST).map(Item::of).collect(),
            footer,
            answers: answers(severity, None, inbox),
        }
    }

    /// As plain text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        if let Some(opening) = &self.opening {
            line(opening);
            line("");
        }
        for item in &self.items {
            line(&format!("{}: {}", capital(item.severity), item.title));
            item.lines.iter().for_each(|further| line(further));
            line(&item.origin);
            line("");
        }
        self.footer.iter().for_each(|further| line(further));
        text
    }
}

impl Item {
    fn of(alert: &Alert) -> Self {
        let lines = alert.text.lines().take(LINES_MOST).map(|line| one_line(line, LINE_MOST));
        Self {
            severity: alert.severity,
            title: one_line(&alert.title, TITLE_MOST),
            lines: lines.filter(|line| !line.is_empty()).collect(),
            origin: format!(
                "Raised {}. Alert {}, {}.",
                moment(alert.at),
                alert.id,
                one_line(&alert.kind, 60)
            ),
        }
    }
}

/// In capitals only what needs a hand now.
pub(super) fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "CRITICAL",
    }
}

/// As a word that begins a line.
pub(super) fn capital(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Warning => "Warning",
        Severity::Critical => "Critical",
    }
}

fn told_again(repeat: u32) -> String {
    format!("Told again ({repeat} before this): nobody has acknowledged it.")
}

fn tally(alerts: &[Alert]) -> String {
    let count = |severity| alerts.iter().filter(|alert| alert.severity == severity).count();
    let kinds = [Severity::Critical, Severity::Warning, Severity::Info];
    let named = kinds.iter().map(|severity| (count(*severity), label(*severity)));
    let parts: Vec<String> = named
        .filter(|(n, _)| *n > 0)
        .map(|(n, name)| format!("{n} {}", name.to_lowercase()))
        .collect();
    format!("{} alerts: {}.", alerts.len(), parts.join(", "))
}

/// What can be done about one alert, or about all that are open, and how.
fn act(severity: Severity, number: Option<u64>, inbox: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    if severity > Severity::Info {
        let (what, number) = match number {
            Some(number) => ("Acknowledge it", format!(" {number}")),
            None => ("Acknowledge all that are open", String::new()),
        };
        let by_mail = inbox.map_or_else(String::new, |address| {
            format!("a mail to {address} with the subject `ACK{number} CODE`, ")
        });
        lines.push(format!(
            "{what}: {by_mail}/ack{number} on Telegram, or `tomking alerts ack{number}`."
        ));
    }
    if let Some(address) = inbox {
        lines.push(format!(
            "By mail to {address}: STATUS, HALT, REDUCE, FLATTEN or ACK as the subject, with your \
             six-digit code behind it."
        ));
    }
    lines.push("tomking sends this by itself.".to_owned());
    lines
}

/// A mail begun for each command; only the code is left to be written behind it.
fn answers(severity: Severity, number: Option<u64>, inbox: Option<&str>) -> Vec<(String, String)> {
    let Some(address) = inbox else { return Vec::new() };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_');
    let encode = |c: char| if plain(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) };
    let begun = |subject: &str| {
        let [address, subject] =
            [address, subject].map(|text| text.chars().map(encode).collect::<String>());
        format!("mailto:{address}?subject={subject}%20")
    };
    let acknowledge = number.map_or_else(|| "ACK".to_owned(), |number| format!("ACK {number}"));
    let first =
        (severity > Severity::Info).then(|| ("Acknowledge".to_owned(), begun(&acknowledge)));
    let others = ["STATUS", "REDUCE", "HALT"].map(|word| {
        let label = format!("{}{}", &word[..1], word[1..].to_lowercase());
        (label, begun(word))
    });
    first.into_iter().chain(others).collect()
}

/// In New York and in UTC.
fn moment(at: Timestamp) -> String {
    let there = at.with_timezone(&NEW_YORK).format("%a %-d %b %Y %H:%M:%S ET");
    format!("{there} ({})", at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
