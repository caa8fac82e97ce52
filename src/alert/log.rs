//! The log as a channel: alerts beside everything else, at the level of their severity.

use async_trait::async_trait;

use super::{Alert, Channel, Outgoing, SendError};
use crate::notice::Severity;

/// Writes alerts to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogChannel;

#[async_trait]
impl Channel for LogChannel {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        out.alerts.iter().for_each(say);
        Ok(())
    }
}

fn say(alert: &Alert) {
    let Alert { id, kind, title, text, .. } = alert;
    let text = if text.is_empty() { String::new() } else { format!("\n{text}") };
    match alert.severity {
        Severity::Info => tracing::info!(alert = id, kind, "{title}{text}"),
        Severity::Warning => tracing::warn!(alert = id, kind, "{title}{text}"),
        Severity::Critical => tracing::error!(alert = id, kind, "CRITICAL: {title}{text}"),
    }
}
