//! `[voice.telegram]`: the bot, who may speak to it, and where alerts go.

use serde::{Deserialize, Serialize};

use super::SecretSource;

/// The bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramSettings {
    /// The token that @`BotFather` gave.
    pub token: SecretSource,
    /// User ids that may read and command.
    pub owners: Vec<u64>,
    /// User ids that may read.
    #[serde(default)]
    pub viewers: Vec<u64>,
    /// Chats that are heard; everyone else, and everyone elsewhere, gets silence.
    pub chats: Vec<ChatSettings>,
    /// Another Bot API server, for one that runs locally.
    #[serde(default)]
    pub api_url: Option<String>,
}

/// A chat: a private one has its user's id, a group a negative one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSettings {
    /// Its id, as `/tg_id` tells it.
    pub id: i64,
    /// One topic of a forum group: heard there alone, and answered there.
    #[serde(default)]
    pub topic: Option<i32>,
    /// Whether alerts go there.
    #[serde(default = "yes")]
    pub alerts: bool,
}

const fn yes() -> bool {
    true
}

impl TelegramSettings {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.owners.is_empty() {
            faults.push(
                "voice.telegram.owners = []: must name at least one user id; `/tg_id` tells yours"
                    .to_owned(),
            );
        }
        if self.chats.is_empty() {
            faults.push(
                "voice.telegram.chats = []: must name at least one chat id; `/tg_id` tells it"
                    .to_owned(),
            );
        }
        for (index, chat) in self.chats.iter().enumerate() {
            let same = |other: &ChatSettings| (other.id, other.topic) == (chat.id, chat.topic);
            if self.chats[..index].iter().any(same) {
                faults.push(format!(
                    "voice.telegram.chats[{index}].id = {}: is there twice",
                    chat.id
                ));
            }
        }
        for (index, id) in self.viewers.iter().enumerate() {
            if self.owners.contains(id) {
                faults.push(format!(
                    "voice.telegram.viewers[{index}] = {id}: is an owner already; name it once"
                ));
            }
        }
        faults
    }
}
