//! One message to one chat, new or in place of an old one.

use reqwest::multipart::{Form, Part};
use serde_json::Value;
use teloxide::{
    payloads::{
        EditMessageText, EditMessageTextSetters as _, SendMessage, SendMessageSetters as _,
    },
    types::{
        ChatId, InlineKeyboardMarkup, LinkPreviewOptions, MessageId, ParseMode, ReplyMarkup,
        ThreadId,
    },
};

use super::api::{Api, Fault};
use crate::config::voice::ChatSettings;

/// The topic that is every forum's first; it has no thread.
const GENERAL: i32 = 1;

/// A chat, or one topic of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The chat.
    pub chat: i64,
    /// The topic of a forum.
    pub topic: Option<i32>,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Markup of at most [`super::markup::TEXT_MAX`], with the buttons under it.
    Text(String, Option<InlineKeyboardMarkup>),
    /// A PNG with markup of at most [`super::markup::CAPTION_MAX`] under it.
    Photo {
        /// Its file name, without an ending.
        name: String,
        /// The picture.
        png: Vec<u8>,
        /// Under it.
        caption: String,
    },
}

impl From<&ChatSettings> for Place {
    fn from(chat: &ChatSettings) -> Self {
        Self { chat: chat.id, topic: chat.topic }
    }
}

impl Place {
    /// Its name among the receivers of the channel: `11`, `-1005.7`.
    pub fn name(self) -> String {
        let topic = self.topic.map(|topic| format!(".{topic}")).unwrap_or_default();
        format!("{}{topic}", self.chat)
    }

    /// The thread a message goes to.
    fn thread(self) -> Option<ThreadId> {
        self.topic.filter(|topic| *topic != GENERAL).map(|topic| ThreadId(MessageId(topic)))
    }

    /// Whether a message of `topic` belongs here; a place without a topic is the whole chat.
    pub fn holds(self, chat: i64, topic: Option<i32>) -> bool {
        let here = |own| topic.unwrap_or(GENERAL) == own;
        self.chat == chat && self.topic.is_none_or(here)
    }
}

impl Api {
    /// Sends a message; gives its id.
    pub async fn send(&self, place: Place, piece: &Piece, silent: bool) -> Result<i32, Fault> {
        let sent = match piece {
            Piece::Text(html, buttons) => {
                let mut message = SendMessage::new(ChatId(place.chat), html.as_str())
                    .parse_mode(ParseMode::Html)
                    .link_preview_options(no_preview())
                    .disable_notification(silent);
                message.message_thread_id = place.thread();
                message.reply_markup = buttons.clone().map(ReplyMarkup::InlineKeyboard);
                self.call(&message).await?
            }
            Piece::Photo { name, png, caption } => {
                let file = Part::bytes(png.clone()).file_name(format!("{name}.png"));
                let file = file.mime_str("image/png");
                let file = file.map_err(|error| Fault::Down(error.to_string()))?;
                let mut form = Form::new()
                    .text("chat_id", place.chat.to_string())
                    .text("caption", caption.clone())
                    .text("parse_mode", "HTML")
                    .text("disable_notification", silent.to_string())
                    .part("photo", file);
                if let Some(ThreadId(MessageId(thread))) = place.thread() {
                    form = form.text("message_thread_id", thread.to_string());
                }
                self.upload("SendPhoto", form).await?
            }
        };
        message_id(&sent)
    }

    /// Puts text in the place of a message. One that says the same already is no fault.
    pub async fn edit(
        &self,
        place: Place,
        message: i32,
        html: &str,
        buttons: Option<InlineKeyboardMarkup>,
    ) -> Result<(), Fault> {
        let mut edit = EditMessageText::new(ChatId(place.chat), MessageId(message), html)
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        edit.reply_markup = buttons;
        match self.call(&edit).await {
            Err(Fault::Refused { words, .. }) if words.contains("message is not modified") => {
                Ok(())
            }
            edited => edited.map(|_| ()),
        }
    }
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

fn message_id(sent: &Value) -> Result<i32, Fault> {
    let id = sent.get("message_id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    id.ok_or_else(|| Fault::Down("Telegram's answer names no message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_heard_alone_and_a_chat_as_a_whole() {
        let whole = Place { chat: -5, topic: None };
        let topic = Place { chat: -5, topic: Some(7) };
        let general = Place { chat: -5, topic: Some(1) };
        let cases = [
            (whole, -5, None, true),
            (whole, -5, Some(7), true),
            (whole, 5, None, false),
            (topic, -5, Some(7), true),
            (topic, -5, Some(8), false),
            (topic, -5, None, false),
            (general, -5, None, true),
            (general, -5, Some(7), false),
        ];
        for (place, chat, thread, expected) in cases {
            assert_eq!(place.holds(chat, thread), expected, "{place:?} {chat} {thread:?}");
        }
    }
}
