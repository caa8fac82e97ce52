//! `tomking status`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Latch and holds, account, positions, orders, next slots, channels.
#[derive(Debug, Default, Args)]
pub struct StatusArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &StatusArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
