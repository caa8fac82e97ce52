//! `tomking store`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};

use super::{
    CliError, CliResult, Global,
    ground::{daemon, data_dir, print, print_json, store_in},
    journal::describe,
};
use crate::{
    clock::{Clock as _, WallClock},
    control::{Request, backup},
    store::{self, Backup, Store, StoreError},
};

/// The store: backup, restore, check, compact.
///
/// A backup may be made beside the daemon; the rest needs the store to itself.
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Export the store into a new file. A plain copy of a live store is no backup.
    Backup {
        /// The file; `backups/tomking-<time>.redb` in the data directory when not given.
        file: Option<PathBuf>,
    },
    /// Put a backup in the place of the store, which is kept aside.
    Restore {
        /// The backup; it is verified first.
        file: PathBuf,
        /// Also over a store that is newer than the backup or cannot be read.
        #[arg(long)]
        force: bool,
    },
    /// Check every page, every row and the journal; exit 1 when something does not hold.
    Check,
    /// Give back free pages.
    Compact,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &StoreArgs) -> CliResult {
    let data_dir = data_dir(global)?;
    match &args.action {
        Action::Backup { file } => backup(&data_dir, file.as_deref(), global.json),
        Action::Restore { file, force } => restore(&data_dir, file, *force, global.json),
        Action::Check => check(&store_in(&data_dir)?, global.json),
        Action::Compact => compact(&store_in(&data_dir)?, global.json),
    }
}

fn backup(data_dir: &Path, file: Option<&Path>, as_json: bool) -> CliResult {
    let to = file.map_or_else(|| named_by_time(data_dir), Path::to_owned);
    // The daemon has another working directory.
    let to = std::path::absolute(&to)
        .map_err(|error| CliError::Failed(format!("the place of {}: {error}", to.display())))?;
    let made: Backup = match daemon(data_dir, &Request::StoreBackup { file: to.clone() })? {
        Some(made) => made,
        None => Store::open_inline(&store_in(data_dir)?, "tomking store backup")
            .map_err(CliError::failed)
            .and_then(|store| backup::into_new(&store, &to).map_err(CliError::Failed))
            .and_then(|made| venue_beside(data_dir, &to).map(|()| made))?,
    };
    if as_json {
        print_json(&made)?;
    } else {
        print(&format!(
            "Backed up to {}: {} rows in {} tables, {}, journal at entry {}.\n",
            made.path.display(),
            made.rows,
            made.tables,
            size(made.bytes),
            made.journal.sequence
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The paper venue's books, beside the ledger's: without a daemon both files are ours to read.
fn venue_beside(data_dir: &Path, to: &Path) -> Result<(), CliError> {
    let path = store::venue_path_in(data_dir);
    if !path.exists() {
        return Ok(());
    }
    let venue = Store::open_inline(&path, "tomking store backup").map_err(CliError::failed)?;
    backup::into_new(&venue, &backup::venue_file(to)).map(drop).map_err(CliError::Failed)
}

/// Puts the venue's books back where there are none: those that are there are never older than the
/// ledger, which catches up with them.
fn restore_venue(data_dir: &Path, file: &Path) -> Result<Option<String>, CliError> {
    let (from, to) = (backup::venue_file(file), store::venue_path_in(data_dir));
    if !from.exists() {
        return Ok(None);
    }
    let (from_shown, to_shown) = (from.display(), to.display());
    if to.exists() {
        return Ok(Some(format!(
            "{to_shown}, the paper broker's side, was left as it is: the ledger catches up with it.\n"
        )));
    }
    store::restore(&from, &to, "tomking store restore", false).map_err(alone)?;
    Ok(Some(format!("Restored {to_shown}, the paper broker's side, from {from_shown}.\n")))
}

fn named_by_time(data_dir: &Path) -> PathBuf {
    let name = WallClock.now().format("tomking-%Y%m%dT%H%M%S%3fZ.redb").to_string();
    data_dir.join("backups").join(name)
}

/// The failure of work that needs the store to itself.
fn alone(error: StoreError) -> CliError {
    match error {
        StoreError::Held { path, owner } => CliError::Failed(format!(
            "this needs the store to itself, and {path} is in use by {owner}\n\
             hint: stop that first; `tomking store backup` and `tomking journal verify` work \
             beside the daemon"
        )),
        error => CliError::failed(error),
    }
}

fn restore(data_dir: &Path, file: &Path, force: bool, as_json: bool) -> CliResult {
    let path = store::path_in(data_dir);
    let done = store::restore(file, &path, "tomking store restore", force).map_err(alone)?;
    let venue = restore_venue(data_dir, file)?;
    if as_json {
        print_json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "Restored {} from {}: {} rows, journal at entry {}.\n",
        path.display(),
        file.display(),
        done.store.rows,
        done.store.journal.sequence
    );
    if let Some(aside) = done.replaced {
        let _ = writeln!(text, "The replaced store is kept as {}.", aside.display());
    }
    text.push_str(&venue.unwrap_or_default());
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, as_json: bool) -> CliResult {
    let found = match store::check(path, "tomking store check") {
        Ok(found) => found,
        Err(error @ StoreError::Damaged { .. }) if as_json => {
            print_json(&serde_json::json!({"holds": false, "damage": error.to_string()}))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(alone(error)),
    };
    let holds = found.holds();
    if as_json {
        print_json(&serde_json::json!({"holds": holds, "check": found}))?;
    } else {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["table", "version", "rows", "size"]);
        for t in &found.tables {
            let (version, rows) = (t.version.to_string(), t.rows.to_string());
            table.add_row([t.name.clone(), version, rows, size(t.bytes)]);
        }
        let mut text = format!(
            "{}: schema {}, {}\n{table}\nEvery page holds its checksum. {}\n",
            path.display(),
            found.schema,
            size(found.bytes),
            describe(&found.journal)
        );
        for row in &found.unreadable {
            let _ = writeln!(text, "Row `{row}` is no JSON.");
        }
        print(&text)?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compact(path: &Path, as_json: bool) -> CliResult {
    let done = store::compact(path, "tomking store compact").map_err(alone)?;
    if as_json {
        print_json(&done)?;
    } else {
        let (before, after) = (size(done.bytes_before), size(done.bytes_after));
        print(&format!("Compacted {}: {before} before, {after} now.\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
