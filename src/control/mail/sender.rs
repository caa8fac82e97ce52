//! Who a mail says it is from: exactly one address, and nothing that looks like another one.

use mail_parser::{Address, MessageParser};

use super::{Why, header::Header};

/// The address of the one sender, in small letters.
pub fn of(header: &Header) -> Result<String, Why> {
    let raw = header.get("from").ok_or(Why::NoSender)?;
    let field = format!("From: {raw}\r\n\r\n");
    let parsed = MessageParser::default().parse_headers(field.as_bytes()).ok_or(Why::Malformed)?;
    let list = match parsed.from() {
        Some(Address::List(list)) => list,
        Some(Address::Group(_)) => return Err(Why::SeveralSenders),
        None => return Err(Why::NoSender),
    };
    let one = match list.as_slice() {
        [] => return Err(Why::NoSender),
        [one] => one,
        _ => return Err(Why::SeveralSenders),
    };
    let address = one.address.as_deref().ok_or(Why::NoSender)?.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '(' | ')' | ',');
    if !address.chars().all(plain) || address.matches('@').count() != 1 {
        return Err(Why::Disguised);
    }
    // It stands there as it is, not made of encoded words, and no other address stands beside it.
    let written = raw.to_ascii_lowercase();
    let name = one.name.as_deref().unwrap_or_default().to_ascii_lowercase();
    let others = name.replace(&address, "") + &written.replace(&address, "");
    if !written.contains(&address) || others.contains('@') {
        return Err(Why::Disguised);
    }
    Ok(address)
}
