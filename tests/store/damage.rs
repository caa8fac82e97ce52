//! Bits that flip in a file at rest: refused when it is opened, or they lie where no data is. What
//! never happens is that other data is read than was written.

use tomking::{
    sim::chaos::{dice::Dice, disk::Disk},
    store::{self, Store, StoreError},
};

use crate::day::{contents, do_step};

/// A clean, compacted file and what it holds.
fn clean_file() -> (Vec<u8>, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    let store = Store::open_inline(&path, "test").unwrap();
    (1..=30).for_each(|n| do_step(&store, n).unwrap());
    let holds = contents(&store);
    drop(store);
    store::compact(&path, "test").unwrap();
    (std::fs::read(path).unwrap(), holds)
}

/// Opens a copy with one bit flipped: true when it is refused; if not, nothing may differ.
fn refused(clean: &[u8], holds: &str, byte: usize, bit: u64) -> bool {
    let mut bytes = clean.to_vec();
    bytes[byte] ^= 1 << bit;
    match Store::with_backend(Disk::of(bytes)) {
        Err(StoreError::Damaged { .. } | StoreError::Engine(_)) => true,
        Err(other) => panic!("byte {byte}, bit {bit}: {other}"),
        Ok(store) => {
            assert!(contents(&store) == holds, "byte {byte}, bit {bit}: other data was read");
            false
        }
    }
}

#[test]
fn a_flipped_bit_in_a_row_is_refused_at_open() {
    let (clean, holds) = clean_file();
    let marks: [&[u8]; 4] = [b"SPXW 240802P", b"\"previous\":\"", b"run daily-report", b"waiting"];
    let (mut tried, mut caught) = (0, 0);
    for mark in marks {
        let places = clean.windows(mark.len()).enumerate().filter(|(_, at)| *at == mark);
        for (n, (place, _)) in places.enumerate().filter(|(n, _)| n % 2 == 0) {
            tried += 1;
            let bit = u32::try_from(n % 8).unwrap();
            caught += u32::from(refused(&clean, &holds, place + n % mark.len(), u64::from(bit)));
        }
    }
    // The rest lies in pages that are no longer in use.
    assert!(tried >= 40 && caught * 10 >= tried * 8, "{caught} of {tried} flips were refused");
}

#[test]
fn a_flipped_bit_anywhere_never_gives_other_data() {
    let (clean, holds) = clean_file();
    let mut dice = Dice::new(1, 0);
    for _ in 0..250 {
        let (byte, bit) = (dice.place(clean.len()), dice.below(8));
        refused(&clean, &holds, byte, bit);
    }
    // The header, where everything begins.
    for byte in 0..320 {
        refused(&clean, &holds, byte, dice.below(8));
    }
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tomking.redb");
    for text in [String::new(), "not a store".to_owned(), "x".repeat(100_000)] {
        std::fs::write(&path, &text).unwrap();
        let Err(error) = Store::open_inline(&path, "test") else { panic!("opened") };
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
