use futures::executor::block_on;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::clock::Timestamp;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    n: i64,
}

const ROWS: Table<Row> = Table::new("rows", 1);
const ROWS_V2: Table<Row> = Table::new("rows", 2);

fn at() -> Timestamp {
    "2024-08-02T13:30:00Z".parse().unwrap()
}

/// The same store three ways: in memory, over a file inline, over a file with its thread.
fn every_store(check: impl Fn(&Store)) {
    check(&Store::in_memory().unwrap());
    let dir = tempfile::tempdir().unwrap();
    check(&Store::open_inline(&dir.path().join("inline.redb"), "test").unwrap());
    check(&Store::open(&dir.path().join("thread.redb"), "test").unwrap());
}

fn put(store: &Store, rows: &'static [(&'static str, i64)]) {
    block_on(
        store.write(move |tx| {
            rows.iter().try_for_each(|(key, n)| tx.put(&ROWS, key, &Row { n: *n }))
        }),
    )
    .unwrap();
}

fn keys(rows: Vec<(String, Row)>) -> Vec<String> {
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_missing_table_reads_as_empty() {
    every_store(|store| {
        store
            .read(|tx| {
                assert_eq!(tx.get(&ROWS, "a")?, None);
                assert_eq!(tx.list(&ROWS, "")?, vec![]);
                assert_eq!(tx.last(&ROWS, "", 3)?, vec![]);
                assert_eq!(tx.first_after(&ROWS, "")?, None);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn rows_are_listed_by_prefix_and_the_last_come_first() {
    every_store(|store| {
        put(store, &[("b/1", 1), ("b/2", 2), ("a", 0), ("b/3", 3), ("c", 9)]);
        store
            .read(|tx| {
                assert_eq!(keys(tx.list(&ROWS, "b/")?), ["b/1", "b/2", "b/3"]);
                assert_eq!(keys(tx.last(&ROWS, "b/", 2)?), ["b/3", "b/2"]);
                assert_eq!(keys(tx.last(&ROWS, "b/", 0)?), Vec::<String>::new());
                assert_eq!(keys(tx.range(&ROWS, "b/2", "c")?), ["b/2", "b/3"]);
                assert_eq!(keys(tx.range(&ROWS, "c", "b")?), Vec::<String>::new());
                assert_eq!(tx.first_after(&ROWS, "b/3")?, Some(("c".to_owned(), Row { n: 9 })));
                assert_eq!(tx.get(&ROWS, "a")?, Some(Row { n: 0 }));
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn a_transaction_reads_its_own_writes_above_what_was_there() {
    every_store(|store| {
        put(store, &[("a", 1), ("b", 2), ("d", 4)]);
        block_on(store.write(|tx| {
            assert!(tx.remove(&ROWS, "b")?);
            assert!(!tx.remove(&ROWS, "b")?);
            tx.put(&ROWS, "c", &Row { n: 3 })?;
            tx.put(&ROWS, "a", &Row { n: 7 })?;
            assert_eq!(tx.get(&ROWS, "a")?, Some(Row { n: 7 }));
            assert_eq!(keys(tx.list(&ROWS, "")?), ["a", "c", "d"]);
            assert_eq!(keys(tx.last(&ROWS, "", 2)?), ["d", "c"]);
            Ok(())
        }))
        .unwrap();
        assert_eq!(keys(store.read(|tx| tx.list(&ROWS, "")).unwrap()), ["a", "c", "d"]);
    });
}

#[test]
fn an_error_or_a_panic_in_a_transaction_leaves_nothing_written_and_the_store_goes_on() {
    every_store(|store| {
        let refused = block_on(store.write(|tx| {
            tx.put(&ROWS, "a", &Row { n: 1 })?;
            tx.journal(at(), "test", "put", &1)?;
            Err::<(), _>(StoreError::Refused("planted".to_owned()))
        }));
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        let panicked = block_on(store.write(|tx| {
            tx.put(&ROWS, "a", &Row { n: 1 })?;
            tx.next_sequence("s")?;
            assert_eq!(tx.get(&ROWS, "a")?, None, "planted");
            Ok(())
        }));
        assert!(matches!(panicked, Err(StoreError::Panicked(ref why)) if why.contains("planted")));
        assert_eq!(store.failure(), None);
        assert_eq!(store.read(|tx| tx.get(&ROWS, "a")).unwrap(), None);
        assert_eq!(store.journal_head().unwrap(), JournalHead::empty());
        assert_eq!(block_on(store.write(|tx| tx.next_sequence("s"))).unwrap(), 1);
    });
}

#[test]
fn another_version_of_a_table_is_refused_not_misread() {
    every_store(|store| {
        put(store, &[("a", 1)]);
        let read = store.read(|tx| tx.get(&ROWS_V2, "a"));
        assert!(matches!(read, Err(StoreError::Shape { .. })), "{read:?}");
        let written = block_on(store.write(|tx| tx.put(&ROWS_V2, "a", &Row { n: 2 })));
        let Err(error) = written else { panic!("the other version was written") };
        assert_eq!(
            error.to_string(),
            "store: table `rows` holds `tomking::json:v1`, this program reads `tomking::json:v2`"
        );
        assert_eq!(store.read(|tx| tx.get(&ROWS, "a")).unwrap(), Some(Row { n: 1 }));
    });
}

#[test]
fn sequences_count_from_one_and_apart() {
    every_store(|store| {
        let next = |name: &'static str| block_on(store.write(move |tx| tx.next_sequence(name)));
        assert_eq!([next("a"), next("a"), next("b"), next("a")].map(Result::unwrap), [1, 2, 1, 3]);
    });
}

#[test]
fn the_journal_is_numbered_from_one_and_each_entry_names_the_one_before() {
    every_store(|store| {
        block_on(store.write(|tx| {
            tx.journal(at(), "run x", "first", &serde_json::json!({"n": 1}))?;
            tx.journal(at(), "run x", "second", &"two")
        }))
        .unwrap();
        block_on(store.write(|tx| tx.journal(at(), "halt", "third", &()))).unwrap();
        let entries = store.read(|tx| tx.journal_tail(10)).unwrap();
        let numbers: Vec<_> = entries.iter().map(|e| (e.sequence, e.kind.as_str())).collect();
        assert_eq!(numbers, [(1, "first"), (2, "second"), (3, "third")]);
        assert_eq!(entries[0].previous, "0".repeat(64));
        assert_eq!(entries[1].previous, entries[0].hash);
        assert_eq!(entries[2].previous, entries[1].hash);
        let head = store.journal_head().unwrap();
        assert_eq!((head.sequence, &head.hash), (3, &entries[2].hash));
    });
}

#[test]
fn a_snapshot_does_not_see_a_later_write() {
    every_store(|store| {
        put(store, &[("a", 1)]);
        store
            .read(|tx| {
                put(store, &[("a", 2), ("b", 2)]);
                assert_eq!(tx.get(&ROWS, "a")?, Some(Row { n: 1 }));
                assert_eq!(tx.get(&ROWS, "b")?, None);
                Ok(())
            })
            .unwrap();
        assert_eq!(store.read(|tx| tx.get(&ROWS, "a")).unwrap(), Some(Row { n: 2 }));
    });
}

#[test]
fn a_closed_file_opens_with_all_that_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let store = Store::open(&path, "test").unwrap();
    put(&store, &[("a", 1)]);
    let second = Store::open(&path, "test");
    let Err(StoreError::Held { owner, .. }) = second else { panic!("opened twice") };
    assert!(owner.starts_with(&format!("process {} (`test`)", std::process::id())), "{owner}");
    drop(store);
    let store = Store::open(&path, "test").unwrap();
    assert_eq!(store.left_by(), None);
    assert_eq!(store.read(|tx| tx.get(&ROWS, "a")).unwrap(), Some(Row { n: 1 }));
}

/// One act inside a transaction, or its end.
#[derive(Debug, Clone)]
enum Act {
    Put(usize, i64),
    Remove(usize),
    Next,
    Journal(i64),
    Commit,
    Abort,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0usize..12, 0i64..1000).prop_map(|(key, n)| Act::Put(key, n)),
        3 => (0usize..12).prop_map(Act::Remove),
        1 => Just(Act::Next),
        1 => (0i64..9).prop_map(Act::Journal),
        2 => Just(Act::Commit),
        1 => Just(Act::Abort),
    ]
}

/// Keys that share prefixes and stand next to each other.
const KEYS: [&str; 12] =
    ["", "a", "a/", "a/1", "a/2", "a0", "b", "b/\u{10FFFF}", "b/é", "b/\u{D7FF}", "b/z", "c"];

/// All a transaction can see, by every way of reading.
fn seen(tx: &impl Read) -> Result<String, StoreError> {
    let mut lines = vec![format!("{:?} {:?}", tx.journal_head()?, tx.journal_tail(3)?)];
    for key in KEYS {
        lines.push(format!(
            "{key}: {:?} {:?} {:?} {:?} {:?}",
            tx.get(&ROWS, key)?,
            tx.list(&ROWS, key)?,
            tx.last(&ROWS, key, 2)?,
            tx.first_after(&ROWS, key)?,
            tx.range(&ROWS, key, "b/é")?,
        ));
    }
    Ok(lines.join("\n"))
}

/// Runs the acts in one transaction; what it saw after each of them.
fn transact(store: &Store, acts: Vec<Act>, commit: bool) -> Vec<String> {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let _ = block_on(store.write(move |tx| {
        for act in acts {
            let said = match act {
                Act::Put(key, n) => tx.put(&ROWS, KEYS[key], &Row { n }).map(|()| 0),
                Act::Remove(key) => tx.remove(&ROWS, KEYS[key]).map(u64::from),
                Act::Next => tx.next_sequence("s"),
                Act::Journal(n) => tx.journal(at(), "test", "act", &n).map(|()| 0),
                Act::Commit | Act::Abort => Ok(0),
            }?;
            tell.lock().unwrap().push(format!("{said} {}", seen(tx)?));
        }
        if commit { Ok(()) } else { Err(StoreError::Refused("aborted".to_owned())) }
    }));
    let told = told.lock().unwrap();
    told.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn memory_and_redb_cannot_be_told_apart(acts in proptest::collection::vec(act(), 1..40)) {
        let memory = Store::in_memory().unwrap();
        let disk = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let mut rest = acts.as_slice();
        while !rest.is_empty() {
            let end = |act: &Act| matches!(act, Act::Commit | Act::Abort);
            let length = rest.iter().position(end).map_or(rest.len(), |at| at + 1);
            let (these, after) = rest.split_at(length);
            let commit = !matches!(these.last(), Some(Act::Abort));
            let told = transact(&memory, these.to_vec(), commit);
            prop_assert_eq!(told, transact(&disk, these.to_vec(), commit));
            prop_assert_eq!(memory.read(seen).unwrap(), disk.read(seen).unwrap());
            rest = after;
        }
    }
}

#[test]
fn a_table_counts_the_commits_that_touched_it_and_no_others() {
    const OTHER: Table<Row> = Table::new("other", 1);
    every_store(|store| {
        let counts = || (store.changes(&[ROWS.name()]), store.changes(&["rows", "other"]));
        assert_eq!(counts(), (0, 0));
        put(store, &[("a", 1), ("b", 2)]);
        assert_eq!(counts(), (1, 1), "a transaction counts once");
        block_on(store.write(|tx| tx.put(&OTHER, "a", &Row { n: 1 }))).unwrap();
        assert_eq!(counts(), (1, 2));
        block_on(store.write(|tx| tx.remove(&ROWS, "a"))).unwrap();
        assert_eq!(counts(), (2, 3));
        let refused: Result<(), _> = block_on(store.write(|tx| {
            tx.put(&ROWS, "c", &Row { n: 3 })?;
            Err(StoreError::Refused("no".to_owned()))
        }));
        assert!(refused.is_err());
        assert_eq!(counts(), (2, 3), "what was taken back changed nothing");
    });
}
