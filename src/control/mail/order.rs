//! Subject and first line to a command, its arguments and its code.

use std::ops::Range;

use super::{Order, Refusal, Why, Word, limits, text::Text};
use crate::control::table;

/// What mail programs put before a subject, in small letters and without the colon.
const PREFIXES: &[&str] = &["re", "fw", "fwd", "aw", "wg", "sv", "vs", "antw", "tr", "rv"];

/// A command that may stand in a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Word(Word),
    Resume,
}

/// What a mail asks for. `number` is of the alert that it replies to.
///
/// # Errors
/// Silence for what is no command; else the refusal, with the command it is of.
pub fn of(text: &Text, number: Option<u64>) -> Result<Order, Fault> {
    let (subject, reply) = without_prefixes(&text.subject);
    let words: Vec<&str> = subject.split_whitespace().map(|word| word.trim_matches(bare)).collect();
    let (first, rest) = words.split_first().ok_or(Fault::Silent(Why::NoCommand))?;
    let first = first_word(first).ok_or(Fault::Silent(Why::NoCommand))?;
    let code = code(rest, &text.line, reply);
    // The answer to an alert, or to an answer, is a command only with a new code of its own.
    if reply && code.is_none() {
        return Err(Fault::Silent(Why::Reply));
    }
    let word = match first {
        First::Word(word) => word,
        First::Resume => return Err(Fault::Refused("RESUME", Refusal::Resume)),
    };
    let code = code.ok_or(Fault::Refused(word.name(), Refusal::NoCode))?;
    let request = request(word, rest, &code, number);
    let request = request.map_err(|why| Fault::Refused(word.name(), Refusal::Arguments(why)))?;
    Ok(Order { word, request, code: code.digits })
}

/// Why a mail is no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not for us.
    Silent(Why),
    /// A command that is not done, and why.
    Refused(&'static str, Refusal),
}

/// What may stand around a word.
fn bare(letter: char) -> bool {
    matches!(letter, '.' | ',' | ':' | ';' | '!' | '/' | '#' | '"' | '\'' | '-')
}

fn first_word(word: &str) -> Option<First> {
    let found = Word::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(word));
    let resume = word.eq_ignore_ascii_case("RESUME").then_some(First::Resume);
    found.map(First::Word).or(resume)
}

/// The subject without `Re:` and the like, and whether there was one.
fn without_prefixes(subject: &str) -> (&str, bool) {
    let (mut rest, mut reply) = (subject.trim(), false);
    for _ in 0..limits::PREFIXES {
        let Some((prefix, after)) = rest.split_once(':') else { break };
        let plain =
            prefix.trim().trim_end_matches(|c: char| matches!(c, '[' | ']') || c.is_ascii_digit());
        if !PREFIXES.contains(&plain.to_ascii_lowercase().as_str()) {
            break;
        }
        (rest, reply) = (after.trim(), true);
    }
    (rest, reply)
}

/// A code, and which words of the subject it is.
struct Code {
    digits: String,
    words: Range<usize>,
}

/// The code: alone on the first line, else the last six digits of the subject, else six digits on
/// the first line, else two groups of three at the end of the subject, as authenticators show it.
/// The subject of a reply is that of an earlier mail, so is a code in it.
fn code(rest: &[&str], line: &str, reply: bool) -> Option<Code> {
    let of_line = |digits: &str| Code { digits: digits.to_owned(), words: 0..0 };
    let joined: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    if is_code(&joined) {
        return Some(of_line(&joined));
    }
    let in_subject = rest.iter().rposition(|word| is_code(word)).filter(|_| !reply);
    if let Some(word) = in_subject {
        return Some(Code { digits: rest[word].to_owned(), words: word..word + 1 });
    }
    let mut found = line.split_whitespace().map(|word| word.trim_matches(bare));
    let found = found.find(|word| is_code(word)).map(of_line);
    found.or_else(|| in_two_groups(rest).filter(|_| !reply))
}

fn in_two_groups(rest: &[&str]) -> Option<Code> {
    let [.., first, second] = rest else { return None };
    let digits = format!("{first}{second}");
    let words = rest.len() - 2..rest.len();
    (first.len() == 3 && is_code(&digits)).then_some(Code { digits, words })
}

fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The request, by the table of commands.
fn request(
    word: Word,
    rest: &[&str],
    code: &Code,
    number: Option<u64>,
) -> Result<crate::control::Request, String> {
    let spoken = |(index, text): &(usize, &&str)| {
        let is_the_code = code.words.contains(index);
        // A code that is not needed stands in no journal.
        !is_the_code && (word == Word::Ack || !is_code(text)) && !text.is_empty()
    };
    let words = rest.iter().enumerate().filter(spoken).map(|(_, text)| *text);
    let mut said: String =
        words.collect::<Vec<_>>().join(" ").chars().take(limits::REASON).collect();
    if let (Word::Ack, true, Some(number)) = (word, said.is_empty(), number) {
        said = number.to_string();
    }
    let line = format!("{} {said}", word.name());
    let (_, _, request) = table::parse(&line).map_err(|fault| fault.to_string())?;
    request.ok_or_else(|| "this is not offered by mail".to_owned())
}
