//! A mail before it is sent, and its bytes on the wire (RFC 5322, MIME).
//!
//! The bytes are a pure function of the letter: boundaries come from its id, not from chance.

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Attachment as Part, Body, Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue},
    },
};

use super::ids;
use crate::{
    alert::{Attachment, Picture},
    clock::Timestamp,
};

/// A subject is at most so long, characters.
const SUBJECT_MOST: usize = 150;
/// Mails before this one that it names at most; the first is always named.
const REFERENCES_MOST: usize = 10;
/// The last instant a mail's date can tell, seconds: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why a mail is sent, for what answers mails by itself (RFC 3834).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By itself: an alert, a report.
    Generated,
    /// As the answer to a mail.
    Replied,
}

/// A mail. Texts may come from anywhere: what would break a header is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its message id without angle brackets; the same whenever the same mail is tried again.
    pub id: String,
    /// Addresses it goes to, each alone and without a name.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The page that says the same; pictures as `<img src="cid:NAME">`.
    pub html: Option<String>,
    /// The pictures the page names; of no use without one.
    pub pictures: Vec<Picture>,
    /// Files beside it.
    pub files: Vec<Attachment>,
    /// Its date.
    pub at: Timestamp,
    /// The id of the mail it answers, without angle brackets.
    pub in_reply_to: Option<String>,
    /// Ids of the mails before it in its thread, the first first, without angle brackets.
    pub references: Vec<String>,
    /// Where answers go, when not to the sender.
    pub reply_to: Option<String>,
    /// Why it is sent.
    pub origin: Origin,
    /// Marked as important.
    pub urgent: bool,
}

impl Letter {
    /// A letter of plain text alone, sent by itself; the other fields are set as needed.
    pub fn new(id: String, to: Vec<String>, subject: &str, text: &str, at: Timestamp) -> Self {
        Self {
            id,
            to,
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: None,
            pictures: Vec::new(),
            files: Vec::new(),
            at,
            in_reply_to: None,
            references: Vec::new(),
            reply_to: None,
            origin: Origin::Generated,
            urgent: false,
        }
    }

    /// Its addresses, read; the error names the one that is none.
    pub(super) fn addresses(&self) -> Result<Vec<Address>, String> {
        let read = |to: &String| to.parse().map_err(|_| format!("{to:?} is not an address"));
        self.to.iter().map(read).collect()
    }

    /// The whole mail as it is sent from `from`, but for the end of its last line.
    pub(super) fn formatted(&self, from: &Mailbox) -> Result<Vec<u8>, String> {
        let to = self.addresses()?;
        let envelope = Envelope::new(Some(from.email.clone()), to.clone());
        let mut builder = Message::builder()
            .from(from.clone())
            .envelope(envelope.map_err(|error| error.to_string())?)
            .header(date(self.at))
            .message_id(Some(ids::bracketed(&self.id)))
            .subject(subject(&self.subject));
        for to in to {
            builder = builder.to(Mailbox::new(None, to));
        }
        if let Some(address) = &self.reply_to {
            let address = address.parse().map_err(|_| format!("{address:?} is not an address"))?;
            builder = builder.reply_to(Mailbox::new(None, address));
        }
        let message = self.manner(self.thread(builder), from.email.domain());
        let message = if self.html.is_none() && self.files.is_empty() {
            message.singlepart(SinglePart::plain(self.text.clone()))
        } else {
            message.multipart(self.body()?)
        };
        let mut bytes = message.map_err(|error| error.to_string())?.formatted();
        // The end of the last line is sent with the dot that ends the mail.
        while bytes.ends_with(b"\r\n") {
            bytes.truncate(bytes.len() - 2);
        }
        Ok(bytes)
    }

    fn thread(&self, mut builder: MessageBuilder) -> MessageBuilder {
        if let Some(id) = &self.in_reply_to {
            builder = builder.in_reply_to(ids::bracketed(id));
        }
        let surplus = self.references.len().saturating_sub(REFERENCES_MOST);
        let named = self.references.iter().take(1).chain(self.references.iter().skip(1 + surplus));
        let references: Vec<String> = named.map(|id| ids::bracketed(id)).collect();
        if references.is_empty() { builder } else { builder.references(references.join(" ")) }
    }

    /// What tells other programs not to answer, and where to sort it.
    fn manner(&self, builder: MessageBuilder, host: &str) -> MessageBuilder {
        let header =
            |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        let submitted = match self.origin {
            Origin::Generated => "auto-generated",
            Origin::Replied => "auto-replied",
        };
        let mut builder = builder
            .raw_header(header("Auto-Submitted", submitted.to_owned()))
            .raw_header(header("X-Auto-Response-Suppress", "All".to_owned()));
        if self.origin == Origin::Generated {
            builder = builder.raw_header(header("List-Id", format!("tomking <tomking.{host}>")));
        }
        if self.urgent {
            builder = builder.raw_header(header("Importance", "high".to_owned()));
        }
        builder
    }

    /// mixed(alternative(plain, related(html, pictures)), files).
    fn body(&self) -> Result<MultiPart, String> {
        let boundary = |part: &str| format!("tomking-{}", ids::digest(&[part, &self.id]));
        let mut alternative = MultiPart::alternative()
            .boundary(boundary("alternative"))
            .singlepart(SinglePart::plain(self.text.clone()));
        if let Some(html) = &self.html {
            let mut related = MultiPart::related()
                .boundary(boundary("related"))
                .singlepart(SinglePart::html(html.clone()));
            for picture in &self.pictures {
                related = related.singlepart(inline(picture)?);
            }
            alternative = alternative.multipart(related);
        }
        let mut mixed = MultiPart::mixed().boundary(boundary("mixed")).multipart(alternative);
        for file in &self.files {
            mixed = mixed.singlepart(attached(file)?);
        }
        Ok(mixed)
    }
}

fn media_type(text: &str) -> Result<ContentType, String> {
    ContentType::parse(text).map_err(|_| format!("{text:?} is not a media type"))
}

fn inline(picture: &Picture) -> Result<SinglePart, String> {
    let name = file_name(&picture.name);
    let part = Part::new_inline_with_name(name.clone(), format!("{name}.png"));
    Ok(part.body(bytes(&picture.png)?, media_type("image/png")?))
}

fn attached(file: &Attachment) -> Result<SinglePart, String> {
    let part = Part::new(file_name(&file.name));
    Ok(part.body(bytes(&file.bytes)?, media_type(&file.media_type)?))
}

/// As base64, whatever they are: text sent as it stands would have its line ends changed.
fn bytes(bytes: &[u8]) -> Result<Body, String> {
    let body = Body::new_with_encoding(bytes.to_vec(), ContentTransferEncoding::Base64);
    body.map_err(|_| "its bytes cannot be encoded".to_owned())
}

/// A name that needs no quoting anywhere.
fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().map(|c| if safe(c) { c } else { '-' }).take(100).collect()
}

/// The date, within what a header can carry.
fn date(at: Timestamp) -> Date {
    let last = Timestamp::from_timestamp(LAST_SECOND, 0).expect("chrono knows the year 9999");
    Date::new(at.clamp(Timestamp::UNIX_EPOCH, last).into())
}

/// A subject: one line, with nothing in it that a reader would decode (RFC 2047).
pub(super) fn subject(text: &str) -> String {
    one_line(&text.replace("=?", "= ?"), SUBJECT_MOST)
}

/// Text as one line of at most so many characters: without what ends a line, hides or turns it
/// round.
pub fn one_line(text: &str, most: usize) -> String {
    let plain = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let hidden = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let text: String = text.chars().filter(|c| !hidden(c)).map(plain).collect();
    let line = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
