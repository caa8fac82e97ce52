//! `tomking ack`.

use std::process::ExitCode;

use clap::Args;

use super::{
    CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{control::Request, desk::ack::Ack};

/// Acknowledges the newest daily report: you have read it.
///
/// Stages 1 and 2 enter nothing without an acknowledgement within 26 hours; it is kept in the
/// journal.
#[derive(Debug, Args)]
pub struct AckArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &AckArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let ack: Ack = ground.ask(&Request::Ack)?;
    if global.json {
        print_json(&ack)?;
    } else {
        let hours = ground.settings.rulebook.stages.ack_hours;
        print(&format!(
            "The daily report of {} is acknowledged; where the stage asks for it, entries may be \
             made for {hours} h.\n",
            ack.report
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
