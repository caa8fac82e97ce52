//! A failing plan to the shortest that fails the same way: faults are left out in halves, quarters,
//! and so on down to single ones (delta debugging, Zeller and Hildebrandt 2002), then weeks.

use super::plan::{Fault, Plan};
use crate::clock::Timestamp;

/// Runs one shrinking may take.
const RUNS_MAX: u32 = 200;

/// The shortest plan found for which `fails` still holds, and the runs it took. `at` is when the
/// plan failed: what begins later can have had no part in it.
pub fn shrink(plan: &Plan, at: Timestamp, mut fails: impl FnMut(&Plan) -> bool) -> (Plan, u32) {
    let mut runs = 0;
    let mut tried = |plan: &Plan| {
        runs += 1;
        runs <= RUNS_MAX && fails(plan)
    };
    let mut best = plan.clone();
    let early = Plan { faults: before(&best.faults, at), ..best.clone() };
    if early.faults.len() < best.faults.len() && tried(&early) {
        best = early;
    }
    let of = best.clone();
    best.faults =
        least(best.faults, |faults| tried(&Plan { faults: faults.to_vec(), ..of.clone() }));
    while best.weeks > 1 {
        let shorter = Plan { weeks: best.weeks - 1, ..best.clone() };
        if !tried(&shorter) {
            break;
        }
        best = shorter;
    }
    (best, runs.min(RUNS_MAX))
}

fn before(faults: &[Fault], at: Timestamp) -> Vec<Fault> {
    faults.iter().filter(|fault| fault.at <= at).cloned().collect()
}

/// A list of which no part can be left out any more, each part tried in ever smaller pieces.
fn least<T: Clone>(list: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut list = list;
    if list.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut pieces = 2;
    while list.len() >= 2 {
        let size = list.len().div_ceil(pieces);
        let without = (0..list.len()).step_by(size).find_map(|from| {
            let to = (from + size).min(list.len());
            let rest = [&list[..from], &list[to..]].concat();
            fails(&rest).then_some(rest)
        });
        match without {
            Some(rest) => {
                list = rest;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => pieces = (pieces * 2).min(list.len()),
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};

    use super::*;
    use crate::sim::chaos::plan::What;

    fn plan(count: i64) -> Plan {
        let from = NaiveDate::from_ymd_opt(2024, 7, 29).unwrap();
        let mut plan = Plan { seed: 1, from, weeks: 3, faults: Vec::new() };
        let start = plan.start();
        plan.faults = (0..count)
            .map(|hour| {
                let at = start + TimeDelta::hours(hour);
                let after = u32::try_from(hour).unwrap();
                Fault { at, until: at, what: What::StoreError { after } }
            })
            .collect();
        plan
    }

    fn kept(plan: &Plan) -> Vec<u32> {
        let after = |fault: &Fault| match fault.what {
            What::StoreError { after } => after,
            _ => unreachable!("only store errors are planned here"),
        };
        plan.faults.iter().map(after).collect()
    }

    #[test]
    fn a_plan_shrinks_to_the_faults_that_matter_together_and_to_one_week() {
        for wanted in [&[][..], &[7], &[0, 31], &[3, 17, 18], &[1, 9, 20, 30]] {
            let long = plan(40);
            let at = long.start() + TimeDelta::hours(32);
            let (short, runs) = shrink(&long, at, |plan| {
                let faults = kept(plan);
                wanted.iter().all(|needed| faults.contains(needed))
            });
            assert_eq!((kept(&short).as_slice(), short.weeks), (wanted, 1), "{runs} runs");
            assert!(runs < 120, "{runs} runs for {wanted:?}");
        }
    }

    #[test]
    fn shrinking_ends_also_when_every_run_seems_to_fail_by_chance() {
        let long = plan(300);
        let mut flip = 0_u32;
        let (short, runs) = shrink(&long, long.end(), |_| {
            flip = flip.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            flip & 64 == 0
        });
        assert!(runs <= RUNS_MAX && short.faults.len() <= 300);
    }
}
