//! Slack's incoming webhooks: blocks for the channel, `text` for the notification.

use serde_json::{Value, json};

use super::{fit, mark, words};
use crate::alert::Outgoing;

/// Characters of a section's text (Block Kit).
const SECTION: usize = 3000;
/// Characters of a header's text (Block Kit).
const HEADER: usize = 150;
/// Of the notification: longer ones are cut by Slack.
const NOTIFICATION: usize = 1000;

pub(super) fn body(out: &Outgoing) -> Value {
    let words = words(out);
    let title = format!("{} {}", mark(out.severity()), words.title);
    // A header is bold by itself and takes no markup, so a title needs no escapes in it.
    let short = title.encode_utf16().count() <= HEADER && !title.contains(['\n', '\r']);
    let mut blocks = vec![if short {
        json!({"type": "header", "text": {"type": "plain_text", "text": title, "emoji": false}})
    } else {
        section(&title)
    }];
    if !words.text.is_empty() {
        blocks.push(section(&words.text));
    }
    let small = fit(&words.small, SECTION, escape);
    blocks.push(json!({
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": small, "verbatim": true}],
    }));
    json!({"text": fit(&title, NOTIFICATION, escape), "blocks": blocks})
}

fn section(text: &str) -> Value {
    let text = fit(text, SECTION, escape);
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// The three characters Slack's markup is made of (`<!channel>` would call everyone). Its other
/// marks have no escape: a word joiner before them keeps them from pairing.
fn escape(letter: char, to: &mut String) {
    match letter {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        '*' | '_' | '~' | '`' => to.extend(['\u{2060}', letter]),
        letter => to.push(letter),
    }
}
