//! What the Bot API tells, read leniently: a message this program only half understands must not
//! hide a `/halt` in it. So the few fields that matter are read, whatever stands beside them.

use chrono::DateTime;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::clock::Timestamp;

/// The longest line that is looked at, bytes; Telegram's own bound is 4096 characters.
const LINE_MAX: usize = 16 * 1024;

/// One update.
#[derive(Debug)]
pub struct Update {
    /// Its number.
    pub id: i64,
    /// What it brings.
    pub what: What,
}

/// What an update brings.
#[derive(Debug)]
pub enum What {
    /// A new message.
    Message(Message),
    /// A button was pressed.
    Press(Press),
    /// Something that is not listened to.
    Other,
}

/// A person or a bot.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// Its id.
    pub id: u64,
    /// Whether it is a bot.
    #[serde(default)]
    pub is_bot: bool,
}

/// A chat.
#[derive(Debug, Clone, Deserialize)]
pub struct Chat {
    /// Its id.
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// A message, as far as it matters.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Its id in the chat.
    #[serde(rename = "message_id")]
    pub id: i32,
    /// Who wrote it.
    pub from: Option<User>,
    /// A chat in whose name it was written.
    sender_chat: Option<IgnoredAny>,
    /// Where.
    pub chat: Chat,
    /// When, seconds since 1970; 0 when Telegram does not know any more.
    date: i64,
    /// What it says.
    #[serde(default)]
    pub text: Option<String>,
    #[serde(rename = "message_thread_id")]
    thread: Option<i32>,
    #[serde(rename = "is_topic_message")]
    in_topic: Option<bool>,
    forward_origin: Option<IgnoredAny>,
    forward_date: Option<IgnoredAny>,
    via_bot: Option<IgnoredAny>,
    is_automatic_forward: Option<bool>,
    /// The buttons under it.
    #[serde(rename = "reply_markup")]
    pub buttons: Option<Value>,
}

/// A button that was pressed.
#[derive(Debug, Deserialize)]
pub struct Press {
    /// What it is answered by.
    pub id: String,
    /// Who pressed.
    pub from: User,
    /// The message it stands under.
    pub message: Option<Message>,
    /// What it carries.
    pub data: Option<String>,
}

impl Update {
    /// Reads one; `None` when it has not even a number.
    pub fn read(value: &Value) -> Option<Self> {
        let id = value.get("update_id")?.as_i64()?;
        let what = if let Some(message) = value.get("message") {
            Message::deserialize(message).map_or(What::Other, What::Message)
        } else if let Some(press) = value.get("callback_query") {
            Press::deserialize(press).map_or(What::Other, What::Press)
        } else {
            What::Other
        };
        Some(Self { id, what })
    }
}

impl Message {
    /// The topic of a forum it was written in.
    pub fn topic(&self) -> Option<i32> {
        self.thread.filter(|_| self.in_topic == Some(true))
    }

    /// When it was written.
    pub fn sent(&self) -> Timestamp {
        DateTime::from_timestamp(self.date, 0).unwrap_or_default()
    }

    /// Telegram tells no more of it than its id.
    pub fn forgotten(&self) -> bool {
        self.date == 0
    }

    /// The line it says, when it is the writer's own word: not forwarded, not by another bot, not
    /// in the name of a chat.
    pub fn line(&self) -> Option<&str> {
        let foreign = self.sender_chat.is_some()
            || self.forward_origin.is_some()
            || self.forward_date.is_some()
            || self.via_bot.is_some()
            || self.is_automatic_forward == Some(true);
        let text = self.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        text.filter(|text| !foreign && text.len() <= LINE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(more: &Value) -> Option<String> {
        let mut message = json!({
            "message_id": 1, "date": 1_722_609_000, "text": " /halt now ",
            "from": {"id": 11, "is_bot": false, "first_name": "A"},
            "chat": {"id": 11, "type": "private"},
        });
        message.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        let update = Update::read(&json!({"update_id": 5, "message": message})).unwrap();
        match update.what {
            What::Message(message) => message.line().map(str::to_owned),
            _ => None,
        }
    }

    #[test]
    fn a_line_is_heard_whatever_new_things_stand_beside_it() {
        let strange = json!({"entities": [{"type": "not yet invented"}], "gift": {"x": [1]},
            "reply_to_message": {"kind": 7}});
        assert_eq!(line(&strange).as_deref(), Some("/halt now"));
    }

    #[test]
    fn words_of_others_are_no_line() {
        for other in [
            json!({"forward_origin": {"type": "user"}}),
            json!({"forward_date": 1}),
            json!({"via_bot": {"id": 1, "is_bot": true}}),
            json!({"sender_chat": {"id": -1, "type": "channel"}}),
            json!({"is_automatic_forward": true}),
            json!({"text": "  "}),
            json!({"text": null}),
        ] {
            assert_eq!(line(&other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_listened_to_is_passed_by() {
        for kind in ["edited_message", "channel_post", "my_chat_member", "of another year"] {
            let update = Update::read(&json!({"update_id": 5, kind: {"text": "/halt"}})).unwrap();
            assert!(matches!(update.what, What::Other), "{kind}");
        }
        assert!(Update::read(&json!({"message": {}})).is_none());
    }
}
