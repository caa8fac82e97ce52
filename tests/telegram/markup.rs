//! HTML as the Bot API reads it (core.telegram.org/bots/api#html-style): the tags it knows, closed
//! in order, four named entities and numeric ones; anything else is an error.

/// What a person sees of it, or the server's complaint.
pub fn seen(html: &str) -> Result<String, String> {
    let (mut rest, mut open, mut text) = (html, Vec::new(), String::new());
    while let Some(first) = rest.chars().next() {
        match first {
            '<' => {
                let end = rest.find('>').ok_or("Unclosed start tag")?;
                tag(&rest[1..end], &mut open)?;
                rest = &rest[end + 1..];
            }
            '&' => {
                let end = rest.find(';').unwrap_or(0);
                let named = ["&amp", "&lt", "&gt", "&quot"].iter().position(|e| *e == &rest[..end]);
                let Some(which) = named else { return Err(format!("Unknown entity in {rest:?}")) };
                text.push(['&', '<', '>', '"'][which]);
                rest = &rest[end + 1..];
            }
            '>' => return Err("a bare >".to_owned()),
            c => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    match open.pop() {
        None => Ok(text),
        Some(tag) => Err(format!("Can't find end tag corresponding to start tag \"{tag}\"")),
    }
}

fn tag(tag: &str, open: &mut Vec<String>) -> Result<(), String> {
    const KNOWN: [&str; 12] =
        ["b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "blockquote"];
    if let Some(name) = tag.strip_prefix('/') {
        return match open.pop() {
            Some(opened) if opened == name => Ok(()),
            opened => Err(format!("Unmatched end tag, expected {opened:?}, found {name:?}")),
        };
    }
    if !KNOWN.contains(&tag) {
        return Err(format!("Unsupported start tag {tag:?}"));
    }
    open.push(tag.to_owned());
    Ok(())
}

#[test]
fn the_reader_takes_what_telegram_takes_and_nothing_else() {
    assert_eq!(seen("<b>a<i>b</i></b>&lt;&amp;&gt;").unwrap(), "ab<&>");
    for wrong in
        ["<b>", "</b>", "<b></i>", "<p>x</p>", "a < b", "&nbsp;", "&", "a > b", "<b><i></b></i>"]
    {
        assert!(seen(wrong).is_err(), "{wrong}");
    }
}
