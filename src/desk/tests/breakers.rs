//! The breakers over a working desk: holds set and ended, restarts, wild opens.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;
use rust_decimal::dec;

use super::world::{Script, Stage, at, dipping, falling, quiet, without_decay};
use crate::{
    account::{ExitReason, hold::Level},
    clock::Timestamp,
    desk::LatchError,
    notice::Notice,
};

fn holds(stage: &Stage) -> Vec<(String, Level, Option<Timestamp>)> {
    let held = stage.store.read(crate::desk::read::holds).unwrap();
    held.into_iter().map(|hold| (hold.name, hold.level, hold.until)).collect()
}

#[test]
fn a_vix_spike_closes_zero_dte_and_stops_entries_for_48_hours_over_a_restart() {
    let vix = |now: Timestamp| if now >= at("11:00:00") { dec!(22.50) } else { dec!(22.49) };
    let stage = Stage::new(Script { vix, ..without_decay() });
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:00:55").await;
        assert_eq!(scene.desk.open_count(), 1);
        assert_eq!(scene.desk.level(), Level::Active);
        scene.until("11:05:00").await;
        assert_eq!(scene.desk.open_count(), 0);
        assert_eq!(scene.desk.level(), Level::Reducing);
        scene.assert_books_agree().await;
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::VixSpike));
    let (name, level, until) = holds(&stage).remove(0);
    assert_eq!((name.as_str(), level), ("vix-spike", Level::Reducing));
    let until = until.unwrap();
    assert!(until >= at("11:01:00") + TimeDelta::hours(48));
    assert!(until < at("11:03:00") + TimeDelta::hours(48));
    // It outlives a restart and ends by itself after its time.
    let mut stage = stage;
    stage.script = quiet();
    stage.live(until - TimeDelta::minutes(1), move |scene| async move {
        assert_eq!(scene.desk.level(), Level::Reducing);
        scene.rt.sleep_until(until + TimeDelta::seconds(15)).await;
        assert_eq!(scene.desk.level(), Level::Active);
    });
}

#[test]
fn a_silent_broker_stops_entries_and_ten_clean_minutes_end_it() {
    let stage = Stage::new(quiet());
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:00:00"), move |scene| async move {
        faults.silent.store(true, Ordering::SeqCst);
        scene.until("10:05:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
        scene.until("10:08:00").await;
        assert_eq!(scene.desk.level(), Level::Reducing);
        faults.silent.store(false, Ordering::SeqCst);
        scene.until("10:17:00").await;
        assert_eq!(scene.desk.level(), Level::Reducing);
        scene.until("10:20:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
    });
}

#[test]
fn a_broker_silent_for_half_an_hour_halts_until_resumed_over_a_restart() {
    let stage = Stage::new(quiet());
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:00:00"), move |scene| async move {
        faults.silent.store(true, Ordering::SeqCst);
        scene.until("10:20:00").await;
    });
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:20:30"), move |scene| async move {
        assert_eq!(scene.desk.level(), Level::Reducing);
        scene.until("10:33:00").await;
        assert_eq!(scene.desk.level(), Level::Halted);
        faults.silent.store(false, Ordering::SeqCst);
        scene.until("11:00:00").await;
        assert_eq!(scene.desk.level(), Level::Halted);
        scene.desk.resume("test", "operator").await.unwrap();
        scene.until("11:05:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
    });
    let told = stage.notices();
    let telephone = |notice: &&Notice| matches!(notice, Notice::Breaker { text, critical: true, .. } if text.contains("telephone"));
    assert_eq!(told.iter().filter(telephone).count(), 1, "{told:?}");
}

#[test]
fn a_silent_feed_suspends_the_stop_and_the_stop_fires_when_it_is_back() {
    let heard = |now: Timestamp| {
        let silent = (at("11:15:00")..at("11:35:00")).contains(&now);
        if silent { at("11:15:00") } else { now }
    };
    let stage = Stage::new(Script { heard, ..dipping() });
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:16:59").await;
        assert_eq!(scene.desk.level(), Level::Active);
        scene.until("11:19:00").await;
        assert_eq!(scene.desk.level(), Level::Reducing);
        scene.until("11:34:30").await;
        assert_eq!(scene.desk.open_count(), 1, "the dip did not stop it");
        scene.until("11:39:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
        assert_eq!(scene.desk.open_count(), 0, "the feed is back while the dip lasts");
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::Stop));
}

#[test]
fn a_deep_drawdown_flattens_and_locks_the_resume_for_fourteen_days() {
    let mut stage = Stage::new(falling());
    let rules = &mut stage.rulebook.breakers.drawdown;
    (rules.half_until_percent, rules.half_percent) = (dec!(0.2), dec!(0.3));
    (rules.reducing_percent, rules.flatten_percent) = (dec!(0.4), dec!(0.6));
    stage.rulebook.friday_0dte.stop_credits = dec!(99);
    stage.rulebook.friday_0dte.stop_credits_rich = dec!(99);
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("12:00:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
        scene.until("12:30:00").await;
        assert_eq!(scene.desk.open_count(), 0);
        assert_eq!(scene.desk.level(), Level::Halted);
        let refused = scene.desk.resume("test", "operator").await;
        let Err(LatchError::Store(why)) = refused else { panic!("{refused:?}") };
        let why = why.to_string();
        assert!(why.starts_with("resume is refused until 2024-08-16 12:"), "{why}");
        assert_eq!(scene.desk.level(), Level::Halted);
        let over = scene.desk.resume_over(Some("looked at it"), "test", "operator").await.unwrap();
        assert_eq!(over.level, Level::Active);
        scene.until("13:30:00").await;
        assert_eq!(scene.desk.level(), Level::Active, "measured anew");
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::Flatten));
}

#[test]
fn in_a_drawdown_half_of_one_unit_is_none() {
    let mut stage = Stage::new(quiet());
    let store = stage.store.clone();
    stage.rulebook.breakers.drawdown.half_percent = dec!(10);
    stage.live(at("09:50:00"), move |scene| async move {
        scene.until("10:20:00").await;
        let mut state = scene.desk.breakers().unwrap();
        state.drawdown.halved = true;
        state.drawdown.percent = Some(dec!(10.4));
        let write = move |tx: &mut crate::store::WriteTx| {
            tx.put(&crate::desk::tables::BREAKERS, crate::desk::tables::BREAKERS_KEY, &state)
        };
        store.write(write).await.unwrap();
        let summary = scene.job("friday-0dte-entry", "10:30:00").await;
        let wanted = "drawdown 10.4 % halves new orders, and half of 1 unit is none";
        assert!(summary.contains(wanted), "{summary}");
    });
    assert!(stage.positions().is_empty());
}

#[test]
fn the_exchanges_halt_ends_by_itself() {
    let mut stage = Stage::new(falling());
    stage.rulebook.breakers.exchange.level_1_percent = dec!(1);
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("12:13:00").await;
        assert_eq!(scene.desk.level(), Level::Halted);
        scene.until("12:30:00").await;
        assert_eq!(scene.desk.level(), Level::Active);
    });
}

#[test]
fn a_wild_open_trips_nothing_and_fair_marks_after_it_count() {
    // What is held over the night is worth many times as much until a quarter to ten.
    let vol = |now: Timestamp| {
        let monday = at("09:30:00") + TimeDelta::days(3);
        if (monday..monday + TimeDelta::minutes(15)).contains(&now) { 3.0 } else { 0.22 }
    };
    let vix = |now: Timestamp| {
        let monday = at("09:30:00") + TimeDelta::days(3);
        let wild = (monday..monday + TimeDelta::minutes(15)).contains(&now);
        if wild { dec!(65.73) } else { dec!(15) }
    };
    let mut stage = Stage::new(Script { vol, vix, ..quiet() });
    let rules = &mut stage.rulebook.breakers;
    (rules.drawdown.alert_percent, rules.day_loss.percent) = (dec!(3), dec!(2));
    (rules.drawdown.half_until_percent, rules.drawdown.half_percent) = (dec!(3), dec!(4));
    stage.live(at("10:00:00"), |scene| async move {
        super::stops::sell_outside(&scene).await;
        let monday = TimeDelta::days(3);
        for clock in ["09:31:00", "09:36:00", "09:41:00", "09:44:30", "09:50:00", "10:30:00"] {
            scene.rt.sleep_until(at(clock) + monday).await;
            scene.desk.look_at_breakers().await.unwrap();
            assert_eq!(scene.desk.level(), Level::Active, "{clock}");
        }
        let state = scene.desk.breakers().unwrap();
        assert!(state.drawdown.percent.unwrap() < dec!(3), "{state:?}");
        assert_eq!(state.vix.level, Some(dec!(15)), "fair marks count");
    });
    let told = stage.notices();
    assert!(!told.iter().any(|notice| matches!(notice, Notice::Breaker { .. })), "{told:?}");
}

#[test]
fn a_clock_put_back_or_on_trips_no_breaker() {
    let stage = Stage::new(without_decay());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        for minutes in [40, -35, 20, -20] {
            scene.rt.sleep(TimeDelta::minutes(3)).await;
            scene.clock.step(TimeDelta::minutes(minutes));
        }
        scene.rt.sleep(TimeDelta::minutes(5)).await;
        assert_eq!(scene.desk.level(), Level::Active);
        assert_eq!(scene.desk.open_count(), 1);
    });
}
