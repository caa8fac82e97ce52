//! Alerts as posts to a URL: signed JSON, or what Slack, Discord and ntfy take.
//!
//! A URL may be a secret, and so may the host in it: neither reaches an error or a log.

/// Which addresses a post may go to.
pub mod address;
/// What a receiver's answer means.
pub mod answer;
mod form;
/// Signatures by Standard Webhooks.
pub mod sign;
pub(super) mod wire;

use std::sync::Arc;

use async_trait::async_trait;

use self::{
    form::{Form, Post},
    sign::Signer,
    wire::{Reach, Wire},
};
use super::{Alert, Channel, Outgoing, SendError};
use crate::{clock::Clock, config::voice::Preset, notice::Severity};

/// What a webhook is made of, its secrets read.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    /// Its name in routes, status and the store.
    pub name: String,
    /// Where it posts; may carry a secret.
    pub url: String,
    /// Signs each post: `whsec_` and base64; several with spaces between sign side by side.
    pub secret: Option<String>,
    /// The form of what is posted.
    pub preset: Preset,
    /// Alerts of this severity and above.
    pub least: Severity,
    /// A receiver in a private or local network is meant.
    pub allow_private: bool,
    /// What ntfy opens when its message is tapped.
    pub click: Option<String>,
}

/// Posts alerts to one URL.
pub struct Webhook {
    name: String,
    wire: Wire,
    form: Form,
    signer: Option<Signer>,
    least: Severity,
    clock: Arc<dyn Clock>,
}

/// Why a webhook cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("webhook `{name}`: {cause}")]
pub struct WebhookError {
    name: String,
    cause: String,
}

impl Webhook {
    /// A webhook by its setup; `clock` tells the time of sending.
    pub fn new(setup: Setup, clock: Arc<dyn Clock>) -> Result<Self, WebhookError> {
        let reach = Reach::of(setup.allow_private);
        Self::within(setup, clock, reach)
    }

    /// The same with limits of its own.
    fn within(setup: Setup, clock: Arc<dyn Clock>, reach: Reach) -> Result<Self, WebhookError> {
        let Setup { name, url, secret, preset, least, click, .. } = setup;
        let made = (|| {
            let mut url = wire::read(&url, &reach)?;
            let form = Form::new(preset, &mut url, click)?;
            if url.scheme() == "http" && !reach.allow_private {
                tracing::warn!(name, "this webhook posts in clear text; use https://");
            }
            let signer = secret.map(|secret| Signer::new(&secret)).transpose()?;
            Ok((Wire::new(url, reach)?, form, signer))
        })();
        match made {
            Ok((wire, form, signer)) => Ok(Self { name, wire, form, signer, least, clock }),
            Err(cause) => Err(WebhookError { name, cause }),
        }
    }

    /// The headers name the time of sending, not that of the alert: a receiver refuses what is more
    /// than five minutes old, and an alert may have waited for hours.
    async fn post(&self, post: &Post) -> Result<(), SendError> {
        let now = self.clock.now();
        let body = post.body.to_string();
        let stamp = now.timestamp().to_string();
        let mut request = self.wire.post().header("content-type", "application/json");
        request = request.header("webhook-id", &post.id).header("webhook-timestamp", &stamp);
        if let Some(signer) = &self.signer {
            request = request.header("webhook-signature", signer.sign(&post.id, &stamp, &body));
        }
        self.wire.send(request.body(body), now).await
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn takes(&self, alert: &Alert) -> bool {
        alert.severity >= self.least
    }

    fn digests(&self) -> bool {
        self.form.digests()
    }

    fn hushes(&self) -> bool {
        self.form.hushes()
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        for post in self.form.posts(out) {
            self.post(&post).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
