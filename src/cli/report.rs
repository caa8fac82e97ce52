//! `tomking report`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// The daily or weekly report.
#[derive(Debug, Default, Args)]
pub struct ReportArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &ReportArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
