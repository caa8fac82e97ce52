//! `tomking replay`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::NaiveDate;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    CliError, CliResult, Global, data,
    ground::{Ground, parse_date, print, print_json},
    outcome, sheet,
};
use crate::{
    calendar::Exchange,
    market::recorded::LoadSummary,
    sim::{
        book::Book,
        operator::Policy,
        replay::{self, Plan, Progress, Tape},
    },
    store::{Read as _, Store},
};

/// Runs past sessions through the very same scheduler, jobs, gate and desk, and tells what came.
///
/// With --data on your own CSV files (the formats are in docs/DATA.md), without it on the simulated
/// market. Option quotes are modelled either way. The same command gives the same digest.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// First date, YYYY-MM-DD.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: NaiveDate,
    /// Last date, included.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    to: NaiveDate,
    /// Folder of CSV files, recognised by their headers; `imported` is what `tomking data` keeps.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Simulate the products the files say nothing of, instead of leaving them out.
    #[arg(long, requires = "data")]
    simulate_missing: bool,
    /// Write the journal of the run to this file, one JSON entry a line.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write the run's report to this directory: `index.html`, one page that loads nothing, and
    /// `trades.csv`, `equity.csv`, `decisions.csv` (docs/REPLAY.md). An earlier report there is
    /// replaced; a directory with anything else in it is refused.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Start from a book: a balance, and entries tried at given instants (docs/REPLAY.md).
    #[arg(long, value_name = "FILE")]
    book: Option<PathBuf>,
    /// `off`: limits 6 to 11 of the gate are not asked of a book's replay, to show what they save.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        default_value = "on",
        requires_if("off", "book")
    )]
    limits: Limits,
    /// Who resumes after a breaker's hold that waits for a person: nobody, or an operator who asks at
    /// 09:00 of the next session. Each resume is told.
    #[arg(long, value_enum, value_name = "POLICY", default_value = "next-session")]
    operator: Policy,
    /// Seed of the simulated market and of the paths between recorded prices.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Whether limits 6 to 11 are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Limits {
    /// As everywhere.
    On,
    /// Not asked.
    Off,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ReplayArgs) -> CliResult {
    let ReplayArgs { from, to, .. } = *args;
    if from > to {
        return Err(CliError::Usage(format!("--from {from} is after --to {to}")));
    }
    args.report.as_deref().map_or(Ok(()), sheet::check)?;
    let mut ground = Ground::load(global)?;
    ground.settings.market.seed = args.seed.unwrap_or(ground.settings.market.seed);
    let book = args.book.as_deref().map(|file| Book::load(file, &ground.calendar, (from, to)));
    let book = book.transpose().map_err(CliError::failed)?;
    let (tape, summary) = tape(args, &ground)?;
    let sessions = ground.calendar.sessions(Exchange::Xnys, from, to).len();
    let bar = progress_bar(sessions as u64, global.json);
    let told = bar.clone();
    let progress: Progress = Box::new(move |date, done| {
        told.set_position(done as u64);
        told.set_message(date.to_string());
    });
    let Ground { settings, jobs, .. } = ground;
    let (operator, limits_off) = (args.operator, args.limits == Limits::Off);
    let plan = Plan {
        progress,
        operator,
        book,
        limits_off,
        ..Plan::new((from, to), settings, jobs, tape)
    };
    let found = replay::run(plan);
    bar.finish_and_clear();
    let (found, store) = found.map_err(CliError::failed)?;
    if let Some(file) = &args.journal {
        write_journal(&store, file)?;
    }
    if let Some(place) = &args.report {
        sheet::write(place, &found, summary.as_ref())?;
    }
    if global.json {
        print_json(&found)?;
    } else {
        print(&outcome::text(&found, summary.as_ref()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tape(args: &ReplayArgs, ground: &Ground) -> Result<(Tape, Option<LoadSummary>), CliError> {
    let Some(folder) = &args.data else { return Ok((Tape::Simulated, None)) };
    let range = (args.from, args.to);
    let (settings, calendar) = (&ground.settings, &ground.calendar);
    let folder = data::folder(folder, ground);
    let tape = replay::recorded(&folder, settings, calendar, range, args.simulate_missing)
        .map_err(CliError::failed)?;
    let summary = tape.summary().clone();
    Ok((Tape::Recorded(Box::new(tape)), Some(summary)))
}

fn write_journal(store: &Store, file: &Path) -> Result<(), CliError> {
    let failed = |error: String| CliError::Failed(format!("writing {}: {error}", file.display()));
    let entries = store.read(|tx| tx.journal_tail(usize::MAX)).map_err(CliError::failed)?;
    let mut lines = Vec::new();
    for entry in &entries {
        serde_json::to_writer(&mut lines, entry).map_err(|error| failed(error.to_string()))?;
        lines.push(b'\n');
    }
    std::fs::write(file, lines).map_err(|error| failed(error.to_string()))
}

/// On stderr, where a person watches; hidden otherwise.
fn progress_bar(sessions: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = "{bar:32} {pos}/{len} sessions, {per_sec}, {msg}";
    let style = ProgressStyle::with_template(style).expect("the template is well-formed");
    ProgressBar::new(sessions).with_style(style)
}
