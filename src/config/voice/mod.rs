//! `[voice]`: the channels notices go out by and commands come in by, and who is told what.

/// The kinds of alert.
pub mod kinds;
/// `[voice.email]` and `[voice.inbox]`.
pub mod mail;
/// `[voice.routes]`, `[voice.quiet]`, `[voice.escalation]`.
pub mod routes;
/// Where secrets are read from.
pub mod secret;
/// `[voice.telegram]`.
pub mod telegram;
/// `[[voice.webhook]]` and `[voice.dead_man]`.
pub mod webhook;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    kinds::KINDS,
    mail::{EmailSettings, InboxSettings, MailServer, Security},
    routes::{Escalation, Mode, Quiet, Route},
    secret::SecretSource,
    telegram::{ChatSettings, TelegramSettings},
    webhook::{DeadManSettings, Preset, WebhookSettings},
};

/// The name of the Telegram channel in routes, status and the store.
pub const TELEGRAM: &str = "telegram";
/// The name of the email channel.
pub const EMAIL: &str = "email";
/// The name of the log as a channel.
pub const LOG: &str = "log";

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

/// Settings of the channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceSettings {
    /// The Telegram bot; absent: none.
    #[serde(default)]
    pub telegram: Option<TelegramSettings>,
    /// Outgoing email; absent: none.
    #[serde(default)]
    pub email: Option<EmailSettings>,
    /// Commands by email; absent: none are read.
    #[serde(default)]
    pub inbox: Option<InboxSettings>,
    /// Webhooks, each an own channel.
    #[serde(default)]
    pub webhook: Vec<WebhookSettings>,
    /// The dead-man's switch, pinged each minute by the job `heartbeat`.
    #[serde(default)]
    pub dead_man: Option<DeadManSettings>,
    /// The secret of time-based codes (RFC 6238: SHA-1, six digits, 30 s), in base32. Commands by
    /// email need it; with it, resume and flatten ask for a code everywhere but in the shell.
    #[serde(default)]
    pub totp: Option<SecretSource>,
    /// Who is told what, by channel name; a channel without a row has the default route.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// Hours in which only what is critical makes a sound; absent: none.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// What happens to alerts nobody acknowledges.
    #[serde(default)]
    pub escalation: Escalation,
}

impl VoiceSettings {
    /// The channels in force, the log first, in the order warnings escalate by.
    pub fn channels(&self) -> Vec<String> {
        let mut names = vec![LOG.to_owned()];
        names.extend(self.telegram.iter().map(|_| TELEGRAM.to_owned()));
        names.extend(self.email.iter().map(|_| EMAIL.to_owned()));
        names.extend(self.webhook.iter().map(|webhook| webhook.name.clone()));
        names
    }

    /// Where each secret is, by the key that says so.
    fn places(&self) -> Vec<(String, &SecretSource)> {
        let email = self.email.as_ref().and_then(|email| email.server.password.as_ref());
        let inbox = self.inbox.as_ref().and_then(|inbox| inbox.server.password.as_ref());
        let mut places = vec![
            ("totp".to_owned(), self.totp.as_ref()),
            ("telegram.token".to_owned(), self.telegram.as_ref().map(|telegram| &telegram.token)),
            ("email.server.password".to_owned(), email),
            ("inbox.server.password".to_owned(), inbox),
        ];
        for (index, webhook) in self.webhook.iter().enumerate() {
            places.push((format!("webhook[{index}].url"), Some(&webhook.url)));
            places.push((format!("webhook[{index}].secret"), webhook.secret.as_ref()));
        }
        places.push(("dead_man.url".to_owned(), self.dead_man.as_ref().map(|switch| &switch.url)));
        let named = |(key, place): (String, Option<_>)| Some((format!("voice.{key}"), place?));
        places.into_iter().filter_map(named).collect()
    }

    /// The secrets themselves, as far as they can be read: to keep them out of what is shown.
    pub fn secrets(&self) -> Vec<String> {
        self.places().into_iter().filter_map(|(_, place)| place.read().ok()).collect()
    }

    /// Secrets that cannot be read: the key and the place of each, with the cause.
    pub fn unread(&self) -> Vec<String> {
        let fault = |(key, place): (String, &SecretSource)| {
            place.read().err().map(|why| format!("{key}: {why}"))
        };
        self.places().into_iter().filter_map(fault).collect()
    }

    /// What is wrong, in words with key and bound; nothing when all is right.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = webhook::faults(&self.webhook);
        faults.extend(self.telegram.iter().flat_map(TelegramSettings::faults));
        faults.extend(self.email.iter().flat_map(EmailSettings::faults));
        faults.extend(self.inbox.iter().flat_map(|inbox| inbox.faults(self)));
        faults.extend(self.quiet.iter().flat_map(Quiet::faults));
        faults.extend(self.escalation.faults());
        faults.extend(routes::faults(&self.routes, &self.channels()));
        faults
    }
}
