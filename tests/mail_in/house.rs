//! A clerk with its console, on a handler that remembers what it was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tomking::{
    alert::{SendError, email::Letter},
    clock::{Runtime, Timestamp},
    control::{
        Request,
        console::{Codes, Console},
        mail::{
            Arrived, Rules, Verdict,
            answers::Post,
            clerk::Clerk,
            ledger::{self, Cursor, Place},
            state::State,
        },
        socket::Handler,
        totp::TimeCodes,
    },
    notice::{Notice, OUTBOX},
    store::{Read as _, Store},
};

/// RFC 6238's secret.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
pub const OWNER: &str = "owner@example.org";

/// What a handler does before it answers.
pub type Before = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Remembers who asked for what.
pub struct Asked {
    pub seen: Mutex<Vec<(Request, String)>>,
    before: Before,
}

#[async_trait]
impl Handler for Asked {
    fn stops(&self) -> u64 {
        0
    }

    async fn handle(&self, request: Request, by: &str) -> Result<Value, String> {
        self.seen.lock().unwrap().push((request.clone(), by.to_owned()));
        (self.before)().await;
        Ok(match request {
            Request::Halt { reason } => json!({
                "level": "HALTED", "cancelled": ["zdte-20240802-1"], "working": [], "open": [],
                "holds": [{ "name": "operator", "until": null, "level": "HALTED", "cause": reason, "since": "2024-08-02T13:30:00Z" }],
            }),
            _ => json!({ "done": true }),
        })
    }
}

/// A clerk and what it stands on.
pub struct House {
    pub rt: Runtime,
    pub store: Store,
    pub asked: Arc<Asked>,
    pub codes: Arc<TimeCodes>,
    pub console: Arc<Console>,
    pub rules: Rules,
    pub state: Arc<State>,
}

impl House {
    pub fn new(rt: Runtime, store: Store) -> Self {
        Self::slow(rt, store, Box::new(|| Box::pin(async {})))
    }

    /// With something that comes before each answer.
    pub fn slow(rt: Runtime, store: Store, before: Before) -> Self {
        let asked = Arc::new(Asked { seen: Mutex::default(), before });
        let codes = Arc::new(TimeCodes::new(SECRET, store.clone()).unwrap());
        let handler = Arc::clone(&asked) as Arc<dyn Handler>;
        let spend = Arc::clone(&codes) as Arc<dyn Codes>;
        let console = Console::new(rt.clone(), handler, Some(spend));
        let rules = Rules { senders: vec![OWNER.to_owned()], authserv: None };
        Self { rt, store, asked, codes, console, rules, state: Arc::default() }
    }

    pub fn clerk(&self) -> Arc<Clerk> {
        Arc::new(Clerk {
            rt: self.rt.clone(),
            store: self.store.clone(),
            codes: Arc::clone(&self.codes),
            console: Arc::clone(&self.console),
            rules: self.rules.clone(),
            state: Arc::clone(&self.state),
        })
    }

    /// What a crash left, taken up.
    pub async fn take_up(&self) {
        let left = self.store.read(ledger::left).unwrap();
        self.clerk().take_up(left).await;
    }

    /// A mail that arrived now, judged.
    pub fn judge(&self, mail: &str) -> Verdict {
        self.judge_at(mail, self.rt.now())
    }

    fn judge_at(&self, mail: &str, at: Timestamp) -> Verdict {
        let size = u32::try_from(mail.len()).unwrap();
        self.clerk().judge(&Arrived { bytes: mail.as_bytes(), size, at })
    }

    /// The code an authenticator shows now, or so many seconds from now.
    pub fn code(&self, offset: i64) -> String {
        self.codes.code(self.rt.now() + TimeDelta::seconds(offset))
    }

    /// Takes a mail that arrived now.
    pub async fn take(&self, uid: u32, mail: &str) -> bool {
        self.take_at(uid, mail, self.rt.now()).await
    }

    pub async fn take_at(&self, uid: u32, mail: &str, at: Timestamp) -> bool {
        self.clerk().take(place(uid), self.judge_at(mail, at)).await
    }

    /// What was asked of the daemon so far.
    pub fn asked(&self) -> Vec<Request> {
        let seen = self.asked.seen.lock().unwrap();
        assert!(seen.iter().all(|(_, by)| by == &format!("email:{OWNER}")), "{seen:?}");
        seen.iter().map(|(request, _)| request.clone()).collect()
    }

    /// Titles of the answers that wait, the oldest first.
    pub fn answers(&self) -> Vec<(String, String)> {
        let waiting = self.store.read(|tx| tx.list(&tomking::control::mail::answers::ANSWERS, ""));
        let answers = waiting.unwrap().into_iter().map(|(_, answer)| answer);
        answers
            .map(|answer| {
                assert_eq!(answer.to, OWNER, "nobody else is ever answered");
                (answer.subject, answer.text.lines().next().unwrap_or_default().to_owned())
            })
            .collect()
    }

    /// How often an end was met.
    pub fn count(&self, name: &str) -> u64 {
        let counts = self.store.read(ledger::counts).unwrap();
        counts.get(name).copied().unwrap_or(0)
    }

    /// What was told of commands by mail.
    pub fn told(&self) -> Vec<String> {
        let rows = self.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        let text = |notice| match notice {
            Notice::MailCommands { about, text } => Some(format!("{about}: {text}")),
            _ => None,
        };
        rows.into_iter().filter_map(|(_, row)| text(row.notice)).collect()
    }
}

pub fn place(uid: u32) -> Place {
    Place { mailbox: "box".to_owned(), uid, cursor: Cursor { validity: 1, uid } }
}

/// A mail of the owner; its id is of `name`.
pub fn mail(name: &str, subject: &str, body: &str) -> String {
    mail_from(OWNER, name, subject, body)
}

pub fn mail_from(from: &str, name: &str, subject: &str, body: &str) -> String {
    format!(
        "From: Someone <{from}>\r\nTo: bot@example.org\r\nSubject: {subject}\r\nMessage-ID: \
         <{name}@example.org>\r\n\r\n{body}\r\n"
    )
}

/// Keeps letters; the first so many sends fail.
#[derive(Default)]
pub struct Kept {
    pub letters: Mutex<Vec<Letter>>,
    pub failures: Mutex<Vec<SendError>>,
}

#[async_trait]
impl Post for Kept {
    async fn post(&self, letter: &Letter) -> Result<(), SendError> {
        if let Some(error) = self.failures.lock().unwrap().pop() {
            return Err(error);
        }
        self.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }

    fn host(&self) -> String {
        "example.org".to_owned()
    }
}

/// Runs work on a runtime of its own, under the wall clock.
pub fn on<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work)
}
