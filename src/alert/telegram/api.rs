//! The Bot API over HTTPS: teloxide's payloads and types, sent and read here.
//!
//! teloxide's own transport sleeps ten seconds on every 5xx, leaves the error's code out, reads
//! answers of any length and prints the token in its `Debug`; none of that fits an ear that must
//! hear a halt at once. A token never reaches an error: URLs are left out of them.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Client, RequestBuilder, Response, Url, multipart::Form, redirect::Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide::requests::Payload;

/// Where the Bot API is.
const SERVER: &str = "https://api.telegram.org";
/// The longest a call may take, connection and answer included.
const DEADLINE: Duration = Duration::from_secs(15);
/// A connection is made within this or not at all.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer read, bytes: a hundred updates of the longest messages are less.
const ANSWER_MAX: usize = 8 * 1024 * 1024;
/// The most characters of a server's words that are told on.
const WORDS_MAX: usize = 200;
/// The longest wait of a 429 that is believed.
const RETRY_AFTER_MAX: i64 = 3600;

/// A bot at a Bot API server. It has no `Debug`: its address holds the token.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: Url,
    token: String,
    deadline: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too much at once (429).
    #[error("Telegram asks to wait {} s", .0.num_seconds())]
    Flood(TimeDelta),
    /// The token is not one, or no longer (401, 404).
    #[error("Telegram does not know the token ({0})")]
    Token(String),
    /// Somebody else asks for updates with this token, or a webhook is set (409).
    #[error("{0}")]
    Conflict(String),
    /// The group has another id now.
    #[error("the group has become {0}; put that in voice.telegram.chats")]
    Moved(i64),
    /// It will never take that (400, 403 and others).
    #[error("Telegram refuses ({code}): {words}")]
    Refused {
        /// As HTTP's.
        code: u16,
        /// Its words.
        words: String,
    },
    /// It cannot be reached, or answers nonsense: may work later.
    #[error("{0}")]
    Down(String),
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<i64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    /// A bot by its token, at `server` or at Telegram's own.
    ///
    /// # Errors
    /// In words, without the token.
    pub fn new(token: &str, server: Option<&str>) -> Result<Self, String> {
        if !is_token(token) {
            return Err(
                "the token has not the form 123456:ABC-…, as @BotFather gives it".to_owned()
            );
        }
        let server = server.unwrap_or(SERVER).trim_end_matches('/');
        let base = Url::parse(&format!("{server}/bot{token}/"))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or("voice.telegram.api_url: must be a URL that begins with https:// or http://")?;
        let agent = concat!("tomking/", env!("CARGO_PKG_VERSION"));
        let client = Client::builder().redirect(Policy::none()).user_agent(agent);
        let client = client.connect_timeout(CONNECT).build();
        let client = client.map_err(|error| error.without_url().to_string())?;
        Ok(Self { client, base, token: token.to_owned(), deadline: DEADLINE })
    }

    /// The same with another deadline for each call.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The bot's own user id: the token's public part.
    pub fn bot_id(&self) -> &str {
        self.token.split(':').next().unwrap_or_default()
    }

    /// Calls a method.
    pub async fn call<P: Payload + Serialize>(&self, payload: &P) -> Result<Value, Fault> {
        let request = self.request(P::NAME)?.json(payload);
        // A long poll is held so much longer by the server.
        let deadline = self.deadline + payload.timeout_hint().unwrap_or_default();
        self.answer(request.timeout(deadline)).await
    }

    /// Calls a method that takes a file.
    pub async fn upload(&self, method: &str, form: Form) -> Result<Value, Fault> {
        self.answer(self.request(method)?.multipart(form).timeout(self.deadline)).await
    }

    fn request(&self, method: &str) -> Result<RequestBuilder, Fault> {
        let url = self.base.join(method);
        Ok(self.client.post(url.map_err(|_| Fault::Down(format!("{method} is no method")))?))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, Fault> {
        let response = request.send().await.map_err(unreached)?;
        let status = response.status().as_u16();
        let body = body(response).await?;
        let Ok(answer) = serde_json::from_slice::<Answer>(&body) else {
            return Err(Fault::Down(format!("Telegram answered {status} with no JSON of its own")));
        };
        match answer {
            Answer { ok: true, result: Some(result), .. } => Ok(result),
            refusal => Err(self.fault(status, refusal)),
        }
    }

    fn fault(&self, status: u16, answer: Answer) -> Fault {
        let words = answer.description.unwrap_or_else(|| "without a word".to_owned());
        let words: String = words.replace(&self.token, "…").chars().take(WORDS_MAX).collect();
        let told = answer.parameters;
        if let Some(id) = told.as_ref().and_then(|told| told.migrate_to_chat_id) {
            return Fault::Moved(id);
        }
        match answer.error_code.unwrap_or(status) {
            429 => {
                let seconds = told.and_then(|told| told.retry_after).unwrap_or(5);
                Fault::Flood(TimeDelta::seconds(seconds.clamp(1, RETRY_AFTER_MAX)))
            }
            401 | 404 => Fault::Token(words),
            409 => Fault::Conflict(words),
            code @ 400..=499 => Fault::Refused { code, words },
            code => Fault::Down(format!("Telegram answered {code}: {words}")),
        }
    }
}

/// `123456:ABC-DEF…`: nothing that could change a URL's meaning.
fn is_token(token: &str) -> bool {
    let secret = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    token.split_once(':').is_some_and(|(id, rest)| {
        let id_holds = (1..=20).contains(&id.len()) && id.chars().all(|c| c.is_ascii_digit());
        id_holds && (1..=128).contains(&rest.len()) && rest.chars().all(secret)
    })
}

async fn body(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreached)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Fault::Down(format!(
                "Telegram's answer is longer than {ANSWER_MAX} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there was no answer, down to the cause; without the URL, which holds the token.
fn unreached(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut words = format!("Telegram cannot be reached: {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        words = format!("{words}: {deeper}");
        cause = deeper.source();
    }
    Fault::Down(words.chars().take(2 * WORDS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_bend_the_address_is_refused() {
        for token in ["", "abc", "12:", ":x", "12:a/b", "12:a?b", "12:a b", "x12:abc", "12:a\nb"] {
            assert!(Api::new(token, None).is_err(), "{token:?}");
        }
        assert_eq!(Api::new("12:a-B_9", None).ok().unwrap().bot_id(), "12");
    }

    #[test]
    fn an_answer_becomes_what_can_be_done_about_it() {
        let api = Api::new("12:secret", None).ok().unwrap();
        let fault = |text: &str| api.fault(200, serde_json::from_str(text).unwrap());
        let refused = |code, words: &str| Fault::Refused { code, words: words.to_owned() };
        let cases = [
            (
                r#"{"ok":false,"error_code":400,"description":"Bad Request: x"}"#,
                refused(400, "Bad Request: x"),
            ),
            (
                r#"{"ok":false,"error_code":403,"description":"Forbidden"}"#,
                refused(403, "Forbidden"),
            ),
            (
                r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
                Fault::Token("Unauthorized".into()),
            ),
            (
                r#"{"ok":false,"error_code":409,"description":"Conflict"}"#,
                Fault::Conflict("Conflict".into()),
            ),
            (
                r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":7}}"#,
                Fault::Flood(TimeDelta::seconds(7)),
            ),
            (
                r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":-7}}"#,
                Fault::Flood(TimeDelta::seconds(1)),
            ),
            (
                r#"{"ok":false,"error_code":400,"description":"x","parameters":{"migrate_to_chat_id":-9}}"#,
                Fault::Moved(-9),
            ),
            (
                r#"{"ok":false,"error_code":502,"description":"12:secret"}"#,
                Fault::Down("Telegram answered 502: …".into()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
