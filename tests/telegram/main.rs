//! The Telegram bot against a Bot API server on loopback that checks what Telegram's own checks.
#![allow(clippy::unwrap_used)] // a conversation that does not come about fails the test
#![allow(clippy::disallowed_methods)] // the server of the tests lives on the wall clock

mod channel;
mod daemon;
mod ear;
mod hardship;
mod house;
mod id;
mod markup;
mod server;
