//! Notices to alerts to channels: who is told, by what way, and never lost.
//!
//! A notice is written to the outbox in the transaction of what it tells of. Each channel walks the
//! outbox on its own, so one that is down delays nobody; what it could not deliver waits in the
//! store, across restarts. Delivery is at least once: a receiver drops repeats by the alert's id.
//!
//! Telegram and email take their place beside `webhook.rs` with the issue that brings them.

/// Delivery from the outbox to one channel.
pub mod dispatch;
/// The job body that pings the dead-man's switch.
pub mod heartbeat;
/// The channel that writes to the log.
pub mod log;
/// A notice as a person reads it.
pub mod render;
/// The channel that posts JSON to a URL.
pub mod webhook;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::render::render;
use crate::{clock::Timestamp, notice::Severity};

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
}

/// Why a channel did not take an alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// May work later.
    #[error("{0}")]
    Retry(String),
    /// Will never work: a dead letter.
    #[error("{0}")]
    Permanent(String),
}

/// A way out.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The name in config, status and the store.
    fn name(&self) -> &str;
    /// Whether this kind goes out here.
    fn wants(&self, alert: &Alert) -> bool;
    /// Sends one alert.
    async fn send(&self, alert: &Alert) -> Result<(), SendError>;
}
