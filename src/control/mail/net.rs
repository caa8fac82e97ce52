//! The connection to the IMAP server: TCP, TLS, or STARTTLS that must come about.

use async_imap::{Client, Session, types::Mailbox};
use chrono::TimeDelta;

use crate::{
    alert::email::{
        account::Account,
        letter::one_line,
        line::{Line, Server},
    },
    clock::Runtime,
    config::voice::{InboxSettings, Security},
};

/// Each step of a conversation is waited for so long.
const STEP_WAIT: TimeDelta = TimeDelta::seconds(30);
/// The server says at most so much in answer to one command, bytes.
const SAYS_MOST: usize = 1024 * 1024;
/// Characters of the server's words in an error.
const WORDS_MOST: usize = 300;

/// Where the mailbox is.
pub struct Door {
    server: Server,
    security: Security,
    account: Account,
    mailbox: String,
    patience: TimeDelta,
}

impl Door {
    /// The door of settings; the error names the setting, never the secret.
    pub fn of(settings: &InboxSettings) -> Result<Self, String> {
        let server = &settings.server;
        let failed = |why: String| format!("voice.inbox.server.{why}");
        let account = Account::of(server).map_err(failed)?;
        let account = account
            .ok_or_else(|| failed("username and password must be given: IMAP asks".to_owned()))?;
        let port = if server.security == Security::Tls { 993 } else { 143 };
        Ok(Self {
            server: Server::of(server, port).map_err(|why| format!("voice.inbox.server: {why}"))?,
            security: server.security,
            account,
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
        format!("{}@{}/{}", self.account.name, self.server.host(), self.mailbox)
    }

    /// Connects, signs in and opens the mailbox.
    pub async fn enter(&self, rt: &Runtime) -> Result<(Session<Line>, Mailbox), String> {
        let client = self.greeted(rt).await?;
        let login = self.step(rt, "signing in", async {
            let Account { name, .. } = &self.account;
            client.login(name, self.account.password()).await.map_err(|(error, _)| error)
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
            Some(Err(error)) => Err(format!("{doing}: {}", self.words(&error.to_string()))),
            None => Err(format!("{doing}: no answer within {} s", self.patience.num_seconds())),
        }
    }

    /// What the server said, as it may be shown: one line, without the password.
    pub fn words(&self, said: &str) -> String {
        one_line(&self.account.clean(said), WORDS_MOST)
    }

    async fn greeted(&self, rt: &Runtime) -> Result<Client<Line>, String> {
        let (line, _) = self.server.connect(rt, SAYS_MOST).await?;
        match self.security {
            Security::None => self.greeting(rt, Client::new(line)).await,
            Security::Tls => self.greeting(rt, Client::new(self.encrypt(rt, line).await?)).await,
            Security::Starttls => {
                let mut plain = self.greeting(rt, Client::new(line)).await?;
                let asked = plain.run_command_and_check_ok("STARTTLS", None);
                self.step(rt, "STARTTLS; nothing was sent without it", asked).await?;
                // What the server said beyond that is dropped with the client: it is of no one.
                Ok(Client::new(self.encrypt(rt, plain.into_inner()).await?))
            }
        }
    }

    /// TLS in the place of a plain line, within the patience of a step.
    async fn encrypt(&self, rt: &Runtime, plain: Line) -> Result<Line, String> {
        let made = rt.timeout(self.patience, self.server.encrypt(plain, SAYS_MOST)).await;
        made.unwrap_or_else(|| Err(format!("TLS with {}: no answer", self.server.host())))
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
