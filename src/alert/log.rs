//! The log as a channel: alerts beside everything else, at the level of their severity.

use async_trait::async_trait;

use super::{Alert, Channel, SendError};
use crate::notice::Severity;

/// Writes alerts to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogChannel;

#[async_trait]
impl Channel for LogChannel {
    fn name(&self) -> &'static str {
        "log"
    }

    fn wants(&self, _: &Alert) -> bool {
        true
    }

    async fn send(&self, alert: &Alert) -> Result<(), SendError> {
        let Alert { id, kind, title, text, .. } = alert;
        let text = if text.is_empty() { String::new() } else { format!("\n{text}") };
        match alert.severity {
            Severity::Info => tracing::info!(alert = id, kind, "{title}{text}"),
            Severity::Warning => tracing::warn!(alert = id, kind, "{title}{text}"),
            Severity::Critical => tracing::error!(alert = id, kind, "CRITICAL: {title}{text}"),
        }
        Ok(())
    }
}
