//! The command line: one file per subcommand. Data on stdout, logs and progress on stderr.
//! Exit 0 done, 1 failed or not all holds, 2 bad usage.

mod ack;
mod alerts;
mod calendar;
mod chaos;
mod config;
mod data;
mod ground;
mod history;
mod jobs;
mod journal;
mod latch;
mod outcome;
mod phase;
mod plan;
mod price;
mod reconcile;
mod replay;
mod report;
mod risk;
mod run;
mod sheet;
mod stage;
mod status;
mod store;
mod table;
mod totp;
mod validate;
mod stress;
mod telegram;
mod why;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// Trades options unattended by the Tom King rulebook.
///
/// Without a subcommand it is `tomking run`: the daemon on a paper account.
#[derive(Debug, Parser)]
#[command(version, about, long_about, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options every subcommand has.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Directory of your own settings: `config.toml`, `rulebook.toml`, `jobs/*.toml`.
    #[arg(
        long,
        global = true,
        env = "TOMKING_CONFIG_DIR",
        value_name = "DIR",
        display_order = 901
    )]
    pub config_dir: Option<PathBuf>,
    /// Directory of the store, the paper venue and the `HALT` file.
    #[arg(long, global = true, env = "TOMKING_DATA_DIR", value_name = "DIR", display_order = 902)]
    pub data_dir: Option<PathBuf>,
    /// One JSON document on stdout instead of text.
    #[arg(long, global = true, display_order = 903)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Replay(replay::ReplayArgs),
    Status(status::StatusArgs),
    Why(why::WhyArgs),
    Halt(latch::HaltArgs),
    Reduce(latch::ReduceArgs),
    Resume(latch::ResumeArgs),
    Flatten(latch::FlattenArgs),
    Reconcile(reconcile::ReconcileArgs),
    Report(report::ReportArgs),
    Jobs(jobs::JobsArgs),
    Data(data::DataArgs),
    Calendar(calendar::CalendarArgs),
    Price(price::PriceArgs),
    Risk(risk::RiskArgs),
    Stress(stress::StressArgs),
    Config(config::ConfigArgs),
    Phase(phase::PhaseArgs),
    Plan(plan::PlanArgs),
    Stage(stage::StageArgs),
    Alerts(alerts::AlertsArgs),
    Ack(ack::AckArgs),
    Totp(totp::TotpArgs),
    Validate(validate::ValidateArgs),
    Journal(journal::JournalArgs),
    Chaos(chaos::ChaosArgs),
    Store(store::StoreArgs),
    Telegram(telegram::TelegramArgs),
}

/// A failure a person reads: what was being done, what was found, what to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line asks for something impossible; exit 2.
    #[error("{0}")]
    Usage(String),
    /// Anything else; exit 1.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// A failure with its cause in words.
    pub fn failed(cause: impl std::fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }
}

/// What a subcommand gives: its exit code, or a failure that is printed.
pub type CliResult = Result<ExitCode, CliError>;

/// Parses the command line, runs the subcommand, prints a failure to stderr.
pub fn main() -> ExitCode {
    let own = Cli::command();
    let matches = table::with_table(own.clone()).get_matches();
    let result = match table::run(&matches, &own) {
        Some(result) => result,
        None => match Cli::from_arg_matches(&matches) {
            Ok(cli) => run_own(cli),
            Err(error) => error.exit(),
        },
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // A terminal that went away must not turn the exit code into a panic's.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(match error {
                CliError::Usage(_) => 2,
                CliError::Failed(_) => 1,
            })
        }
    }
}

/// Whether this program takes a command line, its own name first. Runs nothing.
///
/// # Errors
/// What the program would say.
pub fn parses(line: &[String]) -> Result<(), String> {
    match table::with_table(Cli::command()).try_get_matches_from(line) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The subcommands that have a file of their own.
fn run_own(cli: Cli) -> CliResult {
    let global = &cli.global;
    match cli.command.unwrap_or_else(|| Command::Run(run::RunArgs::default())) {
        Command::Run(args) => run::run(global, &args),
        Command::Replay(args) => replay::run(global, &args),
        Command::Status(args) => status::run(global, &args),
        Command::Why(args) => why::run(global, &args),
        Command::Halt(args) => latch::halt(global, &args),
        Command::Reduce(args) => latch::reduce(global, &args),
        Command::Resume(args) => latch::resume(global, &args),
        Command::Flatten(args) => latch::flatten(global, &args),
        Command::Reconcile(args) => reconcile::run(global, &args),
        Command::Report(args) => report::run(global, &args),
        Command::Jobs(args) => jobs::run(global, &args),
        Command::Data(args) => data::run(global, &args),
        Command::Calendar(args) => calendar::run(global, &args),
        Command::Price(args) => price::run(global, &args),
        Command::Risk(args) => risk::run(global, &args),
        Command::Stress(args) => stress::run(global, &args),
        Command::Config(args) => config::run(global, &args),
        Command::Phase(args) => phase::run(global, &args),
        Command::Plan(args) => plan::run(global, &args),
        Command::Stage(args) => stage::run(global, &args),
        Command::Validate(args) => validate::run(global, &args),
        Command::Alerts(args) => alerts::run(global, &args),
        Command::Ack(args) => ack::run(global, &args),
        Command::Totp(args) => totp::run(global, &args),
        Command::Journal(args) => journal::run(global, &args),
        Command::Store(args) => store::run(global, &args),
        Command::Telegram(args) => telegram::run(global, &args),
        Command::Chaos(args) => chaos::run(global, &args),
    }
}
