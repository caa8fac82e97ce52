//! What the owner's own mail server says of a sender: Authentication-Results (RFC 8601).
//!
//! Anyone can write that field into a mail. The server that receives it puts its own on top, so
//! all above the topmost `Received` are its, and below that only the topmost one of its name is.

use super::header::Header;

const FIELD: &str = "authentication-results";

/// Whether the server of this name vouches for the domain of `From`: `dmarc=pass` for it, or
/// `dkim=pass` by a signature of that very domain.
pub fn holds(header: &Header, authserv: &str, domain: &str) -> bool {
    let received = header.fields.iter().position(|field| field.name == "received");
    let above = received.unwrap_or(0);
    let mine = |(index, field): (usize, &super::header::Field)| {
        let results = (field.name == FIELD).then(|| Results::of(&field.value))??;
        results.by.eq_ignore_ascii_case(authserv).then_some((index, results))
    };
    let all: Vec<(usize, Results)> = header.fields.iter().enumerate().filter_map(mine).collect();
    let on_top = all.iter().filter(|(index, _)| *index < above).count();
    all.iter().take(on_top.max(1)).any(|(_, results)| results.vouch_for(domain))
}

/// One field: who says it, and what.
struct Results {
    by: String,
    said: Vec<Vec<(String, String)>>,
}

impl Results {
    /// Reads a field; `None` when it does not hold to the form.
    fn of(value: &str) -> Option<Self> {
        let mut parts = split(value)?.into_iter();
        let head = parts.next()?;
        let mut words = head.split_whitespace();
        let by = words.next()?.to_owned();
        let said = parts.map(|part| pairs(&part)).collect();
        Some(Self { by, said })
    }

    fn vouch_for(&self, domain: &str) -> bool {
        self.said.iter().any(|pairs| {
            let Some((method, result)) = pairs.first() else { return false };
            let method = method.split('/').next().unwrap_or_default();
            let property = |name: &str| {
                let mut found = pairs.iter().skip(1).filter(|(key, _)| key == name);
                match (found.next(), found.next()) {
                    (Some((_, value)), None) => Some(value.as_str()),
                    _ => None,
                }
            };
            let is = |value: Option<&str>| value.is_some_and(|v| v.eq_ignore_ascii_case(domain));
            result == "pass"
                && match method {
                    "dmarc" => is(property("header.from")),
                    "dkim" => is(property("header.d")),
                    _ => false,
                }
        })
    }
}

/// Splits at semicolons, comments left out and quotes taken off; `None` when one does not end.
fn split(value: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for letter in value.chars() {
        let part = parts.last_mut()?;
        match letter {
            _ if escaped => {
                escaped = false;
                // What is quoted is one word, and separates nothing.
                if depth == 0 && !matches!(letter, ';' | '=') && !letter.is_whitespace() {
                    part.push(letter);
                }
            }
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => part.push(match letter {
                ';' | '=' | ' ' | '\t' => '_',
                other => other,
            }),
            '(' => depth += 1,
            ')' if depth == 0 => return None,
            ')' => {
                depth -= 1;
                part.push(' ');
            }
            _ if depth > 0 => {}
            ';' => parts.push(String::new()),
            other => part.push(other),
        }
    }
    (depth == 0 && !quoted).then_some(parts)
}

/// The `key=value` of one result, white space around `=` left out; keys in small letters, and the
/// first value too: it is the result.
fn pairs(part: &str) -> Vec<(String, String)> {
    let mut text = part.to_owned();
    while let Some(at) = text.find(" =").or_else(|| text.find("= ")) {
        let shorter = if text[at..].starts_with(" =") { at } else { at + 1 };
        text.remove(shorter);
    }
    let pair = |word: &str| {
        let (key, value) = word.split_once('=')?;
        Some((key.to_ascii_lowercase(), value.to_owned()))
    };
    let mut pairs: Vec<(String, String)> = text.split_whitespace().filter_map(pair).collect();
    if let Some((_, result)) = pairs.first_mut() {
        result.make_ascii_lowercase();
    }
    pairs
}
