//! `tomking calendar`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Sessions of an exchange between two dates.
#[derive(Debug, Default, Args)]
pub struct CalendarArgs {}

/// Runs the subcommand.
pub fn run(_global: &Global, _args: &CalendarArgs) -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}
