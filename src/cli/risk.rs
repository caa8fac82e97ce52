//! `tomking risk`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Limits: the buying-power cap VIX allows.
#[derive(Debug, Default, Args)]
pub struct RiskArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &RiskArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
