//! `tomking replay`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Runs past sessions through the very same scheduler, gate and desk.
#[derive(Debug, Default, Args)]
pub struct ReplayArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &ReplayArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
