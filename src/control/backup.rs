//! The job body `store-backup`: an export of the store beside it, the last seven kept; and beside
//! each the books of the paper venue, without which a restored ledger has no account to meet. After
//! it the journal gives up what is older than its retention.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};

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
    journal_days: u32,
}

impl BackupBody {
    /// A backup of `store` into `<data_dir>/backups`; a store in memory has none. The journal keeps
    /// `journal_days` days, 0 for all.
    pub fn new(
        store: Store,
        broker: Arc<dyn Broker>,
        data_dir: Option<PathBuf>,
        journal_days: u32,
    ) -> Self {
        Self { store, broker, data_dir, journal_days }
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
        let dropped = aside(&context.rt, work).await.map_err(JobError)?;
        let done = JobReport::done(format!("kept {}, dropped {dropped} old", file.display()));
        if self.journal_days == 0 {
            return Ok(done);
        }
        let (run, now) = (context.run_id(), context.rt.now());
        let before = now - TimeDelta::days(i64::from(self.journal_days));
        Ok(done.with(move |tx| tx.prune_journal(now, &run, before).map(drop)))
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

    async fn venue() -> Arc<dyn Broker> {
        let rt = crate::clock::Runtime::live();
        let calendar = crate::calendar::Calendar::default();
        let settings = crate::config::Settings::default_embedded();
        let tape = crate::market::SimulatedTape::new(settings.market.seed, &calendar);
        let prices = settings.market.clone();
        let market = crate::market::ModelledMarket::new(tape, prices, rt.clone(), calendar.clone());
        let venue = crate::broker::paper::PaperVenue::open(
            Store::in_memory().unwrap(),
            Arc::new(market),
            rt,
            calendar,
            settings.paper,
        );
        Arc::new(venue.await.unwrap())
    }

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
            let venue = venue().await;
            let store = Store::in_memory().unwrap();
            let body = BackupBody::new(store, venue, Some(folder.path().to_owned()), 0);
            let context = JobContext {
                job: "store-backup".to_owned(),
                slot: "2024-08-02T22:00:00Z".parse().unwrap(),
                attempt: 1,
                rt: crate::clock::Runtime::live(),
            };
            body.run(&context).await.unwrap()
        });
        let file = default_file(folder.path(), NaiveDate::from_ymd_opt(2024, 8, 2).unwrap());
        assert!(file.exists(), "{}", report.summary);
        let venue = Store::open_inline(&venue_file(&file), "tomking test").unwrap();
        assert!(crate::broker::paper::truth(&venue).unwrap().is_some(), "the account is in it");
    }

    #[test]
    fn a_backup_holds_what_the_journal_gives_up_after_it() {
        use crate::store::Read as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().unwrap();
        let day = |date: &str| format!("{date}T12:00:00Z").parse().unwrap();
        for date in ["2019-01-02", "2019-01-03", "2024-08-01"] {
            let write = store.write(move |tx| tx.journal(day(date), "test", "noted", &date));
            futures::executor::block_on(write).unwrap();
        }
        let rt = crate::clock::VirtualWorld::new("2024-08-02T22:00:00Z".parse().unwrap()).runtime();
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = one.block_on(async {
            let folder = Some(folder.path().to_owned());
            let body = BackupBody::new(store.clone(), venue().await, folder, 365);
            let slot = "2024-08-02T22:00:00Z".parse().unwrap();
            let job = "store-backup".to_owned();
            body.run(&JobContext { job, slot, attempt: 1, rt }).await.unwrap()
        });
        let commits = report.commits;
        let write = store.write(move |tx| commits.into_iter().try_for_each(|commit| commit(tx)));
        futures::executor::block_on(write).unwrap();
        let kept: Vec<u64> =
            store.journal(..).unwrap().iter().map(|entry| entry.sequence).collect();
        assert_eq!(kept, [3, 4], "the last of the old ones is anchored, the prune is told");
        assert_eq!(store.read(|tx| tx.verify_journal(&[])).unwrap().broken, None);
        let file = default_file(folder.path(), NaiveDate::from_ymd_opt(2024, 8, 2).unwrap());
        let backup = Store::open_inline(&file, "test").unwrap();
        assert_eq!(backup.journal(..).unwrap().len(), 3, "the backup came first");
    }
}
