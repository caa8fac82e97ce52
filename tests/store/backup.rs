//! Backups and restores, as a person would make and need them.

use std::path::Path;

use futures::executor::block_on;
use tomking::store::{self, Store, StoreError, restore};

use crate::day::{contents, do_step, last_step};

fn store_of(path: &Path, steps: u32) -> Store {
    let store = Store::open(path, "test").unwrap();
    (last_step(&store) + 1..=steps).for_each(|n| do_step(&store, n).unwrap());
    store
}

#[test]
fn a_backup_made_under_writes_is_one_moment_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of(&dir.path().join("tomking.redb"), 5);
    let to = dir.path().join("backup.redb");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (6..=60).for_each(|n| do_step(&store, n).unwrap()));
        let mut made = 0;
        while !writer.is_finished() || made == 0 {
            let backup = store.backup(&to).unwrap();
            let copy = Store::open_inline(&to, "test").unwrap();
            let step = last_step(&copy);
            let expected = crate::day::expected(step);
            assert!(contents(&copy) == expected[step as usize], "step {step}");
            assert_eq!(copy.journal_head().unwrap(), backup.journal);
            assert_eq!(copy.verify_journal(&[]).unwrap().broken, None);
            made += 1;
        }
    });
}

#[test]
fn a_store_in_memory_can_be_kept_as_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    (1..=20).for_each(|n| do_step(&store, n).unwrap());
    let to = dir.path().join("kept.redb");
    store.backup(&to).unwrap();
    assert!(contents(&Store::open_inline(&to, "test").unwrap()) == contents(&store));
}

#[test]
fn a_restore_brings_the_backup_and_keeps_what_was_there_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (path, kept) = (dir.path().join("tomking.redb"), dir.path().join("backup.redb"));
    let store = store_of(&path, 8);
    let at_backup = contents(&store);
    store.backup(&kept).unwrap();
    drop(store);

    // The same state again: nothing newer is lost.
    assert!(restore(&kept, &path, "test", false).unwrap().replaced.is_some());

    let store = store_of(&path, 9);
    let newer = contents(&store);
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let refused = restore(&kept, &path, "test", false);
    let Err(StoreError::Refused(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("is newer than the backup") && why.contains("--force"), "{why}");
    assert!(std::fs::read(&path).unwrap() == before, "the newer store was touched");

    let done = restore(&kept, &path, "test", true).unwrap();
    assert!(contents(&Store::open(&path, "test").unwrap()) == at_backup);
    let aside = done.replaced.unwrap();
    assert_eq!(aside, dir.path().join("tomking.redb.replaced-2"));
    assert!(contents(&Store::open(&aside, "test").unwrap()) == newer);
}

#[test]
fn a_restore_to_a_new_place_needs_no_force() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("backup.redb");
    let store = store_of(&dir.path().join("tomking.redb"), 4);
    store.backup(&kept).unwrap();
    let path = dir.path().join("elsewhere/tomking.redb");
    assert_eq!(restore(&kept, &path, "test", false).unwrap().replaced, None);
    assert!(contents(&Store::open(&path, "test").unwrap()) == contents(&store));
}

#[test]
fn a_damaged_backup_is_refused_and_a_damaged_store_replaced_only_with_force() {
    let dir = tempfile::tempdir().unwrap();
    let (path, kept) = (dir.path().join("tomking.redb"), dir.path().join("backup.redb"));
    let store = store_of(&path, 8);
    store.backup(&kept).unwrap();
    drop(store);
    let whole = std::fs::read(&kept).unwrap();

    std::fs::write(&kept, &whole[..whole.len() / 2]).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = restore(&kept, &path, "test", true);
    assert!(refused.is_err(), "{refused:?}");
    assert!(std::fs::read(&path).unwrap() == before, "the store was touched");

    std::fs::write(&kept, &whole).unwrap();
    std::fs::write(&path, b"rubbish").unwrap();
    let refused = restore(&kept, &path, "test", false);
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let done = restore(&kept, &path, "test", true).unwrap();
    assert_eq!(std::fs::read(done.replaced.unwrap()).unwrap(), b"rubbish");
    assert_eq!(last_step(&Store::open(&path, "test").unwrap()), 8);
}

#[test]
fn compaction_gives_back_what_an_open_reader_made_the_file_grow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let store = store_of(&path, 1);
    store
        .read(|_| {
            (2..=120).for_each(|n| do_step(&store, n).unwrap());
            Ok(())
        })
        .unwrap();
    let holds = contents(&store);
    let in_use = store::compact(&path, "test");
    let Err(StoreError::Held { owner, .. }) = in_use else { panic!("{in_use:?}") };
    assert!(owner.starts_with(&format!("process {}", std::process::id())), "{owner}");
    drop(store);
    let done = store::compact(&path, "test").unwrap();
    assert!(done.bytes_after * 2 < done.bytes_before, "{done:?}");
    assert!(contents(&Store::open(&path, "test").unwrap()) == holds);
}

#[test]
fn a_write_goes_on_when_its_caller_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let store = Store::open(&path, "test").unwrap();
    block_on(async {
        let write = store.write(|tx| crate::day::step(tx, 1));
        futures::pin_mut!(write);
        assert!(futures::poll!(write.as_mut()).is_pending());
    });
    drop(store); // lets the queue run dry
    assert_eq!(last_step(&Store::open(&path, "test").unwrap()), 1);
}
