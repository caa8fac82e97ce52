//! A mail server on loopback that follows a script: RFC 5321 with STARTTLS (3207) and AUTH (4954),
//! strict about what a client may do, and failing where it is told to.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

pub use crate::tls::Shows;
use crate::tls::certificates;

/// The account the server knows.
pub const USER: &str = "bot@example.org";
/// Its password.
pub const PASSWORD: &str = "correct horse battery";
/// No mail of these tests is longer.
const BYTES_MOST: usize = 8 * 1024 * 1024;

/// How the server keeps its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// From the first byte.
    Implicit,
    /// STARTTLS is offered.
    Starttls,
    /// STARTTLS was taken out of the answer to EHLO.
    Stripped,
    /// Someone speaks between STARTTLS and the handshake.
    Injected,
}

/// A point of the conversation at which the script may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Greeting,
    Ehlo,
    Auth,
    Mail,
    /// The nth recipient of the mail, from 0.
    Rcpt(usize),
    Data,
    /// All of the mail has come.
    Body,
    /// A kilobyte of it has come.
    MidBody,
}

/// What the server does there.
#[derive(Debug, Clone)]
pub enum Act {
    /// Says this line in place of its own.
    Say(String),
    /// Ends the connection.
    Drop,
    /// Never says anything again.
    Hang,
    /// Says its own line a byte at a time, for ever continued.
    Trickle,
    /// Says bytes without an end of line, without end.
    Flood,
}

/// A mail that came in.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    pub encrypted: bool,
    /// Who signed in, and by which mechanism.
    pub account: Option<(String, String)>,
}

/// What a server is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    pub tls: Tls,
    pub shows: Shows,
    /// The mechanisms offered; with none, none is asked for.
    pub auth: &'static str,
    /// What happens at each connection in turn; later ones go well.
    pub script: Vec<Vec<(At, Act)>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { tls: Tls::None, shows: Shows::Its, auth: "", script: Vec::new() }
    }
}

/// A server that runs as long as its runtime does.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    /// The authority's certificate, PEM.
    pub authority: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    mails: Vec<Mail>,
    lines: Vec<String>,
    connections: usize,
}

impl Server {
    /// Starts one; called on a runtime.
    pub async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, authority) = certificates(plan.shows);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self { port, authority, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let turn = {
                    let mut seen = seen.lock().unwrap();
                    seen.connections += 1;
                    plan.script.get(seen.connections - 1).cloned().unwrap_or_default()
                };
                let talk = Talk { plan: plan.clone(), turn, seen: Arc::clone(&seen) };
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let _ = talk.serve(tcp, acceptor).await;
                });
            }
        });
        server
    }

    /// Mails taken, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.seen.lock().unwrap().mails.clone()
    }

    /// Every line a client said, outside of mails.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().lines.clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

/// Why a conversation ended.
struct Over;

/// Either end of it, or a handshake first.
enum Then {
    Over,
    Encrypt,
}

struct Talk {
    plan: Plan,
    turn: Vec<(At, Act)>,
    seen: Arc<Mutex<Seen>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl Talk {
    async fn serve(&self, mut tcp: TcpStream, acceptor: TlsAcceptor) -> Result<(), Over> {
        if self.plan.tls == Tls::Implicit {
            let mut tls = acceptor.accept(tcp).await.map_err(|_| Over)?;
            self.converse(&mut tls, true, true).await?;
            return Ok(());
        }
        if let Then::Encrypt = self.converse(&mut tcp, false, true).await? {
            let mut tls = acceptor.accept(tcp).await.map_err(|_| Over)?;
            self.converse(&mut tls, true, false).await?;
        }
        Ok(())
    }

    async fn converse<S: Stream>(
        &self,
        stream: &mut S,
        encrypted: bool,
        greets: bool,
    ) -> Result<Then, Over> {
        let mut account = None;
        let mut mail: Option<(String, Vec<String>)> = None;
        let mut named = 0;
        let mut heard = Vec::new();
        if greets {
            self.answer(stream, At::Greeting, "220 mail.example.org ready").await?;
        }
        loop {
            let line = self.line(stream, &mut heard).await?;
            let word = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    self.answer(stream, At::Ehlo, &self.offers(encrypted)).await?;
                }
                "STARTTLS" if !encrypted && self.plan.tls == Tls::Starttls => {
                    say(stream, "220 go ahead").await?;
                    return Ok(Then::Encrypt);
                }
                "STARTTLS" if self.plan.tls == Tls::Injected => {
                    let all = "220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok";
                    say(stream, &format!("{all}\r\n354 go on\r\n250 taken")).await?;
                    return Ok(Then::Encrypt);
                }
                "AUTH" => account = self.sign_in(stream, &mut heard, &line).await?,
                "MAIL" => {
                    if !self.plan.auth.is_empty() && account.is_none() {
                        say(stream, "530 5.7.0 sign in first").await?;
                        continue;
                    }
                    if self.answer(stream, At::Mail, "250 ok").await? {
                        mail = Some((inside(&line), Vec::new()));
                    }
                }
                "RCPT" => {
                    let went = self.answer(stream, At::Rcpt(named), "250 ok").await?;
                    named += 1;
                    if let (true, Some((_, to))) = (went, &mut mail) {
                        to.push(inside(&line));
                    }
                }
                "DATA" => {
                    let (from, to) = mail.take().expect("MAIL comes before DATA");
                    assert!(!to.is_empty(), "DATA without a recipient");
                    if self.answer(stream, At::Data, "354 go on").await? {
                        let data = self.body(stream, &mut heard).await?;
                        let account = account.clone();
                        let mail = Mail { from, to, data, encrypted, account };
                        self.take(stream, mail).await?;
                    }
                }
                "QUIT" => {
                    say(stream, "221 bye").await?;
                    return Ok(Then::Over);
                }
                _ => say(stream, "500 what").await?,
            }
        }
    }

    /// Takes the mail, unless the script refuses it here; an end without an answer takes it, too.
    async fn take<S: Stream>(&self, stream: &mut S, mail: Mail) -> Result<(), Over> {
        let act = self.act(At::Body);
        let refused = matches!(&act, Some(Act::Say(line)) if !line.starts_with('2'));
        if !refused {
            self.seen.lock().unwrap().mails.push(mail);
        }
        self.answer(stream, At::Body, "250 taken").await.map(|_| ())
    }

    fn offers(&self, encrypted: bool) -> String {
        let mut lines = vec!["mail.example.org".to_owned(), "SIZE 10000000".to_owned()];
        if !encrypted && matches!(self.plan.tls, Tls::Starttls | Tls::Injected) {
            lines.push("STARTTLS".to_owned());
        }
        if !self.plan.auth.is_empty() && (encrypted || self.plan.tls == Tls::None) {
            lines.push(format!("AUTH {}", self.plan.auth));
        }
        let last = lines.pop().unwrap();
        let more: Vec<String> = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{}250 {last}", more.concat())
    }

    async fn sign_in<S: Stream>(
        &self,
        stream: &mut S,
        heard: &mut Vec<u8>,
        line: &str,
    ) -> Result<Option<(String, String)>, Over> {
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap().to_owned();
        let (name, password) = if mechanism == "PLAIN" {
            let text = decoded(words.next().unwrap());
            let mut parts = text.split('\0').skip(1).map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap())
        } else {
            say(stream, "334 VXNlcm5hbWU6").await?;
            let name = decoded(&self.line(stream, heard).await?);
            say(stream, "334 UGFzc3dvcmQ6").await?;
            (name, decoded(&self.line(stream, heard).await?))
        };
        if (name.as_str(), password.as_str()) != (USER, PASSWORD) {
            // As unwise a server as there may be: it repeats what it heard.
            let heard = STANDARD.encode(format!("\0{name}\0{password}"));
            say(stream, &format!("535 5.7.8 {password} ({heard}) is not the password")).await?;
            return Ok(None);
        }
        let went = self.answer(stream, At::Auth, "235 welcome").await?;
        Ok(went.then_some((name, mechanism)))
    }

    fn act(&self, at: At) -> Option<Act> {
        self.turn.iter().find(|(when, _)| *when == at).map(|(_, act)| act.clone())
    }

    /// Says its own line, or does what the script has here; whether it went well.
    async fn answer<S: Stream>(&self, stream: &mut S, at: At, own: &str) -> Result<bool, Over> {
        match self.act(at) {
            None => say(stream, own).await.map(|()| true),
            Some(Act::Say(line)) => {
                say(stream, &line).await?;
                if line.starts_with("421") { Err(Over) } else { Ok(line.starts_with(['2', '3'])) }
            }
            Some(Act::Drop) => Err(Over),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Trickle) => loop {
                for byte in b"250-still here\r\n" {
                    tokio::task::yield_now().await;
                    stream.write_all(&[*byte]).await.map_err(|_| Over)?;
                    stream.flush().await.map_err(|_| Over)?;
                    pause().await;
                }
            },
            Some(Act::Flood) => loop {
                stream.write_all(&[b'2'; 4096]).await.map_err(|_| Over)?;
            },
        }
    }

    /// A line of the client, which must end in CRLF and may not be too long.
    async fn line<S: Stream>(&self, stream: &mut S, heard: &mut Vec<u8>) -> Result<String, Over> {
        loop {
            if let Some(end) = heard.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = heard.drain(..end + 2).collect();
                let line = String::from_utf8(line).unwrap().trim_end().to_owned();
                assert!(line.len() <= 510, "a command is at most 512 bytes: {line}");
                self.seen.lock().unwrap().lines.push(line.clone());
                return Ok(line);
            }
            more(stream, heard).await?;
        }
    }

    /// A mail, its dots unstuffed; every line ends in CRLF and has at most 998 bytes.
    async fn body<S: Stream>(&self, stream: &mut S, heard: &mut Vec<u8>) -> Result<String, Over> {
        loop {
            if let Some(end) = heard.windows(5).position(|five| five == b"\r\n.\r\n") {
                let bytes: Vec<u8> = heard.drain(..end + 5).collect();
                let text = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
                assert!(text.is_ascii(), "no byte above 127 without 8BITMIME");
                let bare = text.replace("\r\n", "");
                assert!(!bare.contains(['\r', '\n']), "a line ends in CRLF alone");
                assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
                return Ok(text.replace("\r\n..", "\r\n."));
            }
            if heard.len() > 1024 {
                match self.act(At::MidBody) {
                    Some(Act::Drop) => return Err(Over),
                    Some(Act::Hang) => std::future::pending().await,
                    _ => {}
                }
            }
            more(stream, heard).await?;
        }
    }
}

async fn more<S: Stream>(stream: &mut S, heard: &mut Vec<u8>) -> Result<(), Over> {
    let mut part = [0; 4096];
    let read = stream.read(&mut part).await.map_err(|_| Over)?;
    heard.extend_from_slice(&part[..read]);
    assert!(heard.len() < BYTES_MOST);
    if read == 0 { Err(Over) } else { Ok(()) }
}

async fn say<S: Stream>(stream: &mut S, line: &str) -> Result<(), Over> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|_| Over)?;
    stream.flush().await.map_err(|_| Over)
}

/// A short wait that yields, not a sleep on a timer.
async fn pause() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// What stands between the angle brackets.
fn inside(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap().to_owned()
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text.trim()).unwrap()).unwrap()
}
