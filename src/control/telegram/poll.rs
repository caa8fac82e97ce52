//! The long poll: updates in, one at least once; a failed one waits and tries again for ever.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use teloxide::{
    payloads::{DeleteWebhook, GetMe, GetUpdates, GetUpdatesSetters as _},
    types::AllowedUpdate,
};

use super::{
    Ear,
    gate::{Sort, Speaker, Verdict, sort},
    menu::menus,
    outage::{self, Outage},
    update::{Press, Update, What},
};
use crate::{
    alert::telegram::{api::Fault, send::Place},
    clock::Timestamp,
};

/// Updates of one poll (Bot API: at most 100).
const BATCH: u8 = 100;
/// The menu is tried to be set so often at a start.
const MENU_TRIES: u32 = 5;

impl Ear {
    /// Listens for ever.
    pub(super) async fn listen(self: &Arc<Self>) {
        let mut outage = Outage::new(self.figures.outage);
        let mut failures = 0;
        loop {
            let fault = match self.poll().await {
                Ok(updates) => {
                    failures = 0;
                    self.counts.poll_answered(self.rt.now());
                    outage::tell(&self.rt, &self.store, outage.answered(self.rt.now()));
                    self.hand(&updates).await;
                    continue;
                }
                Err(fault) => fault,
            };
            failures += 1;
            let fault = self.webhook_gone(fault).await;
            let Some(fault) = fault else { continue };
            self.counts.poll_failed(self.rt.now(), &fault);
            tracing::warn!(failures, "no commands are heard by Telegram: {fault}");
            outage::tell(&self.rt, &self.store, outage.goes_on(self.rt.now(), &fault));
            let wait = match fault {
                Fault::Flood(after) => after,
                Fault::Token(_) | Fault::Refused { .. } => self.figures.slow,
                _ => self.figures.patience.wait(failures),
            };
            self.rt.sleep(wait).await;
        }
    }

    async fn poll(&self) -> Result<Vec<Value>, Fault> {
        let (offset, waits) = {
            let mut track = self.track();
            (track.offset(self.rt.now()), track.waits())
        };
        let mut asked = GetUpdates::new()
            .limit(BATCH)
            .timeout(if waits { 0 } else { self.figures.poll_seconds })
            .allowed_updates([AllowedUpdate::Message, AllowedUpdate::CallbackQuery]);
        asked.offset = offset.and_then(|offset| i32::try_from(offset).ok());
        match self.api.call(&asked).await? {
            Value::Array(updates) => Ok(updates),
            _ => Err(Fault::Down("Telegram's updates are no list".to_owned())),
        }
    }

    /// A webhook keeps updates from polls: it is taken away. Gives the fault that is left.
    async fn webhook_gone(&self, fault: Fault) -> Option<Fault> {
        match &fault {
            Fault::Conflict(words) if words.to_ascii_lowercase().contains("webhook") => {}
            _ => return Some(fault),
        }
        match self.api.call(&DeleteWebhook::new()).await {
            Ok(_) => {
                tracing::warn!("a webhook was set on the bot's token; it is taken away");
                // Whoever set it may set it again: never a tight loop.
                self.rt.sleep(self.figures.patience.first).await;
                None
            }
            Err(fault) => Some(fault),
        }
    }

    /// Sets each new update out, and gives them a moment.
    async fn hand(self: &Arc<Self>, updates: &[Value]) {
        let now = self.rt.now();
        let updates: Vec<Update> = updates.iter().filter_map(Update::read).collect();
        let fresh: Vec<Update> =
            updates.into_iter().filter(|update| self.track().take(update.id, now)).collect();
        let mut work = Vec::new();
        for Update { id, what } in fresh {
            match self.work_of(what) {
                Some(found) => work.push((id, found)),
                None => self.finish(id),
            }
        }
        let newest = self.newest_reads(&work);
        for (id, work) in work {
            match work.late_read(self) {
                Some(place) if newest.get(&place) != Some(&id) => self.finish(id),
                _ => self.set_out(id, work),
            }
        }
        if self.track().waits() {
            let _ = self.rt.timeout(self.figures.moment, self.handled.notified()).await;
        }
    }

    /// What is to be done about an update; `None` for one that nobody may ask, or that asks nothing.
    fn work_of(&self, what: What) -> Option<Work> {
        let (user, chat, why) = match what {
            What::Message(message) => match self.gate.message(&message) {
                Verdict::Line(speaker, text, sent) => {
                    return Some(Work { sort: sort(&text), speaker, what: Task::Line(text, sent) });
                }
                Verdict::Ids(speaker) => {
                    return Some(Work { sort: Sort::Read, speaker, what: Task::Ids });
                }
                Verdict::Silence(why) => {
                    (message.from.as_ref().map(|user| user.id), message.chat.id, why)
                }
            },
            What::Press(press) => match self.gate.press(&press) {
                Ok(speaker) => {
                    let sort = self.sort_of(&speaker, &press);
                    return Some(Work { sort, speaker, what: Task::Press(press) });
                }
                Err(why) => {
                    let chat = press.message.as_ref().map_or(0, |message| message.chat.id);
                    (Some(press.from.id), chat, why)
                }
            },
            What::Other => return None,
        };
        self.silent(user, chat, why);
        None
    }

    /// Of questions that waited long only the newest of each place is answered.
    fn newest_reads(&self, work: &[(i64, Work)]) -> BTreeMap<Place, i64> {
        let late = work.iter().filter_map(|(id, work)| Some((work.late_read(self)?, *id)));
        late.collect()
    }

    /// An update is handled.
    pub(super) fn finish(&self, id: i64) {
        let waits = {
            let mut track = self.track();
            track.finish(id);
            track.waits()
        };
        if !waits {
            self.handled.notify_one();
        }
    }

    /// Asks for the bot's name, and sets the menus; trading and hearing wait for neither.
    pub(super) async fn introduce(self: Arc<Self>) {
        let mut failures = 0;
        while failures < MENU_TRIES {
            match self.api.call(&GetMe::new()).await {
                Ok(me) => {
                    let name = me.get("username").and_then(Value::as_str).unwrap_or_default();
                    self.gate.named(name);
                    break;
                }
                Err(fault) => {
                    failures += 1;
                    tracing::debug!("the bot's name is not known yet: {fault}");
                    self.rt.sleep(self.figures.patience.wait(failures)).await;
                }
            }
        }
        for menu in menus(&self.settings) {
            while let Err(fault) = self.api.call(&menu).await {
                if !matches!(fault, Fault::Down(_) | Fault::Flood(_)) || failures >= MENU_TRIES {
                    tracing::warn!("a menu of commands is not set: {fault}");
                    break;
                }
                failures += 1;
                let wait = match fault {
                    Fault::Flood(after) => after,
                    _ => self.figures.patience.wait(failures),
                };
                self.rt.sleep(wait).await;
            }
        }
    }
}

/// What is done about an update.
pub(super) struct Work {
    /// Who asks.
    pub speaker: Speaker,
    /// What it does.
    pub sort: Sort,
    /// What is asked.
    pub what: Task,
}

/// What an update asks for.
pub(super) enum Task {
    /// A line, and when it was written.
    Line(String, Timestamp),
    /// The ids of the chat.
    Ids,
    /// What a button means.
    Press(Press),
}

impl Work {
    /// Where a read was asked, when that was long ago.
    fn late_read(&self, ear: &Ear) -> Option<Place> {
        match &self.what {
            Task::Line(_, sent) if self.sort == Sort::Read && ear.late(*sent) => {
                Some(self.speaker.place)
            }
            _ => None,
        }
    }
}
