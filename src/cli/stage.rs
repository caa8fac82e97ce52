//! `tomking stage`: the deployment stage, what a promotion asks for, and the owner's word on it.

use std::{fmt::Write as _, process::ExitCode};

use clap::{Args, Subcommand};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    calendar::NEW_YORK,
    clock::Timestamp,
    config::stages::StageId,
    control::{
        Request,
        stage::{StageFigures, StageView},
    },
    desk::stage::Came,
    risk::promotion::Criterion,
};

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
    let view: Option<StageView> = Ground::load(global)?.ask(&request)?;
    let view = view.ok_or_else(|| CliError::failed("the stage was not told"))?;
    if global.json {
        print_json(&view)?;
    } else {
        print(&words(&view))?;
    }
    Ok(ExitCode::SUCCESS)
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

fn words(view: &StageView) -> String {
    let row = &view.row;
    let name = row.stage.words();
    let name = name[..1].to_uppercase() + &name[1..];
    let since = row.since.map_or_else(String::new, |at| format!(" since {}", moment(at)));
    let came = match row.came {
        Came::Begun => "begun",
        Came::Promoted => "promoted",
        Came::Demoted => "demoted",
        Came::Breached => "demoted by a breach",
    };
    let mut text = format!("{name}{since}; {came} by {}: {}.\n", row.by, row.reason);
    if let Some(figures) = &view.figures {
        let _ = writeln!(text, "{}", allows(figures));
    }
    if view.figures.as_ref().is_some_and(|figures| figures.ack) {
        let _ = match view.acked_until {
            Some(until) => {
                writeln!(text, "The daily report is acknowledged until {}.", moment(until))
            }
            None => writeln!(
                text,
                "No daily report was acknowledged: nothing is entered before `tomking ack`."
            ),
        };
    }
    for over in &row.overrides {
        let _ = writeln!(
            text,
            "Override {} by {}: from {} to {}, {}; did not hold: {}.",
            moment(over.at),
            over.by,
            over.from,
            over.to,
            over.reason,
            over.failed.join("; ")
        );
    }
    let Some(next) = view.next else {
        text.push_str("It is the last stage.\n");
        return text;
    };
    let verdict = if view.ready { "every criterion holds" } else { "not every criterion holds" };
    let _ = writeln!(text, "\nPromotion to {next}: {verdict}.");
    text + &lines(&view.criteria)
}

fn allows(figures: &StageFigures) -> String {
    let capital =
        figures.capital_gbp.map_or_else(|| "the whole balance".to_owned(), |gbp| gbp.to_string());
    let cap = figures
        .cap_percent
        .map_or_else(|| "as VIX and phase allow".to_owned(), |cap| format!("at most {cap} %"));
    let positions = figures
        .positions
        .map_or_else(|| "as the phase".to_owned(), |positions| positions.to_string());
    let strategies =
        figures.strategies.as_ref().map_or_else(|| "all".to_owned(), |names| names.join(", "));
    format!(
        "Capital {capital}; buying power {cap}; open positions {positions}; strategies: {strategies}."
    )
}

fn lines(criteria: &[Criterion]) -> String {
    let mut text = String::new();
    for criterion in criteria {
        let unit = match criterion.unit.as_str() {
            "percent" => " %",
            "days" => " days",
            _ => "",
        };
        let value = criterion
            .value
            .map_or_else(|| "not measured".to_owned(), |value| format!("{value}{unit}"));
        let mark = if criterion.holds { "yes" } else { "NO " };
        let Criterion { name, asks, evidence, .. } = criterion;
        let _ = writeln!(text, "{mark}  {name}: {value}; asked for: {asks}");
        let _ = writeln!(text, "     from: {evidence}");
    }
    text
}

/// `Fri 2024-08-02 10:30 New York`.
fn moment(at: Timestamp) -> String {
    format!("{} New York", at.with_timezone(&NEW_YORK).format("%a %Y-%m-%d %H:%M"))
}
