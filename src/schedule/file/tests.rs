//! Job files: every embedded one is read, every wrong one is refused in words a newcomer can act
//! on.

use std::fs;

use super::parse;
use crate::schedule::{
    JobSet, JobSetError,
    job::{MissedPolicy, Window},
    jobset::EMBEDDED,
};

#[test]
fn every_row_of_the_scheduled_day_has_its_file() {
    let set = JobSet::embedded().unwrap();
    let names: Vec<_> = set.iter().map(|job| job.name.as_str()).collect();
    let mut rows = [
        "pre-market-check",
        "market-open-check",
        "friday-0dte-entry",
        "butterfly-entry",
        "diagonal-entry",
        "box-entry",
        "ipmcc-weekly",
        "leap-ladder",
        "strangle-entry",
        "lt112-entry",
        "ratio-entry",
        "position-management",
        "0dte-flat",
        "risk-snapshot",
        "end-of-day-reconciliation",
        "daily-report",
        "weekly-review",
        "expiry-and-assignment-check",
        "monthly-review",
        "quarterly-review",
        "store-backup",
        "heartbeat",
    ];
    rows.sort_unstable();
    assert_eq!(names, rows);
    let off: Vec<_> = set.iter().filter(|job| !job.enabled).map(|job| job.name.as_str()).collect();
    assert_eq!(off, Vec::<&str>::new());
}

#[test]
fn the_files_in_the_repository_are_the_embedded_ones() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let mut embedded: Vec<_> = EMBEDDED.iter().map(|(name, _)| *name).collect();
    embedded.sort_unstable();
    assert_eq!(names, embedded);
}

#[test]
fn jobs_of_a_few_minutes_are_frequent() {
    let set = JobSet::embedded().unwrap();
    let frequent: Vec<_> =
        set.iter().filter(|job| job.frequent).map(|job| job.name.as_str()).collect();
    assert_eq!(frequent, ["heartbeat", "position-management", "risk-snapshot"]);
}

#[test]
fn the_shortest_file_has_the_defaults() {
    let text = "about = \"x\"\n[[trigger]]\non = \"friday\"\nat = \"10:30\"\n";
    let job = parse("x", "x.toml", text).unwrap();
    assert!(job.enabled && job.order.is_none() && !job.frequent);
    assert_eq!((job.missed.policy, job.missed.window), (MissedPolicy::Skip, Window::Always));
    assert_eq!(job.when(), "friday 10:30, holiday: the session after");
}

/// A file with one wrong line, and what is said of it.
fn refused(text: &str) -> String {
    parse("x", "jobs/x.toml", text).expect_err("it is wrong").to_string()
}

const GOOD: &str = "about = \"x\"\n[[trigger]]\non = \"friday\"\nat = \"10:30\"\n";

#[test]
fn a_wrong_file_is_refused_with_file_line_key_and_what_would_be_right() {
    let cases = [
        ("not TOML", "about = \"x\n"),
        ("unknown key", &format!("{GOOD}[run]\ntimout = \"5s\"\n")),
        ("unknown section", &format!("{GOOD}[mised]\npolicy = \"skip\"\n")),
        ("no about", "[[trigger]]\non = \"friday\"\nat = \"10:30\"\n"),
        ("no trigger", "about = \"x\"\n"),
        ("trigger no list", "about = \"x\"\n[trigger]\non = \"friday\"\nat = \"10:30\"\n"),
        ("days misspelt", &GOOD.replace("friday", "firday")),
        ("days unknown", &GOOD.replace("friday", "full moon")),
        ("no such day", &GOOD.replace("friday", "whenever")),
        ("nth too far", &GOOD.replace("friday", "6th friday")),
        ("no such time", &GOOD.replace("10:30", "25:00")),
        ("time without zero", &GOOD.replace("10:30", "9:30")),
        ("time no text", &GOOD.replace("\"10:30\"", "10:30:00")),
        ("offset too far", &GOOD.replace("10:30", "close+13h")),
        ("no time", "about = \"x\"\n[[trigger]]\non = \"friday\"\n"),
        ("at and every", &format!("{GOOD}every = \"1m\"\n")),
        ("from without every", &format!("{GOOD}from = \"open\"\n")),
        ("every without to", &GOOD.replace("at = \"10:30\"", "every = \"1m\"\nfrom = \"open\"")),
        ("cron beside days", &format!("{GOOD}cron = \"* * * * *\"\n")),
        ("cron missing", &GOOD.replace("friday", "cron").replace("at = \"10:30\"\n", "")),
        ("cron with at", &GOOD.replace("friday", "cron")),
        ("cron wrong", "about = \"x\"\n[[trigger]]\non = \"cron\"\ncron = \"61 * * * *\"\n"),
        ("cron never", "about = \"x\"\n[[trigger]]\non = \"cron\"\ncron = \"0 0 30 2 *\"\n"),
        ("zone", &format!("{GOOD}zone = \"New York\"\n")),
        ("calendar", &format!("{GOOD}calendar = \"NYSE\"\n")),
        (
            "holiday of sessions",
            &format!("{}holiday = \"skip\"\n", GOOD.replace("friday", "session")),
        ),
        (
            "kept holiday without close",
            &format!("{}holiday = \"keep\"\n", GOOD.replace("10:30", "close")),
        ),
        ("early close", &format!("{GOOD}early_close = \"open-5m\"\n")),
        ("enabled as text", &format!("enabled = \"yes\"\n{GOOD}")),
        ("order too high", &format!("order = 100\n{GOOD}")),
        ("policy missing", &format!("{GOOD}[missed]\nalert = true\n")),
        ("policy misspelt", &format!("{GOOD}[missed]\npolicy = \"onse\"\n")),
        (
            "two windows",
            &format!("{GOOD}[missed]\npolicy = \"once\"\nwithin = \"5m\"\nuntil = \"11:00\"\n"),
        ),
        ("window of skip", &format!("{GOOD}[missed]\npolicy = \"skip\"\nwithin = \"5m\"\n")),
        (
            "sessions without window",
            &format!("{GOOD}[missed]\npolicy = \"once\"\nnext_sessions = 1\n"),
        ),
        ("span without unit", &format!("{GOOD}[run]\ntimeout = \"90\"\n")),
        ("retries negative", &format!("{GOOD}[run]\nretries = -1\n")),
    ];
    let told: Vec<_> =
        cases.iter().map(|(name, text)| format!("{name}:\n{}\n", refused(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_users_file_replaces_the_embedded_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("jobs")).unwrap();
    let path = dir.path().join("jobs/store-backup.toml");
    fs::write(&path, "about = \"mine\"\n[[trigger]]\non = \"sunday\"\nat = \"03:00\"\n").unwrap();
    fs::write(dir.path().join("jobs/notes.txt"), "not a job").unwrap();
    let set = JobSet::load(Some(dir.path())).unwrap();
    let job = set.get("store-backup").unwrap();
    assert_eq!((job.about.as_str(), job.missed.policy), ("mine", MissedPolicy::Skip));
    assert_eq!(set.iter().count(), EMBEDDED.len());
}

#[test]
fn a_users_file_of_no_job_is_refused_with_the_nearest_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("jobs")).unwrap();
    fs::write(dir.path().join("jobs/stor-backup.toml"), GOOD).unwrap();
    let error = JobSet::load(Some(dir.path())).unwrap_err();
    assert!(matches!(error, JobSetError::Unknown { .. }));
    let text = error.to_string();
    assert!(text.ends_with("hint: did you mean `store-backup.toml`?"), "{text}");
}

#[test]
fn an_error_in_a_users_file_names_its_path() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("jobs")).unwrap();
    let path = dir.path().join("jobs/heartbeat.toml");
    fs::write(&path, GOOD.replace("10:30", "half past ten")).unwrap();
    let text = JobSet::load(Some(dir.path())).unwrap_err().to_string();
    let wanted = format!("{}, line 4: `trigger.at` is \"half past ten\"", path.display());
    assert!(text.starts_with(&wanted), "{text}");
}
