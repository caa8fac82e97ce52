//! `tomking jobs`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// The scheduled jobs: list, next, history, preview, run, pause, resume.
#[derive(Debug, Default, Args)]
pub struct JobsArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &JobsArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
