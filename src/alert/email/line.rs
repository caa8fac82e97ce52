//! A line to a mail server, of SMTP and IMAP alike: where the server is, TLS with it, and a stream
//! that ends where it says too much. The libraries that talk over it read a line of any length.

use std::{
    fmt::Debug,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use chrono::TimeDelta;
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::tls;
use crate::{clock::Runtime, config::voice::MailServer};

/// A name is looked up, and one address is tried, for so long.
const CONNECT_WAIT: TimeDelta = TimeDelta::seconds(10);
/// Addresses of a name that are tried.
const ADDRESSES_MOST: usize = 4;

/// A stream of either kind, plain or not.
trait Duplex: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Duplex for T {}

/// A stream that fails where the server says too much.
#[derive(Debug)]
pub struct Line {
    stream: Box<dyn Duplex>,
    peer: SocketAddr,
    /// Read before anything of the server.
    first: &'static [u8],
    most: usize,
    left: usize,
}

impl Line {
    /// A new command: the server may say as much again.
    pub fn allow(&mut self) {
        self.left = self.most;
    }

    /// The same line with other words before the server's.
    pub(super) fn after(mut self, first: &'static [u8]) -> Self {
        self.first = first;
        self
    }
}

impl AsyncRead for Line {
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

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// Where a server is, and whom it must be.
pub struct Server {
    host: String,
    port: u16,
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl Server {
    /// The server of settings, at the usual port unless they name one; the error says which setting
    /// of it does not hold.
    pub fn of(server: &MailServer, usual_port: u16) -> Result<Self, String> {
        let config = tls::client(server.ca_file.as_deref())?;
        let name = ServerName::try_from(server.host.clone());
        Ok(Self {
            host: server.host.clone(),
            port: server.port.unwrap_or(usual_port),
            tls: TlsConnector::from(config),
            name: name.map_err(|_| format!("{:?} is not a server's name", server.host))?,
        })
    }

    /// Its name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A plain line to it, on which it may say so many bytes; and the address of this end.
    pub async fn connect(
        &self,
        rt: &Runtime,
        most: usize,
    ) -> Result<(Line, std::net::IpAddr), String> {
        let tcp = self.dial(rt).await?;
        let ends = tcp.local_addr().and_then(|here| Ok((here.ip(), tcp.peer_addr()?)));
        let (here, peer) = ends.map_err(|error| format!("connecting: {error}"))?;
        Ok((Line { stream: Box::new(tcp), peer, first: b"", most, left: most }, here))
    }

    async fn dial(&self, rt: &Runtime) -> Result<TcpStream, String> {
        let (host, port) = (self.host.as_str(), self.port);
        let wait = CONNECT_WAIT.num_seconds();
        let found = rt.timeout(CONNECT_WAIT, tokio::net::lookup_host((host, port))).await;
        let found = found.ok_or_else(|| format!("looking up {host}: no answer within {wait} s"))?;
        let found = found.map_err(|error| format!("looking up {host}: {error}"))?;
        let mut failure = format!("{host} has no address");
        for address in found.take(ADDRESSES_MOST) {
            match rt.timeout(CONNECT_WAIT, TcpStream::connect(address)).await {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => failure = format!("connecting to {host}:{port}: {error}"),
                None => {
                    failure = format!("connecting to {host}:{port}: no answer within {wait} s");
                }
            }
        }
        Err(failure)
    }

    /// TLS over a plain line, on which the server may then say so many bytes: what is counted is
    /// what it says, not its ciphertext.
    pub async fn encrypt(&self, plain: Line, most: usize) -> Result<Line, String> {
        let peer = plain.peer;
        let made = self.tls.connect(self.name.clone(), plain.stream).await;
        let made = made.map_err(|error| format!("TLS with {}: {error}", self.host))?;
        Ok(Line { stream: Box::new(made), peer, first: b"", most, left: most })
    }
}
