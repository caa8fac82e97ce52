//! Against Debian's postfix and dovecot: `tests/long/mail` starts them and runs these.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures::TryStreamExt as _;
use mail_parser::MessagePart;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tomking::{
    alert::{
        Channel as _, Outgoing, SendError,
        email::{EmailChannel, Mailer, tls},
    },
    clock::Runtime,
    config::voice::{EmailSettings, MailServer, SecretSource, Security},
};

use crate::{
    bodies::{Archive, CSV, PNG, report},
    house::{alert, header, on, parsed, tree},
};

const OWNER: &str = "owner@tomking.test";
/// A mail is in the mailbox within so many looks at it.
const LOOKS: usize = 100;

/// The servers that run: their folder and ports.
struct Servers {
    place: PathBuf,
    ports: BTreeMap<String, u16>,
}

impl Servers {
    fn running() -> Self {
        let place = std::env::var("TOMKING_MAIL_SERVERS");
        let place = PathBuf::from(place.expect("tests/long/mail sets TOMKING_MAIL_SERVERS"));
        let settings = std::fs::read_to_string(place.join("settings")).unwrap();
        let pairs = settings.lines().filter_map(|line| line.split_once('='));
        let port = |(name, value): (&str, &str)| Some((name.to_owned(), value.parse().ok()?));
        Self { ports: pairs.filter_map(port).collect(), place }
    }

    fn settings(&self, security: Security) -> EmailSettings {
        let name = if security == Security::Tls { "SMTP_TLS" } else { "SMTP_STARTTLS" };
        EmailSettings {
            server: MailServer {
                host: "localhost".to_owned(),
                port: Some(self.ports[name]),
                security,
                username: Some("bot@tomking.test".to_owned()),
                password: Some(SecretSource::File(self.place.join("password"))),
                ca_file: Some(self.place.join("authority.pem")),
            },
            from: "tomking <bot@tomking.test>".to_owned(),
            to: vec![OWNER.to_owned()],
        }
    }

    /// The mail with this id, out of the owner's mailbox.
    async fn read_back(&self, id: &str) -> String {
        let config = tls::client(Some(&self.place.join("authority.pem"))).unwrap();
        let tcp = TcpStream::connect(("localhost", self.ports["IMAP_TLS"])).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(config).connect(name, tcp).await.unwrap();
        let mut client = async_imap::Client::new(stream);
        client.read_response().await.unwrap().expect("a greeting");
        let password = std::fs::read_to_string(self.place.join("password")).unwrap();
        let mut session = client.login(OWNER, password.trim()).await.map_err(|(e, _)| e).unwrap();
        session.select("INBOX").await.unwrap();
        for _ in 0..LOOKS {
            let found = session.search(format!("HEADER Message-ID \"{id}\"")).await.unwrap();
            if let Some(number) = found.iter().next() {
                assert_eq!(found.len(), 1, "it is there once");
                let got: Vec<_> = session
                    .fetch(number.to_string(), "BODY.PEEK[]")
                    .await
                    .unwrap()
                    .try_collect()
                    .await
                    .unwrap();
                let text = String::from_utf8(got[0].body().unwrap().to_vec()).unwrap();
                session.logout().await.unwrap();
                return text;
            }
            Runtime::live().sleep(chrono::TimeDelta::milliseconds(100)).await;
            session.noop().await.unwrap();
        }
        panic!("{id} is not in the mailbox");
    }
}

fn channel(settings: &EmailSettings) -> EmailChannel {
    let mailer = Mailer::new(settings, Runtime::live()).unwrap();
    EmailChannel::new(mailer, Some("bot@tomking.test".to_owned()), Arc::new(Archive))
}

/// Numbers no other run on the same mailbox has.
fn number(nth: u64) -> u64 {
    u64::from(std::process::id()) * 100 + nth
}

fn id_of(number: u64) -> String {
    let host = "tomking.test";
    tomking::alert::email::ids::alert(&alert(number), 0, host)
}

#[test]
#[ignore = "needs postfix and dovecot: run tests/long/mail"]
fn an_alert_arrives_by_starttls_and_by_tls_as_it_was_sent() {
    let servers = Servers::running();
    for (nth, security) in [(1, Security::Starttls), (2, Security::Tls)] {
        on(async {
            let number = number(nth);
            let out = Outgoing::one(alert(number));
            assert_eq!(channel(&servers.settings(security)).send(&out).await, Ok(()));
            let mail = servers.read_back(&id_of(number)).await;
            assert!(mail.contains("with ESMTPSA"), "encrypted and signed in: {mail}");
            assert_eq!(header(&mail, "Auto-Submitted").unwrap(), "auto-generated");
            let message = parsed(&mail);
            assert_eq!(message.subject().unwrap(), format!("[CRITICAL] {}", alert(1).title));
            assert_eq!(tree(&message, 0), "mixed(alternative(plain, related(html)))");
        });
    }
}

#[test]
#[ignore = "needs postfix and dovecot: run tests/long/mail"]
fn a_report_arrives_with_its_pictures_and_its_table_unharmed() {
    let servers = Servers::running();
    on(async {
        let alert = report(number(3), "2026-10-16T20:30:00Z");
        let (channel, out) =
            (channel(&servers.settings(Security::Starttls)), Outgoing::one(alert.clone()));
        assert_eq!(channel.send(&out).await, Ok(()));
        let name = "report-daily-2026-10-16";
        let id = tomking::alert::email::ids::enclosure(name, &alert, "tomking.test");
        let mail = servers.read_back(&id).await;
        let message = parsed(&mail);
        assert_eq!(tree(&message, 0), "mixed(alternative(plain, related(html, png, png)), csv)");
        let contents: Vec<&[u8]> = message.parts.iter().map(MessagePart::contents).collect();
        assert!(contents.contains(&PNG) && contents.contains(&CSV.as_bytes()));
    });
}

#[test]
#[ignore = "needs postfix and dovecot: run tests/long/mail"]
fn an_unknown_recipient_is_final_and_keeps_nothing_from_the_other() {
    let servers = Servers::running();
    on(async {
        let mut settings = servers.settings(Security::Starttls);
        settings.to.insert(0, "nobody@tomking.test".to_owned());
        let number = number(4);
        let sent = channel(&settings).send(&Outgoing::one(alert(number))).await;
        let Err(SendError::Permanent(text)) = sent else { panic!("{sent:?}") };
        assert!(text.starts_with("delivered to 1 of 2, not to nobody@tomking.test"), "{text}");
        assert!(text.contains("550: 5.1.1 <nobody@tomking.test>"), "{text}");
        servers.read_back(&id_of(number)).await;
    });
}

#[test]
#[ignore = "needs postfix and dovecot: run tests/long/mail"]
fn a_wrong_password_or_an_authority_that_is_not_told_of_is_tried_again() {
    let servers = Servers::running();
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "certainly wrong").unwrap();
    on(async {
        let mut settings = servers.settings(Security::Tls);
        settings.server.password = Some(SecretSource::File(wrong.path().to_owned()));
        let sent = channel(&settings).send(&Outgoing::one(alert(number(5)))).await;
        let Err(SendError::Retry(text)) = sent else { panic!("{sent:?}") };
        assert!(text.starts_with("signing in as bot@tomking.test: 535: 5.7.8"), "{text}");
        for security in [Security::Tls, Security::Starttls] {
            let mut settings = servers.settings(security);
            settings.server.ca_file = None;
            let sent = channel(&settings).send(&Outgoing::one(alert(number(6)))).await;
            let Err(SendError::Retry(text)) = sent else { panic!("{sent:?}") };
            assert!(text.contains("UnknownIssuer"), "{text}");
        }
    });
}
