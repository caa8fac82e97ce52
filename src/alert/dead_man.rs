//! The dead-man's switch: a service that is asked each minute, and tells when the asking stops.

use std::sync::Arc;

use super::{
    SendError,
    webhook::wire::{self, Reach, Wire},
};
use crate::clock::Clock;

/// Letters of a reason that are sent with a failure.
const REASON_MOST: usize = 1000;

/// Pings a switch at its URL; starts and failures go to `<url>/start` and `<url>/fail`, as
/// healthchecks.io takes them.
pub struct DeadMan {
    wire: Wire,
    signals: bool,
    clock: Arc<dyn Clock>,
}

impl DeadMan {
    /// A switch at `url`, which may carry a secret. Without `signals` only pings are sent.
    ///
    /// # Errors
    /// In words, without the URL.
    pub fn new(
        url: &str,
        signals: bool,
        allow_private: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let reach = Reach::of(allow_private);
        let url = wire::read(url, &reach)?;
        Ok(Self { wire: Wire::new(url, reach)?, signals, clock })
    }

    /// All is well.
    pub async fn ping(&self) -> Result<(), SendError> {
        heard(&self.wire.ask(self.wire.get(), self.clock.now()).await?)
    }

    /// The daemon starts; nothing is sent without signals.
    pub async fn start(&self) -> Result<(), SendError> {
        self.signal("start", String::new()).await
    }

    /// The daemon, or its desk, has failed; nothing is sent without signals.
    pub async fn fail(&self, reason: &str) -> Result<(), SendError> {
        self.signal("fail", reason.chars().take(REASON_MOST).collect()).await
    }

    async fn signal(&self, below: &str, body: String) -> Result<(), SendError> {
        if !self.signals {
            return Ok(());
        }
        heard(&self.wire.ask(self.wire.post_below(below).body(body), self.clock.now()).await?)
    }
}

/// What the switch made of a ping that it answered with 200. healthchecks.io answers so whatever
/// became of it, and says it in the body: `OK`, `OK (not found)`, `OK (rate limited)`
/// (`healthchecks.io/docs/http_api`). Any other body is of another service, and its 200 is taken.
fn heard(body: &str) -> Result<(), SendError> {
    let said = body.trim().to_ascii_lowercase();
    match said.strip_prefix("ok").unwrap_or(&said).trim_start() {
        "(not found)" => Err(SendError::Permanent(
            "the switch knows no check at the address of voice.dead_man.url, so nobody watches \
             (it answered \"OK (not found)\"); put in the address that the check shows"
                .to_owned(),
        )),
        "(rate limited)" => Err(SendError::Retry(
            "the switch left the ping out, as too many come for this check (it answered \"OK \
             (rate limited)\"); give each daemon a check of its own"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}
