//! Chaos from outside: the same seeds give the same bytes, plans travel as JSON, and the faults
//! that were planned do happen.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::sync::Arc;

use tomking::{
    config::Settings,
    schedule::JobSet,
    sim::chaos::{
        ground::Ground,
        plan::{Fate, Fault, Plan, What},
        run,
        sweep::{Options, sweep},
        verdict::Verdict,
    },
};

fn ground() -> Arc<Ground> {
    Ground::new(Settings::load(None).unwrap(), JobSet::load(None).unwrap())
}

fn words(verdict: &Verdict) -> Vec<String> {
    let told = |found: &tomking::sim::chaos::verdict::Found| {
        let violation = &found.violation;
        format!("seed {}: invariant {}: {}", found.seed, violation.invariant, violation.words)
    };
    verdict.violations.iter().map(told).collect()
}

/// A busy Friday of the simulated market with these faults.
fn friday(faults: &[(&str, What)]) -> Plan {
    let fault = |(time, what): &(&str, What)| {
        let at = format!("2024-08-02T{time}-04:00").parse().unwrap();
        Fault { at, until: "2024-08-03T12:00:00Z".parse().unwrap(), what: what.clone() }
    };
    let faults = faults.iter().map(fault).collect();
    Plan { seed: 1, from: "2024-07-29".parse().unwrap(), weeks: 1, faults }
}

#[test]
fn no_invariant_is_violated_and_the_same_seeds_give_the_same_bytes() {
    let ground = ground();
    let options = Options { seeds: 4, seed: 1, weeks: 1, shrink: false };
    let [first, second] = [0, 1].map(|_| sweep(&ground, options, &|_, _| {}).unwrap());
    assert_eq!(words(&first), Vec::<String>::new());
    assert!(first.lives > first.seeds, "{} lives: nobody died", first.lives);
    assert!(first.faults.iter().any(|fault| fault.tally.acted > 0));
    assert_eq!(first.digests, second.digests);
    assert_eq!((first.steps, first.orders), (second.steps, second.orders));
}

#[test]
fn every_way_to_die_is_died_and_the_program_comes_back() {
    let ground = ground();
    let power = |fate| What::PowerFailure { after: 3, fate, venue: false };
    let faults = [
        ("09:00:00", What::Stop),
        ("10:29:00", What::Kill { submit: 1, after: 1, venue: false }),
        ("11:00:00", What::KillAtDisk { after: 20, venue: true }),
        ("12:00:00", power(Fate::Reordered)),
        ("13:00:00", What::StoreError { after: 9 }),
        ("14:00:00", power(Fate::Torn)),
    ];
    let outcome = run::one(&ground, &friday(&faults)).unwrap();
    assert_eq!(outcome.violation.map(|found| found.words), None);
    let mut ends: Vec<&str> =
        outcome.lives.iter().filter_map(|l| l.ended.as_ref()).map(|(_, end)| end.name()).collect();
    ends.sort_unstable();
    let died = ["killed", "killed", "power_failed", "power_failed", "stopped", "store_failed"];
    assert_eq!(ends, died);
    let last = outcome.lives.last().unwrap();
    assert!(last.ready.is_some() && last.ended.is_none());
}

#[test]
fn a_plan_printed_and_read_again_is_the_same_plan() {
    for seed in 0..50 {
        let plan = Plan::draw(seed, 2);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan, "seed {seed}");
    }
}
