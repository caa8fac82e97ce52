//! `tomking jobs`, from outside: the built binary in a directory of its own, with no daemon.

#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tomking::store::{Store, path_in};

fn jobs(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tomking"));
    command.arg("--config-dir").arg(dir).arg("--data-dir").arg(dir.join("data")).arg("jobs");
    command.args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// The exit code and the text on stderr of a failure; stdout stays empty.
fn failure(output: &Output) -> (i32, String) {
    assert_eq!(output.stdout, b"");
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn preview_prints_the_form_other_programs_rely_on() {
    let dir = tempfile::tempdir().unwrap();
    let range = ["--from", "2025-11-21", "--to", "2025-11-28"];
    let args = [&["preview", "--job", "friday-0dte-entry"][..], &range, &["--json"]].concat();
    let wanted = json!({
        "job": "friday-0dte-entry",
        "slots": [
            { "slot": "friday-0dte-entry/2025-11-21T15:30:00Z", "at": "2025-11-21T15:30:00Z" },
            { "slot": "friday-0dte-entry/2025-11-28T15:30:00Z", "at": "2025-11-28T15:30:00Z" },
        ],
    });
    assert_eq!(document(&jobs(dir.path(), &args)), wanted);
    assert!(!dir.path().join("data").exists(), "a preview needs no store and makes none");
}

#[test]
fn preview_for_people_shows_new_york_and_london() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["preview", "--job", "strangle-entry", "--from", "2025-03-01", "--to", "2025-03-31"];
    let text = stdout(&jobs(dir.path(), &args));
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "strangle-entry: 2nd tuesday 09:35, holiday: the session after, early close: by close-150m",
            "New York                 London",
            "Tue 2025-03-11 09:35:00  13:35",
        ]
    );
}

#[test]
fn list_next_and_history_work_before_there_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let list = document(&jobs(dir.path(), &["list", "--json"]));
    assert_eq!(list["jobs"].as_array().unwrap().len(), 22);
    let next = document(&jobs(dir.path(), &["next", "-n", "7", "--json"]));
    let slots = next["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 7);
    assert!(slots.iter().any(|slot| slot["job"] == "position-management"));
    // Without a dead-man's switch there is nothing to ping: the job is listed, as off.
    assert!(!slots.iter().any(|slot| slot["job"] == "heartbeat"));
    assert_eq!(document(&jobs(dir.path(), &["history", "--json"])), json!({ "runs": [] }));
    assert_eq!(stdout(&jobs(dir.path(), &["history"])), "No run yet.\n");
}

#[test]
fn pause_and_resume_change_the_store_when_no_daemon_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text) = failure(&jobs(dir.path(), &["pause", "heartbeat"]));
    assert_eq!(code, 1);
    assert!(text.starts_with("error: no store at "), "{text}");

    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    drop(Store::open_inline(&path_in(&data), "the test").unwrap());
    let paused = document(&jobs(dir.path(), &["pause", "heartbeat", "--json"]));
    assert_eq!(paused, json!({ "job": "heartbeat", "changed": true }));
    assert_eq!(
        stdout(&jobs(dir.path(), &["pause", "heartbeat"])),
        "heartbeat was paused already\n"
    );
    let list = stdout(&jobs(dir.path(), &["list"]));
    assert!(list.contains("heartbeat is paused since "), "{list}");
    assert_eq!(stdout(&jobs(dir.path(), &["resume", "heartbeat"])), "heartbeat goes on\n");
}

#[test]
fn bad_usage_exits_with_2_and_says_what_would_be_right() {
    let dir = tempfile::tempdir().unwrap();
    for (args, wanted) in [
        (&["preview", "--job", "friday-entry"][..], "there is no job `friday-entry`"),
        (
            &["preview", "--job", "0dte-flat", "--from", "2025-02-02", "--to", "2025-01-01"],
            "the range from 2025-02-02 to 2025-01-01 is -32 days long",
        ),
        (&["pause", "heartbeet"], "hint: did you mean `heartbeat`?"),
        (&["history", "-n", "0"], "0 is not in 1..=10000"),
        (&["history", "--job", "nightly"], "there is no job `nightly`"),
    ] {
        let (code, text) = failure(&jobs(dir.path(), args));
        assert_eq!(code, 2, "{args:?}: {text}");
        assert!(text.contains(wanted), "{args:?}: {text}");
    }
}

#[test]
fn a_run_by_hand_needs_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text) = failure(&jobs(dir.path(), &["run", "daily-report"]));
    assert_eq!(code, 1);
    assert!(
        text.contains("a job runs only inside one\nhint: start it with `tomking run`"),
        "{text}"
    );
}

#[test]
fn a_wrong_job_file_stops_the_program_and_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("jobs")).unwrap();
    let file = dir.path().join("jobs/heartbeat.toml");
    fs::write(&file, "about = \"mine\"\n\n[[trigger]]\non = \"sesion\"\nat = \"10:00\"\n").unwrap();
    let (code, text) = failure(&jobs(dir.path(), &["list"]));
    let wanted = format!(
        "error: {}, line 4: `trigger.on` is \"sesion\"\nhint: did you mean \"session\"?\n",
        file.display()
    );
    assert_eq!((code, text), (1, wanted));
}
