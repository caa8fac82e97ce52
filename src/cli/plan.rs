//! `tomking plan`.

use clap::Args;

use super::{CliResult, Global, ground::Ground};
use crate::control::Request;

/// Income and compounding against the plan, with the targets that are measured.
///
/// Expected income is what the open positions bring if each closes at its profit target, spread
/// evenly over the days to its expiration. The plan never sets a size: behind, it only says so.
#[derive(Debug, Args)]
pub struct PlanArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &PlanArgs) -> CliResult {
    Ground::load(global)?.show(&Request::Plan, global.json)
}
