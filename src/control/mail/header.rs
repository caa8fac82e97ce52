//! The header of a mail, split strictly: where programs could disagree on what it says, it is
//! refused, for then the one that checked the sender may have read another mail than this one.

use super::{Why, limits};

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in small letters.
    pub name: String,
    /// Its value, unfolded, without white space around it.
    pub value: String,
}

/// Fields that a mail has at most once (RFC 5322 §3.6, RFC 2045).
const ONCE: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "date",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
];

/// The header of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its fields from the top.
    pub fields: Vec<Field>,
    /// Bytes up to the body.
    pub length: usize,
}

impl Header {
    /// Splits the header off a mail.
    pub fn of(mail: &[u8]) -> Result<Self, Why> {
        let mut fields: Vec<Field> = Vec::new();
        let mut length = 0;
        loop {
            let rest = &mail[length..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return Err(if mail.len() > limits::HEADER {
                    Why::LargeHeader
                } else {
                    Why::Malformed
                });
            };
            length += end + 1;
            if length > limits::HEADER {
                return Err(Why::LargeHeader);
            }
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            if line.is_empty() {
                break;
            }
            add(&mut fields, line)?;
        }
        let doubled = |name: &&str| fields.iter().filter(|field| field.name == **name).count() > 1;
        match ONCE.iter().find(|name| doubled(name)) {
            Some(&"from") => Err(Why::SeveralSenders),
            Some(_) => Err(Why::Malformed),
            None => Ok(Self { fields, length }),
        }
    }

    /// The value of the first field of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }
}

/// Adds a line: a field, or more of the one before.
fn add(fields: &mut Vec<Field>, line: &[u8]) -> Result<(), Why> {
    if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return Err(Why::Malformed);
    }
    let text = String::from_utf8_lossy(line);
    if text.starts_with([' ', '\t']) {
        let more = text.trim();
        let (Some(field), false) = (fields.last_mut(), more.is_empty()) else {
            return Err(Why::Malformed);
        };
        field.value.push(' ');
        field.value.push_str(more);
        return Ok(());
    }
    let (name, value) = text.split_once(':').ok_or(Why::Malformed)?;
    let graphic = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !graphic || fields.len() >= limits::FIELDS {
        return Err(if graphic { Why::LargeHeader } else { Why::Malformed });
    }
    fields.push(Field { name: name.to_ascii_lowercase(), value: value.trim().to_owned() });
    Ok(())
}
