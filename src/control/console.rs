//! A line of a person to an answer: by Telegram, by mail, later by the web. Roles, confirmation,
//! and an answer within a second, whatever the broker does.

mod codes;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::{FutureExt as _, future::BoxFuture};
use serde_json::Value;

use self::codes::Asked;
use super::{
    Request, say,
    socket::Handler,
    table::{self, Fault, Kind, Role},
};
use crate::{
    alert::email::letter::one_line,
    clock::{Runtime, Timestamp},
    report::page::Page,
};

/// Characters of a line that its question repeats.
const LINE_MOST: usize = 200;
/// An answer is given within so long; what is not done by then follows.
const ANSWER_WAIT: TimeDelta = TimeDelta::milliseconds(900);

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// As the journal names them: `telegram:4711`, `email:owner@example.org`.
    pub name: String,
    /// What they may.
    pub role: Role,
}

/// Time-based codes (RFC 6238), each taken once.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Spends a code that is valid at `now`; the error says why it is not taken.
    async fn spend(&self, code: &str, now: Timestamp) -> Result<(), String>;
}

/// What a line comes to.
pub enum Reply {
    /// The answer.
    Said(Page),
    /// The first answer to what takes longer: it is under way, and its end follows.
    Begun(Page, BoxFuture<'static, Page>),
    /// An argument is missing: what could stand there, as whole lines to send.
    Choose {
        /// What is asked for.
        question: String,
        /// Labels with the lines they stand for; none when anything may be written.
        choices: Vec<(String, String)>,
    },
    /// It is done once confirmed.
    Confirm(Confirm),
    /// It is not done, and why.
    Refused(String),
}

/// A question before something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// What will be done.
    pub question: String,
    /// Says yes; for one caller, once.
    pub code: String,
    /// Until then.
    pub until: Timestamp,
    /// A time-based code is asked for in its place.
    pub totp: bool,
}

/// The console.
pub struct Console {
    handler: Arc<dyn Handler>,
    rt: Runtime,
    codes: Option<Arc<dyn Codes>>,
    asked: Mutex<Asked>,
}

impl Console {
    /// A console on what answers requests; with codes, resume, flatten and close ask for one.
    pub fn new(rt: Runtime, handler: Arc<dyn Handler>, codes: Option<Arc<dyn Codes>>) -> Arc<Self> {
        Arc::new(Self { handler, rt, codes, asked: Mutex::default() })
    }

    /// What a line comes to.
    pub async fn ask(self: &Arc<Self>, caller: &Caller, line: &str) -> Reply {
        let (command, given, request) = match table::parse(line) {
            Ok(parsed) => parsed,
            Err(Fault::Missing { usage, arg, kind }) => {
                return self.choose(line, &usage, arg, kind).await;
            }
            Err(fault) => return Reply::Refused(fault.to_string()),
        };
        if caller.role < command.who {
            return Reply::Refused(format!("/{} is for owners", command.name));
        }
        let Some(request) = request else {
            return match say::help(given.text("command"), caller.role) {
                Ok(page) => Reply::Said(page),
                Err(fault) => Reply::Refused(fault.to_string()),
            };
        };
        match command.confirm {
            None => self.perform(caller, request).await,
            Some(question) => {
                let question = format!("{}: {question}", one_line(line, LINE_MOST));
                Reply::Confirm(self.remember(caller, question, request))
            }
        }
    }

    /// Does what was asked to be confirmed: `word` is its code, or a time-based one.
    pub async fn confirm(self: &Arc<Self>, caller: &Caller, word: &str) -> Reply {
        let now = self.rt.now();
        let word = word.trim();
        let code = match lock(&self.asked).waiting(&caller.name, self.handler.stops(), now) {
            Ok(code) => code,
            Err(why) => return Reply::Refused(why.to_owned()),
        };
        match &self.codes {
            Some(codes) => {
                if let Err(why) = codes.spend(word, now).await {
                    return Reply::Refused(why);
                }
            }
            None if word == code => {}
            None => return Reply::Refused("that is not the code; ask again".to_owned()),
        }
        let taken = lock(&self.asked).take(&caller.name, &code, self.handler.stops(), now);
        match taken {
            Ok(request) => self.perform(caller, request).await,
            Err(why) => Reply::Refused(why.to_owned()),
        }
    }

    /// Forgets what a caller was asked to confirm.
    pub fn cancel(&self, caller: &Caller) {
        lock(&self.asked).forget(&caller.name);
    }

    /// Does it without a question: for a way that has its own proof of intent.
    pub async fn perform(self: &Arc<Self>, caller: &Caller, request: Request) -> Reply {
        let (handler, by) = (Arc::clone(&self.handler), caller.name.clone());
        let asked = request.clone();
        let (tell, told) = futures::channel::oneshot::channel();
        self.rt.spawn(async move {
            let _ = tell.send(handler.handle(asked, &by).await);
        });
        let mut answer = told
            .map(|answer| answer.unwrap_or_else(|_| Err("the answer was not made".to_owned())))
            .boxed();
        match self.rt.timeout(ANSWER_WAIT, &mut answer).await {
            Some(Ok(value)) => said(&request, &value),
            Some(Err(why)) => Reply::Refused(why),
            None => {
                let rest = async move { rest(&request, answer.await) };
                Reply::Begun(say::begun(), rest.boxed())
            }
        }
    }

    fn remember(&self, caller: &Caller, question: String, request: Request) -> Confirm {
        let (stops, now, totp) = (self.handler.stops(), self.rt.now(), self.codes.is_some());
        lock(&self.asked).remember(&caller.name, question, request, stops, now, totp)
    }

    /// What could stand in the place of a missing argument.
    async fn choose(&self, line: &str, usage: &str, arg: &str, kind: Kind) -> Reply {
        let found = self.choices(kind).await;
        let choices = found.into_iter().map(|choice| {
            let whole = format!("{} {choice}", line.trim());
            (choice, whole)
        });
        let question = format!("{usage}: which {arg}?");
        Reply::Choose { question, choices: choices.collect() }
    }

    async fn choices(&self, kind: Kind) -> Vec<String> {
        let from = |request, pointer: &'static str| async move {
            let answer = self.rt.timeout(ANSWER_WAIT, self.handler.handle(request, "console"));
            let value = answer.await.and_then(Result::ok).unwrap_or_default();
            named(&value, pointer)
        };
        match kind {
            Kind::Job => from(Request::JobsList, "job").await,
            Kind::StrategyOrJob => {
                let mut all = say::strategies();
                all.extend(from(Request::JobsList, "job").await);
                all
            }
            Kind::Position => from(Request::Positions, "id").await,
            Kind::Scenario => from(Request::Stress { scenario: None }, "scenario").await,
            kind => say::choices(kind),
        }
    }
}

/// The values of a field in every object of a document, in order, each once.
fn named(value: &Value, field: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut walk = vec![value];
    while let Some(value) = walk.pop() {
        match value {
            Value::Array(items) => walk.extend(items.iter().rev()),
            Value::Object(fields) => match fields.get(field) {
                Some(Value::String(name)) if !found.contains(name) => found.push(name.clone()),
                Some(Value::String(_)) => {}
                _ => walk.extend(fields.values().filter(|value| value.is_array())),
            },
            _ => {}
        }
    }
    found
}

fn said(request: &Request, value: &Value) -> Reply {
    match say::phone(request, value) {
        Ok(page) => Reply::Said(page),
        Err(why) => Reply::Refused(why),
    }
}

fn rest(request: &Request, answer: Result<Value, String>) -> Page {
    let page = answer.and_then(|value| say::phone(request, &value));
    page.unwrap_or_else(|why| say::failed(&why))
}

fn lock(asked: &Mutex<Asked>) -> std::sync::MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
