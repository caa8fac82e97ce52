//! Many seeds on all cores, and what came of them together.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    ground::Ground,
    plan::Plan,
    run::{self, Outcome},
    shrink::shrink,
    verdict::{Found, Verdict},
};
use crate::{clock::Stopwatch, store::StoreError};

/// Violations that are kept with all they need to be understood; of more only the count is.
const FOUND_MAX: usize = 10;
/// Violations whose plans are shrunk: the first of each invariant, so many at most.
const SHRUNK_MAX: usize = 4;

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many seeds.
    pub seeds: u64,
    /// The first of them.
    pub seed: u64,
    /// Simulated weeks of each.
    pub weeks: u32,
    /// Whether the plans of violations are shrunk.
    pub shrink: bool,
}

/// Told how many seeds are done and how many violations were found.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Runs every seed. The verdict depends on the options and the program alone, but for its figures
/// of the wall clock.
pub fn sweep(
    ground: &Arc<Ground>,
    options: Options,
    progress: Progress<'_>,
) -> Result<Verdict, StoreError> {
    let plans = |seed| Plan::draw(seed, options.weeks);
    let first = options.seed;
    let outcomes = on_all_cores(ground, options.seeds, progress, |ground, index| {
        run::one(ground, &plans(first.wrapping_add(index)))
    })?;
    let (sums, elapsed) = outcomes;
    let mut verdict = sums.verdict(options, elapsed);
    if options.shrink {
        shrink_all(ground, &mut verdict.violations, &plans);
    }
    Ok(verdict)
}

/// Runs one plan as it stands.
pub fn single(ground: &Arc<Ground>, plan: &Plan) -> Result<Verdict, StoreError> {
    let watch = Stopwatch::start();
    let outcome = run::one(ground, plan)?;
    let mut sums = Sums::default();
    sums.add(outcome, |_| plan.clone());
    let options = Options { seeds: 1, seed: plan.seed, weeks: plan.weeks, shrink: false };
    Ok(sums.verdict(options, watch.elapsed()))
}

type Ran = Result<(Sums, std::time::Duration), StoreError>;

fn on_all_cores(
    ground: &Arc<Ground>,
    count: u64,
    progress: Progress<'_>,
    work: impl Fn(&Arc<Ground>, u64) -> Result<Outcome, StoreError> + Sync,
) -> Ran {
    let watch = Stopwatch::start();
    let (next, done, broken) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let sums: Mutex<Result<Sums, StoreError>> = Mutex::new(Ok(Sums::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let ground = ground.apart();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let outcome = work(&ground, index);
                    let failed = outcome.as_ref().is_ok_and(|o| o.violation.is_some());
                    let all = broken.fetch_add(u64::from(failed), Ordering::Relaxed);
                    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                    match (&mut *sums, outcome) {
                        (Ok(sums), Ok(outcome)) => {
                            let plan = |o: &Outcome| Plan::draw(o.seed, o.weeks);
                            sums.add(outcome, plan);
                        }
                        (Ok(_), Err(error)) => *sums = Err(error),
                        (Err(_), _) => {}
                    }
                    drop(sums);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    progress(done, all + u64::from(failed));
                }
            });
        }
    });
    let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    Ok((sums, watch.elapsed()))
}

/// Shrinks the first plan of each invariant, each on a thread of its own.
fn shrink_all(ground: &Arc<Ground>, found: &mut [Found], plans: &(impl Fn(u64) -> Plan + Sync)) {
    let mut firsts: BTreeMap<u8, &mut Found> = BTreeMap::new();
    for one in found {
        firsts.entry(one.violation.invariant).or_insert(one);
    }
    std::thread::scope(|scope| {
        for (invariant, one) in firsts.into_iter().take(SHRUNK_MAX) {
            let ground = ground.apart();
            scope.spawn(move || {
                let fails = |plan: &Plan| {
                    let outcome = run::one(&ground, plan);
                    let violation = outcome.ok().and_then(|outcome| outcome.violation);
                    violation.is_some_and(|found| found.invariant == invariant)
                };
                let (plan, runs) = shrink(&plans(one.seed), one.violation.at, fails);
                one.plan = plan;
                one.shrunk_in_runs = Some(runs);
            });
        }
    });
}

/// Sums over seeds, in whatever order they end.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub ends: BTreeMap<String, u64>,
    pub lives: u64,
    pub kills: u64,
    pub steps: u64,
    pub seconds: i64,
    pub orders: u64,
    pub deliveries: u64,
    pub violated: u64,
    pub faults: BTreeMap<String, super::board::Tally>,
    /// By seed: the digests as one line.
    pub digests: BTreeMap<u64, super::run::Digests>,
    /// By seed: the violations of the lowest seeds.
    pub found: BTreeMap<u64, Found>,
}

impl Sums {
    fn add(&mut self, outcome: Outcome, plan: impl FnOnce(&Outcome) -> Plan) {
        for life in &outcome.lives {
            let end = life.ended.as_ref().map_or("over", |(_, end)| end.name());
            *self.ends.entry(end.to_owned()).or_default() += 1;
            self.kills += u64::from(matches!(end, "killed" | "power_failed"));
        }
        self.lives += outcome.lives.len() as u64;
        self.steps += outcome.steps;
        self.seconds += outcome.seconds;
        self.orders += outcome.orders as u64;
        self.deliveries += outcome.deliveries as u64;
        for (kind, tally) in &outcome.faults {
            let sum = self.faults.entry(kind.clone()).or_default();
            sum.planned += tally.planned;
            sum.acted += tally.acted;
        }
        if let Some(violation) = outcome.violation.clone() {
            self.violated += 1;
            let (seed, weeks) = (outcome.seed, outcome.weeks);
            let plan = plan(&outcome);
            let faults_drawn = plan.faults.len();
            let found = Found { seed, weeks, violation, plan, faults_drawn, shrunk_in_runs: None };
            self.found.insert(seed, found);
            while self.found.len() > FOUND_MAX {
                self.found.pop_last();
            }
        }
        self.digests.insert(outcome.seed, outcome.digests);
    }
}
