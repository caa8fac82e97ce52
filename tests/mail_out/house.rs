//! A mailer, a channel and alerts, as the daemon would make them.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};
use tempfile::TempDir;
use tomking::{
    alert::{
        Alert, Channel as _, Enclosures, Outgoing, SendError,
        email::{EmailChannel, Mailer},
        setup::Bare,
    },
    clock::Runtime,
    config::voice::{EmailSettings, MailServer, SecretSource, Security, Severity},
};

use crate::server::{PASSWORD, Plan, Server, Tls, USER};

/// Long enough for a loaded machine, short enough for a server that hangs.
pub const PATIENCE: TimeDelta = TimeDelta::milliseconds(400);
/// Where nothing hangs.
const LONG: TimeDelta = TimeDelta::seconds(20);

/// A server with a mailer set up for it.
pub struct House {
    pub server: Server,
    pub settings: EmailSettings,
    _place: TempDir,
}

impl House {
    /// A house with the account's right password.
    pub async fn new(plan: Plan) -> Self {
        Self::with_password(plan, PASSWORD).await
    }

    pub async fn with_password(plan: Plan, password: &str) -> Self {
        let (tls, signs_in) = (plan.tls, !plan.auth.is_empty());
        let server = Server::start(plan).await;
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let secret = file("password", &format!("{password}\n"));
        let settings = EmailSettings {
            server: MailServer {
                host: "localhost".to_owned(),
                port: Some(server.port),
                security: match tls {
                    Tls::None => Security::None,
                    Tls::Implicit => Security::Tls,
                    Tls::Starttls | Tls::Stripped | Tls::Injected => Security::Starttls,
                },
                username: signs_in.then(|| USER.to_owned()),
                password: signs_in.then_some(SecretSource::File(secret)),
                ca_file: Some(file("authority.pem", &server.authority)),
            },
            from: "tomking <bot@example.org>".to_owned(),
            to: vec!["owner@example.org".to_owned()],
        };
        Self { server, settings, _place: place }
    }

    /// The same for two owners.
    pub fn for_two(mut self) -> Self {
        self.settings.to.push("partner@example.net".to_owned());
        self
    }

    pub fn mailer(&self) -> Mailer {
        Mailer::new(&self.settings, Runtime::live()).unwrap().within(LONG)
    }

    /// A channel that waits long, as there is nothing to wait for.
    pub fn channel(&self) -> EmailChannel {
        EmailChannel::new(self.mailer(), None, Arc::new(Bare))
    }

    /// A channel that gives up soon.
    pub fn hasty(&self) -> EmailChannel {
        let mailer = self.mailer().within(PATIENCE);
        EmailChannel::new(mailer, None, Arc::new(Bare))
    }

    pub fn telling_of(&self, enclosures: Arc<dyn Enclosures>) -> EmailChannel {
        EmailChannel::new(self.mailer(), Some("bot@example.org".to_owned()), enclosures)
    }

    pub async fn send(&self) -> Result<(), SendError> {
        self.channel().send(&Outgoing::one(alert(17))).await
    }
}

/// Runs a test on a runtime of its own.
pub fn on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

pub fn alert(id: u64) -> Alert {
    Alert {
        id,
        at: "2026-10-16T19:31:05Z".parse().unwrap(),
        kind: "not_flat".to_owned(),
        severity: Severity::Critical,
        title: "Position zdte-20261016-1 is open past its flat-by time".to_owned(),
        text: "1 ES iron condor 5800/5820/6100/6120\nClose it at the broker by hand if this \
               repeats."
            .to_owned(),
        key: "not_flat:zdte-20261016-1".to_owned(),
    }
}

pub fn parsed(data: &str) -> Message<'_> {
    MessageParser::default().parse(data.as_bytes()).unwrap()
}

/// A header as it stands, unfolded.
pub fn header(data: &str, name: &str) -> Option<String> {
    let head = data.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
    let prefix = format!("{}:", name.to_lowercase());
    let found: Vec<&str> =
        head.split("\r\n").filter(|line| line.to_lowercase().starts_with(&prefix)).collect();
    assert!(found.len() <= 1, "{name} stands once: {found:?}");
    found.first().map(|line| line.split_once(':').unwrap().1.trim().to_owned())
}

/// The tree of parts in words: `mixed(alternative(plain, related(html, png)), csv)`.
pub fn tree(message: &Message<'_>, part: u32) -> String {
    let found = message.part(part).unwrap();
    let kind = found.content_type().unwrap().subtype().unwrap().to_owned();
    match &found.body {
        PartType::Multipart(inner) => {
            let inner: Vec<String> = inner.iter().map(|part| tree(message, *part)).collect();
            format!("{kind}({})", inner.join(", "))
        }
        _ => kind,
    }
}

/// The plain text, its lines ended as here.
pub fn text(message: &Message<'_>) -> String {
    message.body_text(0).unwrap().replace("\r\n", "\n")
}
