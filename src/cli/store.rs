//! `tomking store`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// The store: backup, restore, check, compact.
#[derive(Debug, Default, Args)]
pub struct StoreArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &StoreArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
