//! The jobs in force: the embedded files, each replaced whole by a user's file of its name.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    file::{JobFileError, parse},
    job::Job,
    text::nearest,
};

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every embedded job file: one for each row of rulebook §8, and for the
        /// entries it gives no day.
        pub const EMBEDDED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../jobs/", $name, ".toml")))),*];
    };
}

embedded!(
    "pre-market-check",
    "market-open-check",
    "friday-0dte-entry",
    "butterfly-entry",
    "diagonal-entry",
    "box-entry",
    "ipmcc-weekly",
    "leap-ladder",
    "strangle-entry",
    "lt112-entry",
    "ratio-entry",
    "position-management",
    "0dte-flat",
    "risk-snapshot",
    "end-of-day-reconciliation",
    "daily-report",
    "weekly-review",
    "expiry-and-assignment-check",
    "monthly-review",
    "quarterly-review",
    "store-backup",
    "heartbeat",
);

/// Why the jobs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JobSetError {
    /// A file is wrong.
    #[error("{0}")]
    File(#[from] JobFileError),
    /// A file of the user's names no job.
    #[error("`{file}` names no job of this program\nhint: {hint}")]
    Unknown {
        /// The file.
        file: String,
        /// What would be right.
        hint: String,
    },
    /// A file or the directory cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The path.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Jobs by name.
#[derive(Debug, Clone)]
pub struct JobSet {
    jobs: BTreeMap<String, Job>,
}

impl JobSet {
    /// The embedded files alone.
    pub fn embedded() -> Result<Self, JobSetError> {
        Self::load(None)
    }

    /// The embedded files, with those of `<config_dir>/jobs` in their place.
    pub fn load(config_dir: Option<&Path>) -> Result<Self, JobSetError> {
        let mut jobs = BTreeMap::new();
        let overrides = config_dir.map(user_files).transpose()?.unwrap_or_default();
        for (name, text) in EMBEDDED {
            let job = match overrides.get(*name) {
                Some((file, text)) => parse(name, file, text)?,
                None => parse(name, &format!("jobs/{name}.toml (built in)"), text)?,
            };
            jobs.insert((*name).to_owned(), job);
        }
        Ok(Self { jobs })
    }

    /// A set of the given jobs, for tests.
    pub fn of(jobs: impl IntoIterator<Item = Job>) -> Self {
        Self { jobs: jobs.into_iter().map(|job| (job.name.clone(), job)).collect() }
    }

    /// The same with one job disabled; it stays in the lists.
    #[must_use]
    pub fn disabled(mut self, name: &str) -> Self {
        self.jobs.values_mut().filter(|job| job.name == name).for_each(|job| job.enabled = false);
        self
    }

    /// A job by name; the error suggests the nearest name.
    pub fn get(&self, name: &str) -> Result<&Job, String> {
        self.jobs.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.jobs.keys().map(String::as_str).collect();
            let hint = match nearest(name, &names) {
                Some(word) => format!("did you mean `{word}`?"),
                None => "`tomking jobs list` shows them all".to_owned(),
            };
            format!("there is no job `{name}`\nhint: {hint}")
        })
    }

    /// All jobs, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// The enabled ones, in the order they start in when due together.
    pub(super) fn into_enabled(self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.jobs.into_values().filter(|job| job.enabled).collect();
        jobs.sort_by_key(Job::rank);
        jobs
    }
}

/// The user's files by job name: (shown name, text).
fn user_files(config_dir: &Path) -> Result<BTreeMap<String, (String, String)>, JobSetError> {
    let dir = config_dir.join("jobs");
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |source| JobSetError::Io { path, source }
    };
    if !dir.is_dir() {
        return Ok(BTreeMap::new());
    }
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(&dir).map_err(io(&dir))? {
        let path = entry.map_err(io(&dir))?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        known(&name, &path)?;
        let text = fs::read_to_string(&path).map_err(io(&path))?;
        files.insert(name, (path.display().to_string(), text));
    }
    Ok(files)
}

fn known(name: &str, path: &Path) -> Result<(), JobSetError> {
    let names: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let hint = match nearest(name, &names) {
        Some(word) => format!("did you mean `{word}.toml`?"),
        None => format!("jobs are: {}", names.join(", ")),
    };
    Err(JobSetError::Unknown { file: path.display().to_string(), hint })
}
