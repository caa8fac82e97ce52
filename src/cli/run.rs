//! `tomking run`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Runs the daemon (the default).
#[derive(Debug, Default, Args)]
pub struct RunArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &RunArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
