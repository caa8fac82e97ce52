//! Answers: one queue for each chat, in order, tried again while Telegram does not take them. What
//! is said in one chat never waits for another.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use futures::channel::oneshot;
use tokio::sync::mpsc;

use crate::{
    alert::telegram::{
        api::{Api, Fault},
        markup,
        send::{Piece, Place},
    },
    clock::{Runtime, Timestamp},
};

/// Answers that wait for one chat; a chat that takes none loses the newest, and the log says so.
const WAITING_MAX: usize = 128;

/// How long is waited, and how long it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After the first failure; doubled after each.
    pub first: TimeDelta,
    /// At most this.
    pub most: TimeDelta,
    /// An answer older than this is given up: nobody waits for it any more.
    pub over: TimeDelta,
}

impl Patience {
    /// The wait after so many failures in a row, the first being 1.
    pub fn wait(&self, failures: u32) -> TimeDelta {
        let doubled = self.first * 2_i32.saturating_pow(failures.saturating_sub(1).min(20));
        doubled.clamp(self.first, self.most)
    }
}

/// Something to say.
pub struct Saying {
    /// Where.
    pub place: Place,
    /// What, in order.
    pub pieces: Vec<Piece>,
    /// In place of this message, as far as it is text.
    pub instead: Option<i32>,
    /// Told the id of its last text message.
    pub told: Option<oneshot::Sender<i32>>,
}

/// The queues.
pub struct Mouth {
    queues: BTreeMap<i64, mpsc::Sender<(Timestamp, Saying)>>,
    rt: Runtime,
}

impl Mouth {
    /// Queues for the given chats, each with its own worker.
    pub fn new(rt: &Runtime, api: &Api, chats: impl Iterator<Item = i64>, p: Patience) -> Self {
        let mut queues = BTreeMap::new();
        for chat in chats {
            let (queue, waiting) = mpsc::channel(WAITING_MAX);
            if queues.insert(chat, queue).is_none() {
                let worker = Worker { rt: rt.clone(), api: api.clone(), patience: p };
                rt.spawn(worker.work(waiting));
            }
        }
        Self { queues, rt: rt.clone() }
    }

    /// Says something, as soon as what was said there before is through.
    pub fn say(&self, saying: Saying) {
        let chat = saying.place.chat;
        let taken = match self.queues.get(&chat) {
            Some(queue) => queue.try_send((self.rt.now(), saying)).is_ok(),
            None => false,
        };
        if !taken {
            tracing::warn!(chat, "an answer is left out: {WAITING_MAX} wait for this chat already");
        }
    }
}

struct Worker {
    rt: Runtime,
    api: Api,
    patience: Patience,
}

impl Worker {
    async fn work(self, mut waiting: mpsc::Receiver<(Timestamp, Saying)>) {
        let me = Arc::new(self);
        while let Some((since, saying)) = waiting.recv().await {
            let chat = saying.place.chat;
            if let Err(fault) = me.deliver(since, saying).await {
                tracing::warn!(chat, "an answer was not taken: {fault}");
            }
        }
    }

    async fn deliver(&self, since: Timestamp, saying: Saying) -> Result<(), Fault> {
        let Saying { place, pieces, mut instead, told } = saying;
        let mut last = instead;
        for piece in pieces {
            let text = matches!(piece, Piece::Text(..));
            let over = if text { instead.take() } else { None };
            match self.piece(since, place, piece, over).await {
                Ok(id) if text => last = Some(id),
                Ok(_) => {}
                // A picture that is not taken costs only itself.
                Err(Fault::Refused { words, .. }) if !text => {
                    tracing::warn!(chat = place.chat, "a picture was not taken: {words}");
                }
                Err(fault) => return Err(fault),
            }
        }
        if let (Some(told), Some(id)) = (told, last) {
            let _ = told.send(id);
        }
        Ok(())
    }

    /// One message, until it is taken or nobody waits for it any more.
    async fn piece(
        &self,
        since: Timestamp,
        place: Place,
        mut piece: Piece,
        mut instead: Option<i32>,
    ) -> Result<i32, Fault> {
        let mut failures = 0;
        loop {
            let sent = match (&piece, instead) {
                (Piece::Text(html, buttons), Some(id)) => {
                    self.api.edit(place, id, html, buttons.clone()).await.map(|()| id)
                }
                _ => self.api.send(place, &piece, false).await,
            };
            let wait = match sent {
                Ok(id) => return Ok(id),
                Err(Fault::Flood(after)) => after,
                // The message is gone or too old: a new one takes its place.
                Err(Fault::Refused { .. }) if instead.is_some() => {
                    instead = None;
                    continue;
                }
                Err(Fault::Refused { words, .. }) if words.contains("can't parse entities") => {
                    let Some(plain) = plain(&piece) else {
                        return Err(Fault::Refused { code: 400, words });
                    };
                    piece = plain;
                    continue;
                }
                Err(fault @ (Fault::Down(_) | Fault::Token(_))) => {
                    failures += 1;
                    tracing::debug!(chat = place.chat, failures, "an answer waits: {fault}");
                    self.patience.wait(failures)
                }
                Err(fault) => return Err(fault),
            };
            if self.rt.now() + wait - since > self.patience.over {
                return Err(Fault::Down("it was tried for too long".to_owned()));
            }
            self.rt.sleep(wait).await;
        }
    }
}

/// The same without any markup; `None` when it has none already.
fn plain(piece: &Piece) -> Option<Piece> {
    let Piece::Text(html, buttons) = piece else { return None };
    let plain = markup::plain(html);
    (plain != *html).then(|| Piece::Text(plain, buttons.clone()))
}
