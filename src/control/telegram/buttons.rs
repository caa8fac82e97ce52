//! What buttons carry: at most 64 bytes, so a longer line is kept here under a short key. The key is
//! made of the line: whatever life a button is of, it means what it was made for, or nothing.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};
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
/// What a key begins with.
const KEY: &str = "k:";

/// What a pressed button means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Acknowledge these alerts.
    Ack(Vec<u64>),
    /// Yes to a question, for its asker alone: user and the question's name.
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
    kept: VecDeque<(String, String)>,
}

impl Buttons {
    /// What a button shall carry for something to say.
    fn data(&mut self, whole: String) -> String {
        if whole.len() <= DATA_MAX {
            return whole;
        }
        let key = key(&whole);
        self.kept.retain(|(kept, _)| *kept != key);
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((key.clone(), whole));
        key
    }

    /// What a button means; `None` for one that has expired, or that no button of this bot carries.
    pub fn meaning(&self, data: &str) -> Option<Meaning> {
        if !data.starts_with(KEY) {
            return meaning(data);
        }
        let (_, whole) = self.kept.iter().find(|(key, _)| key == data)?;
        meaning(whole)
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
pub fn confirm(user: u64, name: &str, totp: bool) -> InlineKeyboardMarkup {
    let yes = InlineKeyboardButton::callback("Yes, do it", format!("ok:{user}:{name}"));
    let no = InlineKeyboardButton::callback("Cancel", format!("no:{user}:{name}"));
    InlineKeyboardMarkup::new([if totp { vec![no] } else { vec![yes, no] }])
}

/// The key of a line: the same line has the same one, and no other has it.
fn key(whole: &str) -> String {
    let hash = Sha256::digest(whole.as_bytes());
    hash.iter().take(16).fold(KEY.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

fn meaning(whole: &str) -> Option<Meaning> {
    let (kind, rest) = whole.split_once(':')?;
    let asked = || {
        let (user, name) = rest.split_once(':')?;
        Some((user.parse().ok()?, name.to_owned()))
    };
    match kind {
        "ack" => {
            let ids: Result<Vec<u64>, _> = rest.split(',').map(str::parse).collect();
            ids.ok().map(Meaning::Ack)
        }
        "ok" => asked().map(|(user, name)| Meaning::Yes(user, name)),
        "no" => asked().map(|(user, name)| Meaning::No(user, name)),
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
    fn a_button_of_an_earlier_life_means_what_it_meant_or_nothing() {
        let line = |n: usize| format!("/{n} {}", "s".repeat(100));
        let earlier = data(&Buttons::default().refresh(&line(1)));
        let mut buttons = Buttons::default();
        for n in [2, 3] {
            buttons.refresh(&line(n));
        }
        assert_eq!(buttons.meaning(&earlier[0]), None);
        buttons.refresh(&line(1));
        assert_eq!(buttons.meaning(&earlier[0]), Some(Meaning::Refresh(line(1))));
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
