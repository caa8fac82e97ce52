//! What a mail says: its subject, and the first line of its plain text. Of HTML nothing is read:
//! a page can show one thing and hold another.

use mail_parser::{Message, MessageParser, PartType};

use super::{Why, limits};

/// The decoded subject, and the first line of the text that is neither empty nor quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The subject.
    pub subject: String,
    /// The line; empty when there is none.
    pub line: String,
}

impl Text {
    /// Reads a mail whose header is known to be sound.
    pub fn of(mail: &[u8]) -> Result<Self, Why> {
        if part_lines(mail) > limits::PART_LINES {
            return Err(Why::ManyParts);
        }
        let message = MessageParser::default().parse(mail).ok_or(Why::Malformed)?;
        if message.parts.len() > limits::PARTS || depth(&message, 0, 0) > limits::DEPTH {
            return Err(Why::ManyParts);
        }
        let subject = message.subject().unwrap_or_default().trim().to_owned();
        if subject.chars().any(char::is_control) || subject.chars().count() > limits::SUBJECT {
            return Err(Why::Malformed);
        }
        Ok(Self { subject, line: line(&message) })
    }
}

/// Lines that may be the border of a part, or say what a part is: a bound on what the parser is
/// given to do, known before it does it.
fn part_lines(mail: &[u8]) -> usize {
    let name = b"content-type";
    let begins = |line: &&[u8]| {
        line.starts_with(b"--")
            || line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    mail.split(|byte| matches!(byte, b'\n' | b'\r')).filter(begins).count()
}

/// How deep parts lie in parts, from one on; looked at no deeper than the limit.
fn depth(message: &Message<'_>, part: usize, above: usize) -> usize {
    if above > limits::DEPTH {
        return above;
    }
    let below =
        |part: &u32| depth(message, usize::try_from(*part).unwrap_or(usize::MAX), above + 1);
    match message.parts.get(part).map(|part| &part.body) {
        Some(PartType::Multipart(parts)) => parts.iter().map(below).max().unwrap_or(above),
        Some(PartType::Message(inner)) => depth(inner, 0, above + 1),
        _ => above,
    }
}

fn line(message: &Message<'_>) -> String {
    let plain = message.text_body.iter().find_map(|part| {
        match message.parts.get(usize::try_from(*part).ok()?).map(|part| &part.body) {
            Some(PartType::Text(text)) => Some(text),
            _ => None,
        }
    });
    let Some(text) = plain else { return String::new() };
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    let mut lines = text.lines().take(limits::LINES).map(|line| line.trim_matches(blank));
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(['>', '|']));
    first.unwrap_or_default().chars().take(limits::SUBJECT).collect()
}
