//! The desk's loops give signs of life in a day of trading, over a night, with a broker that hangs;
//! and none when one of them really hangs.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;

use super::world::{Scene, Stage, at, falling};
use crate::{alert::lifeline::SILENT_MOST, vital::Watcher};

const LOOK: TimeDelta = TimeDelta::seconds(5);

/// A stage whose desk looks for the `HALT` file, as live: its loops then never rest for long.
fn stage() -> (Stage, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(falling());
    stage.data_dir = Some(dir.path().to_owned());
    (stage, dir)
}

/// The longest silence of each loop until `clock`.
async fn silences(scene: &Scene, clock: &str) -> Vec<(&'static str, i64)> {
    let named = scene.desk.loops().into_iter();
    let mut watched: Vec<_> = named.map(|(name, turns)| (name, Watcher::new(turns), 0)).collect();
    while scene.rt.now() < at(clock) {
        scene.rt.sleep(LOOK).await;
        for (_, watcher, most) in &mut watched {
            *most = watcher.look(LOOK).num_seconds().max(*most);
        }
    }
    watched.into_iter().map(|(name, _, most)| (name, most)).collect()
}

fn assert_alive(found: &[(&'static str, i64)]) {
    assert_eq!(found.len(), 3);
    for (name, silent) in found {
        assert!(*silent <= 15, "{name} was silent for {silent} s: {found:?}");
    }
}

#[test]
fn a_day_with_a_stop_and_the_night_after_are_full_of_life() {
    let (stage, _dir) = stage();
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        assert_alive(&silences(&scene, "16:30:00").await);
        assert_alive(&silences(&scene, "23:00:00").await);
    });
}

#[test]
fn a_broker_that_does_not_answer_is_no_hang() {
    let (stage, _dir) = stage();
    let faults = std::sync::Arc::clone(&stage.faults);
    stage.live(at("10:29:59"), |scene| async move {
        faults.hang.store(u32::MAX, Ordering::SeqCst);
        scene.job("friday-0dte-entry", "10:30:00").await;
        assert_alive(&silences(&scene, "10:35:00").await);
        faults.silent.store(true, Ordering::SeqCst);
        assert_alive(&silences(&scene, "11:20:00").await);
    });
}

#[test]
fn a_loop_that_waits_for_ever_is_found() {
    let (stage, _dir) = stage();
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:32:00").await;
        let turn = scene.desk.turn.lock().await;
        let found = silences(&scene, "10:34:00").await;
        let positions = found.iter().find(|(name, _)| *name == "the positions").unwrap();
        assert!(TimeDelta::seconds(positions.1) >= SILENT_MOST, "{found:?}");
        drop(turn);
        let after = silences(&scene, "10:36:00").await;
        assert_alive(&after);
    });
}
