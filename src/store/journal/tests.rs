use futures::executor::block_on;

use super::{entry::sha256_hex, *};
use crate::{
    clock::Timestamp,
    store::{Read, Store, Table, WriteTx},
};

fn at(minute: u32) -> Timestamp {
    format!("2024-08-02T13:{minute:02}:00Z").parse().unwrap()
}

/// A journal of `count` entries, one a minute.
fn journal_of(count: u32) -> Store {
    let store = Store::in_memory().unwrap();
    for n in 1..=count {
        append(&store, n);
    }
    store
}

fn append(store: &Store, n: u32) {
    let data = serde_json::json!({"n": n, "x": 0.1});
    block_on(store.write(move |tx| tx.journal(at(n), "test", "counted", &data))).unwrap();
}

fn verified(store: &Store) -> Verification {
    store.verify_journal(&[]).unwrap()
}

/// Breaks the journal by hand and says what is found.
fn broken_by(
    store: &Store,
    hand: impl FnOnce(&mut WriteTx) + Send + 'static,
) -> Option<(u64, String)> {
    block_on(store.write(move |tx| {
        hand(tx);
        Ok(())
    }))
    .unwrap();
    verified(store).broken.map(|broken| (broken.sequence, broken.why))
}

fn text_of(tx: &WriteTx, sequence: u64) -> String {
    String::from_utf8(tx.raw().row(JOURNAL.spec(), &Entry::key(sequence)).unwrap().unwrap())
        .unwrap()
}

fn write_text(tx: &mut WriteTx, sequence: u64, text: &str) {
    tx.put_raw(JOURNAL.spec(), &Entry::key(sequence), text.as_bytes()).unwrap();
}

fn cut(tx: &mut WriteTx, sequence: u64) {
    assert!(tx.remove(&JOURNAL, &Entry::key(sequence)).unwrap());
}

/// The text with another cause and a hash that fits it.
fn forged(text: &str) -> String {
    let body = text.split(",\"hash\":").next().unwrap().replace("\"test\"", "\"forger\"") + "}";
    let hash = sha256_hex(body.as_bytes());
    format!("{},\"hash\":\"{hash}\"}}", &body[..body.len() - 1])
}

#[test]
fn the_stored_text_is_as_the_module_says() {
    let store = journal_of(2);
    let entries = store.journal(..).unwrap();
    let text = block_on(store.write(|tx| Ok(text_of(tx, 2)))).unwrap();
    let body = format!(
        r#"{{"sequence":2,"at":"2024-08-02T13:02:00Z","cause":"test","kind":"counted","data":{{"n":2,"x":0.1}},"previous":"{}"}}"#,
        entries[0].hash
    );
    assert_eq!(sha256_hex(body.as_bytes()), entries[1].hash);
    assert_eq!(text, format!("{},\"hash\":\"{}\"}}", &body[..body.len() - 1], entries[1].hash));
}

#[test]
fn sha256_gives_the_digest_of_fips_180_4() {
    // FIPS 180-4 example, the message "abc".
    assert_eq!(
        sha256_hex(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn a_whole_journal_verifies() {
    for count in [0, 1, 2, 30] {
        let store = journal_of(count);
        let found = verified(&store);
        assert_eq!((found.entries, found.broken), (u64::from(count), None));
        assert_eq!(found.head.sequence, u64::from(count));
    }
}

#[test]
fn the_first_broken_entry_is_named_with_the_reason() {
    type Hand = fn(&mut WriteTx);
    let cases: [(&str, Hand, u64, &str); 12] = [
        (
            "a digit changed",
            |tx| write_text(tx, 5, &text_of(tx, 5).replace("\"n\":5", "\"n\":6")),
            5,
            "changed: its text does not give its hash",
        ),
        (
            "a space added",
            |tx| write_text(tx, 5, &text_of(tx, 5).replace("\"n\":5", "\"n\": 5")),
            5,
            "changed: its text does not give its hash",
        ),
        ("no text", |tx| write_text(tx, 5, "{}"), 5, "changed: its text is no journal entry"),
        (
            "rewritten with its hash",
            |tx| write_text(tx, 5, &forged(&text_of(tx, 5))),
            5,
            "replaced: entry 6 names another hash for it",
        ),
        (
            "the last rewritten with its hash",
            |tx| write_text(tx, 9, &forged(&text_of(tx, 9))),
            9,
            "replaced: the head names another hash for it",
        ),
        (
            "the first rewritten with its hash",
            |tx| write_text(tx, 1, &forged(&text_of(tx, 1))),
            1,
            "replaced: entry 2 names another hash for it",
        ),
        ("one removed", |tx| cut(tx, 4), 4, "missing"),
        (
            "the first three removed",
            |tx| (1..4).for_each(|n| cut(tx, n)),
            1,
            "missing, with all up to 3",
        ),
        (
            "the tail cut",
            |tx| (8..10).for_each(|n| cut(tx, n)),
            8,
            "missing: the tail is cut, the head is entry 9",
        ),
        (
            "two swapped",
            |tx| {
                let (a, b) = (text_of(tx, 3), text_of(tx, 7));
                write_text(tx, 3, &b);
                write_text(tx, 7, &a);
            },
            3,
            "reordered: its place holds entry 7",
        ),
        (
            "one added behind the store's back",
            |tx| {
                let text = text_of(tx, 9).replace("\"sequence\":9", "\"sequence\":10");
                let hash = text_of(tx, 9).split("\"hash\":\"").nth(1).unwrap()[..64].to_owned();
                let previous = text.split("\"previous\":\"").nth(1).unwrap()[..64].to_owned();
                write_text(tx, 10, &forged(&text.replace(&previous, &hash)));
            },
            10,
            "not written by the store: the head is entry 9",
        ),
        (
            "a stray key",
            |tx| tx.put_raw(JOURNAL.spec(), "5x", b"{}").unwrap(),
            10,
            "a row with the key `5x` is no entry",
        ),
    ];
    for (what, hand, sequence, why) in cases {
        let store = journal_of(9);
        assert_eq!(broken_by(&store, hand), Some((sequence, why.to_owned())), "{what}");
        assert_eq!(verified(&store).entries, sequence - 1, "{what}: the entries before it hold");
    }
}

#[test]
fn a_journal_rewritten_as_a_whole_shows_against_a_printed_head() {
    let printed: Vec<Entry> = journal_of(9).journal(..).unwrap();
    let known = [Head { sequence: 6, hash: printed[5].hash.clone() }];
    let store = Store::in_memory().unwrap();
    for n in 1..=9 {
        block_on(store.write(move |tx| tx.journal(at(n), "other", "counted", &n))).unwrap();
    }
    assert_eq!(verified(&store).broken, None);
    let found = store.verify_journal(&known).unwrap().broken.unwrap();
    assert_eq!(found.sequence, 6);
    let short = journal_of(4).verify_journal(&known).unwrap().broken.unwrap();
    assert_eq!(
        (short.sequence, short.why.as_str()),
        (5, "missing: the tail is cut, the head is entry 6")
    );
    assert_eq!(journal_of(9).verify_journal(&known).unwrap().broken, None);
}

#[test]
fn a_pruned_journal_verifies_from_its_anchor_and_an_anchor_cannot_be_made_up() {
    let store = journal_of(9);
    let prune = |minute| {
        block_on(store.write(move |tx| tx.prune_journal(at(30), "retention", at(minute)))).unwrap()
    };
    assert_eq!(prune(1), 0);
    assert_eq!(prune(5), 4);
    let found = verified(&store);
    assert_eq!((found.first, found.entries, found.broken), (5, 6, None));
    assert_eq!(prune(7), 2);
    append(&store, 40);
    let found = verified(&store);
    assert_eq!((found.first, found.entries, found.broken), (7, 6, None));
    assert_eq!(prune(59), 6);
    assert_eq!((verified(&store).first, verified(&store).broken), (13, None));

    // Entries removed by hand, with an anchor made up for them.
    let store = journal_of(9);
    let broken = broken_by(&store, |tx| {
        let hash = text_of(tx, 4).split("\"hash\":\"").nth(1).unwrap()[..64].to_owned();
        (1..=4).for_each(|n| cut(tx, n));
        let anchors: Table<Head> = prune::ANCHORS;
        tx.put(&anchors, &Entry::key(4), &Head { sequence: 4, hash }).unwrap();
    });
    let why = "no entry vouches for the anchor that stands for what came before";
    assert_eq!(broken, Some((5, why.to_owned())));
}

#[test]
fn a_range_of_the_journal_is_read_by_sequence() {
    let store = journal_of(9);
    let read = |entries: Vec<Entry>| entries.iter().map(|e| e.sequence).collect::<Vec<_>>();
    assert_eq!(read(store.journal(3..6).unwrap()), [3, 4, 5]);
    assert_eq!(read(store.journal(8..).unwrap()), [8, 9]);
    assert_eq!(read(store.journal(..=2).unwrap()), [1, 2]);
    assert_eq!(read(store.journal(10..).unwrap()), Vec::<u64>::new());
    assert_eq!(read(store.read(|tx| tx.journal_entries(4, 2)).unwrap()), [4, 5]);
}
