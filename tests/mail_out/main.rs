//! Mail that goes out, against a mail server of the tests' own: what arrives, what is refused, and
//! what is tried again.
#![allow(clippy::unwrap_used)] // a part that cannot be made fails the test, as it should

mod arrives;
mod bodies;
mod debian;
mod golden;
mod house;
mod recipients;
mod server;
#[path = "../mail_tls/mod.rs"]
mod tls;
mod settings;
mod trouble;
mod trust;
