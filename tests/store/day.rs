//! A busy day of the daemon: slots end, intents go through their states, notices wait in the
//! outbox, all in transactions of the shapes the program uses.

use chrono::TimeDelta;
use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tomking::{
    clock::Timestamp,
    store::{Read, ReadTx, Store, StoreError, Table, WriteTx},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub step: u32,
    pub state: String,
    pub detail: Value,
}

pub const RUNS: Table<Row> = Table::new("runs", 1);
pub const INTENTS: Table<Row> = Table::new("intents", 1);
pub const OUTBOX: Table<Row> = Table::new("outbox", 1);
/// The last step, on its own.
pub const LAST: Table<u32> = Table::new("last", 1);

pub fn at(step: u32) -> Timestamp {
    let open: Timestamp = "2024-08-02T13:30:00Z".parse().unwrap();
    open + TimeDelta::seconds(i64::from(step) * 30)
}

/// One step: state, journal and outbox in one transaction.
pub fn step(tx: &mut WriteTx, n: u32) -> Result<(), StoreError> {
    let row = |state: &str, detail: Value| Row { step: n, state: state.to_owned(), detail };
    tx.put(&LAST, "step", &n)?;
    let run = format!("management/{}", at(n / 10));
    tx.put(&RUNS, &run, &row("done", json!({"ended": at(n), "count": n % 10})))?;
    let intent = format!("zdte-20240802-{}", n / 4);
    let state = ["approved", "sending", "live", "filled"][n as usize % 4];
    let legs = "SPXW 240802P05300000 ".repeat(4);
    tx.put(&INTENTS, &intent, &row(state, json!({"legs": legs, "limit_usd": "0.65"})))?;
    let id = tx.next_sequence("outbox")?;
    tx.put(&OUTBOX, &format!("{id:020}"), &row("waiting", json!({"kind": "decided"})))?;
    if n.is_multiple_of(3) && id > 6 {
        tx.remove(&OUTBOX, &format!("{:020}", id - 6))?;
    }
    if n.is_multiple_of(9) {
        // The end of a session: a report and many rows at once.
        for leg in 0..25 {
            tx.put(&RUNS, &format!("report/{n}/{leg:02}"), &row("done", json!("x".repeat(300))))?;
        }
        tx.journal(at(n), "run daily-report", "report", &json!({"step": n, "rows": 25}))?;
    }
    tx.journal(at(n), &run, state, &json!({"step": n, "intent": intent}))
}

pub fn do_step(store: &Store, n: u32) -> Result<(), StoreError> {
    block_on(store.write(move |tx| step(tx, n)))
}

/// The last step a store holds; 0 for none.
pub fn last_step(store: &Store) -> u32 {
    store.read(|tx| tx.get(&LAST, "step")).unwrap().unwrap_or(0)
}

/// All a store holds, as text: equal texts, equal stores.
pub fn contents(store: &Store) -> String {
    store.read(contents_of).unwrap()
}

fn contents_of(tx: &ReadTx) -> Result<String, StoreError> {
    let all = (
        tx.list(&RUNS, "")?,
        tx.list(&INTENTS, "")?,
        tx.list(&OUTBOX, "")?,
        tx.list(&LAST, "")?,
        tx.journal_tail(usize::MAX)?,
        tx.journal_head()?,
    );
    Ok(serde_json::to_string(&all).unwrap())
}

/// What a store holds after each step, 0 being an empty one: worked out in memory, apart from the
/// file under test.
pub fn expected(steps: u32) -> Vec<String> {
    let store = Store::in_memory().unwrap();
    let mut after = vec![contents(&store)];
    for n in 1..=steps {
        do_step(&store, n).unwrap();
        after.push(contents(&store));
    }
    after
}
