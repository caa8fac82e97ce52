//! Mails that no person wrote to us: executed never, answered never, so that nothing loops.

use super::{Why, header::Header};

/// Fields that only lists and newsletters carry.
const LIST: &[&str] = &["list-id", "list-post", "list-unsubscribe", "list-help", "mailing-list"];
/// Fields that only programs set.
const ROBOT: &[&str] = &["x-autoreply", "x-autorespond", "x-auto-reply", "x-failed-recipients"];

/// What makes a mail an automatic one; `None` for one a person sent.
pub fn sign(header: &Header) -> Option<Why> {
    let word = |name: &str| {
        let value = header.get(name)?;
        Some(value.split([';', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase())
    };
    let kind = word("content-type").unwrap_or_default();
    let bounce = header.get("return-path").is_some_and(|path| path.replace(' ', "") == "<>")
        || matches!(kind.as_str(), "multipart/report" | "message/delivery-status");
    let list = LIST.iter().any(|name| header.get(name).is_some())
        || matches!(word("precedence").as_deref(), Some("bulk" | "list" | "junk" | "auto_reply"));
    let robot = word("auto-submitted").is_some_and(|word| word != "no")
        || ROBOT.iter().any(|name| header.get(name).is_some());
    if bounce {
        Some(Why::Bounce)
    } else if robot {
        Some(Why::Automatic)
    } else {
        list.then_some(Why::List)
    }
}
