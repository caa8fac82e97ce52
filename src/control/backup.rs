//! The job body `store-backup`: an export of the store beside it, the last seven kept.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::answer::aside;
use crate::{
    calendar::new_york_date,
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Backup, Store},
};

/// Backups kept in the directory; the oldest go first.
const KEPT: usize = 7;

/// Exports the store.
pub struct BackupBody {
    store: Store,
    data_dir: Option<PathBuf>,
}

impl BackupBody {
    /// A backup of `store` into `<data_dir>/backups`; a store in memory has none.
    pub fn new(store: Store, data_dir: Option<PathBuf>) -> Self {
        Self { store, data_dir }
    }
}

/// The file of a day's backup.
pub fn default_file(data_dir: &Path, date: NaiveDate) -> PathBuf {
    data_dir.join("backups").join(format!("tomking-{date}.redb"))
}

#[async_trait]
impl JobBody for BackupBody {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let Some(data_dir) = &self.data_dir else {
            return Ok(JobReport::skipped("the store is in memory"));
        };
        let file = default_file(data_dir, new_york_date(context.slot));
        let (store, folder, to) = (self.store.clone(), data_dir.join("backups"), file.clone());
        let work = move || {
            into(&store, &to)?;
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
    backups.iter().take(excess).try_for_each(std::fs::remove_file)?;
    Ok(excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_seven_backups_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            std::fs::write(folder.path().join(format!("tomking-2024-08-0{day}.redb")), "").unwrap();
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
        assert_eq!(left.len(), 9);
        assert_eq!(left[1..3], ["tomking-2024-08-03.redb", "tomking-2024-08-04.redb"]);
    }

    #[test]
    fn the_job_writes_a_backup_beside_the_desks_threads() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().unwrap();
        let body = BackupBody::new(store, Some(folder.path().to_owned()));
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = one.block_on(async {
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
    }
}
