//! A mail to a verdict: a pure function of its bytes, the settings and the time.

use super::{
    Arrived, Rules, Sender, Verdict, Why, automatic,
    header::Header,
    limits,
    order::{self, Fault},
    proof, sender,
    text::Text,
};
use crate::{alert::email::ids, clock::Timestamp};

/// What is to be made of a mail. Its code is not looked at: that needs the store.
pub fn judge(mail: &Arrived<'_>, rules: &Rules, now: Timestamp) -> Verdict {
    match weigh(mail, rules, now) {
        Ok(verdict) => verdict,
        Err(why) => Verdict::Ignored(why),
    }
}

fn weigh(mail: &Arrived<'_>, rules: &Rules, now: Timestamp) -> Result<Verdict, Why> {
    if mail.size > limits::SIZE {
        return Err(Why::Large);
    }
    if now - mail.at > limits::AGE {
        return Err(Why::Old);
    }
    let bytes = &mail.bytes[..mail.bytes.len().min(limits::READ)];
    let header = Header::of(bytes)?;
    let address = sender::of(&header)?;
    if !rules.senders.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
        return Err(Why::Unknown);
    }
    if let Some(why) = automatic::sign(&header) {
        return Err(why);
    }
    let (_, domain) = address.rsplit_once('@').ok_or(Why::NoSender)?;
    if let Some(authserv) = &rules.authserv
        && !proof::holds(&header, authserv, domain)
    {
        return Ok(Verdict::Unproven { address });
    }
    let sender =
        Sender { address, message_id: message_id(&header)?, references: references(&header) };
    let text = Text::of(bytes)?;
    let answered = header.get("in-reply-to").and_then(ids::alert_number);
    Ok(match order::of(&text, answered) {
        Ok(order) => Verdict::Command { sender, order },
        Err(Fault::Refused(word, why)) => Verdict::Refused { sender, word, why },
        Err(Fault::Silent(why)) => return Err(why),
    })
}

/// The message id without its brackets.
fn message_id(header: &Header) -> Result<String, Why> {
    let written = header.get("message-id").ok_or(Why::NoMessageId)?;
    id(written).ok_or(Why::NoMessageId)
}

fn id(written: &str) -> Option<String> {
    let inside = written.trim().strip_prefix('<')?.strip_suffix('>')?;
    let sound = (3..=limits::ID).contains(&inside.len())
        && inside.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    sound.then(|| inside.to_owned())
}

/// The mails before this one, the last ten.
fn references(header: &Header) -> Vec<String> {
    let named = header.get("references").or_else(|| header.get("in-reply-to")).unwrap_or_default();
    let mut found: Vec<String> = named.split_whitespace().filter_map(id).collect();
    let surplus = found.len().saturating_sub(10);
    found.drain(..surplus);
    found
}
