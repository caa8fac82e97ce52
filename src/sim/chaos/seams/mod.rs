//! Where faults go in. Each wrapper belongs to one life, passes calls on, and does to them what the
//! switchboard says.

/// The wire to the broker.
pub mod broker;
/// Channels.
pub mod channel;
/// The exchange itself.
pub mod exchange;
/// The feed.
pub mod market;
/// The hands of people.
pub mod people;

/// Wrong quotes.
mod bent;
/// Answers that are not the truth of the moment.
mod reports;
