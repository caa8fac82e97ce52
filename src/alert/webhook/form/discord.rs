//! Discord's webhooks: a line of content, and an embed where there is more to say.

use reqwest::Url;
use serde_json::{Value, json};

use super::{fit, mark, words};
use crate::{alert::Outgoing, notice::Severity};

/// Characters of `content`.
const CONTENT: usize = 2000;
/// Characters of an embed's description.
const DESCRIPTION: usize = 4096;
/// The flag `SUPPRESS_NOTIFICATIONS`.
const SILENT: u32 = 1 << 12;

/// Asks Discord to answer only when the message is saved; else what it drops looks delivered.
pub(super) fn aim(url: &mut Url) {
    let waits = url.query_pairs().any(|(key, _)| key == "wait");
    if !waits {
        url.query_pairs_mut().append_pair("wait", "true");
    }
}

pub(super) fn body(out: &Outgoing) -> Value {
    let words = words(out);
    let small = format!("\n-# {}", fit(&words.small, 300, escape));
    let room = CONTENT - small.encode_utf16().count() - 8;
    let title = fit(&words.title, room, escape);
    let mut body = json!({
        "content": format!("{} **{title}**{small}", mark(out.severity())),
        // Whatever a text holds, nobody is called by it.
        "allowed_mentions": {"parse": []},
    });
    if !words.text.is_empty() {
        body["embeds"] = json!([{
            "description": fit(&words.text, DESCRIPTION, escape),
            "color": colour(out.severity()),
        }]);
    }
    if out.silent {
        body["flags"] = json!(SILENT);
    }
    body
}

const fn colour(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0x2f_6f_ab,
        Severity::Warning => 0xd9_8e_04,
        Severity::Critical => 0xc0_1c_28,
    }
}

/// Every mark of Discord's Markdown, wherever it stands.
fn escape(letter: char, to: &mut String) {
    if r"\*_~`|<>[]()#-+.".contains(letter) {
        to.push('\\');
    }
    to.push(letter);
}
