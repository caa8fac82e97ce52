use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::store::open::open_file;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OldRun {
    minutes: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NewRun {
    seconds: i64,
}

const OLD_RUNS: Table<OldRun> = Table::new("runs", 1);
const NEW_RUNS: Table<NewRun> = Table::new("runs", 2);
const NOTES: Table<String> = Table::new("notes", 1);

static ZERO: Schema = Schema { version: 0, steps: &[] };
static ONE: Schema =
    Schema { version: 1, steps: &[Step { from: 0, name: "runs in seconds", apply: to_seconds }] };
static ONE_FAILS: Schema =
    Schema { version: 1, steps: &[Step { from: 0, name: "fails", apply: fails }] };

fn to_seconds(tx: &mut WriteTx) -> Result<(), StoreError> {
    tx.rewrite(&OLD_RUNS, &NEW_RUNS, |key, old| {
        Ok((key != "dropped").then(|| (key.to_owned(), NewRun { seconds: old.minutes * 60 })))
    })
}

fn fails(tx: &mut WriteTx) -> Result<(), StoreError> {
    to_seconds(tx)?;
    Err(StoreError::Refused("planted".to_owned()))
}

/// A file of schema 0 with runs, notes and a journal.
fn planted(path: &Path) {
    let engine = open_file(path, "test", &ZERO).unwrap();
    engine
        .write(|tx| {
            for (key, minutes) in [("a", 1), ("b", 2), ("dropped", 3)] {
                tx.put(&OLD_RUNS, key, &OldRun { minutes })?;
            }
            tx.put(&NOTES, "n", &"kept".to_owned())?;
            tx.journal("2024-08-02T13:30:00Z".parse().unwrap(), "test", "planted", &())
        })
        .unwrap();
}

fn old_runs(engine: &Engine) -> Vec<(String, OldRun)> {
    engine.read(|tx| tx.list(&OLD_RUNS, "")).unwrap()
}

#[test]
fn an_older_file_is_backed_up_then_brought_forward() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    planted(&path);
    let engine = open_file(&path, "test", &ONE).unwrap();
    let runs = engine.read(|tx| tx.list(&NEW_RUNS, "")).unwrap();
    let seconds: Vec<_> = runs.iter().map(|(key, run)| (key.as_str(), run.seconds)).collect();
    assert_eq!(seconds, [("a", 60), ("b", 120)]);
    engine
        .read(|tx| {
            assert_eq!(tx.get(&NOTES, "n")?.as_deref(), Some("kept"));
            assert_eq!(tx.get(&META, SCHEMA_KEY)?, Some(1));
            let told = tx.journal_tail(1)?.pop().unwrap();
            assert_eq!((told.sequence, told.kind.as_str()), (2, "migrated"));
            Ok(())
        })
        .unwrap();
    let kept = dir.path().join("tomking.schema-0.journal-1.redb");
    assert_eq!(old_runs(&open_file(&kept, "test", &ZERO).unwrap()).len(), 3);
    drop(engine);
    open_file(&path, "test", &ONE).unwrap(); // a second time there is nothing to do
}

#[test]
fn a_step_that_fails_leaves_the_older_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    planted(&path);
    let failed = open_file(&path, "test", &ONE_FAILS);
    assert!(matches!(failed, Err(StoreError::Refused(why)) if why == "planted"));
    let engine = open_file(&path, "test", &ZERO).unwrap();
    assert_eq!(old_runs(&engine).len(), 3);
    assert_eq!(engine.read(Read::journal_head).unwrap().sequence, 1);
}

#[test]
fn a_newer_file_is_refused_untouched_also_when_it_was_not_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let engine = open_file(&path, "test", &ONE).unwrap();
    engine.write(|tx| tx.put(&NOTES, "n", &"x".to_owned())).unwrap();
    let unclean = dir.path().join("unclean.redb");
    std::fs::copy(&path, &unclean).unwrap();
    drop(engine);
    for path in [&path, &unclean] {
        let before = std::fs::read(path).unwrap();
        let Err(error) = open_file(path, "test", &ZERO) else { panic!("opened") };
        assert!(matches!(error, StoreError::Newer { found: 1, known: 0, .. }), "{error}");
        assert!(std::fs::read(path).unwrap() == before, "{} was touched", path.display());
    }
}

#[test]
fn an_older_file_no_step_leads_from_is_refused() {
    static TWO: Schema =
        Schema { version: 2, steps: &[Step { from: 0, name: "first", apply: to_seconds }] };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    planted(&path);
    let Err(error) = open_file(&path, "test", &TWO) else { panic!("opened") };
    assert!(matches!(error, StoreError::NoMigration { found: 0, known: 2, .. }), "{error}");
    assert_eq!(old_runs(&open_file(&path, "test", &ZERO).unwrap()).len(), 3);
}
