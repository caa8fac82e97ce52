//! Commands by email: HALT, REDUCE, FLATTEN, STATUS and ACK in the subject, with a time-based code.
//!
//! A mail can come from anyone, so it is judged in two steps. `judge` is pure: bytes, settings and
//! time to a verdict, with limits on all it looks at. What needs the store (was this mail heard
//! before, is its code unused, were there too many wrong ones) is one transaction of `ledger`,
//! committed before anything is done. docs/EMAIL_COMMANDS.md tells the threats and the answers.

/// Answers, kept until they are sent.
pub mod answers;
/// Mails that no person wrote.
mod automatic;
/// Takes mails one by one.
pub mod clerk;
/// Listens to the mailbox.
pub mod ear;
/// The header of a mail.
mod header;
/// Bytes to a verdict.
mod judge;
/// What is remembered of mails.
pub mod ledger;
/// How much of a mail is looked at.
pub mod limits;
/// The connection to the IMAP server.
pub mod net;
/// A subject to a command.
mod order;
/// When the mailbox cannot be read.
mod outage;
/// What the owner's mail server says of a sender.
mod proof;
/// How far the mailbox is read.
mod reading;
/// Who a mail is from.
mod sender;
/// How the ear is.
pub mod state;
/// What a mail says.
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use self::judge::judge;
use self::{clerk::Clerk, ear::Ear, ledger::Left, net::Door, state::State};
use super::{
    Request,
    console::Console,
    totp::{TimeCodes, Window},
};
use crate::{
    alert::email::Mailer,
    clock::{Runtime, Timestamp},
    config::voice::VoiceSettings,
    store::Store,
};

/// After a connection failed the next one is tried so soon.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(2);

/// A mail as the server hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Its first bytes, at most [`limits::READ`].
    pub bytes: &'a [u8],
    /// Its whole size as the server tells it, bytes.
    pub size: u32,
    /// When the server took it (INTERNALDATE).
    pub at: Timestamp,
}

/// What settings say.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Addresses whose commands are heeded.
    pub senders: Vec<String>,
    /// Whose Authentication-Results are believed; `None`: none is asked for.
    pub authserv: Option<String>,
}

/// A command word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Only cancels leave.
    Halt,
    /// No entries.
    Reduce,
    /// Cancels and closes everything.
    Flatten,
    /// The status page.
    Status,
    /// Acknowledges alerts.
    Ack,
}

impl Word {
    /// Every word.
    pub const ALL: [Self; 5] = [Self::Halt, Self::Reduce, Self::Flatten, Self::Status, Self::Ack];

    /// As it is written in a subject.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Halt => "HALT",
            Self::Reduce => "REDUCE",
            Self::Flatten => "FLATTEN",
            Self::Status => "STATUS",
            Self::Ack => "ACK",
        }
    }

    /// Whether it is done also while the store hangs: what only makes things safer.
    pub const fn is_urgent(self) -> bool {
        matches!(self, Self::Halt | Self::Reduce | Self::Flatten)
    }

    /// Of when its code may be. What only makes things safer may be slow mail of a day (design §6);
    /// the rest must be of now.
    pub const fn window(self) -> Window {
        match self {
            Self::Halt | Self::Reduce => Window::Day,
            Self::Flatten | Self::Status | Self::Ack => Window::Minutes,
        }
    }
}

/// Who sent a mail, as far as it is believed, and what an answer needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The address, in small letters; answers go there and nowhere else.
    pub address: String,
    /// The mail's id, without brackets.
    pub message_id: String,
    /// Mails before it in its thread.
    pub references: Vec<String>,
}

/// A command to be done once its code is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its word.
    pub word: Word,
    /// What it asks of the daemon.
    pub request: Request,
    /// Its code, six digits.
    #[serde(skip)]
    pub code: String,
}

/// What is made of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Silence; counted and logged.
    Ignored(Why),
    /// From an allowed address, but the owner's server does not vouch for it: silence, counted, and
    /// told by other ways once a day.
    Unproven {
        /// The address it names.
        address: String,
    },
    /// A command that is not done; its sender is told why.
    Refused {
        /// Who sent it.
        sender: Sender,
        /// The command.
        word: &'static str,
        /// Why not.
        why: Refusal,
    },
    /// A command, to be done once its code is spent.
    Command {
        /// Who sent it.
        sender: Sender,
        /// What it is.
        order: Order,
    },
}

/// Why a mail is met with silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// More than [`limits::SIZE`].
    Large,
    /// A header beyond its limits.
    LargeHeader,
    /// More parts, or deeper ones, than the limits.
    ManyParts,
    /// A header that cannot be read in one way only.
    Malformed,
    /// It arrived more than [`limits::AGE`] ago.
    Old,
    /// No sender.
    NoSender,
    /// More than one sender.
    SeveralSenders,
    /// A sender made to look like another one.
    Disguised,
    /// A sender who is not on the list.
    Unknown,
    /// No message id, so it could not be known again.
    NoMessageId,
    /// Sent by a program.
    Automatic,
    /// Of a mailing list.
    List,
    /// A mail that came back.
    Bounce,
    /// No command.
    NoCommand,
    /// A reply without a code of its own.
    Reply,
    /// Heard before.
    Repeat,
    /// Its sender sent too many wrong codes.
    Locked,
    /// The server did not give it for a day.
    Unreadable,
    /// Judging it failed: a fault of this program.
    Fault,
}

impl Why {
    /// The name it is counted under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::LargeHeader => "large_header",
            Self::ManyParts => "many_parts",
            Self::Malformed => "malformed",
            Self::Old => "old",
            Self::NoSender => "no_sender",
            Self::SeveralSenders => "several_senders",
            Self::Disguised => "disguised_sender",
            Self::Unknown => "unknown_sender",
            Self::NoMessageId => "no_message_id",
            Self::Automatic => "automatic",
            Self::List => "list",
            Self::Bounce => "bounce",
            Self::NoCommand => "no_command",
            Self::Reply => "reply",
            Self::Repeat => "repeat",
            Self::Locked => "locked",
            Self::Unreadable => "unreadable",
            Self::Fault => "fault",
        }
    }
}

/// Why a command is not done, told to who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By mail nothing is let go on.
    #[error(
        "RESUME is not offered by mail: resume on Telegram, on the web page or in the shell \
         (`tomking resume`)"
    )]
    Resume,
    /// No code.
    #[error(
        "the mail has no code: write the six digits of your authenticator behind the command, or \
         alone on the first line of the text"
    )]
    NoCode,
    /// The arguments do not fit.
    #[error("{0}")]
    Arguments(String),
    /// The code is none of the window.
    #[error("the code is not right")]
    WrongCode,
    /// The code is used.
    #[error("the code is used: each is taken once; wait for the next one")]
    UsedCode,
    /// The code is right, but of too long ago.
    #[error("the code is older than ten minutes, which this command does not take: send a new one")]
    OldCode,
}

impl Refusal {
    /// The name it is counted under.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Resume => "refused_resume",
            Self::NoCode => "refused_no_code",
            Self::Arguments(_) => "refused_arguments",
            Self::WrongCode => "refused_wrong_code",
            Self::UsedCode => "refused_used_code",
            Self::OldCode => "refused_old_code",
        }
    }
}

/// The inbox that settings name, with its secrets read.
pub struct Inbox {
    door: Door,
    rules: Rules,
    poll: TimeDelta,
    post: Arc<Mailer>,
    left: Left,
    state: Arc<State>,
}

impl Inbox {
    /// The inbox; `None` where settings name none.
    ///
    /// # Errors
    /// In words: the setting, the place of the secret, never the secret.
    pub fn of(rt: &Runtime, store: &Store, voice: &VoiceSettings) -> Result<Option<Self>, String> {
        let (Some(inbox), Some(email)) = (&voice.inbox, &voice.email) else { return Ok(None) };
        let rules =
            Rules { senders: inbox.senders.clone(), authserv: inbox.trusted_authserv.clone() };
        let poll = TimeDelta::seconds(inbox.poll_seconds.cast_signed());
        let post = Arc::new(Mailer::new(email, rt.clone())?);
        let door = Door::of(inbox)?;
        let left = store.read(ledger::left).map_err(|error| error.to_string())?;
        Ok(Some(Self { door, rules, poll, post, left, state: Arc::default() }))
    }

    /// How its ear is, once it listens.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Starts to listen: the ear and the sender of answers, each a task of its own whose end
    /// touches nothing else.
    pub fn start(self, rt: &Runtime, store: &Store, codes: Arc<TimeCodes>, console: Arc<Console>) {
        let Self { door, rules, poll, post, left, state } = self;
        let (rt, store) = (rt.clone(), store.clone());
        let clerk = Clerk { rt: rt.clone(), store: store.clone(), codes, console, rules, state };
        let clerk = Arc::new(clerk);
        let ear = Ear::new(door, poll, FIRST_WAIT, Arc::clone(&clerk));
        rt.spawn(async move { clerk.take_up(left).await });
        rt.spawn(ear.listen());
        let rt2 = rt.clone();
        rt.spawn(answers::run(rt2, store, post));
    }
}
