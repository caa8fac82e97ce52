//! ntfy's JSON publishing: posted to the server's root, the topic in the body.

use reqwest::Url;
use serde_json::{Value, json};

use super::{fit, words};
use crate::{alert::Outgoing, notice::Severity};

/// Bytes of a message; a longer one becomes an attachment.
const MESSAGE_BYTES: usize = 4096;
/// UTF-16 units of a title: what a phone shows of one, several times over.
const TITLE: usize = 250;
/// Characters of a topic.
const TOPIC: usize = 64;

/// Takes the topic off the URL's path; what is left is the server's root.
pub(super) fn aim(url: &mut Url) -> Result<String, String> {
    let path = url.path().trim_end_matches('/').to_owned();
    let (root, topic) = path.rsplit_once('/').unwrap_or(("", ""));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if topic.is_empty() || topic.len() > TOPIC || !topic.chars().all(fits) {
        return Err(format!(
            "the URL must end with the topic: 1 to {TOPIC} letters, digits, hyphens, underscores"
        ));
    }
    url.set_path(&format!("{root}/"));
    Ok(topic.to_owned())
}

pub(super) fn body(out: &Outgoing, topic: &str, click: Option<&str>) -> Value {
    let words = words(out);
    let severity = out.severity();
    let text = if words.text.is_empty() { words.small } else { words.text + "\n" + &words.small };
    let mut body = json!({
        "topic": topic,
        "title": fit(&words.title, TITLE, super::plain),
        "message": bytes(&text, MESSAGE_BYTES),
        "priority": if out.silent { 2 } else { priority(severity) },
        "tags": [tag(severity), super::severity(severity)],
    });
    if let Some(click) = click {
        body["click"] = json!(click);
    }
    body
}

/// 5 vibrates long and shows over all, 4 vibrates long, 3 is the default; 2 makes no sound.
const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 3,
        Severity::Warning => 4,
        Severity::Critical => 5,
    }
}

const fn tag(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "information_source",
        Severity::Warning => "warning",
        Severity::Critical => "rotating_light",
    }
}

/// As much of a text as fits into so many bytes of UTF-8.
fn bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mark = '…';
    let mut end = most - mark.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}", &text[..end])
}
