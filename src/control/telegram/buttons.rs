//! What buttons carry: at most 64 bytes, so a longer line is kept here under a short key.

use std::collections::VecDeque;

use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};

use crate::alert::telegram::words::DATA_MAX;

/// Longer lines kept; the oldest go, and their buttons say so.
const KEPT_MAX: usize = 512;
/// The most buttons of one question.
const CHOICES_MAX: usize = 60;
/// The longest label of a button, characters.
const LABEL_MAX: usize = 40;
/// Labels up to this share a row with another.
const SHARE_MAX: usize = 16;

/// What a pressed button means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Acknowledge these alerts.
    Ack(Vec<u64>),
    /// Yes to a question, for its asker alone: user and code.
    Yes(u64, String),
    /// No to it.
    No(u64, String),
    /// The chosen line.
    Choice(String),
    /// The same page again, in place.
    Refresh(String),
}

/// Keeps what does not fit on a button.
#[derive(Debug, Default)]
pub struct Buttons {
    kept: VecDeque<(u64, String)>,
    count: u64,
}

impl Buttons {
    /// What a button shall carry for something to say.
    fn data(&mut self, whole: String) -> String {
        if whole.len() <= DATA_MAX {
            return whole;
        }
        self.count += 1;
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((self.count, whole));
        format!("k:{}", self.count)
    }

    /// What a button means; `None` for one of an earlier life or another program.
    pub fn meaning(&self, data: &str) -> Option<Meaning> {
        if let Some(key) = data.strip_prefix("k:") {
            let key: u64 = key.parse().ok()?;
            let (_, whole) = self.kept.iter().find(|(number, _)| *number == key)?;
            return meaning(whole);
        }
        meaning(data)
    }

    /// A button that shows a page anew.
    pub fn refresh(&mut self, line: &str) -> InlineKeyboardMarkup {
        let data = self.data(format!("re:{line}"));
        InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Refresh", data)]])
    }

    /// Buttons for what could stand in the place of a missing argument: labels with whole lines.
    pub fn choices(&mut self, choices: &[(String, String)]) -> InlineKeyboardMarkup {
        let mut rows: Vec<Vec<InlineKeyboardButton>> = Vec::new();
        let mut shared = false;
        for (label, line) in choices.iter().take(CHOICES_MAX) {
            let data = self.data(format!("do:{line}"));
            let short = label.chars().count() <= SHARE_MAX;
            let label: String = label.chars().take(LABEL_MAX).collect();
            let button = InlineKeyboardButton::callback(label, data);
            match rows.last_mut() {
                Some(row) if short && shared && row.len() < 2 => row.push(button),
                _ => rows.push(vec![button]),
            }
            shared = short;
        }
        InlineKeyboardMarkup::new(rows)
    }
}

/// Buttons of a question; with a time-based code asked for, only the way back.
pub fn confirm(user: u64, code: &str, totp: bool) -> InlineKeyboardMarkup {
    let yes = InlineKeyboardButton::callback("Yes, do it", format!("ok:{user}:{code}"));
    let no = InlineKeyboardButton::callback("Cancel", format!("no:{user}:{code}"));
    InlineKeyboardMarkup::new([if totp { vec![no] } else { vec![yes, no] }])
}

fn meaning(whole: &str) -> Option<Meaning> {
    let (kind, rest) = whole.split_once(':')?;
    let asked = || {
        let (user, code) = rest.split_once(':')?;
        Some((user.parse().ok()?, code.to_owned()))
    };
    match kind {
        "ack" => {
            let ids: Result<Vec<u64>, _> = rest.split(',').map(str::parse).collect();
            ids.ok().map(Meaning::Ack)
        }
        "ok" => asked().map(|(user, code)| Meaning::Yes(user, code)),
        "no" => asked().map(|(user, code)| Meaning::No(user, code)),
        "do" => Some(Meaning::Choice(rest.to_owned())),
        "re" => Some(Meaning::Refresh(rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use teloxide::types::InlineKeyboardButtonKind;

    use super::*;

    fn data(markup: &InlineKeyboardMarkup) -> Vec<String> {
        let data = |button: &InlineKeyboardButton| match &button.kind {
            InlineKeyboardButtonKind::CallbackData(data) => data.clone(),
            other => panic!("{other:?}"),
        };
        markup.inline_keyboard.iter().flatten().map(data).collect()
    }

    #[test]
    fn a_button_means_what_it_was_made_for_however_long() {
        let mut buttons = Buttons::default();
        let long = format!("/stress {}", "s".repeat(200));
        let choices =
            [("short".to_owned(), "/why zdte".to_owned()), ("x".to_owned(), long.clone())];
        let markup = buttons.choices(&choices);
        let data = data(&markup);
        assert!(data.iter().all(|data| data.len() <= DATA_MAX), "{data:?}");
        assert_eq!(buttons.meaning(&data[0]), Some(Meaning::Choice("/why zdte".to_owned())));
        assert_eq!(buttons.meaning(&data[1]), Some(Meaning::Choice(long)));
    }

    #[test]
    fn lines_kept_are_bounded_and_an_old_key_means_nothing() {
        let mut buttons = Buttons::default();
        let line = |n: usize| format!("/{n} {}", "s".repeat(100));
        let first = data(&buttons.refresh(&line(0)));
        for n in 1..=KEPT_MAX {
            buttons.refresh(&line(n));
        }
        assert_eq!(buttons.meaning(&first[0]), None);
        assert_eq!(buttons.kept.len(), KEPT_MAX);
    }

    #[test]
    fn what_no_button_carries_means_nothing() {
        let buttons = Buttons::default();
        for data in ["", "ack:", "ack:1,x", "ok:1", "ok:x:1", "k:1", "k:x", "xx:1", "halt"] {
            assert_eq!(buttons.meaning(data), None, "{data}");
        }
        assert_eq!(buttons.meaning("ack:1,22"), Some(Meaning::Ack(vec![1, 22])));
        assert_eq!(buttons.meaning("ok:5:0042"), Some(Meaning::Yes(5, "0042".to_owned())));
    }
}
