//! `tomking store`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;

use super::{CliError, CliResult, Global, journal::describe};
use crate::{
    clock::{Clock, WallClock},
    config::{Directories, Profile},
    store::{self, Store, StoreError},
};

/// The store: backup, restore, check, compact.
///
/// The daemon must not run: it owns the store.
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
    match &args.action {
        Action::Backup { file } => backup(&store_path(global)?, file.as_deref(), global.json),
        Action::Restore { file, force } => restore(global, file, *force),
        Action::Check => check(&store_path(global)?, global.json),
        Action::Compact => compact(&store_path(global)?, global.json),
    }
}

/// The store file of the data directory, which must be there.
pub(super) fn store_path(global: &Global) -> Result<PathBuf, CliError> {
    let path = store::path_in(&data_dir(global)?);
    if path.is_file() {
        return Ok(path);
    }
    Err(CliError::Failed(format!(
        "no store at {}: `tomking run` makes one; `--data-dir` names another place",
        path.display()
    )))
}

/// The directory by the command line or the platform alone: a store must be reachable also when
/// the settings cannot be read.
fn data_dir(global: &Global) -> Result<PathBuf, CliError> {
    let dirs = Directories::resolve(None, global.data_dir.as_deref(), Profile::Paper);
    Ok(dirs.map_err(CliError::failed)?.data_dir)
}

/// One JSON document on stdout.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    println!("{}", serde_json::to_string_pretty(value).map_err(CliError::failed)?);
    Ok(())
}

fn backup(path: &Path, file: Option<&Path>, as_json: bool) -> CliResult {
    let to = file.map_or_else(|| named_by_time(path), Path::to_owned);
    if to.exists() {
        let there = format!("{} is there already; name another file", to.display());
        return Err(CliError::Failed(there));
    }
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)
            .map_err(|error| CliError::Failed(format!("creating {}: {error}", parent.display())))?;
    }
    let made = Store::open_inline(path, "tomking store backup")
        .and_then(|store| store.backup(&to))
        .map_err(CliError::failed)?;
    if as_json {
        print_json(&made)?;
    } else {
        println!(
            "Backed up to {}: {} rows in {} tables, {}, journal at entry {}.",
            made.path.display(),
            made.rows,
            made.tables,
            size(made.bytes),
            made.journal.sequence
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn named_by_time(store: &Path) -> PathBuf {
    let name = WallClock.now().format("tomking-%Y%m%dT%H%M%SZ.redb").to_string();
    store.parent().unwrap_or(Path::new(".")).join("backups").join(name)
}

fn restore(global: &Global, file: &Path, force: bool) -> CliResult {
    let path = store::path_in(&data_dir(global)?);
    let done =
        store::restore(file, &path, "tomking store restore", force).map_err(CliError::failed)?;
    if global.json {
        print_json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "Restored {} from {}: {} rows, journal at entry {}.",
        path.display(),
        file.display(),
        done.store.rows,
        done.store.journal.sequence
    );
    if let Some(aside) = done.replaced {
        println!("The replaced store is kept as {}.", aside.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, as_json: bool) -> CliResult {
    let found = match store::check(path, "tomking store check") {
        Ok(found) => found,
        Err(error @ StoreError::Damaged { .. }) if as_json => {
            print_json(&serde_json::json!({"holds": false, "damage": error.to_string()}))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(CliError::failed(error)),
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
        println!("{}: schema {}, {}", path.display(), found.schema, size(found.bytes));
        println!("{table}");
        println!("Every page holds its checksum. {}", describe(&found.journal));
        found.unreadable.iter().for_each(|row| println!("Row `{row}` is no JSON."));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compact(path: &Path, as_json: bool) -> CliResult {
    let done = store::compact(path, "tomking store compact").map_err(CliError::failed)?;
    if as_json {
        print_json(&done)?;
    } else {
        let (before, after) = (size(done.bytes_before), size(done.bytes_after));
        println!("Compacted {}: {before} before, {after} now.", path.display());
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
