//! Replays what the fuzzer kept, seeds and found faults alike, through the checks of every parser
//! of outside bytes. `tests/fuzz/run` looks for more.

#![allow(clippy::unwrap_used)] // a seed that cannot be read fails its test, as it should

mod checks;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The kept inputs of a check, by name.
fn kept(name: &str) -> Vec<PathBuf> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/seeds").join(name);
    let entries = fs::read_dir(&seeds).unwrap_or_else(|e| panic!("{}: {e}", seeds.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no seed in {}", seeds.display());
    files
}

fn replay(name: &str) {
    let check = checks::named(name).unwrap();
    for file in kept(name) {
        let bytes = fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "{} does not hold", file.display());
    }
}

#[test]
fn every_check_has_seeds_and_every_folder_of_seeds_a_check() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/seeds");
    let mut folders: Vec<String> = fs::read_dir(seeds)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let names: Vec<&str> = checks::CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(folders, names);
}

macro_rules! replayed {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*
    };
}

replayed!(
    command_line,
    control_request,
    damaged_rows,
    job_file,
    mail_command,
    recorded_data,
    settings,
    store_file,
    symbol,
    webhook_answer,
    webhook_url,
);
