//! What must hold of every parser of outside bytes, for any bytes: one function a parser, which
//! panics when it does not. The fuzzer (`tests/fuzz`) looks for such bytes; `cargo test` replays
//! those it kept.

#![allow(clippy::unwrap_used)] // what does not hold fails the check, as it should

mod command_line;
mod control_request;
pub mod damaged_rows;
mod job_file;
mod mail_command;
mod recorded_data;
mod settings;
mod store_file;
mod symbol;
mod webhook_answer;
mod webhook_url;

/// A check: returns when all holds, panics when not.
pub type Check = fn(&[u8]);

/// Every check by the name of its seeds.
pub const CHECKS: [(&str, Check); 11] = [
    ("command_line", command_line::check),
    ("control_request", control_request::check),
    ("damaged_rows", damaged_rows::check),
    ("job_file", job_file::check),
    ("mail_command", mail_command::check),
    ("recorded_data", recorded_data::check),
    ("settings", settings::check),
    ("store_file", store_file::check),
    ("symbol", symbol::check),
    ("webhook_answer", webhook_answer::check),
    ("webhook_url", webhook_url::check),
];

/// The check of a name.
pub fn named(name: &str) -> Option<Check> {
    CHECKS.iter().find(|(known, _)| *known == name).map(|(_, check)| *check)
}

/// The longest text an error may have: a person reads it on a phone.
const ERROR_CHARS_MAX: usize = 2_000;

/// Bytes as text, when they are.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// An error in words: there, and short enough to be read.
fn is_readable(error: &str) {
    assert!(!error.trim().is_empty(), "an error without words");
    let length = error.chars().count();
    assert!(length <= ERROR_CHARS_MAX, "an error of {length} characters: {error:.200}…");
}

/// A directory in memory where there is one: a fuzzer makes many thousand.
fn directory() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}
