//! A disk that fills up or dies in mid-write: the commit fails, the store stops for good and says
//! so, and the file opens again with the last good state.

use std::io::ErrorKind;

use futures::{FutureExt, executor::block_on};
use tomking::{
    sim::chaos::disk::Disk,
    store::{Store, StoreError},
};

use crate::day::{contents, do_step, expected, last_step};

const STEPS: u32 = 12;

/// Works until a step fails; the number of steps acknowledged.
fn work(store: &Store) -> (u32, Option<StoreError>) {
    for n in 1..=STEPS {
        if let Err(error) = do_step(store, n) {
            return (n - 1, Some(error));
        }
    }
    (STEPS, None)
}

fn operations_of_the_day() -> usize {
    let disk = Disk::default().recording();
    let store = Store::with_backend(disk.clone()).unwrap();
    disk.forget_ops();
    assert_eq!(work(&store).0, STEPS);
    disk.ops_count()
}

#[test]
fn a_write_that_fails_stops_the_store_and_the_file_keeps_the_last_good_state() {
    let expected = expected(STEPS);
    for count in 0..operations_of_the_day() {
        for how in [ErrorKind::StorageFull, ErrorKind::Other] {
            let what = format!("{how:?} after {count} operations");
            let disk = Disk::default();
            let store = Store::with_backend(disk.clone()).unwrap();
            disk.break_after(count, how);
            assert_eq!(store.failure(), None);
            assert!(store.failed().now_or_never().is_none(), "{what}");

            let (done, error) = work(&store);
            let error = error.unwrap_or_else(|| panic!("{what}: no step failed"));
            assert!(matches!(error, StoreError::Engine(_)), "{what}: {error}");
            let later = do_step(&store, 99);
            assert!(matches!(later, Err(StoreError::Failed(_))), "{what}: {later:?}");
            assert_eq!(block_on(store.failed()), error.to_string(), "{what}");

            drop(store);
            let store = Store::with_backend(Disk::of(disk.bytes()))
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = last_step(&store);
            assert!((done..=done + 1).contains(&found), "{what}: {done} done, {found} found");
            assert!(contents(&store) == expected[found as usize], "{what}: half a step");
            assert_eq!(store.verify_journal(&[]).unwrap().broken, None, "{what}");
        }
    }
}
