//! What a mail server's answers mean: which another attempt may mend, and which never.

use lettre::transport::smtp::{Error, response::Severity};

/// Refusals of the account, not of the mail (RFC 4954): the owner may mend it.
const ACCOUNT_CODES: [&str; 4] = ["530", "534", "535", "538"];

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// May work later.
    Later(String),
    /// Will never work.
    Never(String),
}

impl Fault {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Later(text) | Self::Never(text) => text,
        }
    }
}

/// An answer that refuses a mail or a recipient: a 5xx lasts, all else may pass.
pub(super) fn refused(what: &str, error: &Error) -> Fault {
    let Some(code) = error.status() else { return broken(&format!("handing in {what}"), error) };
    let text = format!("{what} was refused: {}", words(error));
    let lasting = code.severity == Severity::PermanentNegativeCompletion
        && !ACCOUNT_CODES.contains(&code.to_string().as_str());
    if lasting { Fault::Never(text) } else { Fault::Later(text) }
}

/// A failure of the conversation, whatever its code: it is not about the mail.
pub(super) fn broken(doing: &str, error: &Error) -> Fault {
    Fault::Later(format!("{doing}: {}", words(error)))
}

/// The server's answer, or what broke, down to the cause.
fn words(error: &Error) -> String {
    let mut text = error.status().map(|code| code.to_string()).unwrap_or_default();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text = if text.is_empty() { words } else { format!("{text}: {words}") };
        }
        cause = deeper.source();
    }
    if text.is_empty() {
        text = error.to_string();
    }
    text
}
