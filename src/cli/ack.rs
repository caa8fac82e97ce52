//! `tomking ack`.

use clap::Args;

use super::{CliResult, Global, ground::Ground};
use crate::control::Request;

/// Acknowledges an alert by its number; without one, all that are open and the newest daily report.
///
/// What is acknowledged is not repeated and does not go on to further channels. Stages 1 and 2 enter
/// nothing without an acknowledgement of a daily report within 26 hours; it is kept in the journal.
#[derive(Debug, Args)]
pub struct AckArgs {
    /// The alert's number, as `tomking alerts` lists it.
    alert: Option<u64>,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &AckArgs) -> CliResult {
    Ground::load(global)?.show(&Request::AlertsAck { id: args.alert }, global.json)
}
