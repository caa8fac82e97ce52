//! Rows that cannot be read, in every table the voice reads: nothing waits for them.

use std::sync::Arc;

use futures::executor::block_on;

use super::told::{Act, Phone, critical, info, play};
use crate::{
    alert::{
        dispatch::{CURSORS, WAITING, waiting::waiting_key},
        mute::MUTES,
        open::{ALERTS, MATTERS, number_key},
        route::Rules,
    },
    notice::{Notice, OUTBOX},
    store::{Read, Store, StoreError, Table, WriteTx},
};

/// Puts into a table what it cannot hold.
fn spoil(store: &Store, table: &'static str, keys: Vec<String>) {
    let table: Table<Vec<bool>> = Table::new(table, 1);
    let put = move |tx: &mut WriteTx| keys.iter().try_for_each(|key| tx.put(&table, key, &vec![]));
    block_on(store.write(put)).unwrap();
}

/// Reads every row of the voice's tables.
fn all(tx: &impl Read) -> Result<(), StoreError> {
    tx.list(&MATTERS, "")?;
    tx.list(&ALERTS, "")?;
    tx.list(&MUTES, "")?;
    tx.list(&CURSORS, "")?;
    tx.list(&WAITING, "").map(drop)
}

#[test]
fn a_row_that_cannot_be_read_delays_nothing_and_is_mended() {
    for (table, key) in [
        (MATTERS.name(), "x".to_owned()),
        (MATTERS.name(), "difference:a".to_owned()),
        (ALERTS.name(), number_key(1)),
        (MUTES.name(), "*".to_owned()),
        (CURSORS.name(), "telegram".to_owned()),
        (CURSORS.name(), "*".to_owned()),
        (WAITING.name(), waiting_key("telegram", 1)),
    ] {
        let store = Store::in_memory().unwrap();
        let phone = Arc::new(Phone::new("telegram"));
        let first = vec![(1, Act::Raise(critical("a")))];
        play(&store, &Rules::default(), &[&phone], (0, 10), first);
        spoil(&store, table, vec![key.clone()]);
        let acts = vec![
            (20, Act::Raise(critical("b"))),
            (30, Act::Ack(None)),
            (40, Act::Mute(None, 0)),
            (50, Act::Raise(critical("a"))),
        ];
        play(&store, &Rules::default(), &[&phone], (10, 60), acts);
        let times = phone.times();
        assert!(times.contains(&20) && times.contains(&50), "{table} {key}: {times:?}");
        store.read(all).unwrap();
    }
}

#[test]
fn an_open_alert_that_cannot_be_read_is_repeated_as_it_was_raised() {
    let store = Store::in_memory().unwrap();
    let phone = Arc::new(Phone::new("telegram"));
    let first = vec![(1, Act::Raise(critical("a")))];
    play(&store, &Rules::default(), &[&phone], (0, 10), first);
    spoil(&store, ALERTS.name(), vec![number_key(1)]);
    play(&store, &Rules::default(), &[&phone], (10, 400), Vec::new());
    let took: Vec<_> = phone.took().into_iter().map(|(at, ids, ..)| (at, ids)).collect();
    assert_eq!(took, [(1, vec![1]), (310, vec![1])]);
}

#[test]
fn what_waits_and_cannot_be_read_is_told_from_the_outbox_and_what_is_not_there_is_told_of_once() {
    let store = Store::in_memory().unwrap();
    let phone = Arc::new(Phone::new("telegram"));
    let first = vec![(1, Act::Raise(info("a")))];
    play(&store, &Rules::default(), &[&phone], (0, 10), first);
    let keys = (500..600).chain([1]).map(|n| waiting_key("telegram", n)).collect();
    spoil(&store, WAITING.name(), keys);
    let second = vec![(20, Act::Raise(critical("b")))];
    play(&store, &Rules::default(), &[&phone], (10, 60), second);
    let took: Vec<_> = phone.took().into_iter().map(|(at, ids, ..)| (at, ids)).collect();
    assert_eq!(took, [(1, vec![1]), (10, vec![1]), (10, vec![2]), (20, vec![3])]);
    let told = store.read(|tx| tx.get(&OUTBOX, &number_key(2))).unwrap().unwrap().notice;
    let Notice::NotDelivered { line, what, .. } = told else { panic!("{told:?}") };
    assert_eq!((line.as_str(), what.as_str()), ("telegram", "alert 500 and 99 more"));
    store.read(all).unwrap();
}
