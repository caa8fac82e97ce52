//! The channel that sends mail, on lettre 0.11; and the mailer that answers mails, too.
//!
//! One connection a mail, none kept: a send that was dropped in the middle must not be what the
//! next one goes on with.

/// The account at a mail server.
pub mod account;
mod fault;
/// Message ids.
pub mod ids;
/// A mail before it is sent.
pub mod letter;
/// A line to a mail server.
pub mod line;
mod mailer;
mod page;
/// TLS towards mail servers.
pub mod tls;
mod wire;
mod words;

use std::sync::Arc;

use async_trait::async_trait;

use self::words::Words;
pub use self::{
    letter::{Letter, Origin},
    mailer::Mailer,
};
use super::{Alert, Channel, Enclosure, Enclosures, Outgoing, SendError};
use crate::{config::voice::EMAIL, notice::Severity};

/// Alerts and reports by mail.
pub struct EmailChannel {
    mailer: Mailer,
    /// Where commands by mail are read, when they are.
    inbox: Option<String>,
    enclosures: Arc<dyn Enclosures>,
}

impl EmailChannel {
    /// A channel that tells how to answer by mail where an inbox is read.
    pub fn new(mailer: Mailer, inbox: Option<String>, enclosures: Arc<dyn Enclosures>) -> Self {
        Self { mailer, inbox, enclosures }
    }

    /// The mails of what goes out: a report is one by itself also in a burst, and one that never
    /// can be read keeps the rest of a burst from nobody.
    async fn letters(&self, out: &Outgoing) -> Result<Vec<Letter>, SendError> {
        let (mut letters, mut bare) = (Vec::new(), Vec::new());
        for alert in &out.alerts {
            match self.enclosures.of(alert).await {
                Ok(Some(enclosure)) => letters.push(self.enclosed(alert, &enclosure)),
                Ok(None) => bare.push(alert.clone()),
                Err(SendError::Permanent(why)) if out.alerts.len() > 1 => {
                    tracing::warn!(alert = alert.id, "it is mailed without its report: {why}");
                    bare.push(alert.clone());
                }
                Err(error) => return Err(error),
            }
        }
        match bare.as_slice() {
            [] => {}
            [alert] => letters.insert(0, self.alone(alert, out.repeat)),
            [.., newest] => letters.insert(0, self.burst(&bare, newest, out.repeat)),
        }
        for letter in &mut letters {
            letter.urgent &= !out.silent;
        }
        Ok(letters)
    }

    /// One alert; a repeat refers to the first mail of it.
    fn alone(&self, alert: &Alert, repeat: u32) -> Letter {
        let words = Words::of(alert, repeat, self.inbox.as_deref());
        let host = self.mailer.host();
        let mut letter = self.written(ids::alert(alert, repeat, host), &words, alert);
        if !alert.key.is_empty() {
            letter.references.push(ids::thread(&alert.key, host));
        }
        if repeat > 0 {
            letter.references.push(ids::alert(alert, 0, host));
            letter.at = self.mailer.now();
        }
        letter.in_reply_to = letter.references.last().cloned();
        letter
    }

    /// Many alerts as one mail.
    fn burst(&self, alerts: &[Alert], newest: &Alert, repeat: u32) -> Letter {
        let words = Words::of_many(alerts, repeat, self.inbox.as_deref());
        let id = ids::digest_of(alerts, repeat, self.mailer.host());
        self.written(id, &words, newest)
    }

    fn written(&self, id: String, words: &Words, newest: &Alert) -> Letter {
        let owners = self.mailer.owners().to_vec();
        let mut letter = Letter::new(id, owners, &words.subject, &words.text(), newest.at);
        letter.html = Some(page::of(words));
        letter.reply_to.clone_from(&self.inbox);
        letter.urgent = words.severity == Severity::Critical;
        letter
    }

    /// A report: the mail is it.
    fn enclosed(&self, alert: &Alert, enclosure: &Enclosure) -> Letter {
        let (host, owners) = (self.mailer.host(), self.mailer.owners().to_vec());
        let id = ids::enclosure(&enclosure.name, alert, host);
        let root = ids::thread(&enclosure.series, host);
        Letter {
            html: Some(enclosure.html.clone()),
            pictures: enclosure.pictures.clone(),
            files: enclosure.files.clone(),
            in_reply_to: Some(root.clone()),
            references: vec![root],
            reply_to: self.inbox.clone(),
            urgent: alert.severity == Severity::Critical,
            ..Letter::new(id, owners, &enclosure.subject, &enclosure.text, alert.at)
        }
    }
}

#[async_trait]
impl Channel for EmailChannel {
    fn name(&self) -> &'static str {
        EMAIL
    }

    fn digests(&self) -> bool {
        true
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        let letters = self.letters(out).await?;
        self.mailer.send_all(&letters).await
    }
}

#[cfg(test)]
mod tests;
