//! The connection to a mail server: TCP, TLS, or STARTTLS that must come about.
//!
//! STARTTLS is spoken here and not by lettre 0.11, which keeps bytes that came before the
//! handshake and would read them as answers given inside TLS: someone between could then say
//! "taken" of a mail that nobody took.

use std::net::IpAddr;

use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::line::{Line, Server};
use crate::{
    clock::Runtime,
    config::voice::{MailServer, Security},
};

/// A server says at most so much in one conversation, bytes.
const SAYS_MOST: usize = 256 * 1024;
/// And so much before STARTTLS.
const PLAIN_MOST: usize = 16 * 1024;

/// Where mail is handed in.
pub(super) struct Door {
    server: Server,
    security: Security,
}

impl Door {
    /// The door of a server; the error names the setting.
    pub(super) fn of(server: &MailServer) -> Result<Self, String> {
        let port = match server.security {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        };
        Ok(Self { server: Server::of(server, port)?, security: server.security })
    }

    /// A line on which the server's greeting comes next, and what to call oneself there.
    pub(super) async fn open(&self, rt: &Runtime) -> Result<(Box<Line>, ClientId), String> {
        let most = if self.security == Security::None { SAYS_MOST } else { PLAIN_MOST };
        let (mut line, here) = self.server.connect(rt, most).await?;
        let hello = hello(here);
        let line = match self.security {
            Security::None => line,
            Security::Tls => self.server.encrypt(line, SAYS_MOST).await?,
            Security::Starttls => {
                starttls(&mut line, &hello).await?;
                // The greeting is behind us; lettre waits for one.
                self.server.encrypt(line, SAYS_MOST).await?.after(b"220 encrypted\r\n")
            }
        };
        Ok((Box::new(line), hello))
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
async fn starttls(line: &mut Line, hello: &ClientId) -> Result<(), String> {
    let mut talk = Talk { line, heard: Vec::new() };
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
    line: &'a mut Line,
    heard: Vec<u8>,
}

impl Talk<'_> {
    async fn say(&mut self, line: &str) -> Result<(), String> {
        let said = self.line.write_all(line.as_bytes()).await;
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
            let read = self.line.read(&mut part).await;
            let read = read.map_err(|error| format!("before STARTTLS: {error}"))?;
            if read == 0 {
                return Err("the server ended the connection before STARTTLS".to_owned());
            }
            self.heard.extend_from_slice(&part[..read]);
        }
    }
}
