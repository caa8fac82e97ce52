//! A store's file with bytes changed, cut or added, at the place of the store and given as a
//! backup: checking, reading and restoring answer or refuse in words, and only a whole restore
//! replaces anything. The input is a list of patches `(offset: 3 bytes, length: 1 byte, bytes)`
//! over a real file, or, after a first byte 255, the whole file.

use tomking::store::{self, Read, Store};

use super::{directory, is_readable};

/// A store of the first schema with a day's rows.
const WHOLE: &[u8] = include_bytes!("../../fixtures/store/schema-1.redb");
/// Patches of one input.
const PATCHES_MAX: usize = 16;

pub fn check(data: &[u8]) {
    let bytes = damaged(data);
    let dir = directory();
    let (path, backup) = (dir.path().join("tomking.redb"), dir.path().join("backup.redb"));
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(&backup, &bytes).unwrap();
    let program = "fuzz";
    let checked = store::check(&path, program);
    let looked = store::look(&path, program, Read::journal_head);
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "looking changes nothing");
    if let Err(error) = &checked {
        is_readable(&error.to_string());
    }
    if let Err(error) = looked {
        is_readable(&error.to_string());
    }
    let fresh = dir.path().join("fresh.redb");
    match store::restore(&backup, &fresh, program, false) {
        Ok(restored) => {
            let again = store::check(&fresh, program).unwrap();
            assert_eq!(again.journal.head, restored.store.journal, "what was restored is whole");
            assert!(again.unreadable.is_empty() && again.journal.broken.is_none());
        }
        Err(error) => {
            is_readable(&error.to_string());
            assert!(!fresh.exists(), "a refused restore leaves nothing");
        }
    }
    match Store::open_inline(&path, program) {
        Ok(opened) => drop(opened.verify_journal(&[])),
        Err(error) => is_readable(&error.to_string()),
    }
}

fn damaged(data: &[u8]) -> Vec<u8> {
    if let Some((255, whole)) = data.split_first() {
        return whole.to_vec();
    }
    let mut bytes = WHOLE.to_vec();
    let mut rest = data;
    for _ in 0..PATCHES_MAX {
        let Some(([a, b, c, length], after)) = rest.split_first_chunk::<4>() else { break };
        let offset = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let (patch, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        if *length == 0 {
            bytes.truncate(offset); // a cut
        } else if let Some(place) = bytes.get_mut(offset..offset + patch.len()) {
            place.copy_from_slice(patch);
        } else {
            bytes.extend_from_slice(patch);
        }
    }
    bytes
}
