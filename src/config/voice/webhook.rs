//! `[[voice.webhook]]` and `[voice.dead_man]`.

use serde::{Deserialize, Serialize};

use super::{EMAIL, LOG, SecretSource, Severity, TELEGRAM};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Its name in routes, status and the store; keep it, or what waits for it is forgotten.
    pub name: String,
    /// Where its URL is read from.
    pub url: SecretSource,
    /// The form of what is posted.
    #[serde(default)]
    pub preset: Preset,
    /// Signs each post (Standard Webhooks: `whsec_` and base64).
    #[serde(default)]
    pub secret: Option<SecretSource>,
    /// Alerts of this severity and above, whatever the routes say.
    #[serde(default = "info")]
    pub least: Severity,
    /// A receiver in a private or local network is meant.
    #[serde(default)]
    pub allow_private: bool,
    /// What ntfy opens when its message is tapped: an https URL.
    #[serde(default)]
    pub click: Option<String>,
}

const fn info() -> Severity {
    Severity::Info
}

/// What a receiver expects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The alert itself as JSON.
    #[default]
    Generic,
    /// Slack's incoming webhooks.
    Slack,
    /// Discord's.
    Discord,
    /// ntfy's JSON publishing.
    Ntfy,
}

/// The dead-man's switch: its URL alone, or a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadManSettings {
    /// Where its URL is read from.
    pub url: SecretSource,
    /// Tells starts and failures at `<url>/start` and `<url>/fail`, as healthchecks.io takes them.
    #[serde(default = "yes")]
    pub signals: bool,
    /// A switch in a private or local network is meant.
    #[serde(default)]
    pub allow_private: bool,
}

const fn yes() -> bool {
    true
}

pub(super) fn faults(webhooks: &[WebhookSettings]) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, webhook) in webhooks.iter().enumerate() {
        let name = &webhook.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let taken = [LOG, TELEGRAM, EMAIL].contains(&name.as_str());
        if name.is_empty() || !name.chars().all(plain) || taken {
            faults.push(format!(
                "voice.webhook[{index}].name = {name:?}: must be small letters, digits and \
                 hyphens, and not `log`, `telegram` or `email`"
            ));
        }
        if webhooks[..index].iter().any(|other| other.name == *name) {
            faults.push(format!("voice.webhook[{index}].name = {name:?}: is there twice"));
        }
        let ntfy = webhook.preset == Preset::Ntfy;
        if let Some(click) = &webhook.click
            && !(ntfy && click.starts_with("https://"))
        {
            faults.push(format!(
                "voice.webhook[{index}].click = {click:?}: must begin with https://, and goes with \
                 preset = \"ntfy\""
            ));
        }
    }
    faults
}
