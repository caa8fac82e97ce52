//! `tomking run`: the daemon, and the demo.

use std::{process::ExitCode, sync::Arc};

use chrono::{NaiveDate, NaiveTime};
use clap::Args;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
    outcome,
};
use crate::{
    alert::log::LogChannel,
    calendar::new_york,
    clock::WallClock,
    config::LogSettings,
    live, logs,
    sim::{
        pace,
        replay::{self, Plan, Show, Tape},
    },
};

/// Runs the daemon: the paper account on the simulated market, until Ctrl-C or SIGTERM.
///
/// This is what `tomking` does without a subcommand.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// Show a Thursday evening to a Saturday in about two minutes, in memory, and end.
    #[arg(long)]
    demo: bool,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &RunArgs) -> CliResult {
    let ground = Ground::load(global)?;
    if args.demo {
        return demo(global, ground);
    }
    let log = ground.settings.log.clone();
    logs::init(&log, Arc::new(WallClock)).map_err(CliError::Failed)?;
    let reader = ground.reader();
    let Ground { settings, dirs, jobs, calendar } = ground;
    let plan = live::Plan { settings, jobs, calendar, data_dir: dirs.data_dir, reader };
    live::run(plan).map_err(CliError::failed)?;
    Ok(ExitCode::SUCCESS)
}

/// The demo's days: a Friday on which, with the default seed, the strategy trades.
const DEMO_THURSDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 15).expect("a date");
/// The demo begins here, New York.
const DEMO_STARTS: NaiveTime = NaiveTime::from_hms_opt(18, 0, 0).expect("a time of day");

fn demo(global: &Global, ground: Ground) -> CliResult {
    let friday = DEMO_THURSDAY.succ_opt().expect("a Thursday has a Friday");
    let saturday = friday.succ_opt().expect("a Friday has a Saturday");
    let log: LogSettings = ground.settings.log.clone();
    let show = Show {
        start: new_york(DEMO_THURSDAY, DEMO_STARTS),
        pace: pace::demo(friday),
        channel: Arc::new(LogChannel),
        on_world: Box::new(move |rt| logs::init(&log, rt.clock())),
    };
    let Ground { settings, jobs, .. } = ground;
    eprintln!(
        "A Thursday evening to a Saturday in about two minutes: paper account, simulated prices, \
         modelled option quotes. Nothing is kept."
    );
    let plan = Plan {
        from: DEMO_THURSDAY,
        to: saturday,
        settings: Arc::new(settings),
        jobs,
        tape: Tape::Simulated,
        progress: Box::new(|_, _| ()),
        show: Some(show),
    };
    let (found, _) = replay::run(plan).map_err(CliError::failed)?;
    if global.json {
        print_json(&found)?;
    } else {
        print(&format!("\n{}", outcome::text(&found, None)))?;
    }
    Ok(ExitCode::SUCCESS)
}
