//! tomking: one binary that trades options unattended by the Tom King rulebook.
//!
//! A module imports only from modules above it in this list; `tests/tidy.rs` holds that.

// Floor 1: knows nothing of this program.
/// Time: the wall clock, virtual worlds, and the runtime handed to everything.
pub mod clock;
/// Bugs planted for the proof that they are found; none in a build that trades.
pub mod planted;
/// A value that others wait on, woken in a fixed order.
pub mod signal;
/// Whether a loop still turns.
pub mod vital;
/// Exchange sessions, holidays, early closes.
pub mod calendar;
/// Products, contracts, series, symbols, ticks, expirations.
pub mod instrument;
/// Currencies, the dated rate, rounding.
pub mod money;
/// Prices, Greeks and implied volatility.
pub mod pricing;

// Floor 2: what is true now.
/// Raw files to validated settings.
pub mod config;
/// Legs, fills, positions, balances, margin.
pub mod account;
/// The redb file: typed tables, journal, backup.
pub mod store;
/// What happened, as one enum, and the outbox.
pub mod notice;
/// Quotes, chains, VIX, and the feeds that make them.
pub mod market;

// Floor 3: pure decisions.
/// Figures of returns and of trades, labelled apart.
pub mod stats;
/// Income and compounding against the plan: told, never a size.
pub mod plan;
/// One file per strategy: snapshot to decision.
pub mod strategy;
/// Limits and the gate.
pub mod risk;

// Floor 4: action.
/// The broker trait and the paper venue.
pub mod broker;
/// Job files, slots, the run ledger, ticker and driver.
pub mod schedule;
/// Intents to orders to fills; reconciliation; the latch.
pub mod desk;

// Floor 5: voice.
/// Notices to alerts to channels.
pub mod alert;
/// Daily and weekly reports.
pub mod report;
/// Commands to the daemon, and the socket they come by.
pub mod control;

// The roof: wiring only.
/// Logs: for people on a terminal, JSON under a service manager.
pub mod logs;
/// The parts, put together: the daemon, the demo and a replay are one.
pub mod app;
/// The daemon under the wall clock.
pub mod live;
/// Replay and demo.
pub mod sim;
/// The production validation protocol: checks that are done, and what they found.
pub mod validate;
/// One file per subcommand.
pub mod cli;
