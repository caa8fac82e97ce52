//! How much of a mail is looked at. A command is a few hundred bytes; what is far above that is no
//! command, and reading it would be work that a stranger orders.

use chrono::TimeDelta;

/// A larger mail is not read at all, bytes as the server tells them.
pub const SIZE: u32 = 1024 * 1024;
/// Of any other at most so much is read, bytes.
pub const READ: usize = 64 * 1024;
/// A header is at most so long, bytes.
pub const HEADER: usize = 32 * 1024;
/// And has at most so many fields.
pub const FIELDS: usize = 250;
/// Lines that may begin a part, and lines that may say what a part is.
pub const PART_LINES: usize = 100;
/// Parts of a mail.
pub const PARTS: usize = 50;
/// Parts within parts.
pub const DEPTH: usize = 8;
/// Characters of a subject.
pub const SUBJECT: usize = 500;
/// Characters of a message id.
pub const ID: usize = 250;
/// Lines of a text that are looked at for a code.
pub const LINES: usize = 50;
/// Characters of what a command gives as a reason.
pub const REASON: usize = 200;
/// Prefixes of a subject that are taken off.
pub const PREFIXES: usize = 5;
/// A mail that arrived longer ago is not looked at.
pub const AGE: TimeDelta = TimeDelta::hours(24);
