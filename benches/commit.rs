//! What a durable step costs: 1,000 commits of state, journal and outbox rows through the store's
//! thread, beside the floor of the disk (append and fdatasync), and the same in memory.
//!
//! `cargo bench --bench commit`

use std::{fs::File, io::Write, path::Path, time::Duration};

use futures::executor::block_on;
use serde_json::{Value, json};
use tomking::{
    clock::{Stopwatch, Timestamp},
    store::{Store, StoreError, Table, WriteTx},
};

const RUNS: Table<Value> = Table::new("runs", 1);
const OUTBOX: Table<Value> = Table::new("outbox", 1);
const COMMITS: u32 = 1_000;
const COMMITS_IN_MEMORY: u32 = 100_000;

fn step(tx: &mut WriteTx, n: u32, at: Timestamp) -> Result<(), StoreError> {
    let run = json!({"slot": at, "outcome": "done", "attempt": n, "detail": "x".repeat(80)});
    tx.put(&RUNS, &format!("management/{:03}", n % 400), &run)?;
    let id = tx.next_sequence("outbox")?;
    tx.put(&OUTBOX, &format!("{id:020}"), &json!({"at": at, "notice": {"kind": "decided"}}))?;
    tx.remove(&OUTBOX, &format!("{:020}", id.saturating_sub(50)))?;
    tx.journal(at, "run management", "repriced", &json!({"n": n, "limit_usd": "0.65"}))
}

/// Times `count` runs of `work`, each on its own.
fn time(count: u32, mut work: impl FnMut(u32)) -> Vec<Duration> {
    let mut times: Vec<_> = (0..count)
        .map(|n| {
            let watch = Stopwatch::start();
            work(n);
            watch.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn show(name: &str, times: &[Duration]) {
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let total: Duration = times.iter().sum();
    let mean = total.as_secs_f64() * 1e6 / times.len() as f64;
    let (p50, p99, max) = (at(50), at(99), at(100));
    println!(
        "{name:<34} p50 {p50:>7.4} ms  p99 {p99:>7.4} ms  max {max:>7.4} ms  mean {mean:>7.1} us"
    );
}

fn floor(dir: &Path) -> Vec<Duration> {
    let mut file = File::create(dir.join("floor")).expect("a scratch directory takes a file");
    let row = [b'x'; 160];
    time(COMMITS, |_| {
        file.write_all(&row).and_then(|()| file.sync_data()).expect("the scratch disk works");
    })
}

fn commits(store: &Store, count: u32) -> Vec<Duration> {
    let at: Timestamp = "2024-08-02T13:30:00Z".parse().expect("a literal instant");
    time(count, |n| {
        block_on(store.write(move |tx| step(tx, n, at))).expect("the scratch disk works");
    })
}

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch directory");
    show("append 160 B and fdatasync", &floor(dir.path()));
    let path = dir.path().join("tomking.redb");
    let store = Store::open(&path, "bench").expect("a new store opens");
    show("durable step, store thread", &commits(&store, COMMITS));
    drop(store);
    let watch = Stopwatch::start();
    let store = Store::open_inline(&path, "bench").expect("a closed store opens");
    println!("{:<34} {:.1} ms", "open, every page checked", watch.elapsed().as_secs_f64() * 1e3);
    show("durable step, inline", &commits(&store, COMMITS));
    let watch = Stopwatch::start();
    let found = store.verify_journal(&[]).expect("the journal is read");
    let took = watch.elapsed().as_secs_f64() * 1e3;
    println!("{:<34} {took:.1} ms for {} entries", "journal verified", found.entries);
    let memory = Store::in_memory().expect("memory opens");
    show("step in memory", &commits(&memory, COMMITS_IN_MEMORY));
}
