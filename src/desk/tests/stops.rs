//! The latch over a working desk: what leaves, what is cancelled, what is closed all the same.

use std::sync::{Arc, atomic::Ordering};

use rust_decimal::dec;

use super::world::{Stage, at, quiet, without_decay};
use crate::{
    account::{
        Effect, ExitReason, IntentId, Leg, NetPrice, Side,
        hold::{Hold, Level},
    },
    broker::{Broker, OrderRequest},
    desk::{
        intent::{IntentRecord, IntentState},
        latch, read,
        reconcile::Reconciled,
    },
    instrument::{Instrument, OptionContract, Product, Right, Settlement, expiration},
    notice::Notice,
};

fn entry() -> IntentId {
    IntentId("zdte-20240802-1".to_owned())
}

#[test]
fn a_halt_in_the_middle_of_the_entry_ladder_lets_nothing_more_leave() {
    for clock in ["10:30:00.100", "10:30:05", "10:30:10.500"] {
        let stage = Stage::new(quiet());
        let faults = Arc::clone(&stage.faults);
        stage.live(at("10:29:00"), move |scene| async move {
            scene.job("friday-0dte-entry", "10:30:00").await;
            scene.until(clock).await;
            let answer = scene.desk.halt("test", "operator").await.unwrap();
            assert_eq!(answer.level, Level::Halted);
            assert_eq!(answer.cancelled, [entry()], "{clock}");
            assert_eq!(answer.open, []);
            scene.until("11:00:00").await;
            let again = scene.desk.halt("test again", "operator").await.unwrap();
            assert_eq!(again.level, Level::Halted);
            scene.assert_books_agree().await;
        });
        let sent = faults.openings.lock().unwrap().clone();
        assert!(sent.iter().all(|(when, _)| *when <= at(clock)), "{clock}: {sent:?}");
        assert!(stage.positions().is_empty());
    }
}

#[test]
fn under_a_halt_what_expires_today_is_still_closed_on_schedule() {
    let stage = Stage::new(without_decay());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:30:00").await;
        let answer = scene.desk.halt("test", "operator").await.unwrap();
        assert_eq!(answer.open.len(), 1);
        scene.until("14:49:59").await;
        assert_eq!(scene.desk.open_count(), 1);
        scene.until("15:02:00").await;
        assert_eq!(scene.desk.open_count(), 0);
        assert_eq!(scene.desk.level(), Level::Halted);
        scene.assert_books_agree().await;
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::TimeExit));
}

#[test]
fn every_stop_is_counted_whoever_makes_it_and_a_hold_that_stands_is_no_new_one() {
    let stage = Stage::new(quiet());
    stage.live(at("10:00:00"), |scene| async move {
        let desk = &scene.desk;
        let begun = desk.stops();
        desk.reduce("test", "operator").await.unwrap();
        let reduced = desk.stops();
        assert!(reduced > begun);
        desk.resume("test", "operator").await.unwrap();
        assert_eq!(desk.stops(), reduced, "a resume stops nothing");
        let hold = Hold {
            name: "test".to_owned(),
            level: Level::Reducing,
            cause: "test".to_owned(),
            since: scene.rt.now(),
            until: None,
        };
        desk.hold(hold.clone(), "test").await.unwrap();
        let held = desk.stops();
        assert!(held > reduced);
        desk.hold(hold, "test").await.unwrap();
        assert_eq!(desk.stops(), held);
        desk.halt("test", "operator").await.unwrap();
        let halted = desk.stops();
        assert!(halted > held);
        desk.flatten("test", "operator").await.unwrap();
        assert!(desk.stops() > halted);
    });
}

#[test]
fn flatten_closes_everything_even_from_halted_and_ends_halted() {
    for halted_first in [false, true] {
        let stage = Stage::new(without_decay());
        stage.live(at("10:29:00"), move |scene| async move {
            scene.job("friday-0dte-entry", "10:30:00").await;
            scene.until("11:30:00").await;
            if halted_first {
                scene.desk.halt("test", "operator").await.unwrap();
                scene.until("11:31:00").await;
            }
            let answer = scene.desk.flatten("test", "operator").await.unwrap();
            assert_eq!(answer.level, Level::Flattening);
            scene.until("11:35:00").await;
            assert_eq!(scene.desk.open_count(), 0);
            assert_eq!(scene.desk.level(), Level::Halted);
            let held = scene.broker.holdings().await.unwrap();
            assert_eq!(held, []);
        });
        assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::Flatten));
    }
}

#[test]
fn a_halt_file_made_by_hand_halts_until_an_explicit_resume() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(quiet());
    stage.data_dir = Some(dir.path().to_owned());
    let file = dir.path().join(latch::HALT_FILE);
    let by_hand = file.clone();
    let summary = stage.live(at("10:29:00"), move |scene| async move {
        std::fs::write(&by_hand, "").unwrap();
        assert_eq!(scene.desk.level(), Level::Halted, "before any loop has looked");
        scene.job("friday-0dte-entry", "10:30:00").await
    });
    assert!(summary.contains("HALTED"), "{summary}");
    stage.live(at("10:31:00"), |scene| async move {
        assert_eq!(scene.desk.level(), Level::Halted, "it survives a restart");
        let answer = scene.desk.resume("test", "operator").await.unwrap();
        assert_eq!(answer.level, Level::Active);
        assert_eq!(scene.desk.level(), Level::Active);
    });
    assert!(!file.exists());
}

#[test]
fn a_submit_without_an_answer_is_looked_up_and_never_repeated() {
    // Arrived, the answer lost: found by its identifier and followed like any other.
    let stage = Stage::new(quiet());
    stage.faults.lose_answers.store(1, Ordering::SeqCst);
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:31:30").await;
        scene.assert_books_agree().await;
    });
    assert_eq!(stage.positions().len(), 1);
    let sent = stage.faults.openings.lock().unwrap().clone();
    let firsts = sent.iter().filter(|(_, id)| id.ends_with("-1/1")).count();
    assert_eq!(firsts, 1, "{sent:?}");

    // Never arrived: proven absent, and the entry is missed rather than sent again.
    let stage = Stage::new(quiet());
    stage.faults.lose_orders.store(1, Ordering::SeqCst);
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:30:20").await;
        let status = scene.desk.status().unwrap();
        assert_eq!(status.intents[0].state, IntentState::Unknown);
        scene.until("10:32:00").await;
        assert!(scene.desk.status().unwrap().intents.is_empty());
    });
    assert!(stage.positions().is_empty());
    assert!(stage.faults.openings.lock().unwrap().is_empty());
    let told = stage.notices();
    assert!(told.contains(&Notice::OrderUnknown { intent: entry() }), "{told:?}");
}

fn outside_leg(effect: Effect, side: Side) -> Leg {
    let date = at("10:00:00").date_naive();
    let listed = expiration::listed(&crate::calendar::Calendar::default(), Product::Es, date, 7);
    let series = listed
        .into_iter()
        .find(|series| series.settlement == Settlement::Pm && series.expiration > date)
        .unwrap();
    let contract = OptionContract { series, strike: dec!(5400), right: Right::Put };
    Leg { instrument: Instrument::Option(contract), side, ratio: 1, effect }
}

/// The owner sells a put of a later expiry by hand, and the desk takes it over.
pub(super) async fn sell_outside(scene: &super::world::Scene) {
    let order = OrderRequest {
        external_id: String::new(),
        legs: vec![outside_leg(Effect::Open, Side::Sell)],
        units: 1,
        limit: NetPrice(dec!(0.05)),
        strict_effect: false,
    };
    scene.broker.submit(&order).await.unwrap();
    scene.rt.sleep(chrono::TimeDelta::seconds(30)).await;
    assert_eq!(scene.desk.reconcile().await.unwrap(), Reconciled::Clean);
    assert_eq!(scene.desk.open_count(), 1);
}

#[test]
fn what_the_owner_buys_by_hand_is_adopted_and_what_he_sells_is_followed() {
    let stage = Stage::new(quiet());
    stage.live(at("10:00:00"), |scene| async move {
        for (effect, side, limit) in
            [(Effect::Open, Side::Buy, dec!(-300)), (Effect::Close, Side::Sell, dec!(0.05))]
        {
            let order = OrderRequest {
                external_id: String::new(),
                legs: vec![outside_leg(effect, side)],
                units: 1,
                limit: NetPrice(limit),
                strict_effect: false,
            };
            scene.broker.submit(&order).await.unwrap();
            scene.rt.sleep(chrono::TimeDelta::seconds(30)).await;
            assert_eq!(scene.desk.reconcile().await.unwrap(), Reconciled::Clean);
            let open = scene.desk.open_count();
            assert_eq!(open, usize::from(effect == Effect::Open));
            scene.assert_books_agree().await;
        }
        assert_eq!(scene.desk.level(), Level::Active);
    });
    let positions = stage.positions();
    assert_eq!(positions[0].exit_reason, Some(ExitReason::External));
}

#[test]
fn what_the_owner_buys_is_adopted_while_the_profit_order_works() {
    let stage = Stage::new(without_decay());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:00:00").await;
        let working = scene.desk.status().unwrap().intents;
        assert!(working.iter().any(IntentRecord::is_resting), "{working:?}");
        let order = OrderRequest {
            external_id: String::new(),
            legs: vec![outside_leg(Effect::Open, Side::Buy)],
            units: 1,
            limit: NetPrice(dec!(-300)),
            strict_effect: false,
        };
        scene.broker.submit(&order).await.unwrap();
        scene.rt.sleep(chrono::TimeDelta::seconds(40)).await;
        assert_eq!(scene.desk.reconcile().await.unwrap(), Reconciled::Clean);
        assert_eq!(scene.desk.level(), Level::Active);
        assert_eq!(scene.desk.open_count(), 2, "ours and the owner's");
        scene.assert_books_agree().await;
    });
}

#[test]
fn a_ledger_that_does_not_explain_the_cash_stops_entries_until_it_does() {
    let stage = Stage::new(quiet());
    stage.live(at("10:00:00"), |scene| async move {
        let store = scene.desk.parts().store.clone();
        let shift = |cents: i64| {
            let store = store.clone();
            async move {
                store
                    .write(move |tx| {
                        let mut book = read::cash(tx)?.unwrap();
                        book.foreign_usd += crate::money::Usd(rust_decimal::Decimal::new(cents, 2));
                        tx.put(&crate::desk::tables::CASH, crate::desk::tables::CASH_KEY, &book)
                    })
                    .await
                    .unwrap();
            }
        };
        shift(10_000).await;
        assert_eq!(scene.desk.reconcile().await.unwrap(), Reconciled::Clean, "100.00 is allowed");
        shift(1).await;
        let outcome = scene.desk.reconcile().await.unwrap();
        assert!(matches!(outcome, Reconciled::Differs { .. }), "{outcome:?}");
        assert_eq!(scene.desk.level(), Level::Reducing);
        assert!(!scene.desk.is_reconciled());
        shift(-10_001).await;
        assert_eq!(scene.desk.reconcile().await.unwrap(), Reconciled::Clean);
        assert_eq!(scene.desk.level(), Level::Active);
    });
    let told = stage.notices();
    let differences = told.iter().filter(|n| matches!(n, Notice::Difference { .. })).count();
    assert_eq!(differences, 1, "{told:?}");
}

#[test]
fn a_broker_that_does_not_answer_stops_entries_and_nothing_else() {
    let stage = Stage::new(quiet());
    stage.faults.silent.store(true, Ordering::SeqCst);
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:00:00"), move |scene| async move {
        assert!(!scene.desk.is_reconciled());
        scene.until("10:05:00").await;
        faults.silent.store(false, Ordering::SeqCst);
        scene.until("10:05:30").await;
        assert!(scene.desk.is_reconciled());
        assert_eq!(scene.desk.level(), Level::Active);
    });
}
