//! `[voice]`: the channels notices go out by.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How much a notice matters (design: alerts by severity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Needs a look; escalates while not acknowledged.
    Warning,
    /// Needs a hand now; goes everywhere and repeats.
    Critical,
}

/// Settings of the outgoing channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceSettings {
    /// Webhooks, each an own channel.
    #[serde(default)]
    pub webhook: Vec<WebhookSettings>,
    /// The dead-man's switch, pinged each minute by the job `heartbeat`.
    #[serde(default)]
    pub dead_man: Option<SecretSource>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Its name in status and in the store; keep it, or what waits for it is forgotten.
    pub name: String,
    /// Alerts of this severity and above.
    pub least: Severity,
    /// Where its URL is read from.
    pub url: SecretSource,
}

/// Where a secret is: never in a config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file, white space around it left out.
    File(PathBuf),
}

impl SecretSource {
    /// Reads the secret; the error names the place, never the content.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| format!("the environment variable `{name}` is not set"))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?,
        };
        let text = text.trim();
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
    }
}

impl VoiceSettings {
    /// What is wrong, in words with key and bound; nothing when all is right.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (index, webhook) in self.webhook.iter().enumerate() {
            let name = &webhook.name;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(plain) || name == "log" {
                faults.push(format!(
                    "voice.webhook[{index}].name = {name:?}: must be small letters, digits and \
                     hyphens, and not `log`"
                ));
            }
            if self.webhook[..index].iter().any(|other| other.name == *name) {
                faults.push(format!("voice.webhook[{index}].name = {name:?}: is there twice"));
            }
        }
        faults
    }
}
