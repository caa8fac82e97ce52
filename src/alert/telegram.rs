//! The Telegram channel: alerts to every chat of the settings that wants them.
//!
//! Each chat is a receiver of its own: what waits for it, its order, its pauses and the wait Telegram
//! asks for are its own. A flood wait is asked of a chat; where the limit was that of the whole bot,
//! each chat is told so at its next message. Of a message in parts a chat keeps those it took, in
//! memory only: after a restart in between it may be told again (at least once).

/// Methods of the Bot API.
pub mod api;
/// Text as Telegram's HTML, and its limits.
pub mod markup;
/// Messages to chats.
pub mod send;
/// Alerts as messages.
pub mod words;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::TimeDelta;

use self::{
    api::{Api, Fault},
    send::{Piece, Place},
};
use super::{Alert, Channel, Enclosures, Outgoing, SendError};
use crate::{
    clock::Runtime,
    config::voice::{TELEGRAM, TelegramSettings},
};

/// Between two messages to a person (Bot API: about one a second).
const PACE_PRIVATE: TimeDelta = TimeDelta::milliseconds(1_050);
/// Between two messages to a group (Bot API: twenty a minute).
const PACE_GROUP: TimeDelta = TimeDelta::milliseconds(3_050);
/// Of so many that are under way it is remembered which chat has what.
const UNDER_WAY_MAX: usize = 32;

/// The bot of the settings, its token read.
///
/// # Errors
/// In words: the setting and the place of the token, never the token.
pub fn bot(settings: &TelegramSettings) -> Result<Api, String> {
    let token = settings.token.read().map_err(|why| format!("voice.telegram.token: {why}"))?;
    let api = Api::new(&token, settings.api_url.as_deref());
    api.map_err(|why| format!("voice.telegram.token: {why}"))
}

/// Alerts to chats.
pub struct Telegram {
    api: Api,
    places: Vec<Place>,
    rt: Runtime,
    enclosures: Arc<dyn Enclosures>,
    paces: [TimeDelta; 2],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Not before this time has passed to this chat again ([`Runtime::steady`]).
    next: BTreeMap<i64, TimeDelta>,
    /// What is under way, the newest last.
    under_way: VecDeque<(Name, BTreeMap<Place, Progress>)>,
}

/// What goes out, told apart: its first and last alert, how many, the how manieth time.
type Name = (u64, u64, usize, u32);

/// How far a chat is with it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// It has so many messages.
    Has(usize),
    /// It has all of them.
    All,
    /// It never will, for this reason.
    Never(String),
}

impl Telegram {
    /// A channel to the chats of the settings.
    pub fn new(
        api: Api,
        settings: &TelegramSettings,
        rt: Runtime,
        enclosures: Arc<dyn Enclosures>,
    ) -> Self {
        let places = settings.chats.iter().filter(|chat| chat.alerts).map(Place::from).collect();
        let paces = [PACE_PRIVATE, PACE_GROUP];
        Self { api, places, rt, enclosures, paces, state: Mutex::default() }
    }

    /// The same with another pace to persons and to groups.
    #[must_use]
    pub fn paced(mut self, private: TimeDelta, group: TimeDelta) -> Self {
        self.paces = [private, group];
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a chat may be written to, and takes that place.
    async fn pace(&self, place: Place) {
        let now = self.rt.steady();
        let at = {
            let mut state = self.state();
            let pace = self.paces[usize::from(place.chat < 0)];
            let at = state.next.get(&place.chat).map_or(now, |next| now.max(*next));
            state.next.insert(place.chat, at + pace);
            at
        };
        self.rt.sleep(at - now).await;
    }

    fn progress(&self, name: Name, place: Place) -> Progress {
        let state = self.state();
        let found = state.under_way.iter().find(|(other, _)| *other == name);
        let progress = found.and_then(|(_, places)| places.get(&place));
        progress.cloned().unwrap_or(Progress::Has(0))
    }

    fn keep(&self, name: Name, place: Place, progress: Progress) {
        let mut state = self.state();
        if let Some((_, places)) = state.under_way.iter_mut().find(|(other, _)| *other == name) {
            places.insert(place, progress);
            return;
        }
        if state.under_way.len() >= UNDER_WAY_MAX {
            state.under_way.pop_front();
        }
        state.under_way.push_back((name, BTreeMap::from([(place, progress)])));
    }

    /// A chat is through with it; gives how.
    fn forget(&self, name: Name, place: Place) -> Option<Progress> {
        let mut state = self.state();
        let (_, places) = state.under_way.iter_mut().find(|(other, _)| *other == name)?;
        let progress = places.remove(&place);
        state.under_way.retain(|(_, places)| !places.is_empty());
        progress
    }

    /// Everything a chat has not got yet. The error is one that may pass; what a chat never takes
    /// ends it for that chat.
    async fn to(
        &self,
        place: Place,
        pieces: &[Piece],
        name: Name,
        silent: bool,
    ) -> Result<(), Fault> {
        let Progress::Has(has) = self.progress(name, place) else { return Ok(()) };
        for (index, piece) in pieces.iter().enumerate().skip(has) {
            self.pace(place).await;
            match self.api.send(place, piece, silent).await {
                Ok(_) => self.keep(name, place, Progress::Has(index + 1)),
                Err(fault @ Fault::Refused { .. }) if matches!(piece, Piece::Photo { .. }) => {
                    tracing::warn!(chat = place.chat, "a picture was not taken: {fault}");
                    self.keep(name, place, Progress::Has(index + 1));
                }
                Err(fault @ (Fault::Refused { .. } | Fault::Moved(_))) => {
                    tracing::warn!(chat = place.chat, "an alert did not reach a chat: {fault}");
                    self.keep(name, place, Progress::Never(fault.to_string()));
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
        self.keep(name, place, Progress::All);
        Ok(())
    }

    async fn pieces(&self, out: &Outgoing) -> Result<Vec<Piece>, SendError> {
        let enclosure = match &out.alerts[..] {
            [one] => self.enclosures.of(one).await?,
            _ => None,
        };
        Ok(words::pieces(out, enclosure.as_deref()))
    }
}

#[async_trait]
impl Channel for Telegram {
    fn name(&self) -> &'static str {
        TELEGRAM
    }

    /// A bot that only listens tells nobody, so that nothing counts as told by it.
    fn takes(&self, _: &Alert) -> bool {
        !self.places.is_empty()
    }

    fn digests(&self) -> bool {
        true
    }

    fn receivers(&self) -> Vec<String> {
        let named: BTreeSet<String> = self.places.iter().map(|place| place.name()).collect();
        named.into_iter().collect()
    }

    async fn send_to(&self, receiver: &str, out: &Outgoing) -> Result<(), SendError> {
        let place = self.places.iter().find(|place| place.name() == receiver);
        let (Some(place), Some(name)) = (place, name(out)) else { return Ok(()) };
        let pieces = self.pieces(out).await?;
        self.to(*place, &pieces, name, out.silent).await.map_err(retry)?;
        match self.forget(name, *place) {
            Some(Progress::Never(why)) => Err(SendError::Permanent(why)),
            _ => Ok(()),
        }
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        let Some(name) = name(out) else { return Ok(()) };
        let pieces = self.pieces(out).await?;
        let mut failed = None;
        for place in &self.places {
            // One that asks to wait keeps no other waiting.
            if let Err(fault) = self.to(*place, &pieces, name, out.silent).await {
                failed = Some(fault);
            }
        }
        if let Some(fault) = failed {
            return Err(retry(fault));
        }
        let all: Vec<Progress> = self.places.iter().map(|at| self.progress(name, *at)).collect();
        self.state().under_way.retain(|(other, _)| *other != name);
        if !all.is_empty() && all.iter().all(|progress| matches!(progress, Progress::Never(_))) {
            let why = "no chat of voice.telegram.chats takes it; the log says why";
            return Err(SendError::Permanent(why.to_owned()));
        }
        Ok(())
    }
}

/// What goes out, told apart; `None` when it is nothing.
fn name(out: &Outgoing) -> Option<Name> {
    let (first, last) = (out.alerts.first()?, out.alerts.last()?);
    Some((first.id, last.id, out.alerts.len(), out.repeat))
}

fn retry(fault: Fault) -> SendError {
    match fault {
        Fault::Flood(after) => SendError::RetryAfter { after, why: fault.to_string() },
        fault => SendError::Retry(fault.to_string()),
    }
}
