//! Sends letters: one connection each, under a deadline of its own.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;
use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Quit, Rcpt},
    },
};

use super::{
    account::Account,
    fault::{Fault, broken, refused},
    letter::{Letter, one_line},
    wire::Door,
};
use crate::{
    alert::SendError,
    clock::{Runtime, Timestamp},
    config::voice::EmailSettings,
};

/// A whole send takes at most so long, below what the caller waits: a server that hangs is told
/// of by its own name. lettre 0.11 has no deadline beyond connecting.
const DEADLINE: TimeDelta = TimeDelta::seconds(45);
/// A goodbye is waited for so long; the mail is taken by then.
const GOODBYE_WAIT: TimeDelta = TimeDelta::seconds(1);
/// Words of an error, characters; a server may say more.
const WORDS_MOST: usize = 500;
/// Letters remembered as taken for some of their recipients.
const REMEMBERED: usize = 64;

/// What is under way, for the words of a deadline.
type Doing = Mutex<&'static str>;

fn now_doing(doing: &Doing, what: &'static str) {
    *doing.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

fn too_late(limit: TimeDelta, doing: &Doing) -> String {
    let doing = doing.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = limit.num_milliseconds();
    format!("the mail server was not done within {limit} ms; this was under way: {doing}")
}

/// Sends letters by the server that settings name. Each recipient is taken or refused alone, and
/// one that took a letter does not get it again when it is tried again for the others.
pub struct Mailer {
    rt: Runtime,
    door: Door,
    account: Option<Account>,
    from: Mailbox,
    owners: Vec<String>,
    deadline: TimeDelta,
    taken: Mutex<VecDeque<(String, BTreeSet<String>)>>,
}

impl Mailer {
    /// A mailer; the error names the setting and the place of the secret, never the secret.
    pub fn new(settings: &EmailSettings, rt: Runtime) -> Result<Self, String> {
        let server = &settings.server;
        let failed = |why: String| format!("voice.email.server: {why}");
        let account = Account::of(server).map_err(|why| format!("voice.email.server.{why}"))?;
        let from: Mailbox = settings.from.parse().map_err(|_| {
            format!("voice.email.from = {:?}: must be a name and an address", settings.from)
        })?;
        Ok(Self {
            rt,
            door: Door::of(server).map_err(failed)?,
            account,
            from,
            owners: settings.to.clone(),
            deadline: DEADLINE,
            taken: Mutex::default(),
        })
    }

    /// The same with a deadline of its own for each letter.
    #[must_use]
    pub fn within(mut self, deadline: TimeDelta) -> Self {
        self.deadline = deadline;
        self
    }

    /// The host part of the sender: where message ids are from.
    pub fn host(&self) -> &str {
        self.from.email.domain()
    }

    /// The sender's address.
    pub fn sender(&self) -> String {
        self.from.email.to_string()
    }

    /// The present instant, as the runtime has it.
    pub(super) fn now(&self) -> Timestamp {
        self.rt.now()
    }

    /// Who gets alerts and reports.
    pub fn owners(&self) -> &[String] {
        &self.owners
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// `Retry` for all that another attempt, or the owner, may mend: no connection, TLS, a refused
    /// password, a 4xx, no answer. The letter may have been taken even so; it keeps its id.
    /// `Permanent` when every recipient that did not take it was refused for good (5xx), and names
    /// who took it, if anyone did.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        self.send_within(letter, self.deadline).await
    }

    /// Sends letters one after another, all within one deadline. Those before a failure are
    /// taken: tried again, they are not sent again.
    pub async fn send_all(&self, letters: &[Letter]) -> Result<(), SendError> {
        let begun = self.rt.now();
        let mut lasting = Ok(());
        for letter in letters {
            let left = self.deadline - (self.rt.now() - begun);
            let left = left.clamp(TimeDelta::zero(), self.deadline);
            match self.send_within(letter, left).await {
                Err(SendError::Permanent(why)) => lasting = Err(SendError::Permanent(why)),
                sent => sent?,
            }
        }
        lasting
    }

    async fn send_within(&self, letter: &Letter, limit: TimeDelta) -> Result<(), SendError> {
        let bytes = letter.formatted(&self.from).map_err(SendError::Permanent)?;
        let all = letter.addresses().map_err(SendError::Permanent)?;
        let left: Vec<Address> = {
            let taken = self.taken_by(&letter.id);
            all.iter().filter(|to| !taken.contains(&to.to_string())).cloned().collect()
        };
        if left.is_empty() {
            return Ok(());
        }
        let doing = Mutex::new("connecting");
        let work = self.hand_in(letter, &bytes, left, &doing);
        let Some(done) = self.rt.timeout(limit, work).await else {
            return Err(SendError::Retry(too_late(self.deadline, &doing)));
        };
        let (mut connection, refusals) = done.map_err(|fault| self.told(fault))?;
        let _ = self.rt.timeout(GOODBYE_WAIT, connection.command(Quit)).await;
        self.verdict(letter, all.len(), &refusals)
    }

    /// The conversation.
    async fn hand_in(
        &self,
        letter: &Letter,
        bytes: &[u8],
        to: Vec<Address>,
        doing: &Doing,
    ) -> Result<(AsyncSmtpConnection, Vec<(Address, Fault)>), Fault> {
        let (wire, hello) = self.door.open(&self.rt).await.map_err(Fault::Later)?;
        now_doing(doing, "greeting it");
        let opened = AsyncSmtpConnection::connect_with_transport(wire, &hello).await;
        let mut connection = opened.map_err(|error| broken("greeting the server", &error))?;
        if let Some(account) = &self.account {
            now_doing(doing, "signing in");
            account.sign_in(&mut connection).await?;
        }
        now_doing(doing, "naming the recipients");
        let (accepted, refusals) = self.name(&mut connection, to).await?;
        if !accepted.is_empty() {
            now_doing(doing, "handing in the mail");
            connection.command(Data).await.map_err(|error| refused("the mail", &error))?;
            let sent = connection.message(bytes).await;
            sent.map_err(|error| refused("the mail", &error))?;
            // Before any further await: the server has it.
            self.remember(&letter.id, &accepted);
        }
        Ok((connection, refusals))
    }

    /// Names sender and recipients: those accepted, and those refused with the reason.
    async fn name(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: Vec<Address>,
    ) -> Result<(Vec<Address>, Vec<(Address, Fault)>), Fault> {
        let sender = Mail::new(Some(self.from.email.clone()), Vec::new());
        connection.command(sender).await.map_err(|error| refused("the sender", &error))?;
        let (mut accepted, mut refusals) = (Vec::new(), Vec::new());
        for address in to {
            match connection.command(Rcpt::new(address.clone(), Vec::new())).await {
                Ok(_) => accepted.push(address),
                Err(error) if error.status().is_some() => {
                    refusals.push((address, refused("the recipient", &error)));
                }
                Err(error) => return Err(broken("naming the recipients", &error)),
            }
        }
        Ok((accepted, refusals))
    }

    /// What a finished conversation comes to.
    fn verdict(
        &self,
        letter: &Letter,
        all: usize,
        refusals: &[(Address, Fault)],
    ) -> Result<(), SendError> {
        if refusals.is_empty() {
            return Ok(());
        }
        let lasting = refusals.iter().all(|(_, fault)| matches!(fault, Fault::Never(_)));
        let each = refusals.iter().map(|(address, fault)| format!("{address}: {}", fault.text()));
        let mut text = each.collect::<Vec<_>>().join("; ");
        let taken = self.taken_by(&letter.id).len();
        if taken > 0 {
            text = format!("delivered to {taken} of {all}, not to {text}");
        }
        Err(self.told(if lasting { Fault::Never(text) } else { Fault::Later(text) }))
    }

    fn told(&self, fault: Fault) -> SendError {
        let clean = |text: String| {
            let text = match &self.account {
                Some(account) => account.clean(&text),
                None => text,
            };
            one_line(&text, WORDS_MOST)
        };
        match fault {
            Fault::Later(text) => SendError::Retry(clean(text)),
            Fault::Never(text) => SendError::Permanent(clean(text)),
        }
    }

    fn taken_by(&self, id: &str) -> BTreeSet<String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let found = taken.iter().find(|(known, _)| known == id);
        found.map(|(_, who)| who.clone()).unwrap_or_default()
    }

    fn remember(&self, id: &str, who: &[Address]) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let who = who.iter().map(ToString::to_string);
        if let Some((_, known)) = taken.iter_mut().find(|(known, _)| known == id) {
            known.extend(who);
            return;
        }
        if taken.len() == REMEMBERED {
            taken.pop_front();
        }
        taken.push_back((id.to_owned(), who.collect()));
    }
}
