//! `tomking validate`: the production validation protocol (rulebook §7, 5). A table of checks that
//! are done now, each with what was measured, what it is held to, and where the figure comes from.
//! Nothing is asserted: what cannot be measured does not hold.

/// The store, its backup, its journal.
mod books;
/// What is tried out in worlds made for it: the latch, a Friday, chaos.
mod drills;
/// What the ledger shows.
mod ledger;
/// Disk and clock.
mod machine;
/// Prices and Greeks against figures nobody here made.
mod models;
/// Settings: the rulebook's figures, jobs, calendar, placeholders.
mod rules;
/// Whether a figure of the rulebook is as strict as the default.
mod strict;
/// Channels and the dead-man's switch.
mod voice;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    calendar::Calendar,
    clock::{Stopwatch, Timestamp},
    config::{Directories, Settings, stages::StageId},
    risk::promotion::LedgerTrades,
    schedule::JobSet,
};

/// What is validated.
pub struct Subject<'a> {
    /// Settings in force.
    pub settings: &'a Settings,
    /// Where things are.
    pub dirs: &'a Directories,
    /// Jobs in force.
    pub jobs: &'a JobSet,
    /// Sessions.
    pub calendar: &'a Calendar,
    /// The moment.
    pub now: Timestamp,
    /// A backup of the store made for this, or why there is none.
    pub copy: Result<PathBuf, String>,
    /// An empty directory to try things in.
    pub scratch: &'a Path,
    /// Trades of further paper ledgers.
    pub others: Vec<LedgerTrades>,
    /// Seeds of chaos to run.
    pub seeds: u64,
    /// Whether each channel is written to.
    pub probe: bool,
}

/// One check as it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its stable name.
    pub name: String,
    /// What is held to.
    pub bound: String,
    /// What was found; `not measured` where nothing could be.
    pub measured: String,
    /// It holds.
    pub holds: bool,
    /// The stage asks for it.
    pub required: bool,
    /// Where the figure comes from.
    pub evidence: String,
}

/// The protocol of one validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// For which stage.
    #[serde(rename = "for")]
    pub stage: StageId,
    /// When.
    pub at: Timestamp,
    /// The program's version.
    pub version: String,
    /// Every check that is required holds.
    pub passed: bool,
    /// Every check.
    pub checks: Vec<Check>,
    /// How long it took on the wall.
    pub wall_ms: u64,
}

impl Protocol {
    /// The names of what is required and does not hold.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|check| check.required && !check.holds);
        failed.map(|check| check.name.clone()).collect()
    }
}

/// What a check found.
struct Found {
    name: &'static str,
    bound: String,
    outcome: Result<(bool, String), String>,
    evidence: String,
    from: StageId,
}

impl Found {
    /// A check every stage asks for. The outcome is whether it holds and what was measured, or why
    /// nothing could be.
    fn new(
        name: &'static str,
        bound: impl Into<String>,
        outcome: Result<(bool, String), String>,
        evidence: impl Into<String>,
    ) -> Self {
        let (bound, evidence) = (bound.into(), evidence.into());
        Self { name, bound, outcome, evidence, from: StageId::Paper }
    }

    /// The same, asked for from a stage on.
    fn from(mut self, stage: StageId) -> Self {
        self.from = stage;
        self
    }

    fn check(self, stage: StageId) -> Check {
        let required = stage >= self.from;
        let (holds, measured, evidence) = match self.outcome {
            Ok((holds, measured)) => (holds, measured, self.evidence),
            Err(why) => (false, "not measured".to_owned(), why),
        };
        let name = self.name.to_owned();
        Check { name, bound: self.bound, measured, holds, required, evidence }
    }
}

/// Does every check for a stage. It writes nothing but to the scratch directory.
pub fn run(subject: &Subject<'_>, stage: StageId) -> Protocol {
    let watch = Stopwatch::start();
    let mut found = rules::all(subject);
    found.extend(machine::all(subject));
    let (books, restored) = books::all(subject);
    found.extend(books);
    found.extend(models::all());
    found.extend(drills::all(subject));
    found.extend(voice::all(subject));
    let mut checks: Vec<Check> = found.into_iter().map(|found| found.check(stage)).collect();
    checks.extend(ledger::all(subject, restored.as_deref(), stage));
    let passed = checks.iter().all(|check| check.holds || !check.required);
    Protocol {
        stage,
        at: subject.now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        passed,
        checks,
        wall_ms: u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
