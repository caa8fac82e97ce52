//! Notices to alerts to channels: who is told, by what way, and never lost.
//!
//! A notice is written to the outbox in the transaction of what it tells of. Each channel walks the
//! outbox on its own, so one that is down delays nobody; what it could not deliver waits in the
//! store, across restarts. Delivery is at least once: a receiver drops repeats by the alert's id.

/// The dead-man's switch.
pub mod dead_man;
/// From the outbox to the channels.
pub mod dispatch;
/// The channel that sends mail, and the mailer others answer by.
pub mod email;
/// The job body that pings the dead-man's switch.
pub mod heartbeat;
/// Who watches whether the desk lives, and tells where it does not.
pub mod lifeline;
/// The channel that writes to the log.
pub mod log;
/// The service manager: ready, alive, stopping.
pub mod manager;
/// No sound for a while.
pub mod mute;
/// Alerts that wait for somebody to acknowledge them.
pub mod open;
/// A notice as a person reads it.
pub mod render;
/// Who is told, and with a sound or without.
pub mod route;
/// One alert of each kind to each channel.
pub mod probe;
/// One notice of each kind.
pub mod samples;
/// The channels that settings name.
pub mod setup;
/// What a notice is about.
pub mod subject;
/// The channel that writes to Telegram chats.
pub mod telegram;
/// The channel that posts to a URL.
pub mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use self::render::render;
use crate::{clock::Timestamp, config::voice::TELEGRAM, notice::Severity};

/// The kind of the alerts that point to a report.
pub const REPORT: &str = "report";

/// A notice as a channel sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The outbox number: the same for every repeat and every channel.
    pub id: u64,
    /// When it was raised.
    pub at: Timestamp,
    /// The notice's kind, stable: `opened`, `job_failed`, ….
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// One line, enough to act on.
    pub title: String,
    /// Further lines; may be empty.
    pub text: String,
    /// What it is about, the same for each alert about that: `not_flat:zdte-20240802-1`. What
    /// threads mails and lets a receiver fold repeats.
    #[serde(default)]
    pub key: String,
}

/// What a channel sends at once: one alert, or a burst of them as a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The alerts, by their number ascending; never empty.
    pub alerts: Vec<Alert>,
    /// Without a sound, where the channel can.
    pub silent: bool,
    /// How often this went out before because nobody acknowledged it.
    pub repeat: u32,
}

impl Outgoing {
    /// One alert, with its sound.
    pub fn one(alert: Alert) -> Self {
        Self { alerts: vec![alert], silent: false, repeat: 0 }
    }

    /// The most severe of it.
    pub fn severity(&self) -> Severity {
        self.alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Info)
    }
}

/// Why a channel did not take what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// May work later.
    #[error("{0}")]
    Retry(String),
    /// The receiver names the wait (HTTP 429).
    #[error("{why}; it asks to wait {} s", after.num_seconds())]
    RetryAfter {
        /// How long.
        after: TimeDelta,
        /// Its words.
        why: String,
    },
    /// Will never work: a dead letter.
    #[error("{0}")]
    Permanent(String),
}

/// A way out.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The name in config, status and the store.
    fn name(&self) -> &str;
    /// What the channel never takes, whatever its route says: a webhook's `least`.
    fn takes(&self, _: &Alert) -> bool {
        true
    }
    /// Whether a burst may come as one digest; else each alert comes alone.
    fn digests(&self) -> bool {
        false
    }
    /// Whether it can send without a sound. Where it cannot, what must make none waits for the end
    /// of the quiet hours or of the mute. Telegram can.
    fn hushes(&self) -> bool {
        self.name() == TELEGRAM
    }
    /// Who it reaches, where they are several: the chats of a bot. Each is told in its own order and
    /// with its own waits, so that none delays another. Names of letters, digits, `-` and `.`; empty
    /// where the channel is one receiver itself.
    fn receivers(&self) -> Vec<String> {
        Vec::new()
    }
    /// Sends it to one of [`Channel::receivers`].
    async fn send_to(&self, _: &str, out: &Outgoing) -> Result<(), SendError> {
        self.send(out).await
    }
    /// Sends it to all. The future may be dropped at any await: a deadline is kept by the caller.
    async fn send(&self, out: &Outgoing) -> Result<(), SendError>;
}

/// A picture that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Small letters and hyphens: its file name and content id.
    pub name: String,
    /// What it shows, for who cannot see it.
    pub title: String,
    /// As PNG.
    pub png: Vec<u8>,
}

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name.
    pub name: String,
    /// Its media type: `text/csv; charset=utf-8`.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The whole of what an alert only points to: a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// What it is, for ids and file names: `report-daily-2026-10-16`.
    pub name: String,
    /// What it is one of; mails of one are one thread: `report-daily`.
    pub series: String,
    /// In place of the alert's title.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// For a phone: the markup of `telegram::markup`, its title and headline first.
    pub phone: String,
    /// One HTML page, its pictures as `<img src="cid:NAME">`.
    pub html: String,
    /// The pictures it names.
    pub pictures: Vec<Picture>,
    /// Files beside it.
    pub files: Vec<Attachment>,
}

/// Finds what an alert points to.
#[async_trait]
pub trait Enclosures: Send + Sync {
    /// The enclosure of an alert; `None` for one that says everything itself.
    ///
    /// # Errors
    /// `Retry` where it cannot be read now, `Permanent` where it never will be.
    async fn of(&self, alert: &Alert) -> Result<Option<Arc<Enclosure>>, SendError>;
}
