//! Whatever an alert says, the mail is one mail, with these headers and those words.

use std::collections::BTreeSet;

use mail_parser::{HeaderValue, Message, MessageParser};
use proptest::prelude::*;

use super::{
    letter::{Letter, one_line, subject},
    words::Words,
    *,
};
use crate::{clock::Timestamp, config::voice::Severity};

/// All that a mail of an alert may have at its top.
const HEADERS: [&str; 14] = [
    "From",
    "To",
    "Date",
    "Message-ID",
    "Subject",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-ID",
    "Importance",
    "MIME-Version",
    "Content-Type",
];

fn parsed(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

/// Text with what breaks headers, lines, MIME and HTML in it more often than not.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("\r\n".to_owned()),
        Just("\n.\r\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n\r\nBcc: thief@example.net\r\n".to_owned()),
        Just("=?utf-8?q?=0D=0AX-Evil:_1?=".to_owned()),
        Just("</p><script>".to_owned()),
        Just("--tomking-".to_owned()),
        Just("> <a@b>, \"".to_owned()),
        Just("\u{202e}\u{200b}\u{0}".to_owned()),
        "[ -~]{0,40}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn alerts()(
        id in any::<u64>(),
        seconds in -3_000_000_000_i64..300_000_000_000,
        (kind, title, text, key) in (nasty(), nasty(), nasty(), nasty()),
        severity in prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical]),
    ) -> Alert {
        let at = Timestamp::from_timestamp(seconds, 0).unwrap();
        Alert { id, at, kind, severity, title, text, key }
    }
}

fn bytes(alert: &Alert, repeat: u32) -> Vec<u8> {
    let words = Words::of(alert, repeat, Some("bot@example.org"));
    let id = ids::alert(alert, repeat, "example.org");
    let owner = vec!["owner@example.org".to_owned()];
    let mut letter = Letter::new(id, owner, &words.subject, &words.text(), alert.at);
    letter.html = Some(page::of(&words));
    letter.references = vec![ids::thread(&alert.key, "example.org"), alert.title.clone()];
    letter.in_reply_to = Some(alert.text.clone());
    letter.reply_to = Some("bot@example.org".to_owned());
    letter.formatted(&"tomking <bot@example.org>".parse().unwrap()).unwrap()
}

proptest! {
    #[test]
    fn nothing_an_alert_says_leaves_its_place(alert in alerts(), repeat in 0..4_u32) {
        let bytes = bytes(&alert, repeat);
        let message = parsed(&bytes);
        let names: Vec<&str> = message.headers().iter().map(mail_parser::Header::name).collect();
        let unknown = names.iter().find(|name| !HEADERS.contains(name));
        prop_assert!(unknown.is_none(), "{unknown:?}");
        prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());

        let title = one_line(&alert.title, 300);
        let wanted = subject(&format!("[{}] {title}", words::label(alert.severity)));
        prop_assert_eq!(message.subject().unwrap_or_default(), &wanted);
        prop_assert_eq!(message.parts.len(), 5);
        let text = message.body_text(0).unwrap();
        prop_assert!(text.contains(&one_line(&alert.title, 300)));
        let html = message.body_html(0).unwrap();
        prop_assert!(!html.contains("<script"), "{}", html);

        let id = message.message_id().unwrap();
        prop_assert_eq!(ids::alert_number(id), Some(alert.id));
        if let HeaderValue::TextList(references) = message.references() {
            prop_assert!(references.len() <= 2, "{references:?}");
        }
        let lines = bytes.split(|byte| *byte == b'\n');
        prop_assert!(lines.clone().all(|line| line.len() <= 999), "a line is too long");
        let ends = bytes.windows(2).filter(|two| *two == b"\r\n").count();
        let bare = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
        prop_assert_eq!(bare, 2 * ends, "each line ends in CRLF alone");
    }

    #[test]
    fn one_line_is_one_line_of_so_many_letters(text in nasty(), most in 1..200_usize) {
        let line = one_line(&text, most);
        prop_assert!(line.chars().count() <= most);
        prop_assert!(!line.contains(char::is_control));
        prop_assert_eq!(one_line(&line, most), line);
    }
}

#[test]
fn a_number_is_read_from_ids_of_alerts_alone() {
    for (id, wanted) in [
        ("<alert-17.0a1b2c3d4e5f@example.org>", Some(17)),
        ("alert-17.0a1b2c3d4e5f.again-3@example.org", Some(17)),
        (" <alert-18446744073709551615.0@h> ", Some(u64::MAX)),
        ("<alert-18446744073709551616.0@h>", None),
        ("<alert--1.0@h>", None),
        ("<alert-@h>", None),
        ("<digest-17-23.0@h>", None),
        ("<report-daily-2026-10-16.40-0@h>", None),
        ("<answer-17.0@h>", None),
        ("", None),
    ] {
        assert_eq!(ids::alert_number(id), wanted, "{id}");
    }
}

#[test]
fn a_thread_and_a_number_do_not_run_into_each_other() {
    assert_ne!(ids::digest(&["ab", "c"]), ids::digest(&["a", "bc"]));
    assert_ne!(ids::thread("a", "h"), ids::thread("b", "h"));
    assert_eq!(ids::thread("a", "h"), ids::thread("a", "h"));
}
