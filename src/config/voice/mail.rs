//! `[voice.email]`: mail that goes out. `[voice.inbox]`: commands that come by mail.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SecretSource, VoiceSettings};

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte (SMTP 465, IMAP 993).
    Tls,
    /// Plain first, then TLS, which must come about (SMTP 587, IMAP 143).
    Starttls,
    /// None: a server on this machine only.
    None,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailServer {
    /// Its name, which its certificate must carry.
    pub host: String,
    /// Its port; that of the security when absent.
    #[serde(default)]
    pub port: Option<u16>,
    /// TLS, STARTTLS or none.
    pub security: Security,
    /// The account; absent: none is asked for.
    #[serde(default)]
    pub username: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// Further root certificates, PEM, beside the well-known ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// Outgoing email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// The server that takes mail.
    pub server: MailServer,
    /// The sender: an address, or a name with an address in angle brackets.
    pub from: String,
    /// Who gets alerts and reports.
    pub to: Vec<String>,
}

/// Commands by email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxSettings {
    /// The IMAP server.
    pub server: MailServer,
    /// The mailbox that is read.
    #[serde(default = "inbox")]
    pub mailbox: String,
    /// Addresses whose commands are heeded.
    pub senders: Vec<String>,
    /// The name your own server signs its Authentication-Results with: with it, a command must
    /// carry its `dkim=pass` or `dmarc=pass`.
    #[serde(default)]
    pub trusted_authserv: Option<String>,
    /// Where the server has no IDLE, and besides it: the mailbox is looked at this often, seconds.
    #[serde(default = "a_minute")]
    pub poll_seconds: u64,
}

fn inbox() -> String {
    "INBOX".to_owned()
}

const fn a_minute() -> u64 {
    60
}

/// A name of this machine itself.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl MailServer {
    /// What is wrong with the server named `key`.
    fn faults(&self, key: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if self.host.trim().is_empty() {
            faults.push(format!("{key}.host = {:?}: must be the server's name", self.host));
        }
        if self.security == Security::None && !is_here(&self.host) {
            faults.push(format!(
                "{key}.security = none: must be tls or starttls for a server that is not on this \
                 machine ({})",
                self.host
            ));
        }
        if self.username.is_some() != self.password.is_some() {
            faults.push(format!(
                "{key}.username = {:?}: must be given together with password",
                self.username.as_deref().unwrap_or("")
            ));
        }
        faults
    }
}

/// One address alone, without a name.
fn is_address(text: &str) -> bool {
    matches!(text.split_once('@'), Some((local, domain)) if !local.is_empty()
        && domain.contains('.') | is_here(domain)
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | '"')))
}

impl EmailSettings {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.server.faults("voice.email.server");
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            faults.push(format!(
                "voice.email.from = {:?}: must be an address, or a name and an address: \
                 \"tomking <bot@example.org>\"",
                self.from
            ));
        }
        if self.to.is_empty() {
            faults.push("voice.email.to = []: must name at least one address".to_owned());
        }
        for (index, to) in self.to.iter().enumerate() {
            if !is_address(to) {
                faults.push(format!("voice.email.to[{index}] = {to:?}: must be an address"));
            }
        }
        faults
    }
}

impl InboxSettings {
    pub(super) fn faults(&self, voice: &VoiceSettings) -> Vec<String> {
        let mut faults = self.server.faults("voice.inbox.server");
        if self.server.username.is_none() && self.server.password.is_none() {
            faults.push(
                "voice.inbox.server.username = \"\": must be given with password; IMAP needs an \
                 account"
                    .to_owned(),
            );
        }
        if self.mailbox.trim().is_empty() {
            faults.push("voice.inbox.mailbox = \"\": must name a mailbox".to_owned());
        }
        let plain = |name: &str| !name.is_empty() && !name.contains([' ', ';', '\t']);
        if let Some(name) = self.trusted_authserv.as_deref().filter(|name| !plain(name)) {
            faults.push(format!(
                "voice.inbox.trusted_authserv = {name:?}: must be the one word your server begins \
                 its Authentication-Results with"
            ));
        }
        if self.senders.is_empty() {
            faults.push("voice.inbox.senders = []: must name at least one address".to_owned());
        }
        for (index, sender) in self.senders.iter().enumerate() {
            if !is_address(sender) {
                faults
                    .push(format!("voice.inbox.senders[{index}] = {sender:?}: must be an address"));
            }
        }
        if !(10..=3600).contains(&self.poll_seconds) {
            faults.push(format!(
                "voice.inbox.poll_seconds = {}: must be 10 to 3600",
                self.poll_seconds
            ));
        }
        if voice.totp.is_none() {
            faults.push(
                "voice.inbox.senders = …: commands by mail need `voice.totp`; name its secret"
                    .to_owned(),
            );
        }
        if voice.email.is_none() {
            faults.push(
                "voice.inbox.senders = …: each command is answered by mail; set `voice.email`"
                    .to_owned(),
            );
        }
        faults
    }
}
