//! `tomking jobs`.

use std::{path::PathBuf, process::ExitCode};

use chrono::{Days, NaiveDate};
use chrono_tz::Europe::London;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{CliError, CliResult, Global};
use crate::{
    calendar::{Calendar, NEW_YORK, new_york_date},
    clock::{Clock, Timestamp, WallClock},
    config::{Directories, Profile, Settings},
    control::{Request, socket},
    schedule::{
        JobSet, ops, run_id,
        slots::slots_on,
        views::{self, JobLine, NextSlot, RunLine},
    },
    store::{self, ReadTx, Store, StoreError},
};

/// Days a preview shows when `--to` is not given.
const PREVIEW_DAYS: u64 = 30;
/// The longest range of a preview, days.
const PREVIEW_DAYS_MAX: i64 = 3_700;
/// The most slots a preview prints.
const PREVIEW_SLOTS_MAX: usize = 100_000;
/// The most rows of `next` and `history`.
const ROWS_MAX: u64 = 10_000;

/// The scheduled jobs: list, next, history, preview, run, pause, resume.
#[derive(Debug, Args)]
pub struct JobsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every job: when it is due, its next slot, whether it is enabled or paused.
    List,
    /// The next slots of the enabled jobs; one due every few minutes stands there once.
    Next {
        /// How many.
        #[arg(short, default_value_t = 20, value_name = "N", value_parser = rows())]
        n: u64,
    },
    /// Past runs, the newest first; a job due every few minutes has a line a session.
    History {
        /// One job only.
        #[arg(long, value_name = "JOB")]
        job: Option<String>,
        /// How many.
        #[arg(short, default_value_t = 20, value_name = "N", value_parser = rows())]
        n: u64,
    },
    /// The slots a job has between two dates, by its file and the exchange calendar.
    Preview {
        /// The job.
        #[arg(long, value_name = "JOB")]
        job: String,
        /// First New York date, YYYY-MM-DD; today by default.
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
        /// Last New York date, included; thirty days after the first by default.
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
    },
    /// Run a job now, besides its schedule; the daemon must run.
    Run {
        /// The job.
        job: String,
    },
    /// Pause a job: its slots are recorded as skipped until it is resumed.
    Pause {
        /// The job.
        job: String,
    },
    /// Resume a paused job; slots that went by stay skipped.
    Resume {
        /// The job.
        job: String,
    },
}

fn rows() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..=ROWS_MAX)
}

/// What every action needs.
struct Context {
    data_dir: PathBuf,
    jobs: JobSet,
    calendar: Calendar,
    json: bool,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &JobsArgs) -> CliResult {
    let context = Context::of(global)?;
    let now = WallClock.now();
    match &args.action {
        Action::List => context.list(now),
        Action::Next { n } => context.next(now, usize::try_from(*n).unwrap_or(usize::MAX)),
        Action::History { job, n } => {
            context.history(job.as_deref(), usize::try_from(*n).unwrap_or(usize::MAX))
        }
        Action::Preview { job, from, to } => context.preview(job, *from, *to, now),
        Action::Run { job } => context.run_now(job),
        Action::Pause { job } => context.change(job, Change::Pause, now),
        Action::Resume { job } => context.change(job, Change::Resume, now),
    }
}

#[derive(Clone, Copy)]
enum Change {
    Pause,
    Resume,
}

/// The daemon's answer to a pause or resume.
#[derive(Serialize, Deserialize)]
struct Changed {
    job: String,
    changed: bool,
}

impl Context {
    fn of(global: &Global) -> Result<Self, CliError> {
        let (config_dir, data_dir) = (global.config_dir.as_deref(), global.data_dir.as_deref());
        let dirs = Directories::resolve(config_dir, data_dir, Profile::Paper);
        let dirs = dirs.map_err(CliError::failed)?;
        let settings = Settings::load(Some(&dirs.config_dir)).map_err(CliError::failed)?;
        let jobs = JobSet::load(Some(&dirs.config_dir)).map_err(CliError::failed)?;
        let calendar = Calendar::new(settings.calendar_override);
        Ok(Self { data_dir: dirs.data_dir, jobs, calendar, json: global.json })
    }

    fn known(&self, job: &str) -> Result<(), CliError> {
        self.jobs.get(job).map(drop).map_err(CliError::Usage)
    }

    /// The daemon's answer, when one runs.
    fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<Option<T>, CliError> {
        let answer = socket::call(&self.data_dir, request).map_err(CliError::failed)?;
        answer.map(serde_json::from_value).transpose().map_err(|error| {
            CliError::Failed(format!(
                "the daemon's answer cannot be read: {error}\n\
                 hint: it may be of another version; restart it"
            ))
        })
    }

    /// Reads from the daemon, else from the store, else from an empty one.
    fn read<T: DeserializeOwned>(
        &self,
        request: &Request,
        view: impl Fn(&ReadTx) -> Result<T, StoreError>,
    ) -> Result<T, CliError> {
        if let Some(answer) = self.ask(request)? {
            return Ok(answer);
        }
        let path = store::path_in(&self.data_dir);
        let read = if path.is_file() {
            store::look(&path, "tomking jobs", view)
        } else {
            Store::in_memory().and_then(|store| store.read(view))
        };
        read.map_err(CliError::failed)
    }

    fn list(&self, now: Timestamp) -> CliResult {
        let view = |tx: &ReadTx| views::list(tx, &self.jobs, &self.calendar, now);
        let jobs: Vec<JobLine> = self.read(&Request::JobsList, view)?;
        if self.json {
            return print_json(&json!({ "jobs": jobs }));
        }
        let mut table = table(&["job", "state", "next (New York)", "due"]);
        for line in &jobs {
            let state = match (&line.paused, line.enabled) {
                (_, false) => "off",
                (Some(_), true) => "paused",
                (None, true) => "on",
            };
            let next = line.next.map_or_else(|| "-".to_owned(), new_york);
            table.add_row([&line.job, state, &next, &line.when]);
        }
        println!("{table}");
        let paused = jobs.iter().filter_map(|line| line.paused.as_ref().map(|p| (&line.job, p)));
        for (job, pause) in paused {
            println!("{job} is paused since {}: {}", new_york(pause.at), pause.reason);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn next(&self, now: Timestamp, count: usize) -> CliResult {
        let view = |tx: &ReadTx| views::next(tx, &self.jobs, &self.calendar, now, count);
        let slots: Vec<NextSlot> = self.read(&Request::JobsNext { count }, view)?;
        if self.json {
            return print_json(&json!({ "slots": slots }));
        }
        let mut table = table(&["New York", "London", "job", ""]);
        for slot in &slots {
            let paused = if slot.paused { "paused" } else { "" };
            table.add_row([&new_york(slot.at), &london(slot.at), &slot.job, paused]);
        }
        println!("{table}");
        Ok(ExitCode::SUCCESS)
    }

    fn history(&self, job: Option<&str>, count: usize) -> CliResult {
        job.map(|job| self.known(job)).transpose()?;
        let view = |tx: &ReadTx| views::history(tx, &self.jobs, job, count);
        let request = Request::JobsHistory { job: job.map(str::to_owned), count };
        let runs: Vec<RunLine> = self.read(&request, view)?;
        if self.json {
            return print_json(&json!({ "runs": runs }));
        }
        if runs.is_empty() {
            println!("No run yet.");
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = table(&["slot (New York)", "job", "ended", "late", "what"]);
        for line in &runs {
            let ended =
                format!("{}{}", line.status.name(), if line.manual { " (by hand)" } else { "" });
            let late = line.late_ms.map_or_else(|| "-".to_owned(), |late| format!("{late} ms"));
            let what = match &line.reason {
                Some(reason) if line.summary.is_empty() || line.summary == *reason => {
                    reason.clone()
                }
                Some(reason) => format!("{}; {reason}", line.summary),
                None => line.summary.clone(),
            };
            table.add_row([&new_york(line.slot), &line.job, &ended, &late, &what]);
        }
        println!("{table}");
        Ok(ExitCode::SUCCESS)
    }

    fn preview(
        &self,
        name: &str,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        now: Timestamp,
    ) -> CliResult {
        let job = self.jobs.get(name).map_err(CliError::Usage)?;
        let from = from.unwrap_or_else(|| new_york_date(now));
        let ahead = from.checked_add_days(Days::new(PREVIEW_DAYS));
        let to = to.or(ahead).unwrap_or(from);
        let days = (to - from).num_days();
        if !(0..=PREVIEW_DAYS_MAX).contains(&days) {
            return Err(CliError::Usage(format!(
                "the range from {from} to {to} is {days} days long\n\
                 hint: give --from a day before --to, at most {PREVIEW_DAYS_MAX} days apart"
            )));
        }
        let slots = slots_on(job, &self.calendar, from, to);
        if slots.len() > PREVIEW_SLOTS_MAX {
            return Err(CliError::Usage(format!(
                "`{name}` has {} slots from {from} to {to}, more than {PREVIEW_SLOTS_MAX}\n\
                 hint: give a shorter range",
                slots.len()
            )));
        }
        if self.json {
            let slot = |at| json!({ "slot": run_id(name, at), "at": at });
            let slots: Vec<_> = slots.iter().map(|s| slot(s.at)).collect();
            return print_json(&json!({ "job": name, "slots": slots }));
        }
        let off = if job.enabled { "" } else { " (off: these would be its slots)" };
        println!("{name}{off}: {}", job.when());
        let mut table = table(&["New York", "London"]);
        for slot in &slots {
            table.add_row([new_york(slot.at), london(slot.at)]);
        }
        println!("{table}");
        Ok(ExitCode::SUCCESS)
    }

    fn run_now(&self, job: &str) -> CliResult {
        #[derive(Serialize, Deserialize)]
        struct Started {
            run: String,
        }
        self.known(job)?;
        let Some(started) = self.ask::<Started>(&Request::JobRun { job: job.to_owned() })? else {
            return Err(CliError::Failed(format!(
                "no daemon runs on {}, and a job runs only inside one\n\
                 hint: start it with `tomking run`, then ask again",
                self.data_dir.display()
            )));
        };
        if self.json {
            return print_json(&started);
        }
        println!("Started {}; `tomking jobs history --job {job}` shows how it ended.", started.run);
        Ok(ExitCode::SUCCESS)
    }

    fn change(&self, job: &str, change: Change, now: Timestamp) -> CliResult {
        self.known(job)?;
        let name = job.to_owned();
        let request = match change {
            Change::Pause => Request::JobPause { job: name },
            Change::Resume => Request::JobResume { job: name },
        };
        let changed = match self.ask::<Changed>(&request)? {
            Some(answer) => answer.changed,
            None => self.change_in_store(job, change, now)?,
        };
        if self.json {
            return print_json(&Changed { job: job.to_owned(), changed });
        }
        match (change, changed) {
            (Change::Pause, true) => {
                println!("{job} is paused; `tomking jobs resume {job}` ends it.");
            }
            (Change::Pause, false) => println!("{job} was paused already."),
            (Change::Resume, true) => println!("{job} is resumed."),
            (Change::Resume, false) => println!("{job} was not paused."),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// No daemon runs: the state is changed in the store, which must be there.
    fn change_in_store(&self, job: &str, change: Change, now: Timestamp) -> Result<bool, CliError> {
        let path = store::path_in(&self.data_dir);
        if !path.is_file() {
            return Err(CliError::Failed(format!(
                "no store at {}: `tomking run` makes one; `--data-dir` names another place",
                path.display()
            )));
        }
        let store = Store::open_inline(&path, "tomking jobs").map_err(CliError::failed)?;
        let done = match change {
            Change::Pause => {
                let reason = "paused by the operator";
                futures::executor::block_on(ops::pause(&store, &self.jobs, job, reason, now))
            }
            Change::Resume => {
                futures::executor::block_on(ops::resume(&store, &self.jobs, job, now))
            }
        };
        done.map_err(CliError::failed)
    }
}

fn print_json(value: &impl Serialize) -> CliResult {
    println!("{}", serde_json::to_string(value).map_err(CliError::failed)?);
    Ok(ExitCode::SUCCESS)
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head.to_vec());
    table
}

fn new_york(at: Timestamp) -> String {
    at.with_timezone(&NEW_YORK).format("%a %Y-%m-%d %H:%M:%S").to_string()
}

fn london(at: Timestamp) -> String {
    at.with_timezone(&London).format("%H:%M").to_string()
}
