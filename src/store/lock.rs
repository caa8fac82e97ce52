//! The owner lock: a file beside the store, locked while a process has the store open, whose text
//! names that process. The system frees the lock of a killed process by itself; the text it leaves
//! tells that the store was not closed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::clock::{Clock, Timestamp, WallClock};

/// The owner that keeps a store for good: it is not waited for.
pub(crate) const DAEMON: &str = "tomking run";
/// Any other owner is a subcommand, waited for with so many looks: three seconds.
const LOOKS_MAX: u32 = 150;
/// Between two looks.
const LOOK_GAP: Duration = Duration::from_millis(20);

/// Who holds the lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    /// What the process is, such as `tomking run`.
    program: String,
    since: Timestamp,
}

impl Owner {
    /// The owner in words; `held` says how long ago it took the lock.
    fn words(&self, now: Timestamp) -> String {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let minutes = (now - self.since).num_minutes().max(0);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let Self { pid, program, .. } = self;
        format!("process {pid} (`{program}`), since {since}, for {hours} h {minutes} min")
    }
}

/// Held while the store is open; given back when dropped.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    file: File,
    left_by: Option<String>,
}

impl OwnerLock {
    /// Takes the lock of the store at `store`, or says who holds it.
    pub(crate) fn take(store: &Path, program: &str) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("opening", &path))?;
        let mut looks = LOOKS_MAX;
        while let Err(error) = file.try_lock() {
            let owner = match error {
                TryLockError::WouldBlock => read_owner(&mut file),
                TryLockError::Error(source) => {
                    return Err(StoreError::io("locking", &path)(source));
                }
            };
            // A subcommand is done in a moment; the daemon is not.
            if looks == 0 || owner.as_ref().is_some_and(|owner| owner.program == DAEMON) {
                let owner = owner.map_or_else(
                    || "another process, which does not say its name".to_owned(),
                    |owner| owner.words(WallClock.now()),
                );
                return Err(StoreError::Held { path: store.display().to_string(), owner });
            }
            looks -= 1;
            std::thread::sleep(LOOK_GAP);
        }
        let left_by = read_owner(&mut file).map(|owner| {
            let since = owner.since.to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("process {} (`{}`), which began {since}", owner.pid, owner.program)
        });
        let mut lock = Self { file, left_by };
        let owner =
            Owner { pid: std::process::id(), program: program.to_owned(), since: WallClock.now() };
        lock.write(&owner).map_err(StoreError::io("writing", &path))?;
        Ok(lock)
    }

    /// The earlier owner that did not close the store, in words.
    pub(crate) fn left_by(&self) -> Option<&str> {
        self.left_by.as_deref()
    }

    fn write(&mut self, owner: &Owner) -> std::io::Result<()> {
        let text = serde_json::to_vec(owner)?;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&text)
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // An empty file says "closed". Should this fail, the next owner is told of an unclean
        // shutdown that was none, and checks the file as it always does.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn read_owner(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The lock file of a store: its name with `.lock` behind it.
pub(crate) fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_who_holds_it_and_the_next_owner_is_told_only_of_one_that_did_not_close() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("tomking.redb");
        let lock = OwnerLock::take(&store, "tomking run").unwrap();
        assert_eq!(lock.left_by(), None);
        let Err(error) = OwnerLock::take(&store, "other") else { panic!("taken twice") };
        let said = error.to_string();
        let owner = format!("is in use by process {} (`tomking run`), since ", std::process::id());
        assert!(said.contains(&owner) && said.contains("for 0 h 0 min"), "{said}");
        drop(lock);
        assert_eq!(OwnerLock::take(&store, "other").unwrap().left_by(), None);

        let text = r#"{"pid":4242,"program":"tomking run","since":"2024-08-02T13:30:00Z"}"#;
        std::fs::write(lock_path(&store), text).unwrap();
        let lock = OwnerLock::take(&store, "other").unwrap();
        let left = "process 4242 (`tomking run`), which began 2024-08-02T13:30:00Z";
        assert_eq!(lock.left_by(), Some(left));
        drop(lock);

        std::fs::write(lock_path(&store), "rubbish").unwrap();
        assert_eq!(OwnerLock::take(&store, "other").unwrap().left_by(), None);
    }

    #[test]
    fn a_subcommand_that_has_the_store_for_a_moment_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("tomking.redb");
        let lock = OwnerLock::take(&store, "tomking status").unwrap();
        let path = store.clone();
        let waiting = std::thread::spawn(move || OwnerLock::take(&path, DAEMON).map(drop));
        drop(lock);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn the_time_an_owner_has_had_the_lock_is_told_in_hours_and_minutes() {
        let since: Timestamp = "2024-08-02T13:30:00Z".parse().unwrap();
        let owner = Owner { pid: 7, program: "tomking run".to_owned(), since };
        let cases = [("2024-08-02T13:30:59Z", "0 h 0 min"), ("2024-08-03T14:35:00Z", "25 h 5 min")];
        for (now, told) in cases {
            assert!(owner.words(now.parse().unwrap()).ends_with(&format!("for {told}")), "{now}");
        }
        let back = owner.words("2024-08-02T13:00:00Z".parse().unwrap());
        assert!(back.ends_with("for 0 h 0 min"), "a clock that stepped back: {back}");
    }
}
