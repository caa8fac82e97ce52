//! Files of each released schema open and read, for ever. A file is made by the release it is of
//! and never made anew; `keep_a_file_of_the_present_schema` makes the one of a new schema.

use std::path::{Path, PathBuf};

use tomking::store::Store;

use crate::day::{contents, do_step, expected};

const STEPS: u32 = 12;

fn fixture(schema: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store/schema-{schema}.redb"))
}

#[test]
fn a_file_of_schema_1_opens_with_all_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    std::fs::copy(fixture(1), &path).unwrap();
    let store = Store::open(&path, "test").unwrap();
    assert!(contents(&store) == expected(STEPS)[STEPS as usize]);
    let journal = store.verify_journal(&[]).unwrap();
    assert_eq!((journal.broken, journal.entries), (None, 13));
    // The digest the release gave; another one means that the hash chain changed its form.
    assert_eq!(journal.head.hash, include_str!("../fixtures/store/schema-1.head").trim());
    do_step(&store, STEPS + 1).unwrap();
}

#[test]
#[ignore = "writes the fixture of a schema; run once, when the schema is released"]
fn keep_a_file_of_the_present_schema() {
    let store = Store::in_memory().unwrap();
    (1..=STEPS).for_each(|n| do_step(&store, n).unwrap());
    let to = fixture(1);
    assert!(!to.exists(), "{} is there already and is never made anew", to.display());
    store.backup(&to).unwrap();
    std::fs::write(to.with_extension("head"), store.journal_head().unwrap().hash + "\n").unwrap();
}
