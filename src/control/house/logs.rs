//! `logs`: the newest lines of the program's own log, kept in memory, secrets taken out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Lines kept.
const LINES_MAX: usize = 500;
/// Longest line kept, characters.
const LINE_CHARS_MAX: usize = 500;
/// What stands in a secret's place.
const HIDDEN: &str = "[secret]";
/// The shortest secret looked for: a shorter one would hide half the log.
const SECRET_CHARS_MIN: usize = 6;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What was said.
    pub text: String,
}

/// The newest lines, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsView {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines said since the start.
    pub said: u64,
}

/// The newest lines of the log, bounded.
#[derive(Default)]
pub struct Recent {
    secrets: Vec<String>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    said: u64,
}

impl Recent {
    /// One that keeps these words out of its lines.
    pub fn hiding(secrets: Vec<String>) -> Arc<Self> {
        let secrets = secrets.into_iter().filter(|word| word.chars().count() >= SECRET_CHARS_MIN);
        Arc::new(Self { secrets: secrets.collect(), kept: Mutex::default() })
    }

    /// Keeps a line; the oldest goes where there are too many.
    pub fn keep(&self, at: Timestamp, level: &str, text: &str) {
        let text = self.redacted(text);
        let mut kept = self.kept();
        kept.said += 1;
        if kept.lines.len() >= LINES_MAX {
            kept.lines.pop_front();
        }
        kept.lines.push_back(LogLine { at, level: level.to_ascii_lowercase(), text });
    }

    /// The newest lines, the oldest of them first.
    pub fn newest(&self, count: usize) -> LogsView {
        let kept = self.kept();
        let skipped = kept.lines.len().saturating_sub(count);
        LogsView { lines: kept.lines.iter().skip(skipped).cloned().collect(), said: kept.said }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line, cut to its length, without the secrets of the settings and what looks like one.
    fn redacted(&self, text: &str) -> String {
        let mut text = text.replace(['\n', '\r'], " ");
        for secret in &self.secrets {
            text = text.replace(secret, HIDDEN);
        }
        let words: Vec<&str> = text.split(' ').collect();
        let mut shown: Vec<String> = Vec::with_capacity(words.len());
        for (place, word) in words.iter().enumerate() {
            let bearer = place > 0 && words[place - 1].eq_ignore_ascii_case("bearer");
            shown.push(if bearer { HIDDEN.to_owned() } else { without_secret(word) });
        }
        shown.join(" ").chars().take(LINE_CHARS_MAX).collect()
    }
}

/// A word without what is a secret by its form: a bot's token in a path, a signing key, the user of
/// an address.
fn without_secret(word: &str) -> String {
    if let Some(at) = word.find("whsec_") {
        return format!("{}{HIDDEN}", &word[..at]);
    }
    if let Some((scheme, rest)) = word.split_once("://") {
        let rest = match rest.split_once('@') {
            Some((user, host)) if !user.contains('/') => format!("{HIDDEN}@{host}"),
            _ => rest.to_owned(),
        };
        let parts: Vec<String> = rest
            .split('/')
            .map(|part| if is_bot(part) { format!("bot{HIDDEN}") } else { part.to_owned() })
            .collect();
        return format!("{scheme}://{}", parts.join("/"));
    }
    word.to_owned()
}

/// `bot123456:AA…`, as the Bot API's paths carry a token.
fn is_bot(part: &str) -> bool {
    let token = part.strip_prefix("bot").and_then(|token| token.split_once(':'));
    token.is_some_and(|(id, key)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && key.len() >= 10
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    #[test]
    fn the_newest_lines_are_kept_and_no_more() {
        let recent = Recent::default();
        for number in 0..600 {
            recent.keep(at(number), "INFO", &format!("line {number}"));
        }
        let seen = recent.newest(2);
        let texts: Vec<&str> = seen.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts, seen.said), (vec!["line 598", "line 599"], 600));
        assert_eq!(recent.newest(10_000).lines.len(), LINES_MAX);
        recent.keep(at(601), "WARN", &"long ".repeat(1000));
        assert_eq!(recent.newest(1).lines[0].text.chars().count(), LINE_CHARS_MAX);
        assert_eq!(recent.newest(1).lines[0].level, "warn");
    }

    #[test]
    fn no_secret_stands_in_a_line() {
        let recent = Recent::hiding(vec!["hunter2-hunter2".to_owned(), "no".to_owned()]);
        let cases = [
            ("password hunter2-hunter2 refused", "password [secret] refused"),
            (
                "error for https://api.telegram.org/bot123456:AAbbCCddEEff/getMe: timed out",
                "error for https://api.telegram.org/bot[secret]/getMe: timed out",
            ),
            ("key whsec_MfKQ9r8GKYqrTwjU", "key [secret]"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [secret]"),
            ("at https://me:pw@example.org/x", "at https://[secret]@example.org/x"),
            ("no order for https://example.org/@me", "no order for https://example.org/@me"),
            ("a\nb", "a b"),
        ];
        for (said, kept) in cases {
            recent.keep(at(0), "INFO", said);
            assert_eq!(recent.newest(1).lines[0].text, kept);
        }
    }
}
