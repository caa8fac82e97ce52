//! The owner's voice from outside: commands beside a daemon and without one, the documents they
//! print, and the reports a week writes.
#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

mod alerts;
mod beside;
mod daemon;
mod held;
mod json;
mod reports;
