//! `tomking validate`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, daemon, print, print_json},
    stage,
};
use crate::{
    clock::{Clock as _, WallClock},
    config::stages::StageId,
    control::{Request, backup, stage::StageView},
    risk::promotion::Validated,
    store::{Backup, Store},
    validate::{self, Check, Protocol, Subject},
};

/// Seeds of chaos that are run.
const SEEDS: u64 = 4;

/// The production validation protocol: every check done now, with what was measured and where from.
///
/// Exit 0 when all that the stage asks for holds, 1 when something does not. Nothing is changed; the
/// outcome is kept, because a promotion to stage 1 asks for a green one.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// For which stage: paper, stage-1 to stage-4; the one in force when left out.
    #[arg(long = "for", value_name = "STAGE", value_parser = stage::stage)]
    stage: Option<StageId>,
    /// Write one alert to each channel.
    #[arg(long)]
    probe: bool,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ValidateArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let scratch = Scratch::new()?;
    let view: Option<StageView> = ground.ask(&Request::Stage)?;
    let in_force = view.map_or(StageId::Paper, |view| view.row.stage);
    let subject = Subject {
        settings: &ground.settings,
        dirs: &ground.dirs,
        jobs: &ground.jobs,
        calendar: &ground.calendar,
        now: WallClock.now(),
        copy: copy(&ground, &scratch.0).map_err(|error| error.to_string()),
        scratch: &scratch.0,
        others: crate::control::stage::ledgers(&ground.settings.rulebook.stages.paper_ledgers),
        seeds: SEEDS,
        probe: args.probe,
    };
    let kept = subject.copy.is_ok();
    let protocol = validate::run(&subject, args.stage.unwrap_or(in_force));
    if kept {
        keep(&ground, &protocol)?;
    }
    if global.json {
        print_json(&protocol)?;
    } else {
        print(&words(&protocol))?;
    }
    Ok(if protocol.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A backup of the store, by the daemon where one runs.
fn copy(ground: &Ground, scratch: &Path) -> Result<PathBuf, CliError> {
    let dir = &ground.dirs.data_dir;
    let file = scratch.join("copy.redb");
    let made: Option<Backup> = daemon(dir, &Request::StoreBackup { file: file.clone() })?;
    if made.is_none() {
        let path = super::ground::store_in(dir)?;
        let store = Store::open_inline(&path, "tomking validate").map_err(CliError::failed)?;
        backup::into_new(&store, &file).map_err(CliError::Failed)?;
    }
    Ok(file)
}

/// The outcome stays in the store: a promotion asks for it.
fn keep(ground: &Ground, protocol: &Protocol) -> Result<(), CliError> {
    let outcome = Validated {
        at: protocol.at,
        version: protocol.version.clone(),
        stage: protocol.stage,
        failed: protocol.failed(),
    };
    let _: Validated = ground.ask(&Request::Validated { outcome })?;
    Ok(())
}

fn words(protocol: &Protocol) -> String {
    let failed = protocol.failed();
    let required = protocol.checks.iter().filter(|check| check.required).count();
    let stage = protocol.stage;
    let mut text = if protocol.passed {
        format!("Passed for {stage}: all {required} checks hold.\n\n")
    } else {
        let (count, names) = (failed.len(), failed.join(", "));
        format!("Failed for {stage}: {count} of {required} checks do not hold: {names}.\n\n")
    };
    for Check { name, bound, measured, holds, required, evidence } in &protocol.checks {
        let (mark, note) = match (holds, required) {
            (true, _) => ("yes", ""),
            (false, true) => ("NO ", ""),
            (false, false) => ("no ", " (not asked for at this stage)"),
        };
        let _ = writeln!(text, "{mark}  {name}: {measured}{note}");
        let _ = writeln!(text, "     held to: {bound}; from: {evidence}");
    }
    text
}

/// A directory of this run's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let base = std::env::temp_dir();
        let id = std::process::id();
        // Another run's leftovers are stepped round, never used.
        for number in 0..100 {
            let dir = base.join(format!("tomking-validate-{id}-{number}"));
            match std::fs::DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Self(dir)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(CliError::Failed(format!("creating {}: {error}", dir.display())));
                }
            }
        }
        Err(CliError::Failed(format!("no room for a directory of its own in {}", base.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_verdict_and_each_check_shows_figure_bound_and_source() {
        let check = |name: &str, holds, required| Check {
            name: name.to_owned(),
            bound: "at least 1024 MiB free".to_owned(),
            measured: if holds { "17125 MiB free" } else { "not measured" }.to_owned(),
            holds,
            required,
            evidence: "df of /data".to_owned(),
        };
        let protocol = Protocol {
            stage: StageId::One,
            at: "2026-10-16T21:10:00Z".parse().unwrap(),
            version: "0.1.0".to_owned(),
            passed: false,
            checks: vec![
                check("disk", true, true),
                check("win rate", false, true),
                check("prices", false, false),
            ],
            wall_ms: 1,
        };
        insta::assert_snapshot!(words(&protocol), @r"
        Failed for stage 1: 1 of 2 checks do not hold: win rate.

        yes  disk: 17125 MiB free
             held to: at least 1024 MiB free; from: df of /data
        NO   win rate: not measured
             held to: at least 1024 MiB free; from: df of /data
        no   prices: not measured (not asked for at this stage)
             held to: at least 1024 MiB free; from: df of /data
        ");
    }
}
