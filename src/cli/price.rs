//! `tomking price`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Price, Greeks or implied volatility of one option.
#[derive(Debug, Default, Args)]
pub struct PriceArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &PriceArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
