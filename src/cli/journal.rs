//! `tomking journal`.

use std::{path::Path, process::ExitCode};

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    store::{print_json, store_path},
};
use crate::store::{self, JournalEntry, JournalHead, Read, StoreError, Verification};

/// The journal: verify its hash chain, show its last entries.
///
/// The daemon must not run: it owns the store.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Walk the hash chain; exit 0 when it holds, else 1 with the first broken entry.
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
    let path = store_path(global)?;
    match &args.action {
        Action::Verify { anchor } => verify(&path, anchor, global.json),
        Action::Tail { count } => tail(&path, *count, global.json),
    }
}

fn verify(path: &Path, known: &[JournalHead], as_json: bool) -> CliResult {
    let found = store::look(path, "tomking journal verify", |tx| tx.verify_journal(known))
        .map_err(CliError::failed)?;
    if as_json {
        print_json(&json!({"holds": found.broken.is_none(), "journal": found}))?;
    } else {
        println!("{}", describe(&found));
    }
    Ok(if found.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

fn tail(path: &Path, count: usize, as_json: bool) -> CliResult {
    let entries = store::look(path, "tomking journal tail", |tx| tx.journal_tail(count))
        .map_err(CliError::failed)?;
    if as_json {
        print_json(&json!({"entries": entries}))?;
    } else {
        for entry in entries {
            println!("{}", line(&entry));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &JournalEntry) -> String {
    let JournalEntry { sequence, at, cause, kind, data, .. } = entry;
    let at = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    format!("{sequence:>8}  {at}  {cause}  {kind}  {data}")
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
