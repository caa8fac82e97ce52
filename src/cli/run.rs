//! `tomking run`: the daemon, and the demo.

use std::{process::ExitCode, sync::Arc};

use clap::Args;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
    outcome,
};
use crate::{
    alert::log::LogChannel,
    clock::WallClock,
    config::LogSettings,
    control::house::logs::Recent,
    live, logs,
    sim::{
        demo, pace,
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
    let recent = Recent::hiding(ground.settings.voice.secrets());
    logs::init(&log, Arc::new(WallClock), Some(Arc::clone(&recent))).map_err(CliError::Failed)?;
    let reader = ground.reader();
    let Ground { settings, dirs, jobs, calendar } = ground;
    let plan = live::Plan { settings, jobs, calendar, data_dir: dirs.data_dir, reader, recent };
    live::run(plan).map_err(CliError::failed)?;
    Ok(ExitCode::SUCCESS)
}

fn demo(global: &Global, ground: Ground) -> CliResult {
    let log: LogSettings = ground.settings.log.clone();
    let show = Show {
        start: demo::starts(),
        pace: pace::demo(demo::FRIDAY),
        channel: Arc::new(LogChannel),
        on_world: Box::new(move |rt| logs::init(&log, rt.clock(), None)),
        on_stage: Box::new(|stage| demo::narrate(stage, Arc::new(tell))),
    };
    let Ground { settings, jobs, .. } = ground;
    tell(
        "A Thursday evening to a Saturday in about two minutes: paper account, simulated prices,\n\
         modelled option quotes. Nothing is kept. Times are New York. Lines with `alert:` are what\n\
         a webhook would be sent.",
    );
    let range = (demo::THURSDAY, demo::SATURDAY);
    let plan = Plan { show: Some(show), ..Plan::new(range, settings, jobs, Tape::Simulated) };
    let (found, _) = replay::run(plan).map_err(CliError::failed)?;
    if global.json {
        print_json(&found)?;
    } else {
        print(&outcome::text(&found, None))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Beside the log, on stderr; nobody there to read it is no failure.
fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
