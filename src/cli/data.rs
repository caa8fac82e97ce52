//! `tomking data`.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    calendar::new_york_date,
    clock::{Clock as _, WallClock},
    market::{
        history::{IvRank, YearHigh},
        recorded::{Holding, Imported, Library, OnConflict, Told},
    },
    report::{page::table_text, parts::counted},
};

/// Histories of your own: import, list, check.
///
/// CSV files in the formats of docs/DATA.md, known by their headers. Imported ones are kept in
/// `imported/` of the data directory; `tomking replay --data imported` runs on them.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check files row by row and merge them with what is there, by date.
    ///
    /// All of them or nothing: a row that cannot be is refused with its file, line and column. A
    /// row that differs from the one kept is told, and left aside.
    Import {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Let rows that differ take the place of those kept.
        #[arg(long)]
        replace: bool,
    },
    /// What is kept: from when, to when, what is missing, and what it tells.
    List,
    /// Read every row again; exit 1 when something does not hold.
    Check,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &DataArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let library = Library::in_data_dir(&ground.dirs.data_dir);
    match &args.action {
        Action::Import { files, replace } => import(global, &library, files, *replace),
        Action::List => list(global, &library, &ground),
        Action::Check => check(global, &library, &ground),
    }
}

fn import(global: &Global, library: &Library, files: &[PathBuf], replace: bool) -> CliResult {
    let on_conflict = if replace { OnConflict::Replace } else { OnConflict::Keep };
    let done = library.import(files, on_conflict).map_err(|error| {
        CliError::Failed(format!("{error}\nhint: nothing was imported; mend it and import again"))
    })?;
    if global.json {
        print_json(&json!({ "folder": library.folder(), "files": done }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text: String = done.iter().map(imported).collect();
    let _ = writeln!(text, "Kept in {}.", library.folder().display());
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn imported(done: &Imported) -> String {
    let mut text = format!(
        "{}: {}, {}: {} added, {} already there",
        done.file.display(),
        done.kind,
        counted(done.rows, "row"),
        done.added,
        done.duplicates
    );
    if done.filled > 0 {
        let _ = write!(text, ", {} filled in", done.filled);
    }
    let _ = writeln!(text, "{}.", span(done.from_date, done.to_date));
    if done.conflicts > 0 {
        let fate = if done.replaced { "replaced" } else { "left aside; --replace takes them" };
        let _ = writeln!(text, "  {} with what is there, {fate}:", differ(done.conflicts));
        for row in &done.conflicting {
            let (date, column) = (row.date, &row.column);
            let _ = writeln!(text, "    {date} {column}: kept {}, new {}", row.kept, row.offered);
        }
        let more = done.conflicts - done.conflicting.len();
        if more > 0 {
            let _ = writeln!(text, "    and {more} more");
        }
    }
    text
}

fn differ(count: usize) -> String {
    if count == 1 { "1 row differs".to_owned() } else { format!("{count} rows differ") }
}

fn span(from: Option<chrono::NaiveDate>, to: Option<chrono::NaiveDate>) -> String {
    from.zip(to).map(|(from, to)| format!("; now {from} to {to}")).unwrap_or_default()
}

fn list(global: &Global, library: &Library, ground: &Ground) -> CliResult {
    let kept = library.survey(&ground.calendar);
    let today = new_york_date(WallClock.now());
    // A file that cannot be read is told of in its own line.
    let told = library.told(&ground.calendar, today).ok();
    if global.json {
        let folder = library.folder();
        print_json(
            &json!({ "folder": folder, "files": kept, "told": told.as_ref().map(figures) }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if kept.is_empty() {
        let hint =
            "hint: `tomking data import FILE…` takes CSV files; docs/DATA.md has the formats";
        print(&format!("Nothing is imported in {}.\n{hint}\n", library.folder().display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["Kept", "From", "To", "Rows", "Missing"].map(str::to_owned);
    let rows: Vec<Vec<String>> = kept.iter().map(row).collect();
    let mut text = table_text(&head, &rows);
    for holding in &kept {
        text.push_str(&remarks(holding));
    }
    text.extend(told.iter().map(said));
    let _ = writeln!(text, "In {}.", library.folder().display());
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn row(holding: &Holding) -> Vec<String> {
    let date = |date: Option<chrono::NaiveDate>| date.map_or("-".to_owned(), |d| d.to_string());
    vec![
        holding.kind.to_string(),
        date(holding.from_date),
        date(holding.to_date),
        holding.rows.to_string(),
        if holding.error.is_some() { "unreadable".to_owned() } else { holding.gaps.to_string() },
    ]
}

fn remarks(holding: &Holding) -> String {
    let mut text = String::new();
    let kind = holding.kind;
    if let Some(error) = &holding.error {
        let _ = writeln!(text, "  {kind}: {error}");
    }
    if holding.gaps > 0 {
        let dates: Vec<String> = holding.missing.iter().map(ToString::to_string).collect();
        let more = holding.gaps - dates.len();
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "  {kind} missing: {}{tail}", dates.join(", "));
    }
    if holding.off_session > 0 {
        let count = counted(holding.off_session, "row");
        let _ = writeln!(text, "  {kind}: {count} on days without a session, not read");
    }
    text
}

/// What the histories tell today.
fn said(told: &Told) -> String {
    let high = match &told.year_high {
        YearHigh::Known { high, date } => format!("{high} on {date}"),
        YearHigh::Unknown { reason } => reason.to_string(),
    };
    let rank = match &told.vix_rank {
        IvRank::Known { rank_percent, low, high } => {
            format!("{rank_percent:.1} % between {low} and {high}")
        }
        IvRank::Unknown { reason } => reason.to_string(),
    };
    format!(
        "After the session of {}:\n  52-week high of SPX  {high}\n  IV rank of SPX       {rank}\n",
        told.session_date
    )
}

/// The same for other programs.
fn figures(told: &Told) -> serde_json::Value {
    let (high, high_date, no_high) = match &told.year_high {
        YearHigh::Known { high, date } => (Some(crate::money::to_f64(*high)), Some(date), None),
        YearHigh::Unknown { reason } => (None, None, Some(reason.to_string())),
    };
    let no_rank = match &told.vix_rank {
        IvRank::Known { .. } => None,
        IvRank::Unknown { reason } => Some(reason.to_string()),
    };
    json!({
        "session_date": told.session_date,
        "year_high_points": high,
        "year_high_date": high_date,
        "year_high_unknown": no_high,
        "iv_rank_percent": told.vix_rank.percent(),
        "iv_rank_unknown": no_rank,
    })
}

fn check(global: &Global, library: &Library, ground: &Ground) -> CliResult {
    let kept = library.survey(&ground.calendar);
    let holds = kept.iter().all(|holding| holding.error.is_none());
    if global.json {
        print_json(&json!({ "holds": holds, "folder": library.folder(), "files": kept }))?;
    } else {
        let mut text = String::new();
        for holding in &kept {
            let _ = match &holding.error {
                Some(error) => writeln!(text, "{}: {error}", holding.kind),
                None => writeln!(
                    text,
                    "{}: {} hold{}{}",
                    holding.kind,
                    counted(holding.rows, "row"),
                    if holding.rows == 1 { "s" } else { "" },
                    span(holding.from_date, holding.to_date).replace("; now", ","),
                ),
            };
            if holding.error.is_none() {
                text.push_str(&remarks(holding));
            }
        }
        if kept.is_empty() {
            let _ = writeln!(text, "Nothing is imported in {}.", library.folder().display());
        }
        print(&text)?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder `--data` names: `imported` is the library's, unless such a folder is here.
pub fn folder(named: &std::path::Path, ground: &Ground) -> PathBuf {
    if named == std::path::Path::new("imported") && !named.is_dir() {
        return Library::in_data_dir(&ground.dirs.data_dir).folder().to_owned();
    }
    named.to_owned()
}
