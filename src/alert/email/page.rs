//! The page of an alert's mail: one column for a phone, light and dark, nothing loaded.

use maud::{DOCTYPE, PreEscaped, html};

use super::words::{Item, Words, capital};
use crate::notice::Severity;

/// The page that says what the text says.
pub(super) fn of(words: &Words) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (words.subject) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    @if let Some(opening) = &words.opening { p.opening { (opening) } }
                    @for item in &words.items { (one(item)) }
                    @if !words.answers.is_empty() {
                        p.answers {
                            @for (label, to) in &words.answers { a href=(to) { (label) } " " }
                        }
                    }
                    footer { @for line in &words.footer { p { (line) } } }
                }
            }
        }
    };
    page.into_string()
}

fn one(item: &Item) -> maud::Markup {
    let class = match item.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    html! {
        div class={ "alert " (class) } {
            p.severity { (capital(item.severity)) }
            h1 { (item.title) }
            @for line in &item.lines { p { (line) } }
            p.origin { (item.origin) }
        }
    }
}

/// Colours beside words: the severity is also written. Contrast is at least 4.5 in both modes.
const STYLE: &str = "
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0;padding:12px;background:#ffffff;color:#1a1a1a;
font:16px/1.45 -apple-system,system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
main{max-width:560px;margin:0 auto}
.alert{border-left:5px solid #5c6670;padding:2px 0 2px 12px;margin:0 0 18px}
.warning{border-color:#b35c00}.critical{border-color:#b3001b}
.severity{font-size:13px;font-weight:700;letter-spacing:.04em;margin:0;color:#4a535c}
.warning .severity{color:#8a4600}.critical .severity{color:#b3001b}
h1{font-size:19px;line-height:1.3;margin:2px 0 8px;overflow-wrap:anywhere}
p{margin:0 0 8px;overflow-wrap:anywhere}
.answers a{display:inline-block;margin:0 6px 8px 0;padding:8px 12px;border:1px solid #0b5cad;
border-radius:6px;color:#0b5cad;text-decoration:none;font-weight:600}
.origin,footer{color:#57606a;font-size:13px}
footer{border-top:1px solid #d0d7de;padding-top:10px}
@media (prefers-color-scheme:dark){
body{background:#14181c;color:#e6e8ea}
.alert{border-color:#8b949e}.warning{border-color:#e8963a}.critical{border-color:#ff6b7d}
.severity,.origin,footer{color:#a8b0b8}
.warning .severity{color:#f0a95c}.critical .severity{color:#ff8a98}
.answers a{color:#7cb8f5;border-color:#7cb8f5}
footer{border-color:#30363d}}
";
