//! The ear by Telegram: commands of the table, asked and answered in chats of the settings.
//!
//! teloxide's payloads and types, but not its dispatcher: that one panics when `getMe` fails at the
//! start, dies of a handler's panic, and confirms updates before they are handled. Here a poll
//! confirms only what is handled, each person has a lane of their own, and the whole is started again
//! should it ever end. Trading never waits for any of it.

mod answer;
mod buttons;
mod gate;
/// Who writes to the bot, for setting it up.
pub mod id;
mod lanes;
mod marks;
mod menu;
mod mouth;
mod outage;
mod page;
mod poll;
mod press;
mod track;
mod update;

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use futures::FutureExt as _;
use tokio::sync::Notify;

use self::{buttons::Buttons, gate::Gate, lanes::Lanes, marks::Marks, mouth::Mouth, track::Track};
pub use self::{marks::UPDATES, mouth::Patience, outage::Bounds};
use super::console::Console;
use crate::{
    alert::telegram::{
        api::{Api, Fault},
        send::Place,
    },
    clock::{Runtime, Timestamp},
    config::voice::TelegramSettings,
    store::Store,
};

/// Strangers are logged at most this often, with how many there were.
const STRANGERS_LOGGED: TimeDelta = TimeDelta::minutes(1);

/// Waits and bounds of the ear.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// A poll is held by Telegram so long, seconds.
    pub poll_seconds: u32,
    /// Between attempts, at polling and at answering.
    pub patience: Patience,
    /// Between polls while the token is not known.
    pub slow: TimeDelta,
    /// Handlers are given so long before the next poll.
    pub moment: TimeDelta,
    /// What changes something is not done when it was written longer ago (design §6).
    pub late: TimeDelta,
    /// When nothing can be heard.
    pub outage: Bounds,
}

impl Default for Figures {
    fn default() -> Self {
        let seconds = TimeDelta::seconds;
        Self {
            poll_seconds: 25,
            patience: Patience { first: seconds(1), most: seconds(15), over: seconds(3600) },
            slow: seconds(60),
            moment: TimeDelta::milliseconds(200),
            late: seconds(120),
            outage: Bounds { silence: seconds(300), conflict_over: seconds(120) },
        }
    }
}

/// What was heard since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Lines and buttons of those who are heard.
    pub heard: AtomicU64,
    /// Messages and buttons of everyone else.
    pub strangers: AtomicU64,
    /// Not done because they were written too long ago.
    pub late: AtomicU64,
    /// Given again by Telegram after they had been taken up.
    pub repeated: AtomicU64,
    /// Handlers that panicked.
    pub panics: AtomicU64,
    /// The last answer to a poll; since when none comes, and why.
    answered: Mutex<Answered>,
}

type Answered = (Option<Timestamp>, Option<(Timestamp, String)>);

impl Counts {
    /// The last answer to a poll; and since when none comes, with the reason.
    pub fn answered(&self) -> Answered {
        lock(&self.answered).clone()
    }

    fn poll_answered(&self, now: Timestamp) {
        *lock(&self.answered) = (Some(now), None);
    }

    fn poll_failed(&self, now: Timestamp, why: &Fault) {
        let (_, failing) = &mut *lock(&self.answered);
        let since = failing.as_ref().map_or(now, |(since, _)| *since);
        *failing = Some((since, why.to_string()));
    }
}

/// The ear.
pub struct Ear {
    rt: Runtime,
    store: Store,
    api: Api,
    settings: TelegramSettings,
    console: Arc<Console>,
    figures: Figures,
    gate: Gate,
    marks: Marks,
    mouth: Mouth,
    lanes: Mutex<Lanes>,
    handled: Notify,
    track: Mutex<Track>,
    buttons: Mutex<Buttons>,
    questions: Mutex<BTreeMap<u64, Question>>,
    strangers: Mutex<(Option<Timestamp>, u64)>,
    /// What was heard.
    pub counts: Arc<Counts>,
}

/// A question that waits for its asker's yes.
struct Question {
    /// Its own: none ever was or will be the same, in this life or another.
    name: String,
    code: String,
    place: Place,
    message: Option<i32>,
}

impl Ear {
    /// An ear of a bot; nothing is heard before [`Ear::start`].
    pub fn new(
        rt: &Runtime,
        store: Store,
        api: Api,
        settings: TelegramSettings,
        console: Arc<Console>,
        figures: Figures,
    ) -> Arc<Self> {
        let chats = settings.chats.iter().map(|chat| chat.id);
        Arc::new(Self {
            mouth: Mouth::new(rt, &api, chats, figures.patience),
            marks: Marks::new(store.clone(), api.bot_id()),
            gate: Gate::new(settings.clone()),
            rt: rt.clone(),
            store,
            api,
            settings,
            console,
            figures,
            lanes: Mutex::default(),
            handled: Notify::new(),
            track: Mutex::default(),
            buttons: Mutex::default(),
            questions: Mutex::default(),
            strangers: Mutex::default(),
            counts: Arc::default(),
        })
    }

    /// Listens in a task of its own, started again should it ever end.
    pub fn start(self: &Arc<Self>) {
        self.rt.spawn(Arc::clone(self).introduce());
        let me = Arc::clone(self);
        self.rt.spawn(async move {
            loop {
                let ended = AssertUnwindSafe(me.listen()).catch_unwind().await;
                me.counts.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(panicked = ended.is_err(), "the ear by Telegram is started again");
                me.rt.sleep(me.figures.patience.most).await;
            }
        });
    }

    /// Whether something was written too long ago to be done.
    fn late(&self, sent: Timestamp) -> bool {
        self.rt.now() - sent > self.figures.late
    }

    /// Counts and, now and then, logs somebody who gets silence.
    fn silent(&self, user: Option<u64>, chat: i64, why: &str) {
        self.counts.strangers.fetch_add(1, Ordering::Relaxed);
        let now = self.rt.now();
        let mut strangers = lock(&self.strangers);
        strangers.1 += 1;
        if strangers.0.is_some_and(|at| now - at < STRANGERS_LOGGED) {
            return;
        }
        let many = std::mem::take(&mut strangers.1);
        strangers.0 = Some(now);
        tracing::warn!(?user, chat, many, "not heard by Telegram: {why}");
    }

    fn track(&self) -> MutexGuard<'_, Track> {
        lock(&self.track)
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        lock(&self.lanes)
    }

    fn buttons(&self) -> MutexGuard<'_, Buttons> {
        lock(&self.buttons)
    }

    fn questions(&self) -> MutexGuard<'_, BTreeMap<u64, Question>> {
        lock(&self.questions)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
