//! An ear, its console and a desk that keeps what it was asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tomking::{
    alert::telegram::api::Api,
    clock::{Runtime, Timestamp},
    config::voice::{ChatSettings, SecretSource, TelegramSettings},
    control::{
        Request,
        console::{Codes, Console},
        socket::Handler,
        telegram::{Bounds, Ear, Figures, Patience},
    },
    store::Store,
};

use crate::server::{BotApi, TOKEN};

pub const OWNER: u64 = 11;
pub const VIEWER: u64 = 22;
pub const STRANGER: u64 = 33;
/// Another owner.
pub const PARTNER: u64 = 44;
pub const GROUP: i64 = -1005;

/// A desk that keeps what it was asked, by whom, and answers what it was told to.
#[derive(Default)]
pub struct Desk {
    pub asked: Mutex<Vec<(Request, String)>>,
    answers: Mutex<BTreeMap<String, Value>>,
    panics: Mutex<bool>,
    hangs: Mutex<String>,
    slow: Mutex<String>,
    pub steps: Mutex<Vec<String>>,
}

impl Desk {
    /// The answer to requests of a command, by its name in JSON.
    pub fn answers(&self, command: &str, answer: Value) {
        self.answers.lock().unwrap().insert(command.to_owned(), answer);
    }

    /// The next request panics.
    pub fn panic_once(&self) {
        *self.panics.lock().unwrap() = true;
    }

    /// Requests of a command are never answered.
    pub fn hang(&self, command: &str) {
        command.clone_into(&mut self.hangs.lock().unwrap());
    }

    /// Requests of a command are answered after 300 ms.
    pub fn slow(&self, command: &str) {
        command.clone_into(&mut self.slow.lock().unwrap());
    }

    /// What changed something, by its name.
    pub fn writes(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let all = asked.iter().map(|(request, _)| name(request));
        all.filter(|name| !matches!(name.as_str(), "status" | "report" | "jobs_list")).collect()
    }
}

fn name(request: &Request) -> String {
    let value = serde_json::to_value(request).unwrap();
    value["command"].as_str().unwrap().to_owned()
}

#[async_trait]
impl Handler for Desk {
    fn stops(&self) -> u64 {
        self.writes().iter().filter(|name| *name == "halt").count() as u64
    }

    async fn handle(&self, request: Request, by: &str) -> Result<Value, String> {
        assert!(!std::mem::take(&mut *self.panics.lock().unwrap()), "planted");
        let name = name(&request);
        self.asked.lock().unwrap().push((request, by.to_owned()));
        self.steps.lock().unwrap().push(format!("{name} begins"));
        let hangs = *self.hangs.lock().unwrap() == name;
        if hangs {
            std::future::pending::<()>().await;
        }
        let slow = *self.slow.lock().unwrap() == name;
        if slow {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        self.steps.lock().unwrap().push(format!("{name} ends"));
        let level = match name.as_str() {
            "halt" | "flatten" => "HALTED",
            "reduce" => "REDUCING",
            _ => "ACTIVE",
        };
        let latch = json!({"level": level, "holds": [], "cancelled": [], "working": [],
            "open": []});
        let told = self.answers.lock().unwrap().get(&name).cloned();
        Ok(told.unwrap_or(match name.as_str() {
            "halt" | "reduce" | "flatten" | "resume" => latch,
            "jobs_list" => json!([{"job": "zdte-entry"}, {"job": "daily-report"}]),
            "alerts_ack" => json!({"alerts": [], "report": null}),
            _ => Value::Null,
        }))
    }
}

/// One code that is always right.
pub struct OneCode;

#[async_trait]
impl Codes for OneCode {
    async fn spend(&self, code: &str, _: Timestamp) -> Result<(), String> {
        if code == "123456" { Ok(()) } else { Err("that code does not hold".to_owned()) }
    }
}

/// Settings with two owners, a viewer, their chats and a group.
pub fn settings(topic: Option<i32>) -> TelegramSettings {
    let private = |id| ChatSettings { id, topic: None, alerts: true };
    TelegramSettings {
        token: SecretSource::Env("UNUSED".to_owned()),
        owners: vec![OWNER, PARTNER],
        viewers: vec![VIEWER],
        chats: vec![private(11), private(22), ChatSettings { id: GROUP, topic, alerts: true }],
        api_url: None,
    }
}

/// Waits short enough for a test; bounds of time as they are.
pub fn figures() -> Figures {
    let millis = TimeDelta::milliseconds;
    Figures {
        poll_seconds: 5,
        patience: Patience { first: millis(10), most: millis(40), over: TimeDelta::seconds(30) },
        slow: millis(50),
        moment: millis(50),
        late: TimeDelta::seconds(120),
        outage: Bounds { silence: TimeDelta::seconds(300), conflict_over: millis(300) },
    }
}

/// Everything together.
pub struct House {
    pub api: BotApi,
    pub desk: Arc<Desk>,
    pub store: Store,
    pub ear: Arc<Ear>,
}

impl House {
    pub async fn new() -> Self {
        Self::with(settings(None), None, figures()).await
    }

    pub async fn with(
        settings: TelegramSettings,
        codes: Option<Arc<dyn Codes>>,
        figures: Figures,
    ) -> Self {
        let api = BotApi::start(&[11, 22, GROUP]).await;
        let (desk, store) = (Arc::new(Desk::default()), Store::in_memory().unwrap());
        let ear = listen(&api, &desk, &store, settings, codes, figures);
        Self { api, desk, store, ear }
    }
}

/// An ear that listens.
pub fn listen(
    api: &BotApi,
    desk: &Arc<Desk>,
    store: &Store,
    settings: TelegramSettings,
    codes: Option<Arc<dyn Codes>>,
    figures: Figures,
) -> Arc<Ear> {
    let rt = Runtime::live();
    let handler: Arc<dyn Handler> = desk.clone();
    let console = Console::new(rt.clone(), handler, codes);
    let bot = Api::new(TOKEN, Some(&api.url)).unwrap();
    let ear = Ear::new(&rt, store.clone(), bot, settings, console, figures);
    ear.start();
    ear
}
