//! `tomking halt | reduce | resume | flatten`.

use std::io::{IsTerminal, Write as _};

use clap::Args;

use super::{CliError, CliResult, Global, ground::Ground};
use crate::{
    config::{Directories, Profile},
    control::{Request, table},
    desk::latch,
};

/// Halts at once: only cancels leave until `tomking resume`. Survives restarts.
#[derive(Debug, Args)]
pub struct HaltArgs {
    #[command(flatten)]
    why: Why,
}

/// Stops entries; exits and defence go on until `tomking resume`.
#[derive(Debug, Args)]
pub struct ReduceArgs {
    #[command(flatten)]
    why: Why,
}

/// Ends manual holds and removes the `HALT` file; timed holds stay until their time.
///
/// With a name it lets a paused strategy, or job, go on.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// A paused strategy or job; the latch without one.
    #[arg(value_name = "WHAT", conflicts_with = "over")]
    what: Option<String>,
    /// Resume though the drawdown breaker flattened less than 14 days ago; the reason is kept in
    /// the journal.
    #[arg(long = "override", value_name = "REASON", value_parser = reason)]
    over: Option<String>,
    #[command(flatten)]
    sure: Sure,
}

/// Cancels everything, closes everything, then halts. Asks to confirm.
#[derive(Debug, Args)]
pub struct FlattenArgs {
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, Args)]
struct Why {
    /// Kept with the hold and shown in status and alerts.
    #[arg(long, default_value = "asked for in the shell", value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct Sure {
    /// Do not ask to confirm.
    #[arg(long, short)]
    yes: bool,
}

/// `tomking halt`.
pub fn halt(global: &Global, args: &HaltArgs) -> CliResult {
    let reason = &args.why.reason;
    change(global, &Request::Halt { reason: reason.clone() })
        .map_err(|error| by_file(global, reason, &error))
}

/// `tomking reduce`.
pub fn reduce(global: &Global, args: &ReduceArgs) -> CliResult {
    change(global, &Request::Reduce { reason: args.why.reason.clone() })
}

/// `tomking resume`.
pub fn resume(global: &Global, args: &ResumeArgs) -> CliResult {
    confirm(&args.sure, "Resume: entries may be sent again.")?;
    if let Some(what) = &args.what {
        let parsed = table::parse(&format!("resume {what}"));
        let (_, _, request) = parsed.map_err(|fault| CliError::Usage(fault.to_string()))?;
        let request = request.ok_or_else(|| CliError::Usage("nothing to resume".to_owned()))?;
        return change(global, &request);
    }
    change(global, &Request::Resume { over: args.over.clone() })
}

/// `tomking flatten`.
pub fn flatten(global: &Global, args: &FlattenArgs) -> CliResult {
    confirm(&args.sure, "Flatten: every order is cancelled and every position closed.")?;
    change(global, &Request::Flatten { reason: args.why.reason.clone() })
}

/// A reason says something.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why".to_owned()) } else { Ok(text.to_owned()) }
}

/// Asks on a terminal; elsewhere `--yes` must be said.
fn confirm(sure: &Sure, what: &str) -> Result<(), CliError> {
    confirmed(sure.yes, what)
}

/// The same, with what `--yes` said.
pub fn confirmed(yes: bool, what: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("{what} Say --yes to confirm.")));
    }
    eprint!("{what} Type yes to go on: ");
    std::io::stderr().flush().map_err(CliError::failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CliError::failed)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::Failed("not confirmed".to_owned())) }
}

/// The halt that needs neither a daemon that answers nor a store that opens: the file.
fn by_file(global: &Global, reason: &str, error: &CliError) -> CliError {
    let places = Directories::resolve(None, global.data_dir.as_deref(), Profile::Paper);
    let written = places.map_err(|error| error.to_string()).and_then(|dirs| {
        latch::halt_by_file(&dirs.data_dir, reason).map_err(|error| error.to_string())
    });
    CliError::Failed(match written {
        Ok(file) => {
            format!("{error}\nhint: {} was written, which halts by itself", file.display())
        }
        Err(file) => format!("{error}\nhint: nor could the `HALT` file be written: {file}"),
    })
}

fn change(global: &Global, request: &Request) -> CliResult {
    Ground::load(global)?.show(request, global.json)
}
