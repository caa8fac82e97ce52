//! The ear: connects, reads what is new, waits for more, and begins again when anything fails.
//!
//! IDLE tells of a new mail at once, but a connection that died without a word looks the same as
//! one on which nothing happens. So an IDLE lasts no longer than the mailbox's poll, and then the
//! mailbox is looked at in any case: a silent server is found out by that, and one without IDLE
//! differs only in being waited for differently.
//!
//! Each mail is taken in a task of its own. One after another while the store does its part; where it
//! does not, those behind are not kept waiting (`reading`).

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_imap::{
    Session,
    imap_proto::{MailboxDatum, Response, Status},
    types::{Fetch, UnsolicitedResponse},
};
use chrono::TimeDelta;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, channel::oneshot};

use super::{
    Arrived, Verdict, Why,
    clerk::Clerk,
    ledger::{self, CURSORS, Place},
    limits,
    net::Door,
    outage::Outage,
    reading::Reading,
};
use crate::{
    alert::email::line::Line,
    clock::Runtime,
    notice::{Notice, raise},
    store::Read,
};

/// The name of this ear in its notices.
const EAR: &str = "email";
/// An IDLE is begun anew after so long at most (RFC 2177: 29 minutes).
const IDLE_MOST: TimeDelta = TimeDelta::minutes(28);
/// Waits between connections double up to this.
const BACKOFF_MOST: TimeDelta = TimeDelta::minutes(5);
/// A connection that held so long was sound: the next wait is the first again.
const SOUND: TimeDelta = TimeDelta::minutes(5);
/// Mails fetched before the mailbox is looked at again.
const BATCH: usize = 100;
/// A search that the server refuses is asked so often on one connection.
const SEARCHES: u32 = 3;
/// A mail is waited for so long before the next one is taken, and the store before it is told that
/// it does not answer.
const MAIL_WAIT: TimeDelta = TimeDelta::seconds(3);

/// The ear.
pub struct Ear {
    rt: Runtime,
    door: Door,
    poll: TimeDelta,
    first_wait: TimeDelta,
    clerk: Arc<Clerk>,
    reading: Arc<Mutex<Reading>>,
}

/// Why a conversation ended.
enum End {
    /// The server's or the network's doing: tried again on another connection.
    Broken(String),
    /// The server refuses to search: asked again, on another connection at last.
    Refused(String),
    /// The server does not give a mail: the others are asked for at once, on another connection.
    Missed(String),
}

impl From<String> for End {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

/// What a search came to.
struct Found {
    uids: BTreeSet<u32>,
    /// Meanwhile the server told of a mail.
    news: bool,
}

impl Ear {
    /// An ear at a door that looks each `poll`; after a connection failed it waits `first_wait`,
    /// which doubles up to five minutes, and to no more than `poll` while the mailbox can be read
    /// now and then.
    pub fn new(door: Door, poll: TimeDelta, first_wait: TimeDelta, clerk: Arc<Clerk>) -> Self {
        let rt = clerk.rt.clone();
        Self { rt, door, poll, first_wait, clerk, reading: Arc::default() }
    }

    /// Listens for ever.
    pub async fn listen(self) {
        let mut outage = Outage::default();
        let mut wait = self.first_wait;
        loop {
            let began = self.rt.now();
            let talk = AssertUnwindSafe(self.converse(&mut outage)).catch_unwind();
            let why = match talk.await {
                Ok(Ok(never)) => match never {},
                Ok(Err(End::Broken(why) | End::Refused(why))) => why,
                Ok(Err(End::Missed(why))) => {
                    self.fails(&mut outage, &why, self.first_wait);
                    self.rt.sleep(self.first_wait).await;
                    continue;
                }
                Err(_) => "the ear panicked".to_owned(),
            };
            let looked_at = self.clerk.state.hearing().looked_at;
            if self.rt.now() - began >= SOUND {
                wait = self.first_wait;
            } else if looked_at.is_some_and(|at| at >= began) {
                wait = wait.min(self.poll);
            }
            self.fails(&mut outage, &why, wait);
            self.rt.sleep(wait).await;
            wait = (wait * 2).min(BACKOFF_MOST);
        }
    }

    /// The mailbox cannot be read: told of once it lasts.
    fn fails(&self, outage: &mut Outage, why: &str, wait: TimeDelta) {
        tracing::warn!(wait_ms = wait.num_milliseconds(), "the mailbox cannot be read: {why}");
        let now = self.rt.now();
        self.clerk.state.failed(now, why);
        if let Some(since) = outage.goes_on(now) {
            let reason = format!("the mailbox {} cannot be read: {why}", self.door.key());
            self.tell(Notice::EarDeaf { ear: EAR.to_owned(), since, reason });
        }
    }

    /// The mailbox was looked at.
    fn holds(&self, outage: &mut Outage) {
        let now = self.rt.now();
        self.clerk.state.looked(now);
        if let Some(since) = outage.ends(now) {
            self.tell(Notice::EarBack { ear: EAR.to_owned(), since });
        }
    }

    /// Raises a notice beside the ear: a store that hangs makes nobody deaf.
    fn tell(&self, notice: Notice) {
        let (store, now) = (self.clerk.store.clone(), self.rt.now());
        self.rt.spawn(async move {
            if let Err(error) = store.write(move |tx| raise(tx, now, notice)).await {
                tracing::error!(%error, "what became of the mailbox cannot be told");
            }
        });
    }

    /// One conversation with the server, for as long as it goes well.
    async fn converse(&self, outage: &mut Outage) -> Result<std::convert::Infallible, End> {
        let (mut session, mailbox) = self.door.enter(&self.rt).await?;
        let validity = mailbox.uid_validity.ok_or("the server gives no UIDVALIDITY".to_owned())?;
        let can =
            self.door.step(&self.rt, "asking for its abilities", session.capabilities()).await?;
        let idles = can.has_str("IDLE");
        tracing::info!(mailbox = %self.door.key(), idles, "commands by mail are heard");
        let mut refused = 0;
        loop {
            let news = match self.catch_up(&mut session, validity).await {
                Ok(news) => news,
                Err(End::Refused(why)) if refused + 1 < SEARCHES => {
                    let wait = self.first_wait * 2_i32.pow(refused);
                    refused += 1;
                    self.fails(outage, &why, wait);
                    self.rt.sleep(wait).await;
                    continue;
                }
                Err(end) => return Err(end),
            };
            refused = 0;
            self.holds(outage);
            self.ask_again(&mut session).await?;
            if idles {
                session = self.idle(session, news).await?;
            } else {
                self.rt.sleep(self.wait()).await;
            }
        }
    }

    /// Takes all that is new; true when the server told of more meanwhile.
    async fn catch_up(&self, session: &mut Session<Line>, validity: u32) -> Result<bool, End> {
        let mut news = false;
        loop {
            let last = self.last(validity).await?;
            let found = self.search(session, last).await?;
            news |= found.news;
            let fresh = self.reading().fresh(&found.uids);
            for uid in fresh.iter().take(BATCH) {
                self.fetch(session, *uid).await?;
            }
            if fresh.len() <= BATCH {
                return Ok(news);
            }
        }
    }

    /// Asks again for mails that the server did not give. One that it does not give for a day is put
    /// away.
    async fn ask_again(&self, session: &mut Session<Line>) -> Result<(), End> {
        let now = self.rt.now();
        let due = self.reading().due(now);
        for (uid, since) in due.into_iter().take(BATCH) {
            if now - since > limits::AGE {
                self.hand(uid, Verdict::Ignored(Why::Unreadable)).await;
            } else {
                self.fetch(session, uid).await?;
            }
        }
        Ok(())
    }

    /// So long the server is waited for before the mailbox is looked at anyway.
    fn wait(&self) -> TimeDelta {
        let again_at = self.reading().again_at();
        let again = again_at.map_or(self.poll, |at| (at - self.rt.now()).max(TimeDelta::zero()));
        again.min(self.poll)
    }

    /// The last mail before those to be looked at: as this life knows it, at its begin as the store does.
    async fn last(&self, validity: u32) -> Result<u32, String> {
        if let Some(last) = self.reading().last(validity) {
            return Ok(last);
        }
        let (store, key) = (self.clerk.store.clone(), self.door.key());
        let look = move || store.read(|tx| ledger::sound(tx.get(&CURSORS, &key)));
        let known = self.rt.timeout(MAIL_WAIT, self.rt.aside(look)).await.flatten();
        let cursor = known.ok_or("the store does not say how far the mailbox was read")?;
        let cursor = cursor.map_err(|error| error.to_string())?;
        let last = cursor.filter(|cursor| cursor.validity == validity).map_or(0, |c| c.uid);
        self.reading().begin(validity, last);
        Ok(last)
    }

    /// Asks for mails behind `last`. Not by async-imap's `uid_search`, to which a refusal and a
    /// closed connection are an empty answer.
    async fn search(&self, session: &mut Session<Line>, last: u32) -> Result<Found, End> {
        // Days of the server's own zone: one more than what is looked at.
        let since = (self.rt.now() - limits::AGE - TimeDelta::days(1)).format("%d-%b-%Y");
        let asked = format!("UID SEARCH UID {}:* SINCE {since}", last.saturating_add(1));
        session.get_mut().allow();
        let asking = async {
            let tag = session.run_command(&asked).await?;
            let mut found = Found { uids: BTreeSet::new(), news: false };
            while let Some(said) = session.read_response().await? {
                match said.parsed() {
                    // `n:*` always has the last mail, also when it is not new.
                    Response::MailboxData(MailboxDatum::Search(uids)) => {
                        found.uids.extend(uids.iter().filter(|uid| **uid > last));
                    }
                    Response::MailboxData(MailboxDatum::Exists(_)) => found.news = true,
                    Response::Done { tag: of, status: Status::Ok, .. } if *of == tag => {
                        return Ok(Ok(found));
                    }
                    Response::Done { tag: of, status, outcome } if *of == tag => {
                        let why = outcome.information.as_deref().unwrap_or_default();
                        return Ok(Err(format!("{status:?} {why}")));
                    }
                    _ => {}
                }
            }
            Err(async_imap::error::Error::ConnectionLost)
        };
        let answered = self.door.step(&self.rt, "looking for new mail", asking).await?;
        answered.map_err(|said| {
            let said = self.door.words(&said);
            End::Refused(format!("looking for new mail: the server refuses: {said}"))
        })
    }

    /// Fetches a mail and hands it over. One that the server does not give is missed.
    async fn fetch(&self, session: &mut Session<Line>, uid: u32) -> Result<(), End> {
        let verdict = match self.judged(session, uid).await {
            Ok(verdict) => verdict,
            Err(why) => {
                self.misses(uid, &why);
                return Err(End::Missed(why));
            }
        };
        if self.hand(uid, verdict).await {
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

    /// Fetches a mail, for what it is.
    async fn judged(&self, session: &mut Session<Line>, uid: u32) -> Result<Verdict, String> {
        let what = "(UID RFC822.SIZE INTERNALDATE)";
        // async-imap takes a refusal and a closed connection for an empty answer. A mail that is
        // really gone is not found by the next look.
        let not_given = || format!("the server does not give mail {uid}");
        let about = self.ask(session, uid, what).await?.ok_or_else(not_given)?;
        let (Some(size), Some(at)) = (about.size, about.internal_date()) else {
            return Err(not_given());
        };
        if size > limits::SIZE {
            return Ok(Verdict::Ignored(Why::Large));
        }
        let what = format!("(UID BODY.PEEK[]<0.{}>)", limits::READ);
        let mail = self.ask(session, uid, &what).await?;
        let bytes = mail.as_ref().and_then(Fetch::body).ok_or_else(not_given)?;
        Ok(self.clerk.judge(&Arrived { bytes, size, at: at.to_utc() }))
    }

    /// A mail is not given; told of once, for it may be a command.
    fn misses(&self, uid: u32, why: &str) {
        if !self.reading().miss(uid, self.rt.now(), self.first_wait) {
            return;
        }
        let text = format!(
            "the server does not give mail {uid} of {} ({why}). It is asked for again for a day, and \
             the mails behind it are heard. If it was a command, give it another way",
            self.door.key()
        );
        self.tell(Notice::MailCommands { about: "the mailbox".to_owned(), text });
    }

    /// Hands a mail to a task of its own and waits for its end, unless others wait for the store
    /// already. True for a command that ended.
    async fn hand(&self, uid: u32, verdict: Verdict) -> bool {
        let urgent = matches!(&verdict, Verdict::Command { order, .. } if order.word.is_urgent());
        let (alone, cursor) = {
            let mut reading = self.reading();
            (reading.waiting() == 0, reading.open(uid, urgent))
        };
        let Some(cursor) = cursor else {
            tracing::warn!(uid, "too many mails wait for the store; this one is looked at later");
            return false;
        };
        let place = Place { mailbox: self.door.key(), uid, cursor };
        let (clerk, open) = (Arc::clone(&self.clerk), Open::of(self, cursor.validity, uid));
        let (tell, told) = oneshot::channel();
        self.rt.spawn(async move {
            let command = clerk.take(place, verdict).await;
            drop(open);
            let _ = tell.send(command);
        });
        let wait = if alone { MAIL_WAIT } else { TimeDelta::zero() };
        matches!(self.rt.timeout(wait, told).await, Some(Ok(true)))
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

    /// Waits until the server tells of a new mail, or it is time to look anyway; `news` when it has
    /// told of one since the last look.
    async fn idle(&self, session: Session<Line>, mut news: bool) -> Result<Session<Line>, String> {
        let until = self.rt.now() + self.wait().min(IDLE_MOST);
        let told = session.unsolicited_responses.clone();
        let mut handle = session.idle();
        self.door.step(&self.rt, "waiting for mail", handle.init()).await?;
        // What was told since the last look and before the server began to wait.
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

    fn reading(&self) -> MutexGuard<'_, Reading> {
        lock(&self.reading)
    }
}

/// A mail that is open until this is dropped, also by a panic.
struct Open {
    reading: Arc<Mutex<Reading>>,
    clerk: Arc<Clerk>,
    validity: u32,
    uid: u32,
}

impl Open {
    fn of(ear: &Ear, validity: u32, uid: u32) -> Self {
        let (reading, clerk) = (Arc::clone(&ear.reading), Arc::clone(&ear.clerk));
        clerk.state.waiting(lock(&reading).waiting());
        Self { reading, clerk, validity, uid }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut reading = lock(&self.reading);
        reading.close(self.validity, self.uid);
        self.clerk.state.waiting(reading.waiting());
    }
}

fn lock(reading: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}
