//! A receiver's refusal, whatever it says: tried again or final by its status; no wait beyond an
//! hour; and no word of the URL, which may be a secret, in what is told.
//!
//! The bytes are a status, lines of headers, an empty line and a body.

use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tomking::{
    alert::{SendError, webhook::answer::refusal},
    clock::Timestamp,
};

use super::is_readable;

/// Bytes of a body that are read (`alert::webhook::answer`).
const BODY_BYTES_MOST: usize = 4096;

pub fn check(data: &[u8]) {
    let split = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, body) = data.split_at(split);
    let body = body.get(2..).unwrap_or_default();
    let body = &body[..body.len().min(BODY_BYTES_MOST)];
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let Ok(status) = StatusCode::from_bytes(first) else { return };
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), &line[colon + 1..]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let now: Timestamp = "2024-08-02T14:30:00Z".parse().unwrap();
    let url: Url =
        "https://us3r:pa55word@hooks.example/T00/SECRET-PATH?key=HIDDEN-KEY".parse().unwrap();
    let may_change = status.is_server_error() || [408, 425, 429].contains(&status.as_u16());
    if status.is_success() {
        return; // its body is left unread
    }
    let why = match refusal(status, &headers, body, now, &url) {
        SendError::Permanent(why) => {
            assert!(!may_change);
            why
        }
        SendError::Retry(why) => {
            assert!(may_change);
            why
        }
        SendError::RetryAfter { after, why } => {
            assert!([429, 503].contains(&status.as_u16()));
            assert!((0..=3_600_000).contains(&after.num_milliseconds()), "{after}");
            why
        }
    };
    is_readable(&why);
    assert!(!why.chars().any(char::is_control), "{why:?}");
    for part in ["us3r", "pa55word", "hooks.example", "SECRET-PATH", "HIDDEN-KEY"] {
        assert!(!why.contains(part), "{why:?}");
    }
}
