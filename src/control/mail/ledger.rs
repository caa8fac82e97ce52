//! What is remembered of mails: how far the mailbox is read, which mails and codes were heard, what
//! waits to be done and to be answered, and how many were refused for what.
//!
//! One mail is one transaction: the mailbox goes on, the code is spent and the command is kept
//! together, before anything is done. After a crash the command is still there.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Order, Refusal, Sender, Why, Word, answers::Answer};
pub use crate::control::totp::attempts::sound;
use crate::{
    clock::Timestamp,
    control::totp::{
        self,
        attempts::{self, Limits},
    },
    notice::{Notice, raise},
    store::{Read, StoreError, Table, WriteTx, sha256_hex},
};

/// How far each mailbox is read, by `<user>@<host>/<mailbox>`.
pub const CURSORS: Table<Cursor> = Table::new("mail_in_cursors", 1);
/// Mails that were taken for commands, by the digest of their message id.
pub const SEEN: Table<Timestamp> = Table::new("mail_in_seen", 1);
/// Commands taken and not yet answered for good.
pub const COMMANDS: Table<Taken> = Table::new("mail_in_commands", 1);
/// How many mails met which end, by its name.
pub const COUNTS: Table<u64> = Table::new("mail_in_counts", 1);
/// When a sender was answered, or told of, last; by `<what>:<address>`.
const TOLD: Table<Vec<Timestamp>> = Table::new("mail_in_told", 1);

/// A mail is known again for so long; an older one is not looked at.
const SEEN_FOR: TimeDelta = TimeDelta::hours(49);
/// Mails known again, at most; the code of a forgotten one is used all the same.
const SEEN_MOST: usize = 1_000;
/// Answers to one sender: twenty in an hour, sixty in a day.
const ANSWERS: Limits = Limits::of(&[(TimeDelta::hours(1), 20), (TimeDelta::hours(24), 60)]);
/// A sender that the server does not vouch for is told of once a day.
const UNPROVEN: Limits = Limits::of(&[(TimeDelta::hours(24), 1)]);

/// How far a mailbox is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The server's UIDVALIDITY; another one means that all numbers are new.
    pub validity: u32,
    /// The last UID that was looked at.
    pub uid: u32,
}

/// Where a mail lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The mailbox, as a key of [`CURSORS`].
    pub mailbox: String,
    /// The mail.
    pub uid: u32,
    /// How far the mailbox is read with it.
    pub cursor: Cursor,
}

/// What the code of a command fits, by steps of [`totp`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Those of the command's window.
    pub window: Vec<u64>,
    /// Those of the last 24 hours, to tell a late code from a wrong one.
    pub day: Vec<u64>,
    /// Nothing else has claimed it in this life of the program.
    pub fresh: bool,
}

/// What a crash left.
#[derive(Debug, Default)]
pub struct Left {
    /// Commands whose code is spent and whose end is not known, by their keys.
    pub commands: Vec<(String, Taken)>,
    /// Rows of such that cannot be read, with what is wrong.
    pub unreadable: Vec<(String, StoreError)>,
}

/// A command whose code is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When.
    pub at: Timestamp,
    /// Who sent it.
    pub sender: Sender,
    /// What is to be done.
    pub order: Order,
}

/// What a command comes to once the store was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// To be done, under this key of [`COMMANDS`].
    Do(String),
    /// Not done, and its sender is told.
    Refused,
    /// Not done, in silence.
    Silent(Why),
}

/// Counts an end.
pub fn count(tx: &mut WriteTx, name: &str) -> Result<(), StoreError> {
    let next = sound(tx.get(&COUNTS, name))?.unwrap_or(0).saturating_add(1);
    tx.put(&COUNTS, name, &next)
}

/// What a crash left; to be asked for before any mail is taken.
pub fn left(tx: &impl Read) -> Result<Left, StoreError> {
    let (commands, unreadable) = tx.readable(&COMMANDS, "")?;
    Ok(Left { commands, unreadable })
}

/// A command that cannot be read any more is told of and goes.
pub fn put_away(
    tx: &mut WriteTx,
    key: &str,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.remove(&COMMANDS, key)?;
    count(tx, "unreadable_command")?;
    let text = format!(
        "one that was taken before the program ended cannot be read any more, so it is not known \
         what it was and it is not done ({error}). Ask for STATUS, and send it again if need be"
    );
    raise(tx, now, Notice::MailCommands { about: format!("command {key}"), text })
}

/// How many mails met which end since the store began, by the name of the end: `accepted_halt`,
/// `refused_wrong_code`, `unknown_sender`, ….
pub fn counts(tx: &impl Read) -> Result<BTreeMap<String, u64>, StoreError> {
    Ok(tx.readable(&COUNTS, "")?.0.into_iter().collect())
}

/// Remembers how far the mailbox is read; never less far than before.
pub fn pass(tx: &mut WriteTx, place: &Place) -> Result<(), StoreError> {
    let (known, now) = (sound(tx.get(&CURSORS, &place.mailbox))?, place.cursor);
    if known.is_some_and(|known| known.validity == now.validity && known.uid >= now.uid) {
        return Ok(());
    }
    tx.put(&CURSORS, &place.mailbox, &now)
}

/// A mail that is met with silence.
pub fn ignore(tx: &mut WriteTx, place: &Place, why: Why) -> Result<(), StoreError> {
    pass(tx, place)?;
    count(tx, why.name())
}

/// A mail in the name of an allowed sender that the owner's server does not vouch for: told of once
/// a day by other ways, for either someone forges it or the server is set up otherwise.
pub fn unproven(
    tx: &mut WriteTx,
    place: &Place,
    address: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    pass(tx, place)?;
    count(tx, "not_authenticated")?;
    let key = format!("unproven:{address}");
    if attempts::locked_in(tx, &TOLD, &key, &UNPROVEN, now)?.is_some() {
        return Ok(());
    }
    attempts::failed_in(tx, &TOLD, &key, now)?;
    let text = "a mail in this name was not done: the server of voice.inbox.trusted_authserv does \
                not vouch for it. Either it is forged, or that name is not what the server calls \
                itself in Authentication-Results";
    raise(tx, now, Notice::MailCommands { about: address.to_owned(), text: text.to_owned() })
}

/// A command that is refused for what stands in it.
pub fn refuse(
    tx: &mut WriteTx,
    place: &Place,
    sender: &Sender,
    (word, why): (&str, &Refusal),
    now: Timestamp,
) -> Result<(), StoreError> {
    pass(tx, place)?;
    if !is_new(tx, sender, now)? {
        return count(tx, Why::Repeat.name());
    }
    count(tx, why.name())?;
    answer(tx, &Answer::refusal(sender, word, &why.to_string(), now), now)
}

/// Takes a command, unless its code says otherwise.
pub fn admit(
    tx: &mut WriteTx,
    place: &Place,
    taken: &Taken,
    Fit { window, day, fresh }: &Fit,
) -> Result<Admission, StoreError> {
    let (sender, word, now) = (&taken.sender, taken.order.word, taken.at);
    pass(tx, place)?;
    let who = format!("email:{}", sender.address);
    if attempts::locked(tx, &who, &Limits::MAIL, now)?.is_some() {
        count(tx, Why::Locked.name())?;
        return Ok(Admission::Silent(Why::Locked));
    }
    if !is_new(tx, sender, now)? {
        count(tx, Why::Repeat.name())?;
        return Ok(Admission::Silent(Why::Repeat));
    }
    if *fresh && totp::take(tx, window, day, now)?.is_some() {
        return accept(tx, taken);
    }
    let why = if !window.is_empty() {
        Refusal::UsedCode
    } else if totp::take(tx, day, day, now)?.is_some() {
        // Right, but late: it is spent, so that who saw it cannot use it for a halt.
        Refusal::OldCode
    } else {
        Refusal::WrongCode
    };
    count(tx, why.name())?;
    let mut text = why.to_string();
    if why != Refusal::OldCode
        && let Some(until) = wrong(tx, &who, now)?
    {
        text = format!("{text}; {}", locked(until));
        lock_out(tx, sender, until, now)?;
    }
    answer(tx, &Answer::refusal(sender, word.name(), &text, now), now)?;
    Ok(Admission::Refused)
}

/// Takes a command that is done already, whatever the store knows of its code and its sender: what
/// was done is counted, answered and closed, and its code and its mail are used up.
pub fn admit_done(
    tx: &mut WriteTx,
    place: &Place,
    taken: &Taken,
    Fit { window, day, .. }: &Fit,
) -> Result<Admission, StoreError> {
    pass(tx, place)?;
    is_new(tx, &taken.sender, taken.at)?;
    totp::take(tx, window, day, taken.at)?;
    accept(tx, taken)
}

fn accept(tx: &mut WriteTx, taken: &Taken) -> Result<Admission, StoreError> {
    count(tx, &format!("accepted_{}", taken.order.word.name().to_ascii_lowercase()))?;
    let key = format!("{:020}", tx.next_sequence("mail_in_commands")?);
    tx.put(&COMMANDS, &key, taken)?;
    Ok(Admission::Do(key))
}

/// Whether a command looks as if it will be admitted: for one that must not wait, when the store is
/// slow to say so.
pub fn may_be_good(tx: &impl Read, taken: &Taken, fit: &Fit) -> Result<bool, StoreError> {
    let who = format!("email:{}", taken.sender.address);
    let heard = attempts::locked(tx, &who, &Limits::MAIL, taken.at)?.is_none();
    let new = tx.get(&SEEN, &mail_key(&taken.sender)).is_ok_and(|seen| seen.is_none());
    Ok(heard && new && totp::unused(tx, &fit.window)?.is_some())
}

fn mail_key(sender: &Sender) -> String {
    sha256_hex(sender.message_id.as_bytes())
}

fn wrong(tx: &mut WriteTx, who: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    attempts::failed(tx, who, now)?;
    attempts::locked(tx, who, &Limits::MAIL, now)
}

fn locked(until: Timestamp) -> String {
    let until = until.format("%Y-%m-%d %H:%M UTC");
    format!("that was one wrong code too many: by mail nothing is heard from here until {until}")
}

fn lock_out(
    tx: &mut WriteTx,
    sender: &Sender,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = format!(
        "too many wrong codes, so nothing is heard by mail from this address until {}. If it was \
         not you, someone writes in your name: set voice.inbox.trusted_authserv. Telegram and the \
         shell work as ever",
        until.format("%Y-%m-%d %H:%M UTC")
    );
    raise(tx, now, Notice::MailCommands { about: sender.address.clone(), text })
}

/// Whether a mail was not heard before; from now on it was.
fn is_new(tx: &mut WriteTx, sender: &Sender, now: Timestamp) -> Result<bool, StoreError> {
    let key = mail_key(sender);
    let (mut known, broken) = tx.readable(&SEEN, "")?;
    let heard = known.iter().map(|(key, _)| key).chain(broken.iter().map(|(key, _)| key));
    if heard.into_iter().any(|heard| *heard == key) {
        return Ok(false);
    }
    tx.put(&SEEN, &key, &now)?;
    known.sort_by_key(|(_, at)| *at);
    let surplus = (known.len() + 1).saturating_sub(SEEN_MOST);
    let old = |index: usize, at: Timestamp| index < surplus || now - at > SEEN_FOR;
    let mut gone = known.iter().enumerate().filter(|(index, (_, at))| old(*index, *at));
    gone.try_for_each(|(_, (key, _))| tx.remove(&SEEN, key).map(|_| ()))?;
    Ok(true)
}

/// Puts an answer where it is sent from, unless its receiver had too many.
pub fn answer(tx: &mut WriteTx, answer: &Answer, now: Timestamp) -> Result<(), StoreError> {
    let key = format!("answer:{}", answer.to);
    if attempts::locked_in(tx, &TOLD, &key, &ANSWERS, now)?.is_some() {
        return count(tx, "unanswered");
    }
    attempts::failed_in(tx, &TOLD, &key, now)?;
    super::answers::keep(tx, answer)
}

/// The last word of a command: it is answered and no longer waits. It spent a code, so no loop can
/// come of it, and no forger may use up the owner's answers.
pub fn close(tx: &mut WriteTx, key: &str, last: &Answer) -> Result<(), StoreError> {
    tx.remove(&COMMANDS, key)?;
    super::answers::keep(tx, last)
}

/// How long after it was taken a command may still be done, when a crash or the store held it up.
pub const fn still_good(word: Word) -> TimeDelta {
    match word {
        Word::Halt | Word::Reduce => TimeDelta::hours(24),
        Word::Flatten | Word::Status | Word::Ack => TimeDelta::minutes(10),
    }
}
