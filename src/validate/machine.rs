//! The machine: room on the disk, and the clock.

use std::process::Command;

use super::{Found, Subject};
use crate::store::{self, Read as _};

/// Least room, MiB: a store of years and its backups.
const FREE_MIB_MIN: u64 = 1024;

pub(super) fn all(subject: &Subject<'_>) -> Vec<Found> {
    vec![disk(subject), clock(subject)]
}

fn disk(subject: &Subject<'_>) -> Found {
    let dir = &subject.dirs.data_dir;
    // A data directory that is not there yet will lie where its first parent lies.
    let there = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(dir);
    let free = free_mib(there);
    let outcome = free.map(|mib| (mib >= FREE_MIB_MIN, format!("{mib} MiB free")));
    Found::new(
        "disk",
        format!("at least {FREE_MIB_MIN} MiB free"),
        outcome,
        format!("df of {}", there.display()),
    )
}

/// What POSIX `df -Pk` gives as available.
fn free_mib(dir: &std::path::Path) -> Result<u64, String> {
    let asked = Command::new("df").arg("-Pk").arg(dir).output();
    let output = asked.map_err(|error| format!("df cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().nth(1).unwrap_or_default();
    let kib = line.split_whitespace().nth(3).and_then(|kib| kib.parse::<u64>().ok());
    kib.map(|kib| kib / 1024).ok_or_else(|| format!("df answered: {}", text.trim()))
}

/// The clock against what the ledger has seen of it, and against the time service where one answers.
fn clock(subject: &Subject<'_>) -> Found {
    let bound = subject.settings.rulebook.limits.clock_skew_seconds;
    let wanted = format!("not behind the journal by more than {bound} s, and synchronised");
    let outcome = behind(subject).map(|behind| {
        let synchronised = synchronised();
        let service = match synchronised {
            Some(true) => "synchronised",
            Some(false) => "not synchronised",
            None => "no time service answers",
        };
        let holds = behind.is_none_or(|seconds| seconds <= i64::from(bound));
        let journal = behind.map_or("no journal yet".to_owned(), |seconds| {
            format!("{} s behind the journal", seconds.max(0))
        });
        (holds && synchronised != Some(false), format!("{journal}; {service}"))
    });
    Found::new(
        "clock",
        wanted,
        outcome,
        "the journal's last entry, and timedatectl where there is one",
    )
}

/// Seconds by which the journal's last entry lies in the clock's future; `None` without a journal.
fn behind(subject: &Subject<'_>) -> Result<Option<i64>, String> {
    let Ok(copy) = &subject.copy else { return Ok(None) };
    let last = store::look(copy, "tomking validate", |tx| tx.journal_tail(1));
    let last = last.map_err(|error| error.to_string())?;
    Ok(last.first().map(|entry| (entry.at - subject.now).num_seconds()))
}

fn synchronised() -> Option<bool> {
    let mut ask = Command::new("timedatectl");
    let asked = ask.args(["show", "-p", "NTPSynchronized", "--value"]).output();
    let output = asked.ok().filter(|output| output.status.success())?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
