//! The daemon dies and comes back: nothing is doubled, nothing is lost, nothing is without a stop.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;

use super::world::{Stage, at, falling, quiet};
use crate::{
    account::ExitReason,
    clock::Timestamp,
    desk::{intent::IntentState, read},
    store::Read as _,
};

/// A Friday that is cut at each instant, each life on the stores of the one before.
fn day_cut_at(stage: &Stage, cuts: &[Timestamp]) {
    let mut from = at("10:29:59");
    let ends = cuts.iter().copied().chain([at("16:15:01")]);
    for end in ends {
        stage.live(from, move |scene| async move {
            if from < at("10:30:00") {
                scene.job("friday-0dte-entry", "10:30:00").await;
            }
            scene.rt.sleep_until(end).await;
        });
        from = end;
    }
    stage.live(from, |scene| async move { scene.assert_books_agree().await });
}

fn assert_one_whole_position(stage: &Stage, reason: ExitReason, when: &str) {
    let positions = stage.positions();
    assert_eq!(positions.len(), 1, "{when}");
    assert_eq!(positions[0].exit_reason, Some(reason), "{when}");
    assert_eq!(positions[0].units, 1, "{when}");
    let intents = stage.store.read(|tx| tx.list(&crate::desk::tables::INTENTS, "")).unwrap();
    for (id, record) in intents {
        assert!(record.state.is_terminal(), "{when}: {id} {:?}", record.state);
        let filled: u32 = record.fills.iter().map(|fill| fill.quantity).sum();
        assert!(filled == 0 || filled == 4, "{when}: {id} filled {filled}");
    }
}

#[test]
fn a_restart_at_any_second_of_the_entry_never_doubles_it() {
    for second in (0..40).step_by(3) {
        for millis in [0, 400] {
            let cut = at("10:30:00") + TimeDelta::milliseconds(second * 1000 + millis);
            let stage = Stage::new(quiet());
            day_cut_at(&stage, &[cut, cut + TimeDelta::seconds(5)]);
            assert_one_whole_position(&stage, ExitReason::ProfitTarget, &cut.to_string());
        }
    }
}

#[test]
fn a_restart_never_leaves_a_position_without_its_stop() {
    // Before the fall, in its middle, and while the closing ladder works.
    for cut in ["11:00:00", "12:04:00", "12:07:30", "12:08:01", "12:08:13", "12:09:00"] {
        let stage = Stage::new(falling());
        day_cut_at(&stage, &[at(cut)]);
        assert_one_whole_position(&stage, ExitReason::Stop, cut);
    }
}

#[test]
fn a_death_between_the_send_and_its_answer_never_doubles() {
    // The first send is the entry's, the second (or a later one) the profit order's or the stop's.
    for hung in 1..=3 {
        let stage = Stage::new(quiet());
        stage.live(at("10:29:59"), {
            let faults = Arc::clone(&stage.faults);
            move |scene| async move {
                if hung == 1 {
                    faults.hang.store(1, Ordering::SeqCst);
                }
                scene.job("friday-0dte-entry", "10:30:00").await;
                scene.until(if hung == 3 { "10:30:12" } else { "10:30:02" }).await;
                faults.hang.store(u32::from(hung > 1), Ordering::SeqCst);
                scene.until("10:30:21").await;
            }
        });
        stage.faults.hang.store(0, Ordering::SeqCst);
        stage.live(at("10:30:21"), |scene| async move { scene.until("16:15:01").await });
        stage.live(at("16:15:01"), |scene| async move { scene.assert_books_agree().await });
        assert_one_whole_position(&stage, ExitReason::ProfitTarget, &format!("send {hung}"));
        let sent = stage.faults.openings.lock().unwrap().clone();
        let mut ids: Vec<_> = sent.iter().map(|(_, id)| id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), sent.len(), "no identifier leaves twice: {sent:?}");
    }
}

#[test]
fn an_entry_that_was_written_but_never_sent_is_not_sent_late() {
    let stage = Stage::new(quiet());
    stage.live(at("10:29:00"), |scene| async move {
        // The run's transaction is durable, and the process dies before anything is awaited.
        scene.job("friday-0dte-entry", "10:30:00").await;
    });
    stage.live(at("10:45:00"), |scene| async move { scene.until("11:00:00").await });
    assert!(stage.positions().is_empty());
    let record = stage
        .store
        .read(|tx| read::intent(tx, &crate::account::IntentId("zdte-20240802-1".to_owned())))
        .unwrap()
        .unwrap();
    assert_eq!(record.state, IntentState::Cancelled);
    assert!(record.ended.unwrap().starts_with("missed"));
}

#[test]
fn a_position_left_open_over_its_expiry_is_settled_from_the_brokers_books() {
    let stage = Stage::new(quiet());
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:31:00").await;
    });
    assert_eq!(stage.positions().iter().filter(|p| p.is_open()).count(), 1);
    // The resting profit order stays at the broker while the daemon is away; here it does not fill,
    // for the venue was away as well.
    let monday: Timestamp = "2024-08-05T12:00:00Z".parse().unwrap();
    let venue = stage.live(monday, |scene| async move {
        scene.assert_books_agree().await;
        scene.venue_total().await
    });
    let positions = stage.positions();
    assert_eq!(positions[0].exit_reason, Some(ExitReason::Expired));
    assert_eq!(positions[0].pnl_usd(), venue);
}

#[test]
fn a_loop_that_panics_begins_anew() {
    let stage = Stage::new(quiet());
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:29:00"), move |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:35:00").await;
        faults.panics.store(1, Ordering::SeqCst);
        scene.until("10:40:00").await;
        assert_eq!(faults.panics.load(Ordering::SeqCst), 0, "it panicked");
        let reconciled = scene.desk.status().unwrap().reconciled_at.unwrap();
        assert!(reconciled >= at("10:39:00"), "{reconciled}: the books are kept again");
    });
}
