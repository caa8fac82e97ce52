//! Answers: rows of their own, written with what they tell of and sent until they are taken, so that
//! a mail server that is down delays an answer and loses none.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::Sender;
use crate::{
    alert::{
        SendError,
        email::{Letter, Mailer, Origin},
    },
    clock::{Runtime, Timestamp},
    report::page::Page,
    store::{Read, Store, StoreError, Table, WriteTx, sha256_hex},
};

/// Answers that wait to be sent, by their number.
pub const ANSWERS: Table<Answer> = Table::new("mail_in_answers", 1);

/// One send is waited for so long.
const SEND_WAIT: TimeDelta = TimeDelta::seconds(60);
/// Waits between attempts double from the first to the last of these.
const BACKOFF_FIRST: TimeDelta = TimeDelta::seconds(2);
const BACKOFF_MOST: TimeDelta = TimeDelta::minutes(5);
/// Looked at least this often while something waits: the clock may have been put right.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// After so long an answer is given up.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);
/// Answers that wait at most; the oldest go.
const KEPT: usize = 200;

/// An answer to a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as a page.
    pub html: Option<String>,
    /// The mail it answers.
    pub in_reply_to: String,
    /// The mails before it.
    pub references: Vec<String>,
    /// When it was written.
    pub at: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// No attempt before this instant.
    pub next_at: Timestamp,
    /// The last error.
    pub last_error: Option<String>,
}

impl Answer {
    /// A page in answer to a command. The subject is the command's without its code: who replies to
    /// it must not send the code again.
    pub fn page(sender: &Sender, word: &str, page: &Page, now: Timestamp) -> Self {
        let mut references = sender.references.clone();
        references.push(sender.message_id.clone());
        Self {
            to: sender.address.clone(),
            subject: format!("Re: {word}"),
            text: page.text(),
            html: Some(page.html()),
            in_reply_to: sender.message_id.clone(),
            references,
            at: now,
            attempts: 0,
            next_at: now,
            last_error: None,
        }
    }

    /// A command that is not done.
    pub fn refusal(sender: &Sender, word: &str, why: &str, now: Timestamp) -> Self {
        let page = Page {
            title: format!("{word} was not done: {why}."),
            headline: String::new(),
            sections: Vec::new(),
            notes: Vec::new(),
        };
        Self::page(sender, word, &page, now)
    }

    /// The letter, the same at every attempt.
    fn letter(&self, key: &str, host: &str) -> Letter {
        let number = key.trim_start_matches('0');
        let mark = sha256_hex(format!("{}/{}/{}", self.in_reply_to, self.at, self.text).as_bytes());
        let id = format!("answer-{number}.{}@{host}", mark.get(..12).unwrap_or(&mark));
        let to = vec![self.to.clone()];
        let mut letter = Letter::new(id, to, &self.subject, &self.text, self.at);
        letter.html.clone_from(&self.html);
        letter.in_reply_to = Some(self.in_reply_to.clone());
        letter.references.clone_from(&self.references);
        letter.origin = Origin::Replied;
        letter
    }
}

/// Keeps an answer until it is sent.
pub fn keep(tx: &mut WriteTx, answer: &Answer) -> Result<(), StoreError> {
    let key = format!("{:020}", tx.next_sequence("mail_in_answers")?);
    tx.put(&ANSWERS, &key, answer)?;
    let (waiting, _) = tx.readable(&ANSWERS, "")?;
    let surplus = waiting.len().saturating_sub(KEPT);
    waiting.iter().take(surplus).try_for_each(|(key, _)| tx.remove(&ANSWERS, key).map(|_| ()))
}

/// What sends letters.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends one.
    async fn post(&self, letter: &Letter) -> Result<(), SendError>;
    /// The host that message ids are of.
    fn host(&self) -> String;
}

#[async_trait]
impl Post for Mailer {
    async fn post(&self, letter: &Letter) -> Result<(), SendError> {
        self.send(letter).await
    }

    fn host(&self) -> String {
        Self::host(self).to_owned()
    }
}

/// Sends answers for ever; while the store fails it waits, longer and longer.
pub async fn run(rt: Runtime, store: Store, post: Arc<dyn Post>) {
    let news = &[ANSWERS.name()];
    let mut wait = BACKOFF_FIRST;
    loop {
        let seen = store.changes(news);
        let next = match step(&rt, &store, &*post).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "answers to mails wait");
                rt.sleep(wait).await;
                wait = (wait * 2).min(BACKOFF_MOST);
                continue;
            }
        };
        wait = BACKOFF_FIRST;
        match next {
            None => store.changed(news, seen).await,
            Some(at) if at <= rt.now() => {}
            Some(at) => {
                let wait = (at - rt.now()).clamp(TimeDelta::zero(), LOOK_EVERY);
                let _ = rt.timeout(wait, store.changed(news, seen)).await;
            }
        }
    }
}

/// Makes at most one attempt; when the next one is due, `None` while nothing waits.
async fn step(
    rt: &Runtime,
    store: &Store,
    post: &dyn Post,
) -> Result<Option<Timestamp>, StoreError> {
    let now = rt.now();
    let (waiting, broken) = store.read(|tx| tx.readable(&ANSWERS, ""))?;
    if !broken.is_empty() {
        put_away(store, broken).await?;
    }
    // Further ahead than any wait is: the clock was put back since.
    let due = |answer: &Answer| answer.next_at <= now || answer.next_at > now + BACKOFF_MOST;
    let Some((key, answer)) = waiting.iter().find(|(_, answer)| due(answer)).cloned() else {
        return Ok(waiting.iter().map(|(_, answer)| answer.next_at).min());
    };
    let letter = answer.letter(&key, &post.host());
    let sending = AssertUnwindSafe(post.post(&letter)).catch_unwind();
    let result = match rt.timeout(SEND_WAIT, sending).await {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(SendError::Retry("the mailer panicked".to_owned())),
        None => Err(SendError::Retry("the mail server does not answer".to_owned())),
    };
    settle(rt, store, (key, answer), result).await?;
    Ok(Some(now))
}

/// Answers that cannot be read any more can never be sent.
async fn put_away(store: &Store, broken: Vec<(String, StoreError)>) -> Result<(), StoreError> {
    for (_, error) in &broken {
        tracing::error!(%error, "an answer to a mail cannot be read and is not sent");
    }
    let remove = move |tx: &mut WriteTx| {
        broken.iter().try_for_each(|(key, _)| tx.remove(&ANSWERS, key).map(|_| ()))
    };
    store.write(remove).await
}

async fn settle(
    rt: &Runtime,
    store: &Store,
    (key, mut answer): (String, Answer),
    result: Result<(), SendError>,
) -> Result<(), StoreError> {
    let now = rt.now();
    answer.attempts += 1;
    let wait = match &result {
        Err(SendError::RetryAfter { after, .. }) => (*after).clamp(BACKOFF_FIRST, BACKOFF_MOST),
        _ => (BACKOFF_FIRST * (1 << (answer.attempts - 1).min(8))).min(BACKOFF_MOST),
    };
    answer.next_at = now + wait;
    answer.last_error = result.as_ref().err().map(ToString::to_string);
    let over = now - answer.at > GIVE_UP_AFTER;
    let gone = matches!(result, Ok(()) | Err(SendError::Permanent(_))) || over;
    if let Some(error) = &answer.last_error {
        tracing::warn!(to = %answer.to, gone, "the answer to a mail is not sent: {error}");
    }
    let write = move |tx: &mut WriteTx| match gone {
        true => tx.remove(&ANSWERS, &key).map(|_| ()),
        false if tx.get(&ANSWERS, &key)?.is_none() => Ok(()), // pushed out meanwhile
        false => tx.put(&ANSWERS, &key, &answer),
    };
    store.write(write).await
}
