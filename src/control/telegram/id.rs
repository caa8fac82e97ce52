//! For setting up: who writes to the bot, and where. It confirms nothing and answers nobody, so the
//! daemon still hears what was written meanwhile.

use std::{collections::BTreeSet, pin::pin};

use chrono::TimeDelta;
use futures::future::{Either, select};
use serde::Serialize;
use serde_json::Value;
use teloxide::{
    payloads::{GetUpdates, GetUpdatesSetters as _},
    types::AllowedUpdate,
};

use super::update::{Update, What};
use crate::{
    alert::telegram::api::{Api, Fault},
    clock::Runtime,
};

/// Between polls that bring something: what is not confirmed comes at once again.
const GAP: TimeDelta = TimeDelta::seconds(1);
/// A poll without news is held so long, seconds.
const POLL_SECONDS: u32 = 10;
/// Failures in a row before it is given up.
const FAILURES_MAX: u32 = 5;

/// A place the bot was written to from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Seen {
    /// Who wrote.
    pub user: u64,
    /// Where.
    pub chat: i64,
    /// The topic of a forum.
    pub topic: Option<i32>,
    /// `private`, `group` or `supergroup`.
    pub kind: String,
}

/// Shows each place once, when it is first written from, until `end` comes; gives all of them.
///
/// # Errors
/// In words: another program listens, the token is none, Telegram cannot be reached, nobody wrote.
pub async fn listen(
    rt: &Runtime,
    api: &Api,
    end: impl Future<Output = ()>,
    mut show: impl FnMut(&Seen) + Send,
) -> Result<BTreeSet<Seen>, String> {
    let mut known = BTreeSet::new();
    let mut meet = |seen: Seen| {
        if !known.contains(&seen) {
            show(&seen);
            known.insert(seen);
        }
    };
    if let Either::Left((why, _)) = select(pin!(watch(rt, api, &mut meet)), pin!(end)).await {
        return Err(why);
    }
    if known.is_empty() {
        let hint = "in a group write a line that begins with `/`: a bot is shown no other there";
        return Err(format!("nobody wrote to the bot; hint: {hint}"));
    }
    Ok(known)
}

/// Meets each message's place, also one met before; only a failure ends it, in words.
async fn watch(rt: &Runtime, api: &Api, meet: &mut (dyn FnMut(Seen) + Send)) -> String {
    let mut failures = 0;
    loop {
        let poll =
            GetUpdates::new().timeout(POLL_SECONDS).allowed_updates([AllowedUpdate::Message]);
        match api.call(&poll).await {
            Ok(Value::Array(updates)) => {
                failures = 0;
                updates.iter().filter_map(Update::read).filter_map(seen).for_each(&mut *meet);
            }
            Ok(_) => return "Telegram's updates are no list".to_owned(),
            Err(Fault::Conflict(words)) => {
                return format!("another program listens to this bot; stop it before ({words})");
            }
            Err(fault @ (Fault::Token(_) | Fault::Refused { .. })) => return fault.to_string(),
            Err(fault) => {
                failures += 1;
                if failures >= FAILURES_MAX {
                    return fault.to_string();
                }
            }
        }
        rt.sleep(GAP).await;
    }
}

fn seen(update: Update) -> Option<Seen> {
    let What::Message(message) = update.what else { return None };
    let topic = message.topic();
    let from = message.from.filter(|from| !from.is_bot)?;
    Some(Seen { user: from.id, chat: message.chat.id, topic, kind: message.chat.kind })
}
