//! A Bot API server on loopback that checks what Telegram's own checks, keeps what it was sent, and
//! fails as it is told to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequest as _, Multipart, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::markup;

pub const TOKEN: &str = "4711:AAE-test_TOKEN";

/// What a scripted failure is.
#[derive(Debug, Clone)]
pub enum Failure {
    /// An answer of a proxy, no JSON.
    Status(u16),
    /// Two hundred, no JSON.
    Garbage,
    /// 429.
    Flood(i64),
    /// 409 of a second instance.
    Conflict,
    /// 401.
    Unauthorized,
    /// Another refusal.
    Refused(u16, &'static str),
    /// The connection hangs for good.
    Hangs,
}

/// A message that a chat shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub id: i64,
    pub chat: i64,
    pub thread: Option<i64>,
    pub text: String,
    pub buttons: Vec<(String, String)>,
    pub silent: bool,
    pub photo: bool,
    markup: Value,
}

#[derive(Default)]
struct World {
    chats: BTreeMap<i64, BTreeSet<i64>>,
    updates: VecDeque<Value>,
    confirmed: Vec<Value>,
    next_update: i64,
    next_message: i64,
    shown: Vec<Shown>,
    calls: Vec<(String, Value)>,
    failures: VecDeque<(&'static str, Failure)>,
    complaints: Vec<String>,
    queries: BTreeMap<String, Option<String>>,
    polls: u64,
    offset: i64,
    webhook: bool,
}

/// The server.
#[derive(Clone)]
pub struct BotApi {
    world: Arc<Mutex<World>>,
    news: Arc<Notify>,
    heard: Arc<Notify>,
    pub url: String,
}

impl BotApi {
    /// Starts one whose bot is in the given chats, groups with topics 7 and 8.
    pub async fn start(chats: &[i64]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut world = World { next_update: 1000, next_message: 1, ..World::default() };
        for chat in chats {
            let topics = if *chat < 0 { BTreeSet::from([7, 8]) } else { BTreeSet::new() };
            world.chats.insert(*chat, topics);
        }
        let (news, heard) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let api = Self { world: Arc::new(Mutex::new(world)), news, heard, url };
        let router = Router::new().fallback(serve).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        api
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Writes a line as a user; gives the update's number.
    pub fn write(&self, user: u64, chat: i64, text: &str, age_seconds: i64) -> i64 {
        self.write_more(user, chat, text, age_seconds, &json!({}))
    }

    /// The same with more fields.
    pub fn write_more(&self, user: u64, chat: i64, text: &str, age: i64, more: &Value) -> i64 {
        let date = now() - age;
        let kind = if chat > 0 { "private" } else { "supergroup" };
        let mut message = json!({
            "date": date, "text": text, "chat": {"id": chat, "type": kind},
            "from": {"id": user, "is_bot": false, "first_name": "N"},
        });
        let mut world = self.world();
        message["message_id"] = json!(world.next_message);
        world.next_message += 1;
        message.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        self.update(world, json!({ "message": message }))
    }

    /// Presses the button of a label under a message; gives the query's id.
    pub fn press(&self, user: u64, shown: &Shown, label: &str) -> String {
        self.press_late(user, shown, label, 0)
    }

    /// The same under a message of so many seconds ago.
    pub fn press_late(&self, user: u64, shown: &Shown, label: &str, age: i64) -> String {
        let found = shown.buttons.iter().find(|(text, _)| text == label);
        let data = &found.unwrap_or_else(|| panic!("no {label:?} in {:?}", shown.buttons)).1;
        let mut world = self.world();
        let query = format!("q{}", world.next_update);
        world.queries.insert(query.clone(), None);
        let kind = if shown.chat > 0 { "private" } else { "supergroup" };
        let mut message = json!({
            "message_id": shown.id, "date": now() - age, "text": shown.text,
            "chat": {"id": shown.chat, "type": kind},
            "from": {"id": 4711, "is_bot": true, "first_name": "B"},
            "reply_markup": shown.markup,
        });
        if let Some(thread) = shown.thread {
            message["message_thread_id"] = json!(thread);
            message["is_topic_message"] = json!(true);
        }
        let press = json!({
            "id": query, "data": data, "chat_instance": "1", "message": message,
            "from": {"id": user, "is_bot": false, "first_name": "N"},
        });
        self.update(world, json!({ "callback_query": press }));
        query
    }

    fn update(&self, mut world: MutexGuard<'_, World>, mut update: Value) -> i64 {
        let id = world.next_update;
        world.next_update += 1;
        update["update_id"] = json!(id);
        world.updates.push_back(update);
        drop(world);
        self.news.notify_waiters();
        id
    }

    /// A message of the bot's that is there already.
    pub fn plant(&self, body: &Value) {
        self.world().does("sendmessage", body).unwrap();
    }

    /// The next call of a method (any, where empty) fails so.
    pub fn fail(&self, method: &'static str, failure: Failure) {
        self.world().failures.push_back((method, failure));
    }

    /// A webhook is set on the token.
    pub fn set_webhook(&self) {
        self.world().webhook = true;
    }

    /// Another instance polls once with the token.
    pub fn other_instance(&self) {
        self.world().polls += 1;
        self.news.notify_waiters();
    }

    /// Forgets every confirmation: each update comes again.
    pub fn give_again(&self) {
        let mut world = self.world();
        for update in std::mem::take(&mut world.confirmed).into_iter().rev() {
            world.updates.push_front(update);
        }
    }

    /// Everything its chats show.
    pub fn shown(&self) -> Vec<Shown> {
        self.world().shown.clone()
    }

    /// What one chat shows, as text.
    pub fn texts(&self, chat: i64) -> Vec<String> {
        let shown = self.shown();
        shown.into_iter().filter(|shown| shown.chat == chat).map(|shown| shown.text).collect()
    }

    /// The bodies of the calls of a method.
    pub fn calls(&self, method: &str) -> Vec<Value> {
        let world = self.world();
        let of = world.calls.iter().filter(|(name, _)| name == method);
        of.map(|(_, body)| body.clone()).collect()
    }

    /// The word a pressed button got.
    pub fn word(&self, query: &str) -> Option<String> {
        self.world().queries.get(query).cloned().flatten()
    }

    /// Updates not confirmed yet.
    pub fn unconfirmed(&self) -> Vec<i64> {
        let world = self.world();
        world.updates.iter().map(|update| update["update_id"].as_i64().unwrap()).collect()
    }

    /// What it refused because it was wrong, beside scripted failures.
    pub fn complaints(&self) -> Vec<String> {
        self.world().complaints.clone()
    }

    /// Waits until something holds; ten seconds at most.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let heard = self.heard.notified();
                if holds(self) {
                    return;
                }
                // A call tells; the rest (a change outside of this server) is looked for.
                let _ = tokio::time::timeout(Duration::from_millis(20), heard).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(10), wait).await.is_ok();
        let (shown, refused) = (self.shown(), self.complaints());
        assert!(came, "waited in vain: {what}; shown {shown:#?}; refused {refused:?}");
    }

    /// Waits until a chat shows so many messages; gives the last of them.
    pub async fn nth(&self, chat: i64, count: usize) -> Shown {
        self.until(&format!("{count} messages"), |api| api.texts(chat).len() >= count).await;
        let shown = self.shown();
        shown.into_iter().filter(|shown| shown.chat == chat).nth(count - 1).unwrap()
    }
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

type Refusal = (u16, String);

fn bad(words: &str) -> Refusal {
    (400, format!("Bad Request: {words}"))
}

async fn serve(State(api): State<BotApi>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/'))
    else {
        return refuse((404, "Not Found".to_owned()), None);
    };
    if token != TOKEN {
        return refuse((401, "Unauthorized".to_owned()), None);
    }
    let method = method.to_ascii_lowercase();
    let body = match body(request).await {
        Ok(body) => body,
        Err(why) => return refuse(bad(&why), None),
    };
    let failure = {
        let mut world = api.world();
        world.calls.push((method.clone(), body.clone()));
        let due = world
            .failures
            .iter()
            .position(|(name, _)| name.is_empty() || name.eq_ignore_ascii_case(&method));
        due.and_then(|at| world.failures.remove(at))
    };
    let answer = match failure {
        Some((_, failure)) => fail(failure).await,
        None if method == "getupdates" => updates(&api, &body).await,
        None => {
            let mut world = api.world();
            match world.does(&method, &body) {
                Ok(result) => ok(&result),
                Err(refusal) => {
                    world.complaints.push(format!("{method}: {}", refusal.1));
                    refuse(refusal, None)
                }
            }
        }
    };
    api.heard.notify_waiters();
    answer
}

async fn fail(failure: Failure) -> Response {
    match failure {
        Failure::Status(code) => {
            let code = StatusCode::from_u16(code).unwrap();
            (code, "<html><body>nginx</body></html>").into_response()
        }
        Failure::Garbage => (StatusCode::OK, "{\"ok\":tru").into_response(),
        Failure::Flood(seconds) => {
            let words = format!("Too Many Requests: retry after {seconds}");
            refuse((429, words), Some(json!({ "retry_after": seconds })))
        }
        Failure::Conflict => refuse((409, CONFLICT.to_owned()), None),
        Failure::Unauthorized => refuse((401, "Unauthorized".to_owned()), None),
        Failure::Refused(code, words) => refuse((code, words.to_owned()), None),
        Failure::Hangs => std::future::pending().await,
    }
}

const CONFLICT: &str = "Conflict: terminated by other getUpdates request; make sure that only one \
                        bot instance is running";

fn ok(result: &Value) -> Response {
    let body = json!({ "ok": true, "result": result }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refuse((code, words): Refusal, parameters: Option<Value>) -> Response {
    let mut body = json!({ "ok": false, "error_code": code, "description": words });
    if let Some(parameters) = parameters {
        body["parameters"] = parameters;
    }
    (StatusCode::from_u16(code).unwrap(), body.to_string()).into_response()
}

/// The fields of a call; a file as its size, and whether it is a PNG.
async fn body(request: Request) -> Result<Value, String> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    if kind.starts_with("multipart/form-data") {
        let mut form =
            Multipart::from_request(request, &()).await.map_err(|error| error.to_string())?;
        let mut fields = json!({});
        while let Some(field) = form.next_field().await.map_err(|error| error.to_string())? {
            let (name, file) =
                (field.name().unwrap_or_default().to_owned(), field.file_name().is_some());
            let bytes = field.bytes().await.map_err(|error| error.to_string())?;
            fields[name] = if file {
                json!({ "bytes": bytes.len(), "png": bytes.starts_with(b"\x89PNG\r\n\x1a\n") })
            } else {
                let text = String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
                // Form fields are texts; Telegram reads numbers, booleans and JSON out of them.
                serde_json::from_str(&text)
                    .ok()
                    .filter(|value: &Value| !value.is_string())
                    .unwrap_or(Value::String(text))
            };
        }
        return Ok(fields);
    }
    let bytes = Bytes::from_request(request, &()).await.map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    if !kind.starts_with("application/json") {
        return Err(format!("unsupported content type {kind:?}"));
    }
    serde_json::from_slice(&bytes).map_err(|_| "can't parse JSON".to_owned())
}

/// A poll: what is not confirmed from the offset on, at once or when it comes.
async fn updates(api: &BotApi, body: &Value) -> Response {
    let seconds = body["timeout"].as_u64().unwrap_or(0);
    let limit = usize::try_from(body["limit"].as_u64().unwrap_or(100)).unwrap();
    let turn = {
        let mut world = api.world();
        if world.webhook {
            let words = "Conflict: can't use getUpdates method while webhook is active; use \
                         deleteWebhook to delete the webhook first";
            return refuse((409, words.to_owned()), None);
        }
        if let Some(offset) = body["offset"].as_i64() {
            world.offset = offset;
            let (gone, left): (Vec<Value>, Vec<Value>) = world
                .updates
                .drain(..)
                .partition(|update| update["update_id"].as_i64().unwrap() < offset);
            world.confirmed.extend(gone);
            world.updates = left.into();
        }
        world.polls += 1;
        world.polls
    };
    api.news.notify_waiters(); // an older poll ends
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        let news = api.news.notified();
        {
            let world = api.world();
            if world.polls != turn {
                return refuse((409, CONFLICT.to_owned()), None);
            }
            let batch: Vec<&Value> = world.updates.iter().take(limit).collect();
            if !batch.is_empty() || tokio::time::Instant::now() >= until {
                return ok(&json!(batch));
            }
        }
        let _ = tokio::time::timeout_at(until, news).await;
    }
}

impl World {
    fn does(&mut self, method: &str, body: &Value) -> Result<Value, Refusal> {
        match method {
            "getme" => Ok(json!({"id": 4711, "is_bot": true, "first_name": "T",
                "username": "tom_bot"})),
            "deletewebhook" => {
                self.webhook = false;
                Ok(json!(true))
            }
            "sendmessage" => self.message(body, body["text"].as_str(), 4096, false),
            "sendphoto" => {
                if body["photo"]["png"] != json!(true) {
                    return Err(bad("IMAGE_PROCESS_FAILED"));
                }
                self.message(body, body["caption"].as_str(), 1024, true)
            }
            "editmessagetext" => self.edit(body),
            "editmessagereplymarkup" => self.edit_markup(body),
            "answercallbackquery" => self.word(body),
            "setmycommands" => self.commands(body),
            other => Err((404, format!("Not Found: method {other}"))),
        }
    }

    fn message(
        &mut self,
        body: &Value,
        text: Option<&str>,
        most: usize,
        photo: bool,
    ) -> Result<Value, Refusal> {
        let chat = body["chat_id"].as_i64().ok_or(bad("chat_id is empty"))?;
        let topics = self.chats.get(&chat).ok_or(bad("chat not found"))?;
        let thread = body.get("message_thread_id").and_then(Value::as_i64);
        if thread.is_some_and(|thread| !topics.contains(&thread)) {
            return Err(bad("message thread not found"));
        }
        let text = read(body, text.unwrap_or_default(), most, photo)?;
        let (markup, buttons) = buttons(body)?;
        let id = self.next_message;
        self.next_message += 1;
        let silent = body["disable_notification"] == json!(true);
        self.shown.push(Shown { id, chat, thread, text, buttons, silent, photo, markup });
        Ok(json!({"message_id": id, "date": now(), "chat": {"id": chat, "type": "private"}}))
    }

    fn edited(&mut self, body: &Value) -> Result<&mut Shown, Refusal> {
        let (chat, id) = (body["chat_id"].as_i64(), body["message_id"].as_i64());
        let found = self.shown.iter_mut().find(|s| Some(s.chat) == chat && Some(s.id) == id);
        found.ok_or(bad("message to edit not found"))
    }

    fn edit(&mut self, body: &Value) -> Result<Value, Refusal> {
        let text = read(body, body["text"].as_str().unwrap_or_default(), 4096, false)?;
        let (markup, buttons) = buttons(body)?;
        let shown = self.edited(body)?;
        if shown.photo {
            return Err(bad("there is no text in the message to edit"));
        }
        if shown.text == text && shown.buttons == buttons {
            return Err(bad(
                "message is not modified: specified new message content and reply markup are \
                 exactly the same as a current content and reply markup of the message",
            ));
        }
        (shown.text, shown.buttons, shown.markup) = (text, buttons, markup);
        Ok(json!({ "message_id": shown.id }))
    }

    fn edit_markup(&mut self, body: &Value) -> Result<Value, Refusal> {
        let (markup, buttons) = buttons(body)?;
        let shown = self.edited(body)?;
        if shown.buttons == buttons {
            return Err(bad("message is not modified: reply markup is the same"));
        }
        (shown.buttons, shown.markup) = (buttons, markup);
        Ok(json!({ "message_id": shown.id }))
    }

    fn word(&mut self, body: &Value) -> Result<Value, Refusal> {
        let text = body["text"].as_str().unwrap_or_default();
        if text.chars().count() > 200 {
            return Err(bad("MESSAGE_TOO_LONG"));
        }
        let query = body["callback_query_id"].as_str().unwrap_or_default();
        match self.queries.get_mut(query) {
            Some(word @ None) => {
                *word = Some(text.to_owned());
                Ok(json!(true))
            }
            _ => Err(bad("query is too old and response timeout expired or query ID is invalid")),
        }
    }

    fn commands(&mut self, body: &Value) -> Result<Value, Refusal> {
        let commands = body["commands"].as_array().ok_or(bad("commands are empty"))?;
        if commands.len() > 100 {
            return Err(bad("BOT_COMMANDS_TOO_MUCH"));
        }
        for command in commands {
            let (name, help) = (command["command"].as_str(), command["description"].as_str());
            let named = name.is_some_and(|name| {
                let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                (1..=32).contains(&name.len()) && name.chars().all(letter)
            });
            let helped = help.is_some_and(|help| (1..=256).contains(&help.chars().count()));
            if !named || !helped {
                return Err(bad("BOT_COMMAND_INVALID"));
            }
        }
        let chat = body["scope"]["chat_id"].as_i64();
        if chat.is_some_and(|chat| !self.chats.contains_key(&chat)) {
            return Err(bad("chat not found"));
        }
        Ok(json!(true))
    }
}

/// The text of a message as a person sees it.
fn read(body: &Value, text: &str, most: usize, may_be_empty: bool) -> Result<String, Refusal> {
    let seen = match body["parse_mode"].as_str() {
        None => text.to_owned(),
        Some("HTML") => {
            markup::seen(text).map_err(|why| bad(&format!("can't parse entities: {why}")))?
        }
        Some(other) => return Err(bad(&format!("unsupported parse_mode {other}"))),
    };
    if seen.trim().is_empty() && !may_be_empty {
        return Err(bad("message text is empty"));
    }
    if seen.encode_utf16().count() > most {
        return Err(bad("message is too long"));
    }
    Ok(seen.trim().to_owned())
}

/// The inline keyboard of a call, and its labels with what they carry.
fn buttons(body: &Value) -> Result<(Value, Vec<(String, String)>), Refusal> {
    let markup = body.get("reply_markup").cloned().unwrap_or(Value::Null);
    if markup.is_null() {
        return Ok((markup, Vec::new()));
    }
    let rows =
        markup["inline_keyboard"].as_array().ok_or(bad("object expected as reply markup"))?;
    let mut buttons = Vec::new();
    for button in rows.iter().flat_map(|row| row.as_array().into_iter().flatten()) {
        let (text, data) = (button["text"].as_str(), button["callback_data"].as_str());
        let text = text.filter(|text| !text.is_empty()).ok_or(bad("BUTTON_TEXT_EMPTY"))?;
        let data = data.filter(|data| (1..=64).contains(&data.len()));
        let data = data.ok_or(bad("BUTTON_DATA_INVALID"))?;
        buttons.push((text.to_owned(), data.to_owned()));
    }
    if buttons.len() > 100 {
        return Err(bad("reply markup is too long"));
    }
    Ok((markup, buttons))
}
