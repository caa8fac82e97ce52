//! `tomking journal` and `tomking store`, driven as a person drives them.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tomking::store::{Store, path_in};

use crate::day::{at, do_step, last_step};

fn tomking(data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tomking"))
        .arg("--data-dir")
        .arg(data)
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

/// A data directory with a store of `steps` steps.
fn data_of(steps: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_inline(&path_in(dir.path()), "test").unwrap();
    (1..=steps).for_each(|n| do_step(&store, n).unwrap());
    dir
}

/// A data directory with a store of so many journal entries that imply no state.
fn journal_of(entries: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_inline(&path_in(dir.path()), "test").unwrap();
    for n in 1..=entries {
        let write = store.write(move |tx| tx.journal(at(n), "test", "checklist", &n));
        futures::executor::block_on(write).unwrap();
    }
    dir
}

#[test]
fn verify_exits_0_for_a_whole_journal_and_1_against_another_head() {
    let dir = journal_of(11);
    let whole = tomking(dir.path(), &["journal", "verify"]);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));
    assert!(text(&whole.stdout).starts_with("The journal holds: 11 entries, 1 to 11, head "));

    let found = json(&tomking(dir.path(), &["journal", "verify", "--json"]));
    assert_eq!((&found["holds"], &found["journal"]["entries"]), (&true.into(), &11.into()));

    let anchor = format!("4:{}", "a".repeat(64));
    let other = tomking(dir.path(), &["journal", "verify", "--anchor", &anchor]);
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stdout).starts_with("The journal is broken at entry 4: replaced"));
    let bad = tomking(dir.path(), &["journal", "verify", "--anchor", "4:xyz"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn tail_shows_the_last_entries_the_oldest_first() {
    let dir = data_of(10);
    let shown = text(&tomking(dir.path(), &["journal", "tail", "-n", "2"]).stdout);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines[1].starts_with("      11  2024-08-02T13:35:00Z  management/"), "{shown}");
    let found = json(&tomking(dir.path(), &["journal", "tail", "-n", "3", "--json"]));
    let sequences: Vec<_> =
        found["entries"].as_array().unwrap().iter().map(|e| e["sequence"].clone()).collect();
    assert_eq!(sequences, [9, 10, 11].map(Value::from));
}

#[test]
fn backup_check_compact_and_restore_work_and_say_what_they_did() {
    let dir = data_of(10);
    let kept = dir.path().join("kept.redb");
    let kept = kept.to_str().unwrap();
    let made = json(&tomking(dir.path(), &["store", "backup", kept, "--json"]));
    assert_eq!(made["journal"]["sequence"], 11);
    let twice = tomking(dir.path(), &["store", "backup", kept]);
    assert_eq!(twice.status.code(), Some(1));

    let check = tomking(dir.path(), &["store", "check"]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    assert!(text(&check.stdout).contains("Every page holds its checksum. The journal holds"));
    let check = json(&tomking(dir.path(), &["store", "check", "--json"]));
    assert_eq!((&check["holds"], &check["check"]["schema"]), (&true.into(), &1.into()));

    let compact = json(&tomking(dir.path(), &["store", "compact", "--json"]));
    assert!(compact["bytes_after"].as_u64() <= compact["bytes_before"].as_u64());

    let store = Store::open_inline(&path_in(dir.path()), "test").unwrap();
    do_step(&store, 11).unwrap();
    drop(store);
    let refused = tomking(dir.path(), &["store", "restore", kept]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("is newer than the backup"));
    let done = tomking(dir.path(), &["store", "restore", kept, "--force"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("The replaced store is kept as "));
    assert_eq!(last_step(&Store::open_inline(&path_in(dir.path()), "test").unwrap()), 10);
}

#[test]
fn a_backup_without_a_name_is_named_by_its_time() {
    let dir = data_of(2);
    let made = json(&tomking(dir.path(), &["store", "backup", "--json"]));
    let path = made["path"].as_str().unwrap();
    assert!(Path::new(path).starts_with(dir.path().join("backups")), "{path}");
    assert!(Path::new(path).is_file());
}

#[test]
fn a_store_in_use_is_named_with_its_owner_and_a_missing_one_with_its_place() {
    let dir = data_of(2);
    let held = Store::open(&path_in(dir.path()), "tomking run").unwrap();
    for args in [&["journal", "verify"][..], &["store", "check"], &["store", "compact"]] {
        let output = tomking(dir.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let said = text(&output.stderr);
        let owner = format!("is in use by process {} (`tomking run`), since ", std::process::id());
        assert!(said.contains(&owner), "{args:?}: {said}");
    }
    drop(held);
    let empty = tempfile::tempdir().unwrap();
    let output = tomking(empty.path(), &["journal", "verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no store at "), "{}", text(&output.stderr));
    assert!(!path_in(empty.path()).exists(), "a look made a store");
}

#[test]
fn a_damaged_file_fails_the_check() {
    let dir = data_of(10);
    let path = path_in(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..320].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let output = tomking(dir.path(), &["store", "check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is damaged"), "{}", text(&output.stderr));
    let found = tomking(dir.path(), &["store", "check", "--json"]);
    assert_eq!((json(&found)["holds"].clone(), found.status.code()), (false.into(), Some(1)));
}

#[test]
fn a_backup_takes_both_sides_and_the_venues_is_put_back_only_where_there_is_none() {
    let dir = data_of(3);
    let venue = dir.path().join("venue.redb");
    drop(Store::open_inline(&venue, "test").unwrap());
    let file = dir.path().join("kept.redb");
    let made = tomking(dir.path(), &["store", "backup", file.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(dir.path().join("kept.venue.redb").exists());

    let restore = ["store", "restore", file.to_str().unwrap()];
    let left = tomking(dir.path(), &restore);
    assert!(text(&left.stdout).contains("was left as it is"), "{}", text(&left.stdout));
    std::fs::remove_file(&venue).unwrap();
    let back = tomking(dir.path(), &restore);
    assert!(text(&back.stdout).contains("the paper broker's side, from"), "{}", text(&back.stdout));
    assert!(venue.exists());
}
