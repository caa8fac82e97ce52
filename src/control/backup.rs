//! The job body `store-backup`: an export of the store beside it, the last seven kept; and beside
//! each the books of the paper venue, without which a restored ledger has no account to meet.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::answer::aside;
use crate::{
    broker::Broker,
    calendar::new_york_date,
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Backup, Store},
};

/// Backups kept in the directory; the oldest go first.
const KEPT: usize = 7;

/// Exports the store.
pub struct BackupBody {
    store: Store,
    broker: Arc<dyn Broker>,
    data_dir: Option<PathBuf>,
}

impl BackupBody {
    /// A backup of `store` into `<data_dir>/backups`; a store in memory has none.
    pub fn new(store: Store, broker: Arc<dyn Broker>, data_dir: Option<PathBuf>) -> Self {
        Self { store, broker, data_dir }
    }
}

/// The file of a day's backup.
pub fn default_file(data_dir: &Path, date: NaiveDate) -> PathBuf {
    data_dir.join("backups").join(format!("tomking-{date}.redb"))
}

/// The file of the venue's books beside a backup of the store: `a.redb`, `a.venue.redb`. They are
/// exported after the ledger: a ledger catches up with its broker, never the other way round.
pub fn venue_file(backup: &Path) -> PathBuf {
    backup.with_extension("venue.redb")
}

#[async_trait]
impl JobBody for BackupBody {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let Some(data_dir) = &self.data_dir else {
            return Ok(JobReport::skipped("the store is in memory"));
        };
        let file = default_file(data_dir, new_york_date(context.slot));
        let (store, folder, to) = (self.store.clone(), data_dir.join("backups"), file.clone());
        let broker = Arc::clone(&self.broker);
        let work = move || {
            into(&store, &to)?;
            broker.back_up(&venue_file(&to))?;
            drop_oldest(&folder).map_err(|error| format!("dropping old backups: {error}"))
        };
        let dropped = aside(work).await.map_err(JobError)?;
        Ok(JobReport::done(format!("kept {}, dropped {dropped} old", file.display())))
    }
}

/// The same as [`into`], but a file that is there already is left alone.
pub fn into_new(store: &Store, file: &Path) -> Result<Backup, String> {
    if file.exists() {
        return Err(format!("{} is there already\nhint: name another file", file.display()));
    }
    into(store, file)
}

/// The store into a new file, and the broker's books beside it where they are kept here.
pub fn both_into_new(store: &Store, broker: &dyn Broker, file: &Path) -> Result<Backup, String> {
    let made = into_new(store, file)?;
    broker.back_up(&venue_file(file))?;
    Ok(made)
}

/// Exports the store into a file, whose directory is made where it is not there.
pub fn into(store: &Store, file: &Path) -> Result<Backup, String> {
    let failed = |error: String| format!("backup to {}: {error}", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    }
    store.backup(file).map_err(|error| failed(error.to_string()))
}

/// Removes all but the newest of the job's own backups, whose names sort by date. What a person
/// made is left alone.
fn drop_oldest(folder: &Path) -> std::io::Result<usize> {
    let mut backups = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let date = name.strip_prefix("tomking-").and_then(|rest| rest.strip_suffix(".redb"));
        if date.is_some_and(|date| date.parse::<NaiveDate>().is_ok()) {
            backups.push(path);
        }
    }
    backups.sort();
    let excess = backups.len().saturating_sub(KEPT);
    for old in backups.iter().take(excess) {
        std::fs::remove_file(old)?;
        match std::fs::remove_file(venue_file(old)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_seven_backups_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            let file = folder.path().join(format!("tomking-2024-08-0{day}.redb"));
            std::fs::write(venue_file(&file), "").unwrap();
            std::fs::write(file, "").unwrap();
        }
        for other in ["notes.txt", "tomking-20240801T120000Z.redb"] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        assert_eq!(drop_oldest(folder.path()).unwrap(), 2);
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left.len(), 2 + 7 * 2);
        assert_eq!(left[1..3], ["tomking-2024-08-03.redb", "tomking-2024-08-03.venue.redb"]);
    }

    #[test]
    fn the_job_writes_both_sides_of_the_account_beside_the_desks_threads() {
        let folder = tempfile::tempdir().unwrap();
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = one.block_on(async {
            let rt = crate::clock::Runtime::live();
            let calendar = crate::calendar::Calendar::default();
            let settings = crate::config::Settings::default_embedded();
            let tape = crate::market::SimulatedTape::new(settings.market.seed, &calendar);
            let market = crate::market::ModelledMarket::new(
                tape,
                settings.market.clone(),
                rt.clone(),
                calendar.clone(),
            );
            let venue = crate::broker::paper::PaperVenue::open(
                Store::in_memory().unwrap(),
                Arc::new(market),
                rt.clone(),
                calendar,
                settings.paper,
            );
            let venue = Arc::new(venue.await.unwrap());
            let store = Store::in_memory().unwrap();
            let body = BackupBody::new(store, venue, Some(folder.path().to_owned()));
            let context = JobContext {
                job: "store-backup".to_owned(),
                slot: "2024-08-02T22:00:00Z".parse().unwrap(),
                attempt: 1,
                rt,
            };
            body.run(&context).await.unwrap()
        });
        let file = default_file(folder.path(), NaiveDate::from_ymd_opt(2024, 8, 2).unwrap());
        assert!(file.exists(), "{}", report.summary);
        let venue = Store::open_inline(&venue_file(&file), "tomking test").unwrap();
        assert!(crate::broker::paper::truth(&venue).unwrap().is_some(), "the account is in it");
    }
}
