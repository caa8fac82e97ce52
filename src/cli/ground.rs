//! What every subcommand stands on: settings, jobs, directories; and the way to the daemon.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use chrono::NaiveDate;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CliError, CliResult, Global};
use crate::clock::Clock as _;
use crate::{
    alert::heartbeat,
    calendar::Calendar,
    clock::WallClock,
    config::{Directories, Profile, Settings},
    control::{
        Request, alerts,
        answer::{self, Reader},
        say,
        socket::{self, OPERATOR},
        stage,
    },
    desk::{
        known::Seen,
        latch::{self, Change},
        still::{Rows, Surroundings},
    },
    live,
    market::Provenance,
    schedule::JobSet,
    store::{self, Store, StoreError},
    strategy::Snapshot,
};

/// A daemon that holds the store and does not answer is asked again so often: five seconds.
const LOOKS_MAX: u32 = 50;
/// Between two askings.
const LOOK_GAP: Duration = Duration::from_millis(100);

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
        let places = Directories::resolve(config, data, Profile::Paper);
        let config_dir = places.as_ref().map_or(config, |dirs| Some(dirs.config_dir.as_path()));
        let settings = Settings::load(config_dir).map_err(CliError::failed)?;
        let dirs =
            Directories::resolve(config, data, settings.profile).map_err(CliError::failed)?;
        let jobs = JobSet::load(Some(&dirs.config_dir)).map_err(CliError::failed)?;
        let silent = settings.voice.dead_man.is_none();
        let jobs = if silent { jobs.disabled(heartbeat::JOB) } else { jobs };
        let calendar = Calendar::new(settings.calendar_override.clone());
        Ok(Self { settings, dirs, jobs, calendar })
    }

    /// The store's file.
    pub fn store_path(&self) -> PathBuf {
        store::path_in(&self.dirs.data_dir)
    }

    /// What reads need.
    pub fn reader(&self) -> Reader {
        Reader {
            calendar: self.calendar.clone(),
            jobs: self.jobs.clone(),
            channels: self.settings.voice.channels(),
            data_dir: self.dirs.data_dir.clone(),
            rulebook: Arc::new(self.settings.rulebook.clone()),
            settings: Arc::new(self.settings.clone()),
        }
    }

    /// Asks the daemon, or answers here when none runs.
    ///
    /// A daemon that starts has the store before it listens, and one that stops has it still when
    /// it listens no more: both are waited for a little.
    pub fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CliError> {
        let mut looks = LOOKS_MAX;
        loop {
            if let Some(answer) = daemon(&self.dirs.data_dir, request)? {
                return Ok(answer);
            }
            match self.offline(request) {
                Err(Offline::Store(StoreError::Held { .. })) if looks > 0 => {
                    looks -= 1;
                    std::thread::sleep(LOOK_GAP);
                }
                answer => return read(answer?),
            }
        }
    }

    /// Asks, and shows the answer: the page a phone shows, or the document.
    pub fn show(&self, request: &Request, json: bool) -> CliResult {
        let answer: Value = self.ask(request)?;
        if json {
            print_json(&answer)?;
        } else {
            print(&say::page(request, &answer).map_err(CliError::Failed)?.text())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn offline(&self, request: &Request) -> Result<Value, Offline> {
        match request {
            Request::Halt { reason } => self.change(Change::Halt, None, reason),
            Request::Reduce { reason } => self.change(Change::Reduce, None, reason),
            Request::Flatten { reason } => self.change(Change::Flatten, None, reason),
            Request::Resume { over } => {
                self.change(Change::Resume, over.as_deref(), "resumed by the operator")
            }
            Request::ReconcileAccept { .. } => Err(Offline::from(CliError::Failed(format!(
                "no daemon runs on {}, and only a daemon can ask the broker for its figure\n\
                 hint: start it with `tomking run`, then ask again",
                self.dirs.data_dir.display()
            )))),
            Request::JobRun { .. } => Err(Offline::from(CliError::Failed(format!(
                "no daemon runs on {}, and a job runs only inside one\n\
                 hint: start it with `tomking run`, then ask again",
                self.dirs.data_dir.display()
            )))),
            Request::StagePromote { .. }
            | Request::StageDemote { .. }
            | Request::Ack
            | Request::Validated { .. } => {
                store_in(&self.dirs.data_dir)?;
                let rulebook = Arc::new(self.settings.rulebook.clone());
                let others = stage::ledgers(&rulebook.stages.paper_ledgers);
                let store = self.open("tomking stage")?;
                let now = WallClock.now();
                let work = answer::rows(&store, rulebook, others, request.clone(), now);
                futures::executor::block_on(work)
                    .map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::JobPause { .. } | Request::JobResume { .. } => {
                store_in(&self.dirs.data_dir)?;
                let store = self.open("tomking jobs")?;
                let now = WallClock.now();
                let work = crate::control::answer::job_state(&store, &self.jobs, request, now);
                futures::executor::block_on(work)
                    .map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::AlertsAck { .. } | Request::Mute { .. } => {
                store_in(&self.dirs.data_dir)?;
                let store = self.open("tomking alerts")?;
                let (request, now) = (request.clone(), WallClock.now());
                let work = alerts::write(&store, request, OPERATOR, now);
                futures::executor::block_on(work)
                    .map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::AlertsTest => {
                let answer = live::alerts_test(&self.settings).map_err(CliError::failed)?;
                answer.map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::ReportSend { period, date } => {
                store_in(&self.dirs.data_dir)?;
                let store = self.open("tomking report")?;
                let (channels, now) = (self.settings.voice.channels(), WallClock.now());
                let which = (*period, *date);
                let work = answer::send_again(&store, channels, which, "operator", now);
                futures::executor::block_on(work)
                    .map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::StrategyPause { .. } | Request::StrategyResume { .. } => {
                store_in(&self.dirs.data_dir)?;
                let store = self.open("tomking pause")?;
                let now = WallClock.now();
                let work = answer::strategy_state(&store, request.clone(), "operator", now);
                futures::executor::block_on(work)
                    .map_err(|error| Offline::from(CliError::Failed(error)))
            }
            Request::Limits
            | Request::Stress { .. }
            | Request::Positions
            | Request::Greeks
            | Request::Payoff { .. }
            | Request::Balance
            | Request::Check { .. } => self.still(request),
            read => self.look(read),
        }
    }

    /// What is asked of the whole book, from the rows of the store and prices of this moment.
    fn still(&self, request: &Request) -> Result<Value, Offline> {
        let (path, now) = (self.store_path(), WallClock.now());
        let rows = if path.is_file() {
            store::look(&path, "tomking", |tx| Rows::read(tx, now))?
        } else {
            Store::in_memory().and_then(|store| store.read(|tx| Rows::read(tx, now)))?
        };
        let rulebook = Arc::new(self.settings.rulebook.clone());
        let answer = live::beside(&self.settings, &self.calendar, async |rt, market| {
            let around = Surroundings { rt, market, calendar: &self.calendar, rulebook };
            if let Request::Check { order } = request {
                let verdict = around.check_order(rows, order).await?;
                return serde_json::to_value(verdict).map_err(|error| error.to_string());
            }
            let (seen, snapshot) = around.both(rows).await;
            let prices = market.provenance();
            self.beside(request, seen, &snapshot, prices)
        });
        let answer = answer.map_err(CliError::failed)?;
        answer.map_err(|error| Offline::from(CliError::Failed(error)))
    }

    /// The answer of rows and prices together.
    fn beside(
        &self,
        request: &Request,
        seen: Seen,
        snapshot: &Snapshot,
        prices: Provenance,
    ) -> Result<Value, String> {
        let path = self.store_path();
        let work = |tx: &_| Ok(answer::beside(tx, request, seen, snapshot, prices));
        let answer = if path.is_file() {
            store::look(&path, "tomking", work)
        } else {
            Store::in_memory().and_then(|store| store.read(work))
        };
        answer.map_err(|error| error.to_string())?
    }

    /// Reads from the store as it lies; without one, from an empty store in memory.
    fn look(&self, request: &Request) -> Result<Value, Offline> {
        let (reader, now) = (self.reader(), WallClock.now());
        let path = self.store_path();
        let answer = if path.is_file() {
            store::look(&path, "tomking", |tx| reader.answer(tx, now, request))
        } else {
            Store::in_memory().and_then(|store| store.read(|tx| reader.answer(tx, now, request)))
        };
        answer?.ok_or_else(|| {
            let why = "this needs the daemon\nhint: start it with `tomking run`";
            Offline::from(CliError::Failed(why.to_owned()))
        })
    }

    fn change(&self, change: Change, over: Option<&str>, reason: &str) -> Result<Value, Offline> {
        let store = self.open(&format!("tomking {}", change.name()))?;
        let dir = Some(self.dirs.data_dir.as_path());
        let work = latch::apply_offline_over(
            &store,
            dir,
            change,
            over,
            reason,
            "operator",
            WallClock.now(),
        );
        let answer = futures::executor::block_on(work).map_err(CliError::failed)?;
        Ok(serde_json::to_value(answer).map_err(CliError::failed)?)
    }

    fn open(&self, program: &str) -> Result<Store, Offline> {
        std::fs::create_dir_all(&self.dirs.data_dir).map_err(|error| {
            CliError::Failed(format!("creating {}: {error}", self.dirs.data_dir.display()))
        })?;
        Ok(Store::open_inline(&self.store_path(), program)?)
    }
}

/// Why the store did not answer where no daemon did.
enum Offline {
    Store(StoreError),
    Other(CliError),
}

impl From<StoreError> for Offline {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CliError> for Offline {
    fn from(error: CliError) -> Self {
        Self::Other(error)
    }
}

impl From<Offline> for CliError {
    fn from(error: Offline) -> Self {
        match error {
            Offline::Store(StoreError::Held { path, owner }) => Self::Failed(format!(
                "{path} is in use by {owner}, which does not answer\n\
                 hint: it starts, stops or hangs; ask again in a moment"
            )),
            Offline::Store(error) => Self::failed(error),
            Offline::Other(error) => error,
        }
    }
}

/// The settings alone; without a home directory, those of the program.
pub fn settings(global: &Global) -> Result<Settings, CliError> {
    Settings::load(config_dir(global)?.as_deref()).map_err(CliError::failed)
}

/// The user's own settings; `None` without a home directory.
pub fn config_dir(global: &Global) -> Result<Option<PathBuf>, CliError> {
    let named = global.config_dir.as_deref();
    // The data directory is not used here; naming one leaves the config directory's fault alone.
    match Directories::resolve(named, Some(Path::new("")), Profile::Paper) {
        Ok(dirs) => Ok(Some(dirs.config_dir)),
        Err(error) if named.is_some() => Err(CliError::failed(error)),
        Err(_) => Ok(None),
    }
}

/// The data directory by the command line or the platform alone: a store must be reachable also
/// when the settings cannot be read.
pub fn data_dir(global: &Global) -> Result<PathBuf, CliError> {
    let dirs = Directories::resolve(None, global.data_dir.as_deref(), Profile::Paper);
    Ok(dirs.map_err(CliError::failed)?.data_dir)
}

/// The store file of a data directory, which must be there.
pub fn store_in(data_dir: &Path) -> Result<PathBuf, CliError> {
    let path = store::path_in(data_dir);
    if path.is_file() {
        return Ok(path);
    }
    Err(CliError::Failed(format!(
        "no store at {}\nhint: `tomking run` makes one; `--data-dir` names another place",
        path.display()
    )))
}

/// Asks the daemon of a data directory; `None` when none runs.
pub fn daemon<T: DeserializeOwned>(
    data_dir: &Path,
    request: &Request,
) -> Result<Option<T>, CliError> {
    let answer = socket::call(data_dir, request).map_err(CliError::failed)?;
    answer.map(read).transpose()
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, CliError> {
    serde_json::from_value(answer).map_err(|error| {
        CliError::Failed(format!(
            "the daemon's answer cannot be read: {error}\n\
             hint: it may be of another version; restart it"
        ))
    })
}

/// A date of the command line, in one form only.
pub fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| plain);
    date.ok_or_else(|| "not a day of the calendar written YYYY-MM-DD, like 2026-11-27".to_owned())
}

/// One JSON document on stdout.
pub fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::failed)?;
    print(&(text + "\n"))
}

/// Text on stdout; a reader that went away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Failed(format!("writing the answer: {error}")))
        }
        _ => Ok(()),
    }
}
