//! What waits to be confirmed: one thing for each caller, for a minute.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::Confirm;
use crate::{clock::Timestamp, control::Request};

/// A question may be confirmed for so long (design §6).
const VALID: TimeDelta = TimeDelta::seconds(60);

/// What waits to be confirmed, by caller.
#[derive(Default)]
pub(super) struct Asked {
    waiting: BTreeMap<String, Waiting>,
    count: u64,
}

struct Waiting {
    confirm: Confirm,
    request: Request,
    /// How often trading had been stopped.
    stops: u64,
}

/// Nothing is there to be confirmed.
const NOTHING: &str = "nothing waits to be confirmed; ask again";
/// A stop has the last word, whoever asked for it.
const STOPPED: &str = "trading was stopped after this was asked; ask again";

impl Waiting {
    fn is_undone(&self, stops: u64) -> bool {
        self.stops != stops && matches!(self.request, Request::Resume { .. })
    }
}

impl Asked {
    /// Keeps a request until it is confirmed; what the caller asked before is forgotten.
    pub fn remember(
        &mut self,
        caller: &str,
        question: String,
        request: Request,
        stops: u64,
        now: Timestamp,
        totp: bool,
    ) -> Confirm {
        self.waiting.retain(|_, waiting| now < waiting.confirm.until);
        self.count += 1;
        let code = code(caller, self.count, now);
        let confirm = Confirm { question, code, until: now + VALID, totp };
        let waiting = Waiting { confirm: confirm.clone(), request, stops };
        self.waiting.insert(caller.to_owned(), waiting);
        confirm
    }

    /// The code of what waits for a caller; the error says why nothing can be confirmed.
    pub fn waiting(
        &self,
        caller: &str,
        stops: u64,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        match self.waiting.get(caller).filter(|waiting| now < waiting.confirm.until) {
            None => Err(NOTHING),
            Some(waiting) if waiting.is_undone(stops) => Err(STOPPED),
            Some(waiting) => Ok(waiting.confirm.code.clone()),
        }
    }

    /// Forgets what waits for a caller.
    pub fn forget(&mut self, caller: &str) {
        self.waiting.remove(caller);
    }

    /// Takes what waits for a caller under this code: it is done once, and nothing else in its
    /// place.
    pub fn take(
        &mut self,
        caller: &str,
        code: &str,
        stops: u64,
        now: Timestamp,
    ) -> Result<Request, &'static str> {
        if self.waiting(caller, stops, now)? != code {
            return Err("something else was asked meanwhile; ask again");
        }
        self.waiting.remove(caller).map(|waiting| waiting.request).ok_or(NOTHING)
    }
}

/// Four digits that differ from question to question. They show intent; who the caller is was
/// proven by the way they came.
fn code(caller: &str, count: u64, now: Timestamp) -> String {
    let seed = format!("{caller}/{count}/{}", now.timestamp_micros());
    let hash = Sha256::digest(seed.as_bytes());
    format!(
        "{:04}",
        (u32::from(hash[0]) << 16 | u32::from(hash[1]) << 8 | u32::from(hash[2])) % 10_000
    )
}
