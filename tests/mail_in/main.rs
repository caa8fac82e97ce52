//! Commands by mail: what is done, what is answered, what is put away; and the ear against an IMAP
//! server of the tests' own.
#![allow(clippy::unwrap_used)] // a part that cannot be made fails the test, as it should

mod answers;
mod clerk;
mod debian;
mod ear;
#[allow(dead_code)] // the home of other tests has more than is asked of it here
#[path = "../daemon/house.rs"]
mod home;
mod house;
mod server;
#[path = "../mail_tls/mod.rs"]
mod tls;
mod trouble;
