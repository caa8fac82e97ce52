//! One process owns the file. When it is killed the next one opens it at once, is told, and finds
//! all that was acknowledged.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use tomking::store::{Store, StoreError};

use crate::day::{contents, do_step, expected, last_step};

const PATH: &str = "TOMKING_TEST_STORE";
/// The steps after which the other process would end by itself.
const STEPS_MAX: u32 = 400;

/// The other process: works, telling each step when it is acknowledged.
#[test]
#[ignore = "the other process of `a_killed_owner_loses_nothing_it_acknowledged`"]
fn work_until_killed() {
    let Ok(path) = std::env::var(PATH) else { return };
    let store = Store::open(Path::new(&path), "tomking run").unwrap();
    for n in last_step(&store) + 1..=STEPS_MAX {
        do_step(&store, n).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "step {n}").and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn a_killed_owner_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let mut told = 0;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["owner::work_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let steps = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("step ").and_then(|n| n.parse::<u32>().ok()));
        told = steps.take(10 + round).last().unwrap();
        if round == 1 {
            let Err(error) = Store::open(&path, "test") else { panic!("opened in use") };
            assert!(
                matches!(&error, StoreError::Held { owner, .. }
                if owner.starts_with(&format!("process {} (`tomking run`)", child.id()))),
                "{error}"
            );
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = Store::open(&path, "test").unwrap();
        let left = store.left_by().unwrap();
        assert!(left.starts_with(&format!("process {} (`tomking run`)", child.id())), "{left}");
        let found = last_step(&store);
        assert!(found >= told, "round {round}: step {told} was acknowledged, {found} is there");
        assert!(contents(&store) == expected(found)[found as usize], "round {round}: half a step");
    }
    assert!(told > 60, "only {told} steps were made");
}
