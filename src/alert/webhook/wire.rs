//! The wire to one receiver: a client that follows no redirect, asks no proxy, and has a limit for
//! everything it waits for or reads.

use std::{net::IpAddr, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, Url, dns::Resolve, redirect::Policy};

use super::{
    address::{HINT, PublicOnly, SystemNames, is_public},
    answer,
};
use crate::{alert::SendError, clock::Timestamp};

/// The longest a request may take, connection and answer included.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How far a wire reaches, and how long it waits.
#[derive(Clone)]
pub(in crate::alert) struct Reach {
    /// Private and local addresses, too.
    pub allow_private: bool,
    /// For the whole of a request.
    pub deadline: Duration,
    /// Who is asked for the addresses of a name.
    pub names: Arc<dyn Resolve>,
    /// Certificates trusted beside the public ones.
    pub roots: Vec<reqwest::Certificate>,
}

impl Reach {
    /// The reach in force.
    pub fn of(allow_private: bool) -> Self {
        let names = Arc::new(SystemNames);
        Self { allow_private, deadline: DEADLINE, names, roots: Vec::new() }
    }
}

/// A receiver's URL and the client for it.
pub(in crate::alert) struct Wire {
    url: Url,
    client: Client,
}

/// Reads a URL; the error shows nothing of it.
pub(in crate::alert) fn read(text: &str, reach: &Reach) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|_| "the URL cannot be read")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the URL must begin with https:// or http://".to_owned());
    }
    // The URL standard has read every spelling of an address by now: 0x7f.1, 2130706433, [::1].
    let host = url.host_str().unwrap_or_default();
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    if !reach.allow_private && literal.is_some_and(|address| !is_public(address)) {
        return Err(format!("the URL names a private or local address; {HINT}"));
    }
    Ok(url)
}

impl Wire {
    /// A wire to a URL that was [`read`].
    pub fn new(url: Url, reach: Reach) -> Result<Self, String> {
        let agent = concat!("tomking/", env!("CARGO_PKG_VERSION"));
        let names =
            if reach.allow_private { reach.names } else { Arc::new(PublicOnly(reach.names)) };
        let mut builder = Client::builder()
            .user_agent(agent)
            .redirect(Policy::none())
            .no_proxy() // a proxy would connect elsewhere than was checked
            .dns_resolver(Arc::new(Names(names)))
            .connect_timeout(CONNECT.min(reach.deadline))
            .timeout(reach.deadline)
            // Alerts are few: a connection that idles until the next one would mostly be found
            // closed.
            .pool_max_idle_per_host(0);
        for root in reach.roots {
            builder = builder.add_root_certificate(root);
        }
        let client = builder.build().map_err(|error| error.without_url().to_string())?;
        Ok(Self { url, client })
    }

    /// A post to the URL.
    pub fn post(&self) -> RequestBuilder {
        self.client.post(self.url.clone())
    }

    /// A post to a URL below it: `below` is added to the path, the query is kept.
    pub fn post_below(&self, below: &str) -> RequestBuilder {
        let mut url = self.url.clone();
        let path = format!("{}/{below}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        self.client.post(url)
    }

    /// A look at the URL.
    pub fn get(&self) -> RequestBuilder {
        self.client.get(self.url.clone())
    }

    /// Sends a request of this wire and judges the answer; `now` dates a wait the receiver asks for.
    pub async fn send(&self, request: RequestBuilder, now: Timestamp) -> Result<(), SendError> {
        self.judged(request, now).await.map(drop)
    }

    /// The same for who says in the body what a status does not: gives the beginning of it.
    pub async fn ask(&self, request: RequestBuilder, now: Timestamp) -> Result<String, SendError> {
        let said = answer::beginning(self.judged(request, now).await?).await;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    async fn judged(&self, request: RequestBuilder, now: Timestamp) -> Result<Response, SendError> {
        let answer: Response = request.send().await.map_err(|error| self.failure(error))?;
        answer::judge(answer, now, &self.url).await
    }

    /// Why there was no answer, down to the cause, without the URL or its host.
    fn failure(&self, error: reqwest::Error) -> SendError {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(deeper) = cause {
            text = format!("{text}: {deeper}");
            cause = deeper.source();
        }
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        SendError::Retry(if host.len() > 3 { text.replace(host, "<host>") } else { text })
    }
}

/// reqwest wants a type of its own, not a trait object.
struct Names(Arc<dyn Resolve>);

impl Resolve for Names {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        self.0.resolve(name)
    }
}
