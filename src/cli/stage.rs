//! `tomking stage`: the deployment stage, what a promotion asks for, and the owner's word on it.

use clap::{Args, Subcommand};

use super::{CliResult, Global, ground::Ground};
use crate::{config::stages::StageId, control::Request};

/// The deployment stage, and each criterion of the next one measured from the ledger.
///
/// Promotion is never automatic; a breach demotes at once.
#[derive(Debug, Args)]
pub struct StageArgs {
    #[command(subcommand)]
    command: Option<StageCommand>,
}

#[derive(Debug, Subcommand)]
enum StageCommand {
    /// To the next stage; refused unless every criterion holds.
    Promote {
        /// Promote over what does not hold; the reason is journalled and shown on every report
        /// from then on.
        #[arg(long = "override", value_name = "REASON", value_parser = reason)]
        over: Option<String>,
    },
    /// To a lower stage, at once.
    Demote {
        /// Which: paper, 1, 2 or 3; the one below when left out.
        #[arg(long, value_name = "STAGE", value_parser = stage)]
        to: Option<StageId>,
        /// Why; kept with it.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &StageArgs) -> CliResult {
    let request = match &args.command {
        None => Request::Stage,
        Some(StageCommand::Promote { over }) => Request::StagePromote { over: over.clone() },
        Some(StageCommand::Demote { to, reason }) => {
            Request::StageDemote { to: *to, reason: reason.clone() }
        }
    };
    Ground::load(global)?.show(&request, global.json)
}

/// A stage of the command line.
pub fn stage(text: &str) -> Result<StageId, String> {
    StageId::parse(text)
        .ok_or_else(|| "not one of paper, stage-1, stage-2, stage-3, stage-4".to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why".to_owned()) } else { Ok(text.to_owned()) }
}
