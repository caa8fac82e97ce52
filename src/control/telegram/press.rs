//! A button that was pressed. Telegram waits for a word on each, whatever comes of it.

use std::{panic::AssertUnwindSafe, sync::Arc, sync::atomic::Ordering};

use futures::FutureExt as _;
use serde_json::Value;
use teloxide::{
    payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters as _, EditMessageReplyMarkup},
    types::{CallbackQueryId, ChatId, InlineKeyboardButtonKind, InlineKeyboardMarkup, MessageId},
};

use super::{
    Ear,
    answer::Line,
    buttons::Meaning,
    gate::{Sort, Speaker, sort},
    update::{Message, Press},
};
use crate::control::{Request, console::Reply, table::Role};

/// The longest word on a pressed button (Bot API: 200 characters).
const TOAST_MAX: usize = 190;

impl Ear {
    /// What a button does. Who may only look does nothing with one that acts.
    pub(super) fn sort_of(&self, speaker: &Speaker, press: &Press) -> Sort {
        let meaning = press.data.as_ref().and_then(|data| self.buttons().meaning(data));
        match meaning {
            None => Sort::Read,
            _ if speaker.caller.role < Role::Owner => Sort::Read,
            Some(Meaning::Choice(line) | Meaning::Refresh(line)) => sort(&line),
            Some(Meaning::Ack(_) | Meaning::Yes(..) | Meaning::No(..)) => Sort::Write,
        }
    }

    /// Does what a button means, and says a word on it.
    pub(super) async fn press(self: &Arc<Self>, id: i64, speaker: &Speaker, press: Press) {
        self.counts.heard.fetch_add(1, Ordering::Relaxed);
        let query = CallbackQueryId(press.id.clone());
        let pressed = AssertUnwindSafe(self.pressed(id, speaker, press)).catch_unwind().await;
        let word = pressed.unwrap_or_else(|_| {
            self.counts.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(update = id, "a button by Telegram panicked");
            "That failed; the log says why".to_owned()
        });
        let word: String = word.chars().take(TOAST_MAX).collect();
        let (me, mut answer) = (Arc::clone(self), AnswerCallbackQuery::new(query));
        if !word.is_empty() {
            answer = answer.text(word);
        }
        self.rt.spawn(async move {
            if let Err(fault) = me.api.call(&answer).await {
                tracing::debug!("a pressed button got no word: {fault}");
            }
        });
    }

    async fn pressed(self: &Arc<Self>, id: i64, speaker: &Speaker, press: Press) -> String {
        let data = press.data.unwrap_or_default();
        let Some(message) = press.message else { return String::new() };
        let Some(meaning) = self.buttons().meaning(&data) else {
            return "This button has expired; ask again".to_owned();
        };
        let instead = Some(message.id);
        match meaning {
            Meaning::Ack(ids) => self.acknowledge(speaker, &message, &data, ids).await,
            Meaning::Yes(user, _) | Meaning::No(user, _) if user != speaker.user => {
                "Only who asked may answer this".to_owned()
            }
            Meaning::Yes(user, name) => {
                let Some(code) = self.waits(user, &name) else {
                    return "This question is over; ask again".to_owned();
                };
                let reply = self.console.confirm(&speaker.caller, &code).await;
                self.questions().remove(&user);
                let now = self.rt.now();
                let line = Line { id, speaker, text: "/confirmed", sent: now, instead };
                self.answered(&line, reply).await
            }
            Meaning::No(user, name) => {
                if self.waits(user, &name).is_some() {
                    self.console.cancel(&speaker.caller);
                    self.question_over(user, "Cancelled: not done.");
                }
                "Not done".to_owned()
            }
            Meaning::Choice(text) => {
                // When it was pressed is not told; its question is at most so old.
                let looks = sort(&text) == Sort::Read;
                let sent = if looks { self.rt.now() } else { message.sent() };
                // An owner's question stays for the owner whoever presses its buttons.
                let instead = instead.filter(|_| looks || speaker.caller.role == Role::Owner);
                self.line(Line { id, speaker, text: &text, sent, instead }).await;
                String::new()
            }
            Meaning::Refresh(text) if sort(&text) == Sort::Read => {
                let now = self.rt.now();
                let reply = self.console.ask(&speaker.caller, &text).await;
                self.show(&Line { id, speaker, text: &text, sent: now, instead }, reply).await;
                String::new()
            }
            Meaning::Refresh(_) => "Only what looks can be refreshed".to_owned(),
        }
    }

    /// The code of a question that waits for its asker's answer.
    fn waits(&self, user: u64, name: &str) -> Option<String> {
        let questions = self.questions();
        let asked = questions.get(&user).filter(|asked| asked.name == name)?;
        Some(asked.code.clone())
    }

    /// The answer to a confirmed question stands in its place.
    async fn answered(self: &Arc<Self>, line: &Line<'_>, reply: Reply) -> String {
        let word = match &reply {
            Reply::Refused(_) => "Not done",
            _ => "Confirmed",
        };
        self.show(line, reply).await;
        word.to_owned()
    }

    async fn acknowledge(
        self: &Arc<Self>,
        speaker: &Speaker,
        message: &Message,
        data: &str,
        ids: Vec<u64>,
    ) -> String {
        if speaker.caller.role < Role::Owner {
            return "Acknowledging is for owners".to_owned();
        }
        for id in ids {
            let request = Request::AlertsAck { id: Some(id) };
            if let Reply::Refused(why) = self.console.perform(&speaker.caller, request).await {
                return format!("Alert {id}: {why}");
            }
        }
        let place = speaker.place;
        let mut edit = EditMessageReplyMarkup::new(ChatId(place.chat), MessageId(message.id));
        edit.reply_markup = Some(without(message.buttons.as_ref(), data));
        let me = Arc::clone(self);
        self.rt.spawn(async move {
            if let Err(fault) = me.api.call(&edit).await {
                tracing::debug!("a button that is done with stays: {fault}");
            }
        });
        "Acknowledged".to_owned()
    }
}

/// The buttons of a message without the pressed one.
fn without(buttons: Option<&Value>, data: &str) -> InlineKeyboardMarkup {
    let read = buttons.and_then(|value| serde_json::from_value(value.clone()).ok());
    let mut markup: InlineKeyboardMarkup = read.unwrap_or_default();
    for row in &mut markup.inline_keyboard {
        let pressed = InlineKeyboardButtonKind::CallbackData(data.to_owned());
        row.retain(|button| button.kind != pressed);
    }
    markup.inline_keyboard.retain(|row| !row.is_empty());
    markup
}
