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
    waiting: BTreeMap<String, (Confirm, Request)>,
    count: u64,
}

impl Asked {
    /// Keeps a request until it is confirmed; what the caller asked before is forgotten.
    pub fn remember(
        &mut self,
        caller: &str,
        question: String,
        request: Request,
        now: Timestamp,
        totp: bool,
    ) -> Confirm {
        self.waiting.retain(|_, (confirm, _)| now < confirm.until);
        self.count += 1;
        let code = code(caller, self.count, now);
        let confirm = Confirm { question, code, until: now + VALID, totp };
        self.waiting.insert(caller.to_owned(), (confirm.clone(), request));
        confirm
    }

    /// The code of what waits for a caller.
    pub fn waiting(&self, caller: &str, now: Timestamp) -> Option<String> {
        let (confirm, _) = self.waiting.get(caller)?;
        (now < confirm.until).then(|| confirm.code.clone())
    }

    /// Forgets what waits for a caller.
    pub fn forget(&mut self, caller: &str) {
        self.waiting.remove(caller);
    }

    /// Forgets what undoes a halt, whoever asked for it: a halt has the last word.
    pub fn halted(&mut self) {
        self.waiting.retain(|_, (_, request)| !matches!(request, Request::Resume { .. }));
    }

    /// Takes what waits for a caller under this code: it is done once, and nothing else in its
    /// place.
    pub fn take(&mut self, caller: &str, code: &str, now: Timestamp) -> Option<Request> {
        if self.waiting.get(caller)?.0.code != code {
            return None;
        }
        let (confirm, request) = self.waiting.remove(caller)?;
        (now < confirm.until).then_some(request)
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
