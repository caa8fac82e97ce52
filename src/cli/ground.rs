//! What every subcommand stands on: settings, jobs, directories; and the way to the daemon.

use std::path::PathBuf;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CliError, Global};
use crate::clock::Clock as _;
use crate::{
    calendar::Calendar,
    clock::WallClock,
    config::{Directories, Settings},
    control::{Request, answer::Reader, socket},
    desk::latch::{self, Change},
    schedule::JobSet,
    store::{self, Store, StoreError},
};

/// Settings in force and where things are.
pub struct Ground {
    /// Every setting.
    pub settings: Settings,
    /// Config and data directory.
    pub dirs: Directories,
    /// Jobs in force.
    pub jobs: JobSet,
    /// Sessions.
    pub calendar: Calendar,
}

impl Ground {
    /// Loads and validates everything a user can set; the first fault is the error.
    pub fn load(global: &Global) -> Result<Self, CliError> {
        let (config, data) = (global.config_dir.as_deref(), global.data_dir.as_deref());
        let places = Directories::resolve(config, data, crate::config::Profile::Paper);
        let config_dir = places.as_ref().map_or(config, |dirs| Some(dirs.config_dir.as_path()));
        let settings = Settings::load(config_dir).map_err(CliError::failed)?;
        let dirs =
            Directories::resolve(config, data, settings.profile).map_err(CliError::failed)?;
        let jobs = JobSet::load(Some(&dirs.config_dir)).map_err(CliError::failed)?;
        let silent = settings.voice.dead_man.is_none();
        let jobs = jobs.only(|job| !(silent && job.name == "heartbeat"));
        let calendar = Calendar::new(settings.calendar_override.clone());
        Ok(Self { settings, dirs, jobs, calendar })
    }

    /// The store's file.
    pub fn store_path(&self) -> PathBuf {
        store::path_in(&self.dirs.data_dir)
    }

    /// What reads need.
    pub fn reader(&self) -> Reader {
        let webhooks = self.settings.voice.webhook.iter().map(|webhook| webhook.name.clone());
        Reader {
            calendar: self.calendar.clone(),
            jobs: self.jobs.clone(),
            channels: std::iter::once("log".to_owned()).chain(webhooks).collect(),
        }
    }

    /// Asks the daemon, or answers here when none runs.
    pub fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CliError> {
        let answer = self.raw(request)?;
        serde_json::from_value(answer).map_err(|error| {
            CliError::Failed(format!("the answer is not of this version's form: {error}"))
        })
    }

    /// The same, as it came.
    pub fn raw(&self, request: &Request) -> Result<Value, CliError> {
        match socket::call(&self.dirs.data_dir, request).map_err(CliError::failed)? {
            Some(answer) => Ok(answer),
            None => self.offline(request),
        }
    }

    fn offline(&self, request: &Request) -> Result<Value, CliError> {
        match request {
            Request::Halt { reason } => self.change(Change::Halt, reason),
            Request::Reduce { reason } => self.change(Change::Reduce, reason),
            Request::Flatten { reason } => self.change(Change::Flatten, reason),
            Request::Resume => self.change(Change::Resume, "resumed by the operator"),
            Request::JobRun { .. } => Err(CliError::Failed(
                "no daemon runs, so no job can: start it with `tomking run`".to_owned(),
            )),
            Request::JobPause { .. } | Request::JobResume { .. } => {
                let store = self.open("tomking jobs")?;
                let now = WallClock.now();
                let work = crate::control::answer::job_state(&store, &self.jobs, request, now);
                futures::executor::block_on(work).map_err(CliError::Failed)
            }
            read => self.look(read),
        }
    }

    /// Reads from the store as it lies; without one, from an empty store in memory.
    fn look(&self, request: &Request) -> Result<Value, CliError> {
        let (reader, now) = (self.reader(), WallClock.now());
        let path = self.store_path();
        let answer = if path.is_file() {
            store::look(&path, "tomking", |tx| reader.answer(tx, now, request))
        } else {
            Store::in_memory().and_then(|store| store.read(|tx| reader.answer(tx, now, request)))
        };
        answer.map_err(CliError::failed)?.ok_or_else(|| {
            CliError::Failed("no daemon runs, and this needs one: `tomking run`".to_owned())
        })
    }

    fn change(&self, change: Change, reason: &str) -> Result<Value, CliError> {
        let store = self.open("tomking halt")?;
        let dir = Some(self.dirs.data_dir.as_path());
        let work = latch::apply_offline(&store, dir, change, reason, "operator", WallClock.now());
        let answer = futures::executor::block_on(work).map_err(CliError::failed)?;
        serde_json::to_value(answer).map_err(CliError::failed)
    }

    fn open(&self, program: &str) -> Result<Store, CliError> {
        std::fs::create_dir_all(&self.dirs.data_dir).map_err(|error| {
            CliError::Failed(format!("creating {}: {error}", self.dirs.data_dir.display()))
        })?;
        let opened: Result<Store, StoreError> = Store::open_inline(&self.store_path(), program);
        opened.map_err(CliError::failed)
    }
}

/// One JSON document on stdout.
pub fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::failed)?;
    print(&(text + "\n"))
}

/// Text on stdout; a reader that went away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Failed(format!("writing the answer: {error}")))
        }
        _ => Ok(()),
    }
}
