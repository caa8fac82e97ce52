//! `tomking phase`.

use clap::Args;

use super::{CliResult, Global, ground::Ground};
use crate::control::Request;

/// The account's phase: where it changes, and how many positions in what each phase allows.
///
/// Phases follow net liquidation in pounds. A deployment stage (`tomking stage`) is another thing:
/// the smaller of both counts.
#[derive(Debug, Args)]
pub struct PhaseArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &PhaseArgs) -> CliResult {
    Ground::load(global)?.show(&Request::Phase, global.json)
}
