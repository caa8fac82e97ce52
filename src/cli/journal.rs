//! `tomking journal`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// The journal: verify its hash chain.
#[derive(Debug, Default, Args)]
pub struct JournalArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &JournalArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
