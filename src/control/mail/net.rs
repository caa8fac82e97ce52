//! The connection to the IMAP server: TCP, TLS, or STARTTLS that must come about; and a bound on
//! what the server says.

use std::{
    fmt::Debug,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use async_imap::{Client, Session, types::Mailbox};
use chrono::TimeDelta;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{
    alert::email::{letter::one_line, tls},
    clock::Runtime,
    config::voice::{InboxSettings, Security},
};

/// Each step of a conversation is waited for so long.
const STEP_WAIT: TimeDelta = TimeDelta::seconds(30);
/// One address is tried for so long, then the next one.
const CONNECT_WAIT: TimeDelta = TimeDelta::seconds(10);
/// Addresses of a name that are tried.
const ADDRESSES_MOST: usize = 4;
/// The server says at most so much in answer to one command, bytes.
const SAYS_MOST: usize = 1024 * 1024;
/// Characters of the server's words in an error.
const WORDS_MOST: usize = 300;

/// A stream of either kind.
trait Duplex: AsyncRead + AsyncWrite + Debug + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Duplex for T {}

/// A stream that fails where the server says too much.
#[derive(Debug)]
pub struct Line {
    stream: Box<dyn Duplex>,
    left: usize,
}

impl Line {
    fn new(stream: impl Duplex + 'static) -> Self {
        Self { stream: Box::new(stream), left: SAYS_MOST }
    }

    /// A new command: the server may say as much again.
    pub fn allow(&mut self) {
        self.left = SAYS_MOST;
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server says too much")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where the mailbox is.
pub struct Door {
    host: String,
    port: u16,
    security: Security,
    tls: TlsConnector,
    name: ServerName<'static>,
    username: String,
    password: String,
    mailbox: String,
    patience: TimeDelta,
}

impl Door {
    /// The door of settings; the error names the setting, never the secret.
    pub fn of(settings: &InboxSettings) -> Result<Self, String> {
        let server = &settings.server;
        let failed = |why: String| format!("voice.inbox.server: {why}");
        let ca_file: Option<&Path> = server.ca_file.as_deref();
        let tls = TlsConnector::from(tls::client(ca_file).map_err(failed)?);
        let name = ServerName::try_from(server.host.clone());
        let name = name.map_err(|_| failed(format!("{:?} is not a server's name", server.host)))?;
        let (Some(username), Some(password)) = (&server.username, &server.password) else {
            return Err(failed("username and password must be given".to_owned()));
        };
        let password = password.read().map_err(|why| failed(format!("password: {why}")))?;
        let port = if server.security == Security::Tls { 993 } else { 143 };
        Ok(Self {
            host: server.host.clone(),
            port: server.port.unwrap_or(port),
            security: server.security,
            tls,
            name,
            username: username.clone(),
            password,
            mailbox: settings.mailbox.clone(),
            patience: STEP_WAIT,
        })
    }

    /// The same with another patience for each step.
    #[must_use]
    pub fn within(mut self, patience: TimeDelta) -> Self {
        self.patience = patience;
        self
    }

    /// The mailbox's name in the store.
    pub fn key(&self) -> String {
        format!("{}@{}/{}", self.username, self.host, self.mailbox)
    }

    /// Connects, signs in and opens the mailbox.
    pub async fn enter(&self, rt: &Runtime) -> Result<(Session<Line>, Mailbox), String> {
        let client = self.greeted(rt).await?;
        let login = self.step(rt, "signing in", async {
            client.login(&self.username, &self.password).await.map_err(|(error, _)| error)
        });
        let mut session = login.await?;
        session.get_mut().allow();
        let mailbox = self.step(rt, "opening the mailbox", session.select(&self.mailbox)).await?;
        Ok((session, mailbox))
    }

    /// One step of the conversation, with a deadline, and its failure in words.
    pub async fn step<T>(
        &self,
        rt: &Runtime,
        doing: &str,
        work: impl Future<Output = async_imap::error::Result<T>>,
    ) -> Result<T, String> {
        match rt.timeout(self.patience, work).await {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) => {
                Err(format!("{doing}: {}", one_line(&error.to_string(), WORDS_MOST)))
            }
            None => Err(format!("{doing}: no answer within {} s", self.patience.num_seconds())),
        }
    }

    async fn greeted(&self, rt: &Runtime) -> Result<Client<Line>, String> {
        let tcp = self.connect(rt).await?;
        match self.security {
            Security::None => self.greeting(rt, Client::new(Line::new(tcp))).await,
            Security::Tls => {
                self.greeting(rt, Client::new(self.encrypt(rt, Box::new(tcp)).await?)).await
            }
            Security::Starttls => {
                let mut plain = self.greeting(rt, Client::new(Line::new(tcp))).await?;
                let asked = plain.run_command_and_check_ok("STARTTLS", None);
                self.step(rt, "STARTTLS; nothing was sent without it", asked).await?;
                // What the server said beyond that is dropped with the client: it is of no one.
                Ok(Client::new(self.encrypt(rt, plain.into_inner().stream).await?))
            }
        }
    }

    async fn connect(&self, rt: &Runtime) -> Result<TcpStream, String> {
        let (host, port) = (self.host.as_str(), self.port);
        let found = rt.timeout(CONNECT_WAIT, tokio::net::lookup_host((host, port))).await;
        let found = found.ok_or_else(|| format!("looking up {host}: no answer"))?;
        let found = found.map_err(|error| format!("looking up {host}: {error}"))?;
        let mut failure = format!("{host} has no address");
        for address in found.take(ADDRESSES_MOST) {
            match rt.timeout(CONNECT_WAIT, TcpStream::connect(address)).await {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => failure = format!("connecting to {host}:{port}: {error}"),
                None => failure = format!("connecting to {host}:{port}: no answer"),
            }
        }
        Err(failure)
    }

    /// TLS over the bare stream: what is counted is what the server says, not its ciphertext.
    async fn encrypt(&self, rt: &Runtime, plain: Box<dyn Duplex>) -> Result<Line, String> {
        let made = rt.timeout(self.patience, self.tls.connect(self.name.clone(), plain)).await;
        let made = made.ok_or_else(|| format!("TLS with {}: no answer", self.host))?;
        made.map(Line::new).map_err(|error| format!("TLS with {}: {error}", self.host))
    }

    async fn greeting(
        &self,
        rt: &Runtime,
        mut client: Client<Line>,
    ) -> Result<Client<Line>, String> {
        let reading = async { Ok(client.read_response().await?) };
        let greeted = self.step(rt, "its greeting", reading).await?;
        greeted.ok_or_else(|| "the server ended the connection before its greeting".to_owned())?;
        Ok(client)
    }
}
