//! The market from outside: the feeds through the trait their users see.
#![allow(clippy::unwrap_used)]

mod august;
mod errors;
mod modelled;
mod products;
mod recorded;
mod simulated;
mod support;
