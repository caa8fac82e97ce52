//! `tomking report`.

use std::{path::PathBuf, process::ExitCode};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, parse_date, print, print_json},
};
use crate::{
    control::Request,
    report::{KeptReport, Period},
};

/// The daily report, or the weekly, monthly or quarterly review, as it was written.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which one.
    #[arg(value_enum)]
    period: PeriodArg,
    /// The last day it is of, YYYY-MM-DD; the newest one without this.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: Option<NaiveDate>,
    /// Write it as one HTML page to this file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// Send it to the channels again instead.
    #[arg(long, conflicts_with = "html")]
    send: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PeriodArg {
    /// Of one session.
    Daily,
    /// Of one week.
    Weekly,
    /// Of one month: income, compounding, strategies, proposals.
    Monthly,
    /// Of one quarter.
    Quarterly,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ReportArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let period = match args.period {
        PeriodArg::Daily => Period::Daily,
        PeriodArg::Weekly => Period::Weekly,
        PeriodArg::Monthly => Period::Monthly,
        PeriodArg::Quarterly => Period::Quarterly,
    };
    if args.send {
        return ground.show(&Request::ReportSend { period, date: args.date }, global.json);
    }
    let kept: Option<KeptReport> = ground.ask(&Request::Report { period, date: args.date })?;
    let kept = kept.ok_or_else(|| absent(period, args.date))?;
    if let Some(file) = &args.html {
        std::fs::write(file, &kept.html)
            .map_err(|error| CliError::Failed(format!("writing {}: {error}", file.display())))?;
        eprintln!("Wrote {}.", file.display());
    } else if global.json {
        print_json(&kept.document)?;
    } else {
        print(&kept.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn absent(period: Period, date: Option<NaiveDate>) -> CliError {
    let when = match period {
        Period::Daily => "30 minutes after each close",
        Period::Weekly => "60 minutes after the close of each week's last session",
        Period::Monthly => "at 08:30 of each month's first session, of the month before",
        Period::Quarterly => "at 08:45 of each quarter's first session, of the quarter before",
    };
    CliError::Failed(match date {
        Some(date) => format!("there is no {period} report of {date}\nhint: one is written {when}"),
        None => format!("there is no {period} report yet\nhint: one is written {when}"),
    })
}
