//! An IMAP server on loopback that follows a script: as much of RFC 3501 and 2177 as the ear speaks,
//! failing where it is told to.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::tls::{Shows, certificates};

pub const USER: &str = "bot@example.org";
pub const PASSWORD: &str = "correct \"horse\" battery";

/// How the server keeps its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    None,
    Implicit,
    Starttls,
    /// It refuses STARTTLS.
    Stripped,
    /// Its certificate is of an authority nobody was told of.
    Unknown,
}

/// Where the script acts, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The connection ends when IDLE is asked for.
    DropAtIdle,
    /// The account is refused, in words that hold the password.
    EchoAtLogin,
    /// Each search is refused with this word.
    RefuseSearches(&'static str),
    /// The first search is refused.
    RefuseSearch,
    /// Nothing is said any more from the first search on.
    HangAtSearch,
    /// The search is answered without end.
    FloodAtSearch,
    /// The first mail cannot be fetched: what is said of it is no IMAP.
    Garbage,
    /// The first mail is refused.
    RefuseFetch,
}

/// What a server is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    pub tls: Tls,
    /// It knows IDLE.
    pub idle: bool,
    /// And tells of new mail during it.
    pub pushes: bool,
    /// What it does at each connection in turn; later ones go well. `None`: goes well.
    pub script: Vec<Option<Act>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { tls: Tls::None, idle: true, pushes: true, script: Vec::new() }
    }
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub bytes: Vec<u8>,
    /// What the server says of its size.
    pub size: usize,
    pub at: DateTime<Utc>,
    pub seen: bool,
}

#[derive(Default)]
struct State {
    validity: u32,
    mails: Vec<Mail>,
    lines: Vec<String>,
    connections: usize,
}

/// A server that runs as long as its runtime does.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    pub authority: String,
    state: Arc<Mutex<State>>,
    news: watch::Sender<u64>,
}

impl Server {
    pub async fn start(plan: Plan) -> Self {
        let (acceptor, authority) =
            certificates(if plan.tls == Tls::Unknown { Shows::Unknown } else { Shows::Its });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { validity: 1, ..State::default() }));
        let server = Self { port, authority, state, news: watch::Sender::new(0) };
        let me = server.clone();
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let number = {
                    let mut state = me.state.lock().unwrap();
                    state.connections += 1;
                    state.connections - 1
                };
                let act = plan.script.get(number).copied().flatten();
                let (me, plan, acceptor) = (me.clone(), plan.clone(), acceptor.clone());
                tokio::spawn(async move { me.serve(tcp, &plan, act, acceptor).await });
            }
        });
        server
    }

    /// Puts a mail into the mailbox and tells of it.
    pub fn deliver(&self, text: &str) {
        self.deliver_as(text, text.len(), Utc::now_for_test());
    }

    pub fn deliver_as(&self, text: &str, size: usize, at: DateTime<Utc>) {
        let mail = Mail { bytes: text.as_bytes().to_vec(), size, at, seen: false };
        self.state.lock().unwrap().mails.push(mail);
        self.news.send_modify(|news| *news += 1);
    }

    /// All numbers of the mailbox are new.
    pub fn renumber(&self) {
        self.state.lock().unwrap().validity += 1;
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    /// What was said to the server, without tags.
    pub fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().lines.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    async fn serve(&self, tcp: TcpStream, plan: &Plan, act: Option<Act>, acceptor: TlsAcceptor) {
        match plan.tls {
            Tls::Implicit | Tls::Unknown => {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                let _ = Talk::new(self, plan, act, tls).greet().await;
            }
            Tls::None | Tls::Stripped => {
                let _ = Talk::new(self, plan, act, tcp).greet().await;
            }
            Tls::Starttls => {
                let mut plain = Talk::new(self, plan, act, tcp);
                if plain.greet().await != Some(Next::Encrypt) {
                    return;
                }
                let Ok(tls) = acceptor.accept(plain.stream.into_inner()).await else { return };
                let _ = Talk::new(self, plan, act, tls).talk().await;
            }
        }
    }
}

/// The wall clock, which only one file of the program reads.
trait Now {
    fn now_for_test() -> DateTime<Utc>;
}

impl Now for Utc {
    fn now_for_test() -> DateTime<Utc> {
        use tomking::clock::{Clock as _, WallClock};
        WallClock.now()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Encrypt,
    End,
}

struct Talk<'a, S> {
    server: &'a Server,
    plan: &'a Plan,
    act: Option<Act>,
    stream: BufReader<S>,
    entered: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    fn new(server: &'a Server, plan: &'a Plan, act: Option<Act>, stream: S) -> Self {
        Self { server, plan, act, stream: BufReader::new(stream), entered: false }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await.ok()?;
        self.stream.get_mut().flush().await.ok()
    }

    async fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn greet(&mut self) -> Option<Next> {
        self.say("* OK ready\r\n").await?;
        self.talk().await
    }

    async fn talk(&mut self) -> Option<Next> {
        loop {
            let line = self.hear().await?;
            let (tag, command) = line.split_once(' ')?;
            self.server.state.lock().unwrap().lines.push(command.to_owned());
            if let Some(next) = self.answer(tag, command).await? {
                return Some(next);
            }
        }
    }

    async fn answer(&mut self, tag: &str, command: &str) -> Option<Option<Next>> {
        let upper = command.to_ascii_uppercase();
        if upper == "STARTTLS" && self.plan.tls == Tls::Starttls {
            // What follows the answer in the open is of nobody.
            self.say(&format!("{tag} OK go\r\n* BYE injected\r\n")).await?;
            return Some(Some(Next::Encrypt));
        }
        let login = format!("LOGIN \"{USER}\" \"{}\"", PASSWORD.replace('"', "\\\""));
        if command == login && self.act == Some(Act::EchoAtLogin) {
            let plain = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
            self.say(&format!("{tag} NO {PASSWORD} of {command} ({plain}) is wrong\r\n")).await?;
            return Some(None);
        }
        if command == login {
            self.entered = true;
            return self.done(tag).await;
        }
        if upper == "CAPABILITY" {
            let idle = if self.plan.idle { " IDLE" } else { "" };
            self.say(&format!("* CAPABILITY IMAP4rev1{idle}\r\n")).await?;
            return self.done(tag).await;
        }
        if upper == "LOGOUT" {
            self.say("* BYE\r\n").await?;
            return Some(Some(Next::End));
        }
        if !self.entered {
            self.say(&format!("{tag} NO not yet\r\n")).await?;
            return Some(None);
        }
        if upper.starts_with("SELECT ") {
            let (count, validity) = {
                let state = self.server.state.lock().unwrap();
                (state.mails.len(), state.validity)
            };
            self.say(&format!(
                "* FLAGS (\\Seen)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY \
                 {validity}] ids\r\n"
            ))
            .await?;
            return self.done(tag).await;
        }
        match upper.split(' ').collect::<Vec<_>>().as_slice() {
            ["UID", "SEARCH", "UID", range, "SINCE", _] => self.search(tag, range).await,
            ["UID", "FETCH", uid, ..] => {
                let uid = uid.parse().ok()?;
                self.fetch(tag, uid, upper.contains("BODY.PEEK[]<0.")).await
            }
            ["UID", "STORE", uid, ..] => {
                let index = uid.parse::<usize>().ok()? - 1;
                self.server.state.lock().unwrap().mails[index].seen = true;
                self.done(tag).await
            }
            ["IDLE"] => self.idle(tag).await,
            ["NOOP"] => self.done(tag).await,
            _ => {
                self.say(&format!("{tag} BAD unknown\r\n")).await?;
                Some(None)
            }
        }
    }

    async fn done(&mut self, tag: &str) -> Option<Option<Next>> {
        self.say(&format!("{tag} OK done\r\n")).await?;
        Some(None)
    }

    async fn search(&mut self, tag: &str, range: &str) -> Option<Option<Next>> {
        let refused = match self.act {
            Some(Act::RefuseSearches(word)) => Some(word),
            Some(Act::RefuseSearch) => {
                self.act = None;
                Some("NO")
            }
            _ => None,
        };
        if let Some(word) = refused {
            self.say(&format!("{tag} {word} [UNAVAILABLE] the index of {PASSWORD}\r\n")).await?;
            return Some(None);
        }
        match self.act {
            Some(Act::HangAtSearch) => std::future::pending().await,
            Some(Act::FloodAtSearch) => loop {
                self.say(&format!("* SEARCH{}\r\n", " 1".repeat(4_000))).await?;
            },
            _ => {}
        }
        let from: usize = range.trim_end_matches(":*").parse().ok()?;
        let count = self.server.mails().len();
        // `n:*` names the last one also where n is beyond it.
        let uids: Vec<String> = (1..=count)
            .filter(|uid| *uid >= from || *uid == count)
            .map(|uid| uid.to_string())
            .collect();
        self.say(&format!("* SEARCH {}\r\n", uids.join(" ")).replace(" \r", "\r")).await?;
        self.done(tag).await
    }

    async fn fetch(&mut self, tag: &str, uid: usize, body: bool) -> Option<Option<Next>> {
        if self.act == Some(Act::Garbage) && uid == 1 {
            self.say("* 1 FETCH (((((\r\n").await?;
            return Some(None);
        }
        if self.act == Some(Act::RefuseFetch) && uid == 1 {
            self.say(&format!("{tag} NO [INUSE] later\r\n")).await?;
            return Some(None);
        }
        let mail = self.server.mails().get(uid - 1).cloned();
        if let Some(mail) = mail {
            if body {
                let part = &mail.bytes[..mail.bytes.len().min(65_536)];
                let head = format!("* {uid} FETCH (UID {uid} BODY[]<0> {{{}}}\r\n", part.len());
                self.say(&head).await?;
                self.stream.get_mut().write_all(part).await.ok()?;
                self.say(")\r\n").await?;
            } else {
                let at = mail.at.format("%d-%b-%Y %H:%M:%S +0000");
                let size = mail.size;
                self.say(&format!(
                    "* {uid} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"{at}\")\r\n"
                ))
                .await?;
            }
        }
        self.done(tag).await
    }

    async fn idle(&mut self, tag: &str) -> Option<Option<Next>> {
        if self.act == Some(Act::DropAtIdle) {
            return None;
        }
        let mut news = self.server.news.subscribe();
        // A mail that came just before is told of before the wait begins.
        let count = self.server.mails().len();
        self.say(&format!("* {count} EXISTS\r\n+ idling\r\n")).await?;
        loop {
            let pushes = self.plan.pushes;
            let told =
                async { if pushes { news.changed().await } else { std::future::pending().await } };
            let next = {
                let (told, heard) = (std::pin::pin!(told), std::pin::pin!(self.hear()));
                match futures::future::select(told, heard).await {
                    futures::future::Either::Left(_) => None,
                    futures::future::Either::Right((line, _)) => Some(line?),
                }
            };
            match next {
                None => {
                    let count = self.server.mails().len();
                    self.say(&format!("* {count} EXISTS\r\n")).await?;
                }
                Some(line) if line == "DONE" => return self.done(tag).await,
                Some(_) => return None,
            }
        }
    }
}
