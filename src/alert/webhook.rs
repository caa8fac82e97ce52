//! Alerts as JSON, posted to a URL. Redirects are not followed; each post has its own deadline.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode, redirect::Policy};

use super::{Alert, Channel, Outgoing, SendError};
use crate::notice::Severity;

/// The longest a post may take, connection and answer included.
const DEADLINE: Duration = Duration::from_secs(10);

/// Posts alerts to one URL.
pub struct Webhook {
    name: String,
    url: reqwest::Url,
    least: Severity,
    client: Client,
}

/// Why a webhook cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("webhook `{name}`: {cause}")]
pub struct WebhookError {
    name: String,
    cause: String,
}

impl Webhook {
    /// A webhook to `url` for alerts of `least` severity and above. The URL may carry a secret; it
    /// never reaches an error or a log.
    pub fn new(name: &str, url: &str, least: Severity) -> Result<Self, WebhookError> {
        Self::within(name, url, least, DEADLINE)
    }

    /// The same with a deadline of its own for each post.
    fn within(
        name: &str,
        url: &str,
        least: Severity,
        deadline: Duration,
    ) -> Result<Self, WebhookError> {
        let failed = |cause: &str| WebhookError { name: name.to_owned(), cause: cause.to_owned() };
        let url = reqwest::Url::parse(url.trim()).map_err(|_| failed("the URL cannot be read"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(failed("the URL must begin with https:// or http://"));
        }
        let client = client(deadline).map_err(|error| failed(&error.to_string()))?;
        Ok(Self { name: name.to_owned(), url, least, client })
    }
}

fn client(deadline: Duration) -> reqwest::Result<Client> {
    let agent = concat!("tomking/", env!("CARGO_PKG_VERSION"));
    let client = Client::builder().redirect(Policy::none()).timeout(deadline).user_agent(agent);
    // Alerts are few: a connection that idles until the next one would mostly be found closed.
    client.pool_max_idle_per_host(0).build()
}

/// Why a post got no answer, down to the cause, without the URL: that may be a secret.
fn failure(error: reqwest::Error) -> SendError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    SendError::Retry(text)
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn takes(&self, alert: &Alert) -> bool {
        alert.severity >= self.least
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        for alert in &out.alerts {
            self.post(alert).await?;
        }
        Ok(())
    }
}

impl Webhook {
    async fn post(&self, alert: &Alert) -> Result<(), SendError> {
        let request = self
            .client
            .post(self.url.clone())
            .header("webhook-id", alert.id.to_string())
            .header("webhook-timestamp", alert.at.timestamp().to_string())
            .json(alert);
        match request.send().await {
            Ok(answer) => verdict(answer.status()),
            Err(error) => Err(failure(error)),
        }
    }
}

/// What an answer means: any 2xx is taken; what another attempt may change is retried.
fn verdict(status: StatusCode) -> Result<(), SendError> {
    let retry = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        || status.as_u16() == 425;
    match (status.is_success(), retry) {
        (true, _) => Ok(()),
        (false, true) => Err(SendError::Retry(format!("the receiver answered {status}"))),
        (false, false) => Err(SendError::Permanent(format!("the receiver answered {status}"))),
    }
}

/// Pings a dead-man's switch.
pub struct DeadMan {
    url: reqwest::Url,
    client: Client,
}

impl DeadMan {
    /// A switch at `url`, which may carry a secret.
    pub fn new(url: &str) -> Result<Self, WebhookError> {
        let webhook = Webhook::new("dead_man", url, Severity::Info)?;
        Ok(Self { url: webhook.url, client: webhook.client })
    }

    /// One ping.
    pub async fn ping(&self) -> Result<(), SendError> {
        match self.client.get(self.url.clone()).send().await {
            Ok(answer) => verdict(answer.status()),
            Err(error) => Err(failure(error)),
        }
    }
}

#[cfg(test)]
mod tests;
