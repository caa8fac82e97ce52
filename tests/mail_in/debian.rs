//! A halt by mail through Debian's postfix and dovecot and the built program: `tests/long/mail`
//! starts the two and runs this.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::TryStreamExt as _;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};
use tomking::{
    alert::email::tls,
    clock::{Clock as _, Stopwatch, WallClock},
    control::totp::{self, TimeCodes},
    store::Store,
};

use crate::{
    home::House,
    house::{mail_from, on},
};

const OWNER: &str = "owner@tomking.test";
const BOT: &str = "bot@tomking.test";
/// A mail is delivered, read and done within so long; by the poll it would take an hour.
const WITHIN: Duration = Duration::from_secs(20);

/// The servers that run, and a daemon's home that is set up for them.
struct Scene {
    place: PathBuf,
    ports: BTreeMap<String, u16>,
    home: House,
    codes: TimeCodes,
}

impl Scene {
    fn new() -> Self {
        let place = std::env::var("TOMKING_MAIL_SERVERS");
        let place = PathBuf::from(place.expect("tests/long/mail sets TOMKING_MAIL_SERVERS"));
        let settings = std::fs::read_to_string(place.join("settings")).unwrap();
        let pairs = settings.lines().filter_map(|line| line.split_once('='));
        let port = |(name, value): (&str, &str)| Some((name.to_owned(), value.parse().ok()?));
        let ports: BTreeMap<String, u16> = pairs.filter_map(port).collect();
        let (home, secret) = (House::new(), totp::new_secret().unwrap());
        let codes = TimeCodes::new(&secret, Store::in_memory().unwrap()).unwrap();
        std::fs::write(home.path("totp"), secret).unwrap();
        let server = |port: &str, security: &str| {
            format!(
                "{{ host = \"localhost\", port = {0}, security = \"{security}\", username = \
                 \"{BOT}\", password = {{ file = \"{1}/password\" }}, ca_file = \
                 \"{1}/authority.pem\" }}",
                ports[port],
                place.display()
            )
        };
        let config = format!(
            "[voice]\ntotp = {{ file = \"{}\" }}\n\
             [voice.email]\nfrom = \"tomking <{BOT}>\"\nto = [\"{OWNER}\"]\nserver = {}\n\
             [voice.inbox]\nsenders = [\"{OWNER}\"]\ntrusted_authserv = \"mx.tomking.test\"\n\
             poll_seconds = 3600\nserver = {}\n",
            home.path("totp").display(),
            server("SMTP_STARTTLS", "starttls"),
            server("IMAP_TLS", "tls")
        );
        std::fs::create_dir_all(home.config("")).unwrap();
        std::fs::write(home.config("config.toml"), config).unwrap();
        Self { place, ports, home, codes }
    }

    fn password(&self) -> String {
        std::fs::read_to_string(self.place.join("password")).unwrap().trim().to_owned()
    }

    /// The code an authenticator showed so many seconds ago.
    fn code(&self, ago: i64) -> String {
        self.codes.code(WallClock.now() - chrono::TimeDelta::seconds(ago))
    }

    async fn line(&self, port: &str) -> BufReader<TlsStream<TcpStream>> {
        let config = tls::client(Some(&self.place.join("authority.pem"))).unwrap();
        let tcp = TcpStream::connect(("localhost", self.ports[port])).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        BufReader::new(TlsConnector::from(config).connect(name, tcp).await.unwrap())
    }

    /// Hands a mail in as an account, as a person's program does.
    async fn send(&self, account: &str, mail: &str) {
        let mut line = self.line("SMTP_TLS").await;
        let plain = STANDARD.encode(format!("\0{account}\0{}", self.password()));
        for said in [
            String::new(),
            "EHLO phone.tomking.test\r\n".to_owned(),
            format!("AUTH PLAIN {plain}\r\n"),
            format!("MAIL FROM:<{account}>\r\n"),
            format!("RCPT TO:<{BOT}>\r\n"),
            "DATA\r\n".to_owned(),
            format!("{mail}.\r\n"),
            "QUIT\r\n".to_owned(),
        ] {
            line.get_mut().write_all(said.as_bytes()).await.unwrap();
            line.get_mut().flush().await.unwrap();
            let mut answer = String::from("-");
            while answer.as_bytes().get(3).unwrap_or(&b'-') == &b'-' {
                answer.clear();
                assert!(line.read_line(&mut answer).await.unwrap() > 0);
            }
            assert!(answer.starts_with(['2', '3']), "{said:?}: {answer}");
        }
    }

    /// The mails in the owner's mailbox that answer a mail.
    async fn answers(&self, id: &str) -> Vec<String> {
        let mut client = async_imap::Client::new(self.line("IMAP_TLS").await.into_inner());
        client.read_response().await.unwrap().expect("a greeting");
        let session = client.login(OWNER, self.password()).await;
        let mut session = session.map_err(|(error, _)| error).unwrap();
        session.select("INBOX").await.unwrap();
        let found = session.search(format!("HEADER In-Reply-To \"{id}\"")).await.unwrap();
        let mut mails = Vec::new();
        for number in found {
            let got = session.fetch(number.to_string(), "BODY.PEEK[]").await.unwrap();
            let got: Vec<_> = got.try_collect().await.unwrap();
            mails.push(String::from_utf8(got[0].body().unwrap().to_vec()).unwrap());
        }
        session.logout().await.unwrap();
        mails
    }

    /// The one answer to a mail, once it is there.
    async fn answer(&self, id: &str) -> String {
        let watch = Stopwatch::start();
        loop {
            if let Some(mail) = self.answers(id).await.pop() {
                return mail;
            }
            assert!(watch.elapsed() < WITHIN, "no answer to {id}");
        }
    }

    fn ear(&self) -> Value {
        self.home.json(&["health"])["ears"][0].clone()
    }

    /// How often an end was met, once it was.
    fn counted(&self, name: &str, wanted: u64) {
        let watch = Stopwatch::start();
        while self.ear()["counts"][name].as_u64().unwrap_or(0) < wanted {
            assert!(watch.elapsed() < WITHIN, "{name}: {:#}", self.ear());
        }
        assert_eq!(self.ear()["counts"][name], wanted);
    }
}

fn mail(id: &str, subject: &str) -> String {
    // Other runs may use the same mailbox.
    mail_from(OWNER, &name(id), subject, "")
}

fn name(id: &str) -> String {
    format!("{id}.{}", std::process::id())
}

fn id(id: &str) -> String {
    format!("{}@example.org", name(id))
}

#[test]
#[ignore = "needs postfix and dovecot: run tests/long/mail"]
fn a_halt_by_mail_is_done_answered_and_neither_replayed_nor_forged() {
    on(async {
        let scene = Scene::new();
        let mut daemon = scene.home.start();
        scene.home.wait_until_ready();
        let watch = Stopwatch::start();
        while scene.ear()["hears"] != true {
            assert!(watch.elapsed() < WITHIN, "{:#}", scene.ear());
        }
        // Told by IDLE, done, answered.
        let halt = mail("halt", &format!("HALT going away {}", scene.code(0)));
        scene.send(OWNER, &halt).await;
        let watch = Stopwatch::start();
        let status = scene.home.wait(WITHIN, |status| status["latch"] == "HALTED");
        println!("halted {} ms after the mail was handed in", watch.elapsed().as_millis());
        assert_eq!(status["holds"][0]["cause"], "going away");
        let answer = scene.answer(&id("halt")).await;
        assert!(answer.contains("Subject: Re: HALT"), "{answer}");
        assert!(answer.contains("Auto-Submitted: auto-replied"), "{answer}");
        assert!(answer.contains("HALTED"), "{answer}");
        assert_eq!(scene.home.json(&["resume", "--yes"])["level"], "ACTIVE");
        // The same mail once more, and another one with its code.
        scene.send(OWNER, &halt).await;
        scene.counted("repeat", 1);
        let code =
            halt.split_whitespace().find(|word| word.parse::<u32>().is_ok_and(|_| word.len() == 6));
        scene.send(OWNER, &mail("again", &format!("FLATTEN {}", code.unwrap()))).await;
        scene.counted("refused_used_code", 1);
        assert!(scene.answer(&id("again")).await.contains("the code is used"));
        // In the owner's name by another account: the server does not vouch for it.
        let forged = mail("forged", &format!("FLATTEN {}", scene.code(60)));
        let own = "Authentication-Results: mx.tomking.test; dmarc=pass header.from=tomking.test";
        scene.send(BOT, &format!("{own}\r\n{forged}")).await;
        scene.counted("not_authenticated", 1);
        let stranger = format!("HALT {}", scene.code(90));
        scene.send(BOT, &mail_from("evil@example.com", &name("evil"), &stranger, "")).await;
        scene.counted("unknown_sender", 1);
        assert_eq!(scene.home.status()["latch"], "ACTIVE", "none of these did anything");
        assert_eq!(scene.answers(&id("forged")).await, Vec::<String>::new());
        assert_eq!(scene.ear()["counts"]["accepted_halt"], 1);
        let log = daemon.log();
        assert!(!log.contains(&scene.password()), "{log}");
        assert_eq!(daemon.stop(), Some(0), "{log}");
    });
}
