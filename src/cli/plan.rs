//! `tomking plan`.

use std::process::ExitCode;

use clap::Args;

use super::{
    CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{control::Request, report::planning::PlanStands};

/// Income and compounding against the plan, with the targets that are measured.
///
/// Expected income is what the open positions bring if each closes at its profit target, spread
/// evenly over the days to its expiration. The plan never sets a size: behind, it only says so.
#[derive(Debug, Args)]
pub struct PlanArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &PlanArgs) -> CliResult {
    let found: PlanStands = Ground::load(global)?.ask(&Request::Plan)?;
    if global.json {
        print_json(&found)?;
    } else {
        print(&found.page().text())?;
    }
    Ok(ExitCode::SUCCESS)
}
