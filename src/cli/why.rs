//! `tomking why`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Why a strategy did or did not trade: every filter with value and limit.
#[derive(Debug, Default, Args)]
pub struct WhyArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &WhyArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
