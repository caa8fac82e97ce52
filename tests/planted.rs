//! Every checker of chaos is able to fail: a bug is planted for each, and chaos finds it within 200
//! seeds, by the invariant it belongs to. Without the bug the same seed is clean.
//!
//! Run with `cargo test --release --features planted-bugs --test planted`.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tomking::{
    config::Settings,
    planted::{Bug, plant},
    schedule::JobSet,
    sim::chaos::{ground::Ground, plan::Plan, run, watch::Violation},
};

/// Most seeds a bug may hide from.
const SEEDS: u64 = 200;

fn run(ground: &Arc<Ground>, seed: u64) -> Option<Violation> {
    run::one(ground, &Plan::draw(seed, 1)).unwrap().violation
}

/// Plants a bug and looks for it; it must show as a violation of `invariant`, and of none other
/// before.
fn finds(bug: Bug, invariant: u8) {
    let ground = Ground::new(Settings::default_embedded(), JobSet::embedded().unwrap());
    plant(Some(bug));
    let found = (0..SEEDS).find_map(|seed| Some((seed, run(&ground, seed)?)));
    plant(None);
    let (seed, violation) = found.unwrap_or_else(|| panic!("{bug:?} hid from {SEEDS} seeds"));
    println!("{bug:?}: seed {seed}: invariant {}: {}", violation.invariant, violation.words);
    assert_eq!(violation.invariant, invariant, "{bug:?}, seed {seed}: {}", violation.words);
    let clean = run(&ground, seed);
    assert!(clean.is_none(), "seed {seed} without {bug:?}: {}", clean.unwrap().words);
}

macro_rules! planted {
    ($($test:ident: $bug:ident breaks $invariant:literal;)*) => {
        $(#[test] fn $test() { finds(Bug::$bug, $invariant); })*
    };
}

planted! {
    a_submit_that_is_sent_again_after_a_time_out: ResendOnTimeout breaks 1;
    a_send_that_leaves_before_it_is_durable: SkipDurableWrite breaks 2;
    a_send_under_another_identifier: SendUnderAnotherName breaks 2;
    fills_of_a_cancelled_order_that_are_ignored: IgnoreFillsOfCancelled breaks 6;
    a_fill_that_is_applied_twice: ApplyFillTwice breaks 3;
    fees_that_are_not_booked: FeesNotBooked breaks 4;
    a_settlement_that_is_not_booked: SettlementNotBooked breaks 4;
    a_latch_that_is_not_heeded: IgnoreLatch breaks 5;
    holds_that_are_forgotten_over_a_restart: ForgetHolds breaks 5;
    an_order_larger_than_approved: OversizedOrder breaks 6;
    an_entry_that_is_sent_anew_every_second: FranticEntry breaks 6;
    a_slot_that_runs_again: RunSlotAgain breaks 7;
    a_slot_that_is_lost_in_a_crash: LoseCrashedSlot breaks 7;
    an_alert_that_is_dropped: DropFailedDelivery breaks 8;
    a_write_without_its_journal_entry: WriteWithoutJournal breaks 9;
    a_worker_that_gives_up: GiveUpOnUnknown breaks 10;
    a_watch_that_sleeps_from_the_evaluation_on: SleepAtEvaluation breaks 11;
    a_silence_about_what_is_not_closed: NeitherCloseNorAlert breaks 11;
}
