//! A journal folded back: it gives the state of the store, and says where it does not.

use futures::executor::block_on;
use rust_decimal::dec;
use serde_json::json;

use super::{FoldOutcome, Verified, verify};
use crate::{
    account::hold::{Hold, Level},
    clock::Timestamp,
    desk::{
        latch::{self, Change},
        tables::{CASH, CASH_KEY, CashBook, HOLDS},
    },
    money::Usd,
    store::{Store, StoreError, WriteTx},
};

fn at(minute: i64) -> Timestamp {
    let noon: Timestamp = "2024-08-02T16:00:00Z".parse().unwrap();
    noon + chrono::TimeDelta::minutes(minute)
}

fn write(
    store: &Store,
    step: impl FnOnce(&mut WriteTx) -> Result<(), StoreError> + Send + 'static,
) {
    block_on(store.write(step)).unwrap();
}

fn verified(store: &Store) -> Verified {
    store.read(|tx| verify(tx, &[])).unwrap()
}

fn halted() -> Store {
    let store = Store::in_memory().unwrap();
    write(&store, |tx| latch::change(tx, Change::Reduce, "lunch", "me", at(0)).map(drop));
    write(&store, |tx| latch::change(tx, Change::Halt, "fire", "me", at(1)).map(drop));
    store
}

fn hold(name: &str, level: Level) -> Hold {
    Hold { name: name.to_owned(), level, cause: "a test".to_owned(), since: at(2), until: None }
}

#[test]
fn an_empty_journal_gives_an_empty_state() {
    let found = verified(&Store::in_memory().unwrap());
    assert_eq!((found.state.outcome, found.holds()), (FoldOutcome::Same, true));
}

#[test]
fn what_is_written_with_its_entry_follows_from_the_journal() {
    let store = halted();
    write(&store, |tx| latch::set_hold(tx, &hold("spike", Level::Reducing), "desk", at(2)));
    write(&store, |tx| latch::change(tx, Change::Resume, "over", "me", at(3)).map(drop));
    assert_eq!(verified(&store).state.outcome, FoldOutcome::Same);
}

#[test]
fn a_write_without_its_entry_and_an_entry_without_its_write_are_told_with_both_figures() {
    let store = halted();
    write(&store, |tx| tx.put(&HOLDS, "spike", &hold("spike", Level::Reducing)));
    let found = verified(&store);
    assert_eq!((found.state.outcome, found.holds()), (FoldOutcome::Differs, false));
    let words = &found.state.differences[0];
    let expected =
        "hold `spike`: the journal implies nothing, the store has Hold { name: \"spike\"";
    assert!(words.starts_with(expected), "{words}");

    let store = halted();
    write(&store, |tx| tx.journal(at(2), "desk", "hold", &hold("spike", Level::Reducing)));
    let words = verified(&store).state.differences.remove(0);
    assert!(words.ends_with("the store has nothing"), "{words}");
}

#[test]
fn cash_that_moved_without_an_entry_shows() {
    let book = CashBook {
        opening_usd: Usd(dec!(1000)),
        since: at(0),
        traded_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        foreign_usd: Usd::ZERO,
        transfers_usd: Usd::ZERO,
        last_transaction: 1,
    };
    let store = Store::in_memory().unwrap();
    let opened = book.clone();
    write(&store, move |tx| {
        tx.journal(at(0), "desk", "ledger_opened", &opened)?;
        tx.put(&CASH, CASH_KEY, &opened)
    });
    assert_eq!(verified(&store).state.outcome, FoldOutcome::Same);
    let moved = CashBook { fees_usd: Usd(dec!(0.01)), ..book };
    write(&store, move |tx| tx.put(&CASH, CASH_KEY, &moved));
    assert_eq!(verified(&store).state.differences.len(), 1);
}

#[test]
fn an_entry_that_cannot_follow_from_those_before_it_is_named() {
    let cases = [
        ("zdte-1", "sending", json!({ "order": "zdte-1/1" }), "intent `zdte-1` was never made"),
        ("desk", "hold_ended", json!(hold("spike", Level::Halted)), "no hold `spike` was set"),
        ("broker", "foreign", json!({ "cash_usd": "5" }), "the ledger was never opened"),
        ("broker", "foreign", json!({ "cash": "5" }), "cannot be folded: missing field `cash_usd`"),
    ];
    for (cause, kind, data, why) in cases {
        let store = halted();
        write(&store, move |tx| tx.journal(at(2), cause, kind, &data));
        let expected = format!("entry 3 ({kind}): {why}");
        assert_eq!(verified(&store).state.differences, [expected]);
    }
}

#[test]
fn no_state_follows_from_a_journal_whose_beginning_was_pruned() {
    let store = halted();
    write(&store, |tx| tx.prune_journal(at(5), "retention", at(1)).map(drop));
    let found = verified(&store);
    let reason = found.state.reason.clone().unwrap();
    assert_eq!((found.state.outcome, found.holds()), (FoldOutcome::Unknown, true));
    assert_eq!(reason, "the entries before 2 were pruned");
}
