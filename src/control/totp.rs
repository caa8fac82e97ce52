//! Time-based codes (RFC 6238: SHA-1, six digits, a step of 30 s), each taken once.
//!
//! A code is six digits, so what guards it is that few are valid at once and few wrong ones are
//! heard. `attempts` bounds the second; docs/EMAIL_COMMANDS.md has the arithmetic.

/// How many wrong codes are heard.
pub mod attempts;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio_rustls::rustls::crypto::ring;
use totp_rs::{Builder, Secret, Totp};

use self::attempts::Limits;
use super::console::Codes;
use crate::{
    clock::Timestamp,
    config::voice::VoiceSettings,
    store::{Read, Store, StoreError, Table, WriteTx},
};

/// One code lasts so long, seconds.
const STEP_SECONDS: u64 = 30;
/// Steps of 48 hours: older ones than that before the newest used are forgotten, and refused.
const KEPT_STEPS: u64 = 2 * 24 * 60 * 60 / STEP_SECONDS;
/// Bytes of a new secret (RFC 4226 §4 R6: 160 bits).
const SECRET_BYTES: usize = 20;
/// Under this name the wrong codes of all interactive ways are counted together.
const INTERACTIVE: &str = "interactive";
const WRONG: &str = "that is not the code of the moment";
const USED_UP: &str = "that code is used; wait for the next one";

/// Steps whose code is used, by their number (twelve digits, so text order is number order).
pub const USED: Table<Timestamp> = Table::new("codes_used", 1);
/// The step below which no code is taken any more, under the key `floor`.
const FLOOR: Table<u64> = Table::new("codes_floor", 1);
const FLOOR_KEY: &str = "floor";

/// Of when a code may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Of the moment, with one step for clocks that differ: in a conversation.
    Now,
    /// Of ten minutes around now: FLATTEN by mail.
    Minutes,
    /// Of the last 24 hours, and ten minutes ahead for a fast clock: HALT and REDUCE by mail.
    Day,
}

impl Window {
    /// How far back and ahead of now, seconds.
    const fn seconds(self) -> (u64, u64) {
        match self {
            Self::Now => (30, 30),
            Self::Minutes => (600, 600),
            Self::Day => (86_400, 600),
        }
    }
}

/// Whose a code is in this life of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The asker's, from now on.
    New,
    /// The asker's since an earlier look at the same thing.
    Mine,
    /// Someone else's.
    Taken,
}

/// The codes of one secret.
pub struct TimeCodes {
    totp: Totp,
    store: Store,
    /// Steps whose code was claimed in this life, with by what: also those the store has not taken
    /// yet.
    claimed: Mutex<BTreeMap<u64, String>>,
}

impl TimeCodes {
    /// The codes of a secret in base32, with or without spaces and padding.
    ///
    /// # Errors
    /// In words, without the secret.
    pub fn new(secret: &str, store: Store) -> Result<Self, String> {
        Ok(Self { totp: totp(secret)?, store, claimed: Mutex::default() })
    }

    /// The steps of a window whose code this is, the newest first; nearly always none or one.
    ///
    /// Every code of the window is compared, each in constant time.
    pub fn matching(&self, code: &str, window: Window, now: Timestamp) -> Vec<u64> {
        let (back, ahead) = window.seconds();
        let now = u64::try_from(now.timestamp()).unwrap_or(0);
        let steps = now.saturating_sub(back) / STEP_SECONDS..=(now + ahead) / STEP_SECONDS;
        let fits = |step: &u64| self.totp.check(code, step * STEP_SECONDS).is_some();
        steps.rev().filter(fits).collect()
    }

    /// Claims a code by the steps it fits, before the store is asked: of two that have one code only
    /// the first has it, whatever the store does. `alike` go with it, as in [`take`].
    pub fn claim(&self, steps: &[u64], alike: &[u64], who: &str) -> Claim {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.iter().any(|step| claimed.get(step).is_some_and(|by| by == who)) {
            return Claim::Mine;
        }
        if !steps.is_empty() && steps.iter().all(|step| claimed.contains_key(step)) {
            return Claim::Taken;
        }
        for step in steps.iter().chain(alike) {
            claimed.entry(*step).or_insert_with(|| who.to_owned());
        }
        let newest = claimed.last_key_value().map_or(0, |(step, _)| *step);
        claimed.retain(|step, _| newest - step <= KEPT_STEPS);
        Claim::New
    }

    /// Gives back what was claimed and not used.
    pub fn give_back(&self, who: &str) {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.retain(|_, by| by != who);
    }

    /// The code of an instant, as an authenticator shows it.
    pub fn code(&self, at: Timestamp) -> String {
        self.totp.generate(u64::try_from(at.timestamp()).unwrap_or(0)).to_string()
    }
}

fn totp(secret: &str) -> Result<Totp, String> {
    let plain: String = secret.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let plain = plain.trim_end_matches('=').to_ascii_uppercase();
    let bytes = Secret::try_from_base32(&plain)
        .map_err(|_| "the secret must be base32: letters A to Z and digits 2 to 7".to_owned())?;
    let built = Builder::new().with_secret(bytes).with_skew(0).build();
    built.map_err(|_| "the secret is too short: it must have at least 128 bits".to_owned())
}

fn key(step: u64) -> String {
    format!("{step:012}")
}

/// Takes a code by the steps it fits; `None` when they are used. Of two transactions
/// that want one step only the first has it, for writes come one after another.
///
/// What is forgotten is bounded by the newest step ever used, not by the clock: a code comes from a
/// phone whose clock is right, so a step of the machine's clock, forward or back, opens nothing.
///
/// `alike` are the steps of a day with the same six digits: they go with it, or who saw the code
/// could use it once more in their place.
pub fn take(
    tx: &mut WriteTx,
    steps: &[u64],
    alike: &[u64],
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let Some(step) = unused(tx, steps)? else { return Ok(None) };
    steps.iter().chain(alike).try_for_each(|step| tx.put(&USED, &key(*step), &now))?;
    forget(tx)?;
    Ok(Some(step))
}

/// The first of the steps that may still be taken.
pub fn unused(tx: &impl Read, steps: &[u64]) -> Result<Option<u64>, StoreError> {
    let floor = floor(tx)?;
    for step in steps.iter().filter(|step| **step >= floor) {
        match tx.get(&USED, &key(*step)) {
            Ok(None) => return Ok(Some(*step)),
            // A row that cannot be read is there all the same: the code is used.
            Ok(Some(_)) | Err(StoreError::Codec { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn floor(tx: &impl Read) -> Result<u64, StoreError> {
    Ok(attempts::sound(tx.get(&FLOOR, FLOOR_KEY))?.unwrap_or(0))
}

/// Forgets steps long before the newest used one, and refuses them from now on.
fn forget(tx: &mut WriteTx) -> Result<(), StoreError> {
    let (rows, broken) = tx.readable(&USED, "")?;
    let keys = rows.into_iter().map(|(key, _)| key).chain(broken.into_iter().map(|(key, _)| key));
    let steps: Vec<u64> = keys.filter_map(|key| key.parse().ok()).collect();
    let rise = steps.iter().max().copied().unwrap_or(0).saturating_sub(KEPT_STEPS);
    if rise <= floor(tx)? {
        return Ok(());
    }
    let mut old = steps.into_iter().filter(|step| *step < rise);
    old.try_for_each(|step| tx.remove(&USED, &key(step)).map(|_| ()))?;
    tx.put(&FLOOR, FLOOR_KEY, &rise)
}

#[async_trait]
impl Codes for TimeCodes {
    async fn spend(&self, code: &str, now: Timestamp) -> Result<(), String> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let steps = self.matching(&code, Window::Now, now);
        let alike = self.matching(&code, Window::Day, now);
        // While it is being spent; what was spent is the conversation's.
        let who = format!("{INTERACTIVE}/{code}");
        let fresh = self.claim(&steps, &alike, &who) == Claim::New;
        let spent = self.store.write(move |tx| {
            if let Some(until) = attempts::locked(tx, INTERACTIVE, &Limits::INTERACTIVE, now)? {
                let until = until.format("%H:%M");
                return Ok(Err(format!("too many wrong codes; codes are heard from {until} UTC")));
            }
            if fresh && take(tx, &steps, &alike, now)?.is_some() {
                return Ok(Ok(()));
            }
            attempts::failed(tx, INTERACTIVE, now)?;
            let right = !steps.is_empty();
            Ok(Err(if right { USED_UP } else { WRONG }.to_owned()))
        });
        let spent = spent.await.map_err(|error| error.to_string()).flatten();
        if fresh && spent.is_err() {
            self.give_back(&who);
        }
        spent
    }
}

/// By how many seconds an authenticator of this secret is ahead of `now`, told by a code it shows;
/// `None` when the code is none of ten minutes around now. Nothing is spent.
///
/// # Errors
/// In words, without the secret.
pub fn ahead(secret: &str, code: &str, now: Timestamp) -> Result<Option<i64>, String> {
    let codes = TimeCodes::new(secret, Store::in_memory().map_err(|error| error.to_string())?)?;
    let steps = codes.matching(code, Window::Minutes, now).into_iter();
    let step_seconds = STEP_SECONDS.cast_signed();
    let off = |step: u64| (step.cast_signed() - now.timestamp() / step_seconds) * step_seconds;
    Ok(steps.map(off).min_by_key(|off| off.abs()))
}

/// The codes that settings name; `None` where they name none.
///
/// # Errors
/// In words: the setting and the place of the secret, never the secret.
pub fn of(voice: &VoiceSettings, store: &Store) -> Result<Option<Arc<TimeCodes>>, String> {
    let Some(place) = &voice.totp else { return Ok(None) };
    let made = place.read().and_then(|secret| TimeCodes::new(&secret, store.clone()));
    made.map(|codes| Some(Arc::new(codes))).map_err(|why| format!("voice.totp: {why}"))
}

/// Why the secret that settings name makes no codes, where it can be read.
pub fn fault(voice: &VoiceSettings) -> Option<String> {
    let secret = voice.totp.as_ref()?.read().ok()?;
    totp(&secret).err().map(|why| format!("voice.totp: {why}"))
}

/// A new secret in base32, 160 bits drawn by the TLS library.
///
/// # Errors
/// In words, when the system gives no randomness.
pub fn new_secret() -> Result<String, String> {
    let mut bytes = [0_u8; SECRET_BYTES];
    let drawn = ring::default_provider().secure_random.fill(&mut bytes);
    drawn.map_err(|_| "the system gives no randomness".to_owned())?;
    Ok(Secret::new_stack(bytes).to_base32())
}

/// What an authenticator reads a secret from, as text or as a picture of it.
pub fn uri(secret: &str, account: &str) -> String {
    let mut label = String::new();
    for byte in account.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                label.push(char::from(byte));
            }
            _ => {
                let _ = write!(label, "%{byte:02X}");
            }
        }
    }
    format!(
        "otpauth://totp/tomking:{label}?secret={secret}&issuer=tomking&algorithm=SHA1&digits=6&\
         period={STEP_SECONDS}"
    )
}
