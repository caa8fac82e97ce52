//! `tomking journal`.

use std::{path::Path, process::ExitCode};

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{daemon, data_dir, print, print_json, store_in},
};
use crate::{
    control::Request,
    desk::fold::{self, FoldOutcome, Folding, Verified},
    store::{self, JournalEntry, JournalHead, Read, ReadTx, StoreError, Verification},
};

/// The journal: verify it, show its last entries.
///
/// Works with and without the daemon.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Walk the hash chain, then work out the state its entries imply and compare it with the store.
    ///
    /// Exit 0 when both hold, else 1 with the first broken entry or each difference. From a journal
    /// whose beginning was pruned no state follows; that is said, and is no failure.
    Verify {
        /// A head printed in a report, to hold the journal against; may be given several times.
        #[arg(long, value_name = "SEQUENCE:HASH", value_parser = parse_head)]
        anchor: Vec<JournalHead>,
    },
    /// The last entries, the oldest first.
    Tail {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
        count: usize,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &JournalArgs) -> CliResult {
    let data_dir = data_dir(global)?;
    match &args.action {
        Action::Verify { anchor } => verify(&data_dir, anchor, global.json),
        Action::Tail { count } => tail(&data_dir, *count, global.json),
    }
}

/// The daemon's answer where one runs, else what the store says.
fn read<T: DeserializeOwned>(
    data_dir: &Path,
    request: &Request,
    look: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
) -> Result<T, CliError> {
    if let Some(answer) = daemon(data_dir, request)? {
        return Ok(answer);
    }
    store::look(&store_in(data_dir)?, "tomking journal", look).map_err(CliError::failed)
}

fn verify(data_dir: &Path, known: &[JournalHead], as_json: bool) -> CliResult {
    let request = Request::JournalVerify { anchors: known.to_vec() };
    let found: Verified = read(data_dir, &request, |tx| fold::verify(tx, known))?;
    if as_json {
        let chain = found.journal.broken.is_none();
        print_json(&json!({"holds": chain, "journal": found.journal, "state": found.state}))?;
    } else {
        print(&format!("{}\n{}\n", describe(&found.journal), describe_state(&found.state)))?;
    }
    Ok(if found.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Most differences a person is shown; `--json` has them all.
const DIFFERENCES_SHOWN: usize = 10;

fn describe_state(state: &Folding) -> String {
    let Folding { outcome, differences, reason } = state;
    match outcome {
        FoldOutcome::Same => "The state of the store follows from it.".to_owned(),
        FoldOutcome::Unknown => format!(
            "Whether the state of the store follows from it cannot be told: {}.",
            reason.as_deref().unwrap_or("no reason given")
        ),
        FoldOutcome::Differs => {
            let mut lines = vec!["The state of the store does not follow from it:".to_owned()];
            lines.extend(differences.iter().take(DIFFERENCES_SHOWN).map(|d| format!("  - {d}")));
            let more = differences.len().saturating_sub(DIFFERENCES_SHOWN);
            lines.extend((more > 0).then(|| format!("  and {more} more")));
            lines.join("\n")
        }
    }
}

/// A verification in words.
pub(super) fn describe(found: &Verification) -> String {
    let Verification { entries, first, head, broken } = found;
    match broken {
        Some(broken) => format!(
            "The journal is broken at entry {}: {}. {entries} entries before it hold.",
            broken.sequence, broken.why
        ),
        None if *entries == 0 => format!("The journal holds: no entries, head {}.", head.sequence),
        None => format!(
            "The journal holds: {entries} entries, {first} to {}, head {}.",
            head.sequence, head.hash
        ),
    }
}

fn tail(data_dir: &Path, count: usize, as_json: bool) -> CliResult {
    let request = Request::JournalTail { count };
    let entries: Vec<JournalEntry> = read(data_dir, &request, |tx| tx.journal_tail(count))?;
    if as_json {
        print_json(&json!({"entries": entries}))?;
    } else {
        print(&entries.iter().map(line).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &JournalEntry) -> String {
    let JournalEntry { sequence, at, cause, kind, data, .. } = entry;
    let at = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    format!("{sequence:>8}  {at}  {cause}  {kind}  {data}\n")
}

fn parse_head(text: &str) -> Result<JournalHead, StoreError> {
    let form = || StoreError::Refused("expected SEQUENCE:HASH, the hash of 64 hex digits".into());
    let (sequence, hash) = text.split_once(':').ok_or_else(form)?;
    let sequence = sequence.parse().map_err(|_| form())?;
    let hash = hash.to_ascii_lowercase();
    if hash.len() != 64 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(form());
    }
    Ok(JournalHead { sequence, hash })
}
