//! `tomking chaos`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    CliError, CliResult, Global,
    ground::{self, print, print_json},
};
use crate::report::page::table_text;
use crate::sim::chaos::{
    ground::Ground,
    plan::Plan,
    sweep::{self, Options},
    verdict::{Found, Verdict},
};

/// Most weeks of one plan.
const WEEKS_MAX: i64 = 520;

/// Runs the whole daemon through simulated weeks in which things go wrong, and checks after every
/// step that every invariant holds.
///
/// Each seed draws its own week and its own faults: at the disk, the broker, the feed, the clock,
/// the channels, in the process, by people (`docs/FAULT_MODEL.md`). The same seed gives the same
/// bytes. Exit 0 when nothing was violated, 1 when something was; a violation is printed with the
/// shortest plan of faults that shows it.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// How many seeds to run, on all cores.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    seeds: u64,
    /// Simulated weeks of each seed.
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=WEEKS_MAX))]
    weeks: u32,
    /// The first seed; with `--seeds 1` this one alone runs again.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Run a printed plan again, from a JSON file, instead of seeds.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "weeks", "seed"])]
    plan: Option<PathBuf>,
    /// Leave the plans of violations as they were drawn.
    #[arg(long)]
    no_shrink: bool,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ChaosArgs) -> CliResult {
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let base = ground::Ground::load(global)?;
    let ground = Ground::new(base.settings, base.jobs);
    let verdict = match &plan {
        Some(plan) => sweep::single(&ground, plan).map_err(CliError::failed)?,
        None => seeds(&ground, args, global.json)?,
    };
    if global.json {
        print_json(&verdict)?;
    } else {
        print(&text(&verdict)?)?;
        eprintln!(
            "{:.1} s on the wall, {:.0} simulated weeks a minute",
            verdict.wall_seconds, verdict.wall_weeks_per_minute
        );
    }
    Ok(if verdict.violated == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seeds(ground: &Arc<Ground>, args: &ChaosArgs, quiet: bool) -> Result<Verdict, CliError> {
    let ChaosArgs { seeds, seed, weeks, no_shrink, .. } = *args;
    let bar = progress_bar(seeds, quiet);
    let progress = |done, violated: u64| {
        bar.set_position(done);
        bar.set_message(format!("{violated} violated"));
    };
    let options = Options { seeds, seed, weeks, shrink: !no_shrink };
    let verdict = sweep::sweep(ground, options, &progress);
    bar.finish_and_clear();
    verdict.map_err(CliError::failed)
}

fn read_plan(file: &Path) -> Result<Plan, CliError> {
    let named = |error: String| CliError::Usage(format!("--plan {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| {
        named(format!("{error}\nhint: a violation prints its plan, `--json` gives it as `plan`"))
    })?;
    let weeks = i64::from(plan.weeks);
    if !(1..=WEEKS_MAX).contains(&weeks) {
        return Err(named(format!("weeks = {weeks}: must be from 1 to {WEEKS_MAX}")));
    }
    Ok(plan)
}

/// On stderr, where a person watches; hidden otherwise.
fn progress_bar(seeds: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = "{bar:32} {pos}/{len} seeds, {per_sec}, {msg}";
    let style = ProgressStyle::with_template(style).expect("the template is well-formed");
    ProgressBar::new(seeds).with_style(style)
}

/// "1 week", "2 weeks".
fn counted(count: u64, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

fn text(verdict: &Verdict) -> Result<String, CliError> {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} from {}, {} each: {:.1} weeks simulated, {} instants",
        counted(verdict.seeds, "seed"),
        verdict.first_seed,
        counted(verdict.weeks.into(), "week"),
        verdict.simulated_weeks,
        verdict.steps
    );
    let _ = writeln!(
        out,
        "{} lives of the process, {} killed; {} orders, {} alerts delivered\n",
        verdict.lives, verdict.kills, verdict.orders, verdict.deliveries
    );
    let words = |row: &[&str]| row.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let faults = verdict.faults.iter().map(|fault| {
        words(&[&fault.kind, &fault.tally.planned.to_string(), &fault.tally.acted.to_string()])
    });
    let faults = table_text(&words(&["fault", "planned", "acted"]), &faults.collect::<Vec<_>>());
    let ends = verdict.ends.iter().map(|line| words(&[&line.end, &line.lives.to_string()]));
    let ends = table_text(&words(&["lives that ended", "count"]), &ends.collect::<Vec<_>>());
    let _ = writeln!(out, "{faults}\n{ends}");
    let _ = writeln!(out, "journal   {}", verdict.digests.journal);
    let _ = writeln!(out, "store     {}", verdict.digests.store);
    let _ = writeln!(out, "messages  {}\n", verdict.digests.messages);
    for found in &verdict.violations {
        told(&mut out, found)?;
    }
    let _ = match verdict.violated {
        0 => writeln!(out, "No invariant was violated."),
        count => writeln!(out, "{count} of {} seeds violated an invariant.", verdict.seeds),
    };
    Ok(out)
}

fn told(out: &mut String, found: &Found) -> Result<(), CliError> {
    let violation = &found.violation;
    let _ = writeln!(
        out,
        "Violated: invariant {}, seed {}, step {}, {}, life {}\n{}\n\nJournal:",
        violation.invariant,
        found.seed,
        violation.step,
        violation.at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        violation.life,
        violation.words
    );
    for entry in &violation.journal {
        let at = entry.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let _ = writeln!(
            out,
            "  {} {at} {} {} {}",
            entry.sequence, entry.cause, entry.kind, entry.data
        );
    }
    let plan = serde_json::to_string(&found.plan).map_err(CliError::failed)?;
    let shrunk = match found.shrunk_in_runs {
        Some(runs) => format!(
            "{} of {} faults, after {runs} runs",
            found.plan.faults.len(),
            found.faults_drawn
        ),
        None => format!("{} faults, as drawn", found.faults_drawn),
    };
    let _ = writeln!(out, "\nPlan ({shrunk}), for `tomking chaos --plan FILE`:\n{plan}\n");
    let _ = writeln!(out, "The seed again: {}\n", found.command());
    Ok(())
}
