//! The program itself, as documents: health, log, version, settings.

/// How the ways are that commands come in by.
pub mod ears;
/// How the program is.
pub mod health;
/// The newest lines of the log.
pub mod logs;
/// The settings in force.
pub mod settings;
/// What this program is.
pub mod version;
