//! `tomking config`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, config_dir, print, print_json},
    table,
};
use crate::{
    config::{EffectiveFigure, figures},
    control::Request,
    report::page::table_text,
};

/// The settings in force, or a part of them; secrets only by their place.
///
/// Examples: `tomking config`, `tomking config market`, `tomking config rulebook.vix`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    /// A part of the settings; all but the rulebook without one.
    part: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Every figure of the rulebook, with the file and line it comes from.
    Rulebook,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ConfigArgs) -> CliResult {
    let Some(ConfigCommand::Rulebook) = args.command else {
        let request = Request::Config { part: args.part.clone() };
        return table::show(&Ground::load(global)?, &request, global.json);
    };
    let found = figures(config_dir(global)?.as_deref()).map_err(CliError::failed)?;
    if global.json {
        print_json(&json!({ "figures": found }))?;
    } else {
        print(&text(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(found: &[EffectiveFigure]) -> String {
    let head = ["Figure", "Value", "From"].map(str::to_owned);
    let row = |figure: &EffectiveFigure| {
        let value = match &figure.value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        vec![figure.key.clone(), value, format!("{}:{}", figure.file, figure.line)]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    table_text(&head, &rows)
}
