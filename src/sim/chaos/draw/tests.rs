use std::collections::BTreeMap;

use super::*;
use crate::sim::chaos::plan::{Call, Trouble};

const SEEDS: u64 = 300;

fn plans() -> Vec<Plan> {
    (0..SEEDS).map(|seed| Plan::draw(seed, 1)).collect()
}

/// How many plans have each kind.
fn plans_by_kind(plans: &[Plan]) -> BTreeMap<String, u64> {
    let mut by: BTreeMap<String, u64> = BTreeMap::new();
    for plan in plans {
        let mut kinds: Vec<String> = plan.faults.iter().map(|fault| fault.what.name()).collect();
        kinds.sort();
        kinds.dedup();
        for kind in kinds {
            *by.entry(kind).or_default() += 1;
        }
    }
    by
}

#[test]
fn a_plan_is_a_pure_function_of_its_seed() {
    for seed in [0, 1, 77, u64::MAX] {
        assert_eq!(Plan::draw(seed, 2), Plan::draw(seed, 2));
    }
    assert_ne!(Plan::draw(3, 1).faults, Plan::draw(4, 1).faults);
}

#[test]
fn a_plan_survives_its_way_through_json() {
    let plan = Plan::draw(11, 1);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn every_kind_is_drawn_in_many_of_three_hundred_plans() {
    let plans = plans();
    let by = plans_by_kind(&plans);
    let expected = [
        "broker_cancel_late_arrival",
        "broker_cancel_lost_answer",
        "broker_cancel_no_answer",
        "broker_cancel_slow",
        "broker_read_garbage",
        "broker_read_no_answer",
        "broker_read_slow",
        "broker_read_too_many",
        "broker_submit_garbage",
        "broker_submit_late_arrival",
        "broker_submit_lost_answer",
        "broker_submit_lost_request",
        "broker_submit_no_answer",
        "broker_submit_refused",
        "broker_submit_server_error",
        "broker_submit_server_error_after",
        "broker_submit_slow",
        "broker_submit_too_many",
        "broker_submit_unauthorized",
        "channel_down",
        "channel_duplicate",
        "channel_hang",
        "channel_slow",
        "clock_back",
        "clock_forward",
        "feed_crossed",
        "feed_down",
        "feed_nan_greeks",
        "feed_silent",
        "feed_slow",
        "feed_stale",
        "feed_vix_missing",
        "feed_vix_spike",
        "feed_vix_stale",
        "feed_wild",
        "feed_zero",
        "kill",
        "kill_at_disk",
        "kill_round_a_send",
        "panic",
        "person_cancel_ours",
        "person_latch_flatten",
        "person_latch_halt",
        "person_latch_reduce",
        "person_latch_resume",
        "person_trade_other",
        "person_trade_ours",
        "power_failure_kept",
        "power_failure_lost",
        "power_failure_reordered",
        "power_failure_torn",
        "report_dropped_fill",
        "report_dropped_holding",
        "report_dropped_order",
        "report_duplicated_fills",
        "report_duplicated_orders",
        "report_filled_before_fills",
        "report_lagging",
        "report_reordered",
        "report_stale",
        "stop",
        "store_error",
        "suspend",
        "venue_early_assignment",
        "venue_reject",
        "venue_uneven_legs",
    ];
    let rare: Vec<_> = expected
        .iter()
        .map(|kind| (*kind, by.get(*kind).copied().unwrap_or(0)))
        .filter(|(_, plans)| *plans < 8)
        .collect();
    assert!(rare.is_empty(), "drawn in too few of {SEEDS} plans: {rare:?}; all: {by:#?}");
    let unknown: Vec<_> = by
        .keys()
        .filter(|kind| !kind.starts_with("broker_") && !expected.contains(&kind.as_str()))
        .collect();
    assert!(unknown.is_empty(), "kinds nobody expects: {unknown:?}");
}

#[test]
fn every_fault_begins_after_the_start_and_ends_before_the_calm() {
    for plan in plans() {
        let mut before = plan.start();
        for fault in &plan.faults {
            assert!(before <= fault.at, "seed {}: not in order", plan.seed);
            assert!(fault.at < fault.until && fault.until <= plan.calm(), "seed {}", plan.seed);
            before = fault.at;
        }
        assert!(plan.faults.len() <= FAULTS_A_WEEK + 10, "seed {}", plan.seed);
    }
}

#[test]
fn trouble_gathers_where_orders_move_and_some_seeds_are_quiet() {
    let plans = plans();
    let (mut near, mut all) = (0, 0);
    for plan in &plans {
        let places = Places::of(&Calendar::default(), plan.from).unwrap();
        let (from, to) = (places.times.entry, places.trade.close);
        all += plan.faults.len();
        let moving = |at: Timestamp| from - TimeDelta::minutes(1) <= at && at <= to;
        near += plan.faults.iter().filter(|fault| moving(fault.at)).count();
    }
    assert!(2 * near > all, "{near} of {all} on the day of the trade");
    let quiet = plans.iter().filter(|plan| plan.faults.len() <= 3).count();
    assert!((10..=60).contains(&quiet), "{quiet} quiet plans");
}

#[test]
fn weeks_that_are_unusual_are_drawn() {
    let calendar = Calendar::default();
    for of in TRAITS {
        let count = plans().iter().filter(|plan| of(&calendar, plan.from)).count();
        assert!(count >= 15, "{count} plans");
    }
}

#[test]
fn every_halt_is_followed_by_a_resume() {
    for plan in plans() {
        let latch = |fault: &Fault, wanted: &[Change]| {
            matches!(&fault.what,
            What::Person { act: Act::Latch(change) } if wanted.contains(change))
        };
        let stops = [Change::Halt, Change::Reduce, Change::Flatten];
        let last = plan.faults.iter().rev().find(|fault| latch(fault, &stops));
        let Some(last) = last.filter(|last| last.at < plan.calm() - TimeDelta::hours(24)) else {
            continue;
        };
        let resumed = plan.faults.iter().any(|f| f.at > last.at && latch(f, &[Change::Resume]));
        assert!(resumed, "seed {}: nobody resumes after {}", plan.seed, last.at);
    }
}

#[test]
fn a_late_order_and_a_lagging_list_stay_within_the_time_of_absence() {
    let (mut late, mut lag) = (0, 0);
    for fault in plans().into_iter().flat_map(|plan| plan.faults) {
        match fault.what {
            What::Broker { call: Call::Submit, how: Trouble::LateArrival { ms }, .. } => {
                late = late.max(ms);
            }
            What::Report { how: crate::sim::chaos::plan::Misreport::Stale { ms }, .. } => {
                lag = lag.max(ms);
            }
            _ => {}
        }
    }
    // `desk::send` takes an order for absent after 30 s.
    assert!(late > 10_000 && late + lag < 30_000, "{late} + {lag} ms");
}
