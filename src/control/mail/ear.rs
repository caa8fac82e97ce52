//! The ear: connects, reads what is new, waits for more, and begins again when anything fails.
//!
//! IDLE tells of a new mail at once, but a connection that died without a word looks the same as
//! one on which nothing happens. So an IDLE lasts no longer than the mailbox's poll, and then the
//! mailbox is looked at in any case: a silent server is found out by that, and one without IDLE
//! differs only in being waited for differently.

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use async_imap::{
    Session,
    imap_proto::{MailboxDatum, Response, Status},
    types::{Fetch, UnsolicitedResponse},
};
use chrono::TimeDelta;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};

use super::{
    Arrived, Why,
    clerk::Clerk,
    ledger::{CURSORS, Cursor, Place},
    limits,
    net::Door,
};
use crate::{
    alert::email::line::Line,
    clock::{Runtime, Timestamp},
    notice::{Notice, raise},
    store::{Read, StoreError},
};

/// An IDLE is begun anew after so long at most (RFC 2177: 29 minutes).
const IDLE_MOST: TimeDelta = TimeDelta::minutes(28);
/// Waits between connections double up to this.
const BACKOFF_MOST: TimeDelta = TimeDelta::minutes(5);
/// A connection that held so long was sound: the next wait is the first again.
const SOUND: TimeDelta = TimeDelta::minutes(5);
/// An outage is told of after so long.
const TELL_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Mails fetched before the mailbox is looked at again.
const BATCH: usize = 100;
/// A mail that cannot be fetched is tried so often, then passed over.
const TRIES: u32 = 3;

/// The ear.
pub struct Ear {
    /// The clock.
    pub rt: Runtime,
    /// Where the mailbox is.
    pub door: Door,
    /// How often it is looked at.
    pub poll: TimeDelta,
    /// The first wait after a connection failed; it doubles up to five minutes.
    pub first_wait: TimeDelta,
    /// What takes mails.
    pub clerk: Clerk,
}

/// Why a conversation ended.
enum End {
    /// The server's or the network's doing: tried again.
    Broken(String),
    /// The store failed: nothing more is done.
    Store(StoreError),
}

impl From<String> for End {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What is known of an outage.
#[derive(Default)]
struct Outage {
    since: Option<Timestamp>,
    told: bool,
}

/// The mail that could not be fetched last, and how often.
#[derive(Default)]
struct Stumble {
    uid: u32,
    times: u32,
}

impl Ear {
    /// Listens for ever; only a failing store ends it.
    pub async fn listen(self) -> StoreError {
        let (mut outage, mut stumble) = (Outage::default(), Stumble::default());
        let mut wait = self.first_wait;
        if let Err(error) = self.clerk.take_up().await {
            return error;
        }
        loop {
            let began = self.rt.now();
            let talk = AssertUnwindSafe(self.talk(&mut outage, &mut stumble)).catch_unwind();
            let why = match talk.await {
                Ok(End::Store(error)) => return error,
                Ok(End::Broken(why)) => why,
                Err(_) => "the ear panicked".to_owned(),
            };
            if self.rt.now() - began >= SOUND {
                wait = self.first_wait;
            }
            tracing::warn!(wait_ms = wait.num_milliseconds(), "the mailbox cannot be read: {why}");
            if let Err(error) = self.tell(&mut outage, Some(&why)).await {
                return error;
            }
            self.rt.sleep(wait).await;
            wait = (wait * 2).min(BACKOFF_MOST);
        }
    }

    /// Tells of an outage once, and of its end.
    async fn tell(&self, outage: &mut Outage, why: Option<&str>) -> Result<(), StoreError> {
        let now = self.rt.now();
        let text = match (why, outage.since) {
            (None, since) => {
                let told = std::mem::take(outage).told;
                since.filter(|_| told).map(|since| {
                    format!("it is read again; it was not from {} on", since.format("%F %H:%M UTC"))
                })
            }
            (Some(_), None) => {
                outage.since = Some(now);
                None
            }
            (Some(why), Some(since)) if !outage.told && now - since >= TELL_AFTER => {
                outage.told = true;
                let since = since.format("%F %H:%M UTC");
                Some(format!(
                    "it cannot be read since {since}, so no command is heard by mail: {why}"
                ))
            }
            _ => None,
        };
        let Some(text) = text else { return Ok(()) };
        let about = format!("the mailbox {}", self.door.key());
        let write = move |tx: &mut _| raise(tx, now, Notice::MailCommands { about, text });
        self.clerk.store.write(write).await
    }

    /// One conversation with the server, for as long as it goes well.
    async fn talk(&self, outage: &mut Outage, stumble: &mut Stumble) -> End {
        match self.converse(outage, stumble).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn converse(
        &self,
        outage: &mut Outage,
        stumble: &mut Stumble,
    ) -> Result<std::convert::Infallible, End> {
        let (mut session, mailbox) = self.door.enter(&self.rt).await?;
        let validity = mailbox.uid_validity.ok_or("the server gives no UIDVALIDITY".to_owned())?;
        let can =
            self.door.step(&self.rt, "asking for its abilities", session.capabilities()).await?;
        let idles = can.has_str("IDLE");
        tracing::info!(mailbox = %self.door.key(), idles, "commands by mail are heard");
        loop {
            while self.look(&mut session, validity, stumble).await? {}
            self.tell(outage, None).await?;
            if idles {
                session = self.idle(session).await?;
            } else {
                self.rt.sleep(self.poll).await;
            }
        }
    }

    /// Takes what is new; true when there may be more.
    async fn look(
        &self,
        session: &mut Session<Line>,
        validity: u32,
        stumble: &mut Stumble,
    ) -> Result<bool, End> {
        let key = self.door.key();
        let cursor = self.clerk.store.read(|tx| tx.get(&CURSORS, &key))?;
        let last = cursor.filter(|cursor| cursor.validity == validity).map_or(0, |c| c.uid);
        // Days of the server's own zone: one more than what is looked at.
        let since = (self.rt.now() - limits::AGE - TimeDelta::days(1)).format("%d-%b-%Y");
        let query = format!("UID {}:* SINCE {since}", last.saturating_add(1));
        session.get_mut().allow();
        let found =
            self.door.step(&self.rt, "looking for new mail", session.uid_search(query)).await?;
        // `n:*` always has the last mail, also when it is not new.
        let new: BTreeSet<u32> = found.into_iter().filter(|uid| *uid > last).collect();
        for uid in new.iter().take(BATCH) {
            let place = Place { mailbox: key.clone(), cursor: Cursor { validity, uid: *uid } };
            self.fetch(session, place, stumble).await?;
        }
        Ok(new.len() > BATCH)
    }

    /// Fetches a mail and hands it over. One that the server cannot give is passed over at last.
    async fn fetch(
        &self,
        session: &mut Session<Line>,
        place: Place,
        stumble: &mut Stumble,
    ) -> Result<(), End> {
        let uid = place.cursor.uid;
        if stumble.uid != uid {
            *stumble = Stumble { uid, times: 0 };
        }
        if stumble.times >= TRIES {
            return Ok(self.clerk.ignore(place, Why::Unreadable).await?);
        }
        stumble.times += 1;
        let what = "(UID RFC822.SIZE INTERNALDATE)";
        // async-imap takes a refusal and a closed connection for an empty answer. A mail that is
        // really gone is not found by the next look.
        let not_given = || format!("the server does not give mail {uid}");
        let about = self.ask(session, uid, what).await?.ok_or_else(not_given)?;
        let (Some(size), Some(at)) = (about.size, about.internal_date()) else {
            return Err(not_given().into());
        };
        if size > limits::SIZE {
            return Ok(self.clerk.ignore(place, Why::Large).await?);
        }
        let what = format!("(UID BODY.PEEK[]<0.{}>)", limits::READ);
        let mail = self.ask(session, uid, &what).await?;
        let bytes = mail.as_ref().and_then(Fetch::body).ok_or_else(not_given)?;
        let arrived = Arrived { bytes, size, at: at.to_utc() };
        if self.clerk.take(place, arrived).await? {
            session.get_mut().allow();
            let flags = "+FLAGS.SILENT (\\Seen)";
            let marking = async {
                let told = session.uid_store(uid.to_string(), flags).await?;
                told.try_collect::<Vec<Fetch>>().await
            };
            self.door.step(&self.rt, "marking a mail as seen", marking).await?;
        }
        Ok(())
    }

    /// What the server tells of one mail.
    async fn ask(
        &self,
        session: &mut Session<Line>,
        uid: u32,
        what: &str,
    ) -> Result<Option<Fetch>, String> {
        session.get_mut().allow();
        let asking = async {
            let told = session.uid_fetch(uid.to_string(), what).await?;
            told.try_collect::<Vec<Fetch>>().await
        };
        let told = self.door.step(&self.rt, "fetching a mail", asking).await?;
        // What it tells unasked of the same mail, flags alone, is no answer.
        let answers = |f: &Fetch| f.uid == Some(uid) && (f.size.is_some() || f.body().is_some());
        Ok(told.into_iter().find(answers))
    }

    /// Waits until the server tells of a new mail, or it is time to look anyway.
    async fn idle(&self, session: Session<Line>) -> Result<Session<Line>, String> {
        let until = self.rt.now() + self.poll.min(IDLE_MOST);
        let told = session.unsolicited_responses.clone();
        let mut handle = session.idle();
        self.door.step(&self.rt, "waiting for mail", handle.init()).await?;
        // What was told since the last look and before the server began to wait.
        let mut news = false;
        while let Ok(response) = told.try_recv() {
            news |= matches!(response, UnsolicitedResponse::Exists(_));
        }
        while !news {
            let left = until - self.rt.now();
            match self.rt.timeout(left.max(TimeDelta::zero()), handle.next()).await {
                None => break,
                Some(None) => return Err("waiting for mail: the connection ended".to_owned()),
                Some(Some(Err(error))) => {
                    let words = self.door.words(&error.to_string());
                    return Err(format!("waiting for mail: {words}"));
                }
                Some(Some(Ok(response))) => match response.parsed() {
                    Response::MailboxData(MailboxDatum::Exists(_)) => news = true,
                    Response::Data { status: Status::Bye, .. } => {
                        return Err("waiting for mail: the server says goodbye".to_owned());
                    }
                    _ => {}
                },
            }
        }
        let mut session = self.door.step(&self.rt, "ending the wait", handle.done()).await?;
        session.get_mut().allow();
        Ok(session)
    }
}
