//! `tomking jobs`.

use std::process::ExitCode;

use chrono::{Days, NaiveDate};
use chrono_tz::Europe::London;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use serde_json::{Value, json};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, parse_date, print, print_json},
};
use crate::{
    calendar::{NEW_YORK, new_york_date},
    clock::{Clock as _, Timestamp, WallClock},
    control::{Request, say},
    schedule::{run_id, slots::slots_on, views::RunLine},
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
        #[arg(long, value_name = "DATE", value_parser = parse_date)]
        from: Option<NaiveDate>,
        /// Last New York date, included; thirty days after the first by default.
        #[arg(long, value_name = "DATE", value_parser = parse_date)]
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

/// Runs the subcommand.
pub fn run(global: &Global, args: &JobsArgs) -> CliResult {
    let asked = Asked { ground: Ground::load(global)?, json: global.json };
    let rows = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    match &args.action {
        Action::List => asked.list(),
        Action::Next { n } => asked.next(rows(*n)),
        Action::History { job, n } => asked.history(job.as_deref(), rows(*n)),
        Action::Preview { job, from, to } => asked.preview(job, *from, *to),
        Action::Run { job } => asked.run_now(job),
        Action::Pause { job } => asked.change(job, Change::Pause),
        Action::Resume { job } => asked.change(job, Change::Resume),
    }?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Clone, Copy)]
enum Change {
    Pause,
    Resume,
}

/// What is asked, and in which form the answer is wanted.
struct Asked {
    ground: Ground,
    json: bool,
}

type Printed = Result<(), CliError>;

impl Asked {
    fn known(&self, job: &str) -> Result<(), CliError> {
        self.ground.jobs.get(job).map(drop).map_err(CliError::Usage)
    }

    fn list(&self) -> Printed {
        self.shown(&Request::JobsList, |jobs| json!({ "jobs": jobs }))
    }

    fn next(&self, count: usize) -> Printed {
        self.shown(&Request::JobsNext { count }, |slots| json!({ "slots": slots }))
    }

    /// The page of an answer, or its document.
    fn shown(&self, request: &Request, document: impl Fn(Value) -> Value) -> Printed {
        let answer: Value = self.ground.ask(request)?;
        if self.json {
            return print_json(&document(answer));
        }
        print(&say::page(request, &answer).map_err(CliError::Failed)?.text())
    }

    fn history(&self, job: Option<&str>, count: usize) -> Printed {
        job.map(|job| self.known(job)).transpose()?;
        let request = Request::JobsHistory { job: job.map(str::to_owned), count };
        let runs: Vec<RunLine> = self.ground.ask(&request)?;
        if self.json {
            return print_json(&json!({ "runs": runs }));
        }
        if runs.is_empty() {
            return print("No run yet.\n");
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
        print(&format!("{table}\n"))
    }

    fn preview(&self, name: &str, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Printed {
        let job = self.ground.jobs.get(name).map_err(CliError::Usage)?;
        let from = from.unwrap_or_else(|| new_york_date(WallClock.now()));
        let ahead = from.checked_add_days(Days::new(PREVIEW_DAYS));
        let to = to.or(ahead).unwrap_or(from);
        let days = (to - from).num_days();
        if !(0..=PREVIEW_DAYS_MAX).contains(&days) {
            return Err(CliError::Usage(format!(
                "the range from {from} to {to} is {days} days long\n\
                 hint: give --from a day before --to, at most {PREVIEW_DAYS_MAX} days apart"
            )));
        }
        let slots = slots_on(job, &self.ground.calendar, from, to);
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
        let mut table = table(&["New York", "London"]);
        for slot in &slots {
            table.add_row([new_york(slot.at), london(slot.at)]);
        }
        print(&format!("{name}{off}: {}\n{table}\n", job.when()))
    }

    fn run_now(&self, job: &str) -> Printed {
        self.known(job)?;
        self.shown(&Request::JobRun { job: job.to_owned() }, |started| started)?;
        if self.json {
            return Ok(());
        }
        print(&format!("\n`tomking jobs history --job {job}` shows how it ended.\n"))
    }

    fn change(&self, job: &str, change: Change) -> Printed {
        self.known(job)?;
        let name = job.to_owned();
        let request = match change {
            Change::Pause => Request::JobPause { job: name },
            Change::Resume => Request::JobResume { job: name },
        };
        self.shown(&request, |changed| changed)
    }
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
