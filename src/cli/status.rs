//! `tomking status`.

use clap::Args;

use super::{CliResult, Global, ground::Ground};
use crate::control::Request;

/// Latch and holds, account, positions, orders, next slots and channels at one glance.
#[derive(Debug, Default, Args)]
pub struct StatusArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &StatusArgs) -> CliResult {
    Ground::load(global)?.show(&Request::Status, global.json)
}
