//! The connection to a mail server: TCP, TLS, or STARTTLS that must come about.
//!
//! STARTTLS is spoken here and not by lettre 0.11, which keeps bytes that came before the
//! handshake and would read them as answers given inside TLS: someone between could then say
//! "taken" of a mail that nobody took.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use chrono::TimeDelta;
use lettre::transport::smtp::{client::AsyncTokioStream, extension::ClientId};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::tls;
use crate::{
    clock::Runtime,
    config::voice::{MailServer, Security},
};

/// One address is tried for so long, then the next one.
const CONNECT_WAIT: TimeDelta = TimeDelta::seconds(10);
/// Addresses of a name that are tried.
const ADDRESSES_MOST: usize = 4;
/// A server says at most so much in one conversation, bytes.
const SAYS_MOST: usize = 256 * 1024;
/// And so much before STARTTLS.
const PLAIN_MOST: usize = 16 * 1024;

/// Where mail is handed in.
pub(super) struct Door {
    host: String,
    port: u16,
    security: Security,
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl Door {
    /// The door of a server; the error names the setting.
    pub(super) fn of(server: &MailServer) -> Result<Self, String> {
        let config: Arc<ClientConfig> = tls::client(server.ca_file.as_deref())?;
        let name = ServerName::try_from(server.host.clone());
        let port = match server.security {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        };
        Ok(Self {
            host: server.host.clone(),
            port: server.port.unwrap_or(port),
            security: server.security,
            tls: TlsConnector::from(config),
            name: name.map_err(|_| format!("{:?} is not a server's name", server.host))?,
        })
    }

    /// A stream on which the server's greeting comes next, and what to call oneself there.
    pub(super) async fn open(&self, rt: &Runtime) -> Result<(Box<Wire>, ClientId), String> {
        let mut tcp = self.connect(rt).await?;
        let here = tcp.local_addr().and_then(|here| Ok((here, tcp.peer_addr()?)));
        let (here, peer) = here.map_err(|error| format!("connecting: {error}"))?;
        let hello = hello(here.ip());
        let wire = match self.security {
            Security::None => Wire::new(Pipe::Plain(tcp), peer, b""),
            Security::Tls => Wire::new(self.encrypt(tcp).await?, peer, b""),
            Security::Starttls => {
                starttls(&mut tcp, &hello).await?;
                // The greeting is behind us; lettre waits for one.
                Wire::new(self.encrypt(tcp).await?, peer, b"220 encrypted\r\n")
            }
        };
        Ok((Box::new(wire), hello))
    }

    async fn connect(&self, rt: &Runtime) -> Result<TcpStream, String> {
        let (host, port) = (self.host.as_str(), self.port);
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| format!("looking up {host}: {error}"))?;
        let mut failure = format!("{host} has no address");
        for address in found.take(ADDRESSES_MOST) {
            match rt.timeout(CONNECT_WAIT, TcpStream::connect(address)).await {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => failure = format!("connecting to {host}:{port}: {error}"),
                None => {
                    let wait = CONNECT_WAIT.num_seconds();
                    failure = format!("connecting to {host}:{port}: no answer within {wait} s");
                }
            }
        }
        Err(failure)
    }

    async fn encrypt(&self, tcp: TcpStream) -> Result<Pipe, String> {
        let encrypted = self.tls.connect(self.name.clone(), tcp).await;
        let encrypted = encrypted.map_err(|error| format!("TLS with {}: {error}", self.host))?;
        Ok(Pipe::Tls(Box::new(encrypted)))
    }
}

/// This machine's name where it is a full one, else its address.
fn hello(here: IpAddr) -> ClientId {
    match (ClientId::default(), here) {
        (ClientId::Domain(name), _) if name.contains('.') => ClientId::Domain(name),
        (_, IpAddr::V4(here)) => ClientId::Ipv4(here),
        (_, IpAddr::V6(here)) => ClientId::Ipv6(here),
    }
}

/// Leads a plain connection to where TLS begins, or fails: nothing is ever sent without it.
async fn starttls(tcp: &mut TcpStream, hello: &ClientId) -> Result<(), String> {
    let mut talk = Talk { tcp, heard: Vec::new(), total: 0 };
    talk.expect("its greeting", "220").await?;
    talk.say(&format!("EHLO {hello}\r\n")).await?;
    let can = talk.expect("EHLO", "250").await?;
    if !can.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err("the server offers no STARTTLS; nothing was sent".to_owned());
    }
    talk.say("STARTTLS\r\n").await?;
    talk.expect("STARTTLS", "220").await?;
    if talk.heard.is_empty() {
        Ok(())
    } else {
        Err("someone spoke between STARTTLS and TLS; nothing was sent".to_owned())
    }
}

/// The few words before TLS.
struct Talk<'a> {
    tcp: &'a mut TcpStream,
    heard: Vec<u8>,
    total: usize,
}

impl Talk<'_> {
    async fn say(&mut self, line: &str) -> Result<(), String> {
        let said = self.tcp.write_all(line.as_bytes()).await;
        said.map_err(|error| format!("before STARTTLS: {error}"))
    }

    /// The lines of the next answer, which must have this code.
    async fn expect(&mut self, to: &str, code: &str) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let (head, more) = (line.get(..3).unwrap_or(&line), line.as_bytes().get(3));
            if head != code {
                let line = super::letter::one_line(&line, 200);
                return Err(format!("the server answered {to} with {line:?}"));
            }
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if more != Some(&b'-') {
                return Ok(lines);
            }
        }
    }

    async fn line(&mut self) -> Result<String, String> {
        let mut part = [0; 1024];
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let read = self.tcp.read(&mut part).await;
            let read = read.map_err(|error| format!("before STARTTLS: {error}"))?;
            if read == 0 {
                return Err("the server ended the connection before STARTTLS".to_owned());
            }
            self.total += read;
            if self.total > PLAIN_MOST {
                return Err("the server says too much before STARTTLS".to_owned());
            }
            self.heard.extend_from_slice(&part[..read]);
        }
    }
}

/// A connection, plain or not.
#[derive(Debug)]
enum Pipe {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// A stream that ends where a server says too much: lettre reads a line of any length.
#[derive(Debug)]
pub(super) struct Wire {
    pipe: Pipe,
    peer: SocketAddr,
    /// Read before anything of the server.
    first: &'static [u8],
    left: usize,
}

impl Wire {
    fn new(pipe: Pipe, peer: SocketAddr, first: &'static [u8]) -> Self {
        Self { pipe, peer, first, left: SAYS_MOST }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let take = self.first.len().min(buffer.remaining());
            let (now, later) = self.first.split_at(take);
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server says too much")));
        }
        let before = buffer.filled().len();
        let read = match &mut self.pipe {
            Pipe::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Pipe::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        };
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.pipe {
            Pipe::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Pipe::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.pipe {
            Pipe::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Pipe::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.pipe {
            Pipe::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Pipe::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
