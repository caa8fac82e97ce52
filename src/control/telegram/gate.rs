//! Who is heard: users of the settings in chats of the settings, and nobody else.

use std::sync::OnceLock;

use super::update::{Message, Press};
use crate::{
    alert::telegram::send::Place,
    clock::Timestamp,
    config::voice::TelegramSettings,
    control::{
        console::Caller,
        table::{self, Role},
    },
};

/// Tells the ids of a chat; for owners also in chats that are not in the settings yet.
pub const TG_ID: &str = "tg_id";

/// A person who is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// As the console knows them.
    pub caller: Caller,
    /// Their user id.
    pub user: u64,
    /// Where they are answered.
    pub place: Place,
}

/// What is done about a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A line of somebody who is heard.
    Line(Speaker, String, Timestamp),
    /// `/tg_id`: only the ids are told.
    Ids(Speaker),
    /// Nothing, and why; for the log.
    Silence(&'static str),
}

/// The gate.
pub struct Gate {
    settings: TelegramSettings,
    username: OnceLock<String>,
}

impl Gate {
    /// A gate of the settings.
    pub fn new(settings: TelegramSettings) -> Self {
        Self { settings, username: OnceLock::new() }
    }

    /// The bot's own name, once it is known: `/halt@other_bot` is for another.
    pub fn named(&self, username: &str) {
        let _ = self.username.set(username.to_ascii_lowercase());
    }

    /// What is done about a message.
    pub fn message(&self, message: &Message) -> Verdict {
        let Some(from) = &message.from else { return Verdict::Silence("nobody wrote it") };
        let Some(role) = self.role(from.id).filter(|_| !from.is_bot) else {
            return Verdict::Silence("the user is in no list");
        };
        let Some(line) = message.line() else { return Verdict::Silence("it is no line of theirs") };
        let private = message.chat.kind == "private";
        let Some(name) = self.command(line, private) else {
            return Verdict::Silence("it is no command to this bot");
        };
        let at = Place { chat: message.chat.id, topic: message.topic() };
        let caller = Caller { name: format!("telegram:{}", from.id), role };
        let speaker = Speaker { caller, user: from.id, place: at };
        if name == TG_ID && role == Role::Owner {
            return Verdict::Ids(speaker);
        }
        match self.place(at) {
            Some(place) => {
                let speaker = Speaker { place, ..speaker };
                Verdict::Line(speaker, line.to_owned(), message.sent())
            }
            None => Verdict::Silence("the chat or its topic is not in the settings"),
        }
    }

    /// Who pressed a button, when they are heard there.
    pub fn press(&self, press: &Press) -> Result<Speaker, &'static str> {
        let role = self.role(press.from.id).filter(|_| !press.from.is_bot);
        let role = role.ok_or("the user is in no list")?;
        let message = press.message.as_ref().ok_or("its message is not told")?;
        let at = Place { chat: message.chat.id, topic: message.topic() };
        // What Telegram has forgotten of an old message is its topic, too.
        let known = || self.settings.chats.iter().any(|chat| chat.id == at.chat);
        let forgotten = message.forgotten() && known();
        let place = self.place(at).or(forgotten.then_some(at));
        let place = place.ok_or("the chat is not in the settings")?;
        let caller = Caller { name: format!("telegram:{}", press.from.id), role };
        Ok(Speaker { caller, user: press.from.id, place })
    }

    fn role(&self, user: u64) -> Option<Role> {
        let owner = self.settings.owners.contains(&user).then_some(Role::Owner);
        owner.or_else(|| self.settings.viewers.contains(&user).then_some(Role::Viewer))
    }

    /// Where a message of a place is answered: in its own topic.
    fn place(&self, at: Place) -> Option<Place> {
        let heard = self.settings.chats.iter().map(Place::from);
        heard.into_iter().any(|place| place.holds(at.chat, at.topic)).then_some(at)
    }

    /// The command a line begins with, in small letters. In a private chat every line is for the
    /// bot; in a group only what begins with `/`, or the digits of a code.
    fn command(&self, line: &str, private: bool) -> Option<String> {
        let first = line.split_whitespace().next()?;
        let (name, bot) = first.split_once('@').unwrap_or((first, ""));
        let foreign = |own: &String| !bot.is_empty() && bot.to_ascii_lowercase() != *own;
        if self.username.get().is_some_and(foreign) {
            return None;
        }
        if !private && !name.starts_with('/') && !is_code(line) {
            return None;
        }
        Some(name.trim_start_matches('/').to_ascii_lowercase())
    }
}

/// A line that is nothing but a code: four digits of a question, six of an authenticator.
pub fn is_code(line: &str) -> bool {
    let digits = line.trim();
    matches!(digits.len(), 4 | 6) && digits.chars().all(|c| c.is_ascii_digit())
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Stops everything: never waits and never is too late.
    Halt,
    /// Changes something.
    Write,
    /// Looks, or is no command.
    Read,
}

/// What a line does, by its command.
pub fn sort(line: &str) -> Sort {
    let first = line.split_whitespace().next().unwrap_or_default();
    let name = first.split('@').next().unwrap_or_default();
    match table::find(name) {
        Some(command) if command.name == "halt" => Sort::Halt,
        Some(command) if command.who == Role::Owner => Sort::Write,
        _ if is_code(line) => Sort::Write,
        _ => Sort::Read,
    }
}

#[cfg(test)]
mod tests;
