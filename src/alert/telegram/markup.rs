//! Telegram's HTML: escaped, and cut where a message is full without breaking a tag.

/// The most a message holds, in UTF-16 units after its entities are read.
pub const TEXT_MAX: usize = 4096;
/// The most a picture's caption holds.
pub const CAPTION_MAX: usize = 1024;

/// Text as it stands between tags.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Telegram refuses or drops control characters.
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Bold.
pub fn bold(text: &str) -> String {
    format!("<b>{}</b>", escape(text))
}

/// Slanted, for what is said beside.
pub fn aside(text: &str) -> String {
    format!("<i>{}</i>", escape(text))
}

/// Of one width, as written.
pub fn pre(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

/// A piece of markup: a tag, or what counts as one stretch of text.
enum Token<'a> {
    Open(&'a str),
    Close,
    Text(&'a str, usize),
}

/// The length of what a person sees, UTF-16 units.
pub fn length(html: &str) -> usize {
    tokens(html)
        .map(|token| match token {
            Token::Text(_, units) => units,
            _ => 0,
        })
        .sum()
}

/// Markup of this module as messages of at most `most` units, cut at line ends where that is
/// possible; what is open at a cut is closed before it and opened again after it.
pub fn split(html: &str, most: usize) -> Vec<String> {
    let mut parts =
        Parts { most, done: Vec::new(), part: String::new(), units: 0, open: Vec::new() };
    for (index, line) in html.split('\n').enumerate() {
        parts.line(line, index > 0);
    }
    parts.cut();
    parts.done
}

struct Parts<'a> {
    most: usize,
    done: Vec<String>,
    part: String,
    units: usize,
    open: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn line(&mut self, line: &'a str, after_another: bool) {
        let begins = self.units > 0 && after_another;
        if begins && self.units + 1 + length(line) > self.most {
            self.cut();
        } else if begins {
            self.part.push('\n');
            self.units += 1;
        }
        for token in tokens(line) {
            match token {
                Token::Open(tag) => {
                    self.open.push(tag);
                    opening(&mut self.part, tag);
                }
                Token::Close => {
                    if let Some(tag) = self.open.pop() {
                        closing(&mut self.part, tag);
                    }
                }
                Token::Text(text, units) => {
                    if self.units + units > self.most {
                        self.cut();
                    }
                    self.part.push_str(text);
                    self.units += units;
                }
            }
        }
    }

    /// Ends a message. One that shows nothing is none.
    fn cut(&mut self) {
        for tag in self.open.iter().rev() {
            closing(&mut self.part, tag);
        }
        let part = std::mem::take(&mut self.part);
        if seen(&part) {
            self.done.push(part);
        }
        self.units = 0;
        for tag in &self.open {
            opening(&mut self.part, tag);
        }
    }
}

fn opening(html: &mut String, tag: &str) {
    html.extend(["<", tag, ">"]);
}

fn closing(html: &mut String, tag: &str) {
    html.extend(["</", tag, ">"]);
}

/// The same without its tags.
pub fn plain(html: &str) -> String {
    let text = |token| match token {
        Token::Text(text, _) => Some(text),
        Token::Open(_) | Token::Close => None,
    };
    tokens(html).filter_map(text).collect()
}

/// Whether markup shows anything but space.
fn seen(html: &str) -> bool {
    tokens(html).any(|token| matches!(token, Token::Text(text, _) if !text.trim().is_empty()))
}

/// The tokens of markup made by this module: a `<` always begins a tag, an `&` an entity.
fn tokens(html: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match first {
            '<' => rest.find('>').map_or(rest.len(), |at| at + 1),
            '&' => rest.find(';').map_or(1, |at| at + 1),
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(match first {
            '<' if piece.starts_with("</") => Token::Close,
            '<' => Token::Open(piece.trim_matches(['<', '>'])),
            '&' => Token::Text(piece, 1),
            c => Token::Text(piece, c.len_utf16()),
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_person_sees_is_counted_not_its_markup() {
        for (html, units) in [("a<b>b</b>", 2), ("&lt;&amp;", 2), ("🔴", 2), ("£", 1), ("", 0)] {
            assert_eq!(length(html), units, "{html}");
        }
    }

    #[test]
    fn a_cut_falls_on_a_line_end_and_closes_what_is_open() {
        let html = "<b>head</b>\n<pre>one\ntwo\nthree</pre>";
        let parts = split(html, 9);
        assert_eq!(parts, ["<b>head</b>\n<pre>one</pre>", "<pre>two\nthree</pre>"]);
    }

    #[test]
    fn a_line_longer_than_a_message_is_cut_between_characters() {
        assert_eq!(split("<i>🔴🔴🔴</i>", 5), ["<i>🔴🔴</i>", "<i>🔴</i>"]);
        assert_eq!(split("&amp;&amp;&amp;", 2), ["&amp;&amp;", "&amp;"]);
    }

    #[test]
    fn what_shows_nothing_is_no_message() {
        assert_eq!(split("<b> </b>\n\n", 10), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn every_part_fits_and_nothing_seen_is_lost(
            lines in proptest::collection::vec("[a-z<>&🔴é ]{0,40}", 0..20),
            most in 4_usize..60,
        ) {
            let html: Vec<String> = lines.iter().enumerate().map(|(index, line)| match index % 3 {
                0 => bold(line),
                1 => escape(line),
                _ => pre(line),
            }).collect();
            let parts = split(&html.join("\n"), most);
            let shown = |html: &str| -> String {
                tokens(html).filter_map(|token| match token {
                    Token::Text(text, _) if !text.trim().is_empty() => Some(text.to_owned()),
                    _ => None,
                }).collect()
            };
            for part in &parts {
                prop_assert!(length(part) <= most, "{part}");
                let (opened, closed) = (part.matches("<b>").count(), part.matches("</b>").count());
                prop_assert_eq!(opened, closed);
            }
            let all: String = parts.iter().map(|part| shown(part)).collect();
            prop_assert_eq!(all, shown(&html.join("\n")));
        }
    }
}
