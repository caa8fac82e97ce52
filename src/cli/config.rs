//! `tomking config`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{config_dir, print, print_json},
};
use crate::{
    config::{EffectiveFigure, figures},
    report::page::table_text,
};

/// The figures in force.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Every figure of the rulebook, with the file and line it comes from.
    Rulebook,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ConfigArgs) -> CliResult {
    let ConfigCommand::Rulebook = args.command;
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
