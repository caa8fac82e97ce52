//! The latch's own rules, on a bare store.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::TimeDelta;
use futures::executor::block_on;

use super::world::{Stage, at, quiet};
use crate::{
    account::hold::{Hold, Level},
    clock::{Runtime, Timestamp},
    desk::{
        latch::{
            BY_FILE, Change, HALT_FILE, Latch, Leaving, apply_offline, change, end_timed, level_of,
            set_hold,
        },
        read,
    },
    notice::{Notice, OUTBOX},
    store::{Read, Store},
};

fn hold(name: &str, level: Level, since: Timestamp, until: Option<Timestamp>) -> Hold {
    Hold { name: name.to_owned(), level, cause: format!("{name} test"), since, until }
}

#[test]
fn the_strictest_hold_rules_but_a_later_flatten_overrules_a_halt() {
    let (early, late) = (at("10:00:00"), at("11:00:00"));
    let cases: [(Vec<(Level, Timestamp)>, Level); 6] = [
        (vec![], Level::Active),
        (vec![(Level::Reducing, early)], Level::Reducing),
        (vec![(Level::Reducing, late), (Level::Halted, early)], Level::Halted),
        (vec![(Level::Flattening, late), (Level::Halted, early)], Level::Flattening),
        (vec![(Level::Flattening, early), (Level::Halted, late)], Level::Halted),
        (vec![(Level::Flattening, early), (Level::Reducing, late)], Level::Flattening),
    ];
    for (held, expected) in cases {
        let holds: Vec<Hold> =
            held.iter().map(|(level, since)| hold("h", *level, *since, None)).collect();
        assert_eq!(level_of(&holds), expected, "{held:?}");
    }
}

#[test]
fn what_may_leave_follows_from_the_level() {
    let now = at("12:00:00");
    let fresh = Leaving::ClosingToday { confirmed_at: now - TimeDelta::seconds(59) };
    let stale = Leaving::ClosingToday { confirmed_at: now - TimeDelta::seconds(60) };
    let cases = [
        (None, [true, true, true, true]),
        (Some(Level::Reducing), [false, true, true, true]),
        (Some(Level::Flattening), [false, true, true, true]),
        (Some(Level::Halted), [false, false, true, false]),
    ];
    for (level, expected) in cases {
        let store = Store::in_memory().unwrap();
        if let Some(level) = level {
            let held = hold("test", level, now, None);
            block_on(store.write(move |tx| set_hold(tx, &held, "test", now))).unwrap();
        }
        let latch = Latch::load(&store, None).unwrap();
        let found = [Leaving::Opening, Leaving::Closing, fresh, stale]
            .map(|leaving| latch.check(leaving, now).is_ok());
        assert_eq!(found, expected, "{level:?}");
    }
}

#[test]
fn resume_ends_manual_holds_only_and_timed_ones_end_after_their_time() {
    let store = Store::in_memory().unwrap();
    let now = at("12:00:00");
    let until = now + TimeDelta::hours(1);
    let holds = [
        hold("manual", Level::Halted, now, None),
        hold("timed", Level::Reducing, now, Some(until)),
    ];
    block_on(
        store.write(move |tx| holds.iter().try_for_each(|held| set_hold(tx, held, "test", now))),
    )
    .unwrap();
    let names = |store: &Store| -> Vec<String> {
        store.read(read::holds).unwrap().into_iter().map(|held| held.name).collect()
    };
    block_on(store.write(move |tx| change(tx, Change::Resume, "test", "operator", now))).unwrap();
    assert_eq!(names(&store), ["timed"]);
    let early = until - TimeDelta::milliseconds(1);
    block_on(store.write(move |tx| end_timed(tx, "test", early))).unwrap();
    assert_eq!(names(&store), ["timed"]);
    block_on(store.write(move |tx| end_timed(tx, "test", until))).unwrap();
    assert_eq!(names(&store), [""; 0]);
}

#[test]
fn a_halt_stops_a_breakers_flatten_also_after_the_clock_stepped_back() {
    for step in [-3600, 0, 3600] {
        let store = Store::in_memory().unwrap();
        let asked = at("12:00:00");
        let flatten = hold("drawdown", Level::Flattening, asked, None);
        block_on(store.write(move |tx| set_hold(tx, &flatten, "test", asked))).unwrap();
        let now = asked + TimeDelta::seconds(step);
        block_on(store.write(move |tx| change(tx, Change::Halt, "test", "operator", now))).unwrap();
        assert_eq!(level_of(&store.read(read::holds).unwrap()), Level::Halted, "{step}");
    }
}

#[test]
fn reduce_never_loosens_and_each_change_of_level_is_told_once() {
    let store = Store::in_memory().unwrap();
    let now = at("12:00:00");
    for what in [Change::Halt, Change::Halt, Change::Reduce, Change::Resume, Change::Reduce] {
        block_on(store.write(move |tx| change(tx, what, "test", "operator", now))).unwrap();
    }
    let rows = store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
    let levels: Vec<String> = rows
        .into_iter()
        .map(|(_, row)| match row.notice {
            Notice::Latch { level, .. } => level,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(levels, ["HALTED", "ACTIVE", "REDUCING"]);
}

#[test]
fn the_latch_of_a_store_without_a_daemon_changes_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let (now, file) = (at("12:00:00"), dir.path().join(HALT_FILE));
    let apply = |what| {
        block_on(apply_offline(&store, Some(dir.path()), what, "test", "operator", now)).unwrap()
    };
    assert_eq!(apply(Change::Halt).level, Level::Halted);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "test");
    assert_eq!(Latch::load(&store, Some(dir.path())).unwrap().level(), Level::Halted);
    assert_eq!(apply(Change::Flatten).level, Level::Flattening);
    assert!(!file.exists());
    assert_eq!(apply(Change::Resume).level, Level::Active);
    // A file made by hand while nothing runs halts the next start, and resume takes it away.
    std::fs::write(&file, "").unwrap();
    let latch = Latch::load(&store, Some(dir.path())).unwrap();
    assert!(latch.file_is_news());
    assert_eq!(latch.level(), Level::Halted);
    assert_eq!(latch.ruling(now)[0].name, BY_FILE);
    apply(Change::Resume);
    assert_eq!(latch.level(), Level::Active);
}

#[test]
fn a_halt_is_in_force_before_the_store_knows_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let latch = Latch::load(&store, Some(dir.path())).unwrap();
    latch.shut("test").unwrap();
    latch.refresh(&store).unwrap();
    assert_eq!(latch.level(), Level::Halted, "a refresh from before the commit opens nothing");
    assert!(dir.path().join(HALT_FILE).exists());
    latch.release();
    assert_eq!(latch.level(), Level::Halted, "the file holds it");
}

#[test]
fn a_resume_opens_however_busy_the_desk_is_with_the_halt_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(quiet());
    stage.data_dir = Some(dir.path().to_owned());
    stage.store = Store::open(&dir.path().join("tomking.redb"), "test").unwrap();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(async move {
        let rt = Runtime::live();
        let (desk, _broker) = stage.start(rt.clone()).await;
        for round in 0..100 {
            let halted = desk.halt("test", "operator").await.unwrap();
            assert_eq!(halted.level, Level::Halted, "round {round}");
            let busy = Arc::new(AtomicBool::new(true));
            let (watcher, on) = (Arc::clone(&desk), Arc::clone(&busy));
            let watch = tokio::runtime::Handle::current().spawn(async move {
                while on.load(Ordering::SeqCst) {
                    watcher.heed_file().await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            desk.resume("test", "operator").await.unwrap();
            busy.store(false, Ordering::SeqCst);
            watch.await.unwrap();
            assert_eq!(
                desk.level(),
                Level::Active,
                "round {round}: {:?}",
                desk.status().unwrap().holds
            );
        }
    });
}
