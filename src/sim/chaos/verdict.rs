//! What is told of a sweep: to people, and as a document.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::{
    board::Tally,
    plan::Plan,
    sweep::{Options, Sums},
    watch::Violation,
};
use crate::store::sha256_hex;

/// Seconds in a week.
const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// What came of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Seeds run.
    pub seeds: u64,
    /// The first of them.
    pub first_seed: u64,
    /// Weeks planned for each.
    pub weeks: u32,
    /// Weeks simulated; less than planned where a violation ended a seed.
    pub simulated_weeks: f64,
    /// Instants of the worlds at which something happened.
    pub steps: u64,
    /// Lives of the process.
    pub lives: u64,
    /// Of those, ended by a kill or a power failure.
    pub kills: u64,
    /// Lives by how they ended.
    pub ends: Vec<Ends>,
    /// Orders that reached the broker.
    pub orders: u64,
    /// Alerts that channels took.
    pub deliveries: u64,
    /// Faults by kind.
    pub faults: Vec<Kind>,
    /// Seeds that an invariant ended.
    pub violated: u64,
    /// The violations of the lowest seeds.
    pub violations: Vec<Found>,
    /// One sum for each kind of what all seeds left.
    pub digests: Sum,
    /// Seconds on the wall; not of the simulation, and in no digest.
    pub wall_seconds: f64,
    /// Simulated weeks in a minute of the wall.
    pub wall_weeks_per_minute: f64,
}

/// Lives that ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// `killed`, `power_failed`, `stopped`, …; `over`: it lived to the end of the run.
    pub end: String,
    /// How many.
    pub lives: u64,
}

/// Faults of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// Its name.
    pub kind: String,
    /// How often it was planned and how often it acted.
    #[serde(flatten)]
    pub tally: Tally,
}

/// SHA-256 sums over all seeds, in the order of the seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Of the journals.
    pub journal: String,
    /// Of the stores.
    pub store: String,
    /// Of the orders and alerts that left.
    pub messages: String,
}

/// A violation, with the plan that shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// Weeks of its plan.
    pub weeks: u32,
    /// What was found.
    #[serde(flatten)]
    pub violation: Violation,
    /// The faults the seed drew.
    pub faults_drawn: usize,
    /// The plan: the shortest found that fails the same way, where it was shrunk.
    pub plan: Plan,
    /// Runs the shrinking took; null where it was not shrunk.
    pub shrunk_in_runs: Option<u32>,
}

impl Found {
    /// The command that runs the seed again.
    pub fn command(&self) -> String {
        format!("tomking chaos --seeds 1 --seed {} --weeks {}", self.seed, self.weeks)
    }
}

impl Sums {
    pub(super) fn verdict(self, options: Options, elapsed: Duration) -> Verdict {
        let simulated_weeks = self.seconds as f64 / WEEK_SECONDS;
        let wall_seconds = elapsed.as_secs_f64();
        let sum = |of: fn(&super::run::Digests) -> Option<&str>| {
            let mut text = String::new();
            for (seed, digests) in &self.digests {
                let _ = writeln!(text, "{seed} {}", of(digests).unwrap_or("none"));
            }
            sha256_hex(text.as_bytes())
        };
        Verdict {
            seeds: options.seeds,
            first_seed: options.seed,
            weeks: options.weeks,
            simulated_weeks,
            steps: self.steps,
            lives: self.lives,
            kills: self.kills,
            digests: Sum {
                journal: sum(|digests| digests.journal.as_deref()),
                store: sum(|digests| digests.store.as_deref()),
                messages: sum(|digests| Some(&digests.messages)),
            },
            ends: self.ends.into_iter().map(|(end, lives)| Ends { end, lives }).collect(),
            orders: self.orders,
            deliveries: self.deliveries,
            faults: self.faults.into_iter().map(|(kind, tally)| Kind { kind, tally }).collect(),
            violated: self.violated,
            violations: self.found.into_values().collect(),
            wall_seconds,
            wall_weeks_per_minute: simulated_weeks * 60.0 / wall_seconds.max(1e-9),
        }
    }
}
