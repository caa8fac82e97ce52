//! The owner's voice from outside: the built binary beside a daemon and without one.

use std::path::Path;

use serde_json::Value;

use crate::daemon::{Home, Ran};

fn holds(status: &Value) -> Vec<&str> {
    let holds = status["holds"].as_array().unwrap();
    holds.iter().map(|hold| hold["name"].as_str().unwrap()).collect()
}

/// The status, asked again until it satisfies.
fn status_until(home: &Home, what: &str, good: impl Fn(&Value) -> bool) -> Value {
    Home::until(what, || {
        let status = home.run(&["status", "--json"]).json();
        good(&status).then_some(status)
    })
}

#[test]
fn a_halt_is_one_hold_whichever_way_it_comes_and_outlives_a_restart() {
    let home = Home::new();
    let file = home.data().join("HALT");
    let daemon = home.daemon();
    for round in 0..5 {
        let halted = home.run(&["halt", "--reason", "a test", "--json"]).json();
        assert_eq!((holds(&halted), &halted["level"]), (vec!["operator"], &"HALTED".into()));
        assert!(file.is_file());
        // The watch looks at the file each time it is woken; the resume wakes it too.
        let status = home.run(&["status", "--json"]).json();
        assert_eq!(holds(&status), ["operator"], "round {round}");
        let resumed = home.run(&["resume", "--yes", "--json"]).json();
        assert_eq!((holds(&resumed), &resumed["level"]), (vec![], &"ACTIVE".into()));
        assert!(!file.exists());
    }
    home.run(&["halt"]).ok();
    daemon.stop();
    let status = home.run(&["status", "--json"]).json();
    assert_eq!((holds(&status), &status["daemon"]), (vec!["operator"], &Value::Null));
    let daemon = home.daemon();
    let status = home.run(&["status", "--json"]).json();
    assert_eq!((holds(&status), &status["latch"]), (vec!["operator"], &"HALTED".into()));
    home.run(&["resume", "--yes"]).ok();
    assert!(!file.exists());

    std::fs::write(&file, "").unwrap();
    let status = status_until(&home, "the file made by hand", |s| s["latch"] == "HALTED");
    assert_eq!(holds(&status), ["halt-file"]);
    daemon.stop();
    let status = home.run(&["status", "--json"]).json();
    assert_eq!(holds(&status), ["halt-file"]);
}

#[test]
fn a_file_made_by_hand_shows_in_the_status_before_any_daemon_has_seen_it() {
    let home = Home::new();
    home.daemon().stop();
    std::fs::write(home.data().join("HALT"), "").unwrap();
    let status = home.run(&["status", "--json"]).json();
    assert_eq!((holds(&status), &status["latch"]), (vec!["halt-file"], &"HALTED".into()));
    let resumed = home.run(&["resume", "--yes", "--json"]).json();
    assert_eq!((holds(&resumed), &resumed["level"]), (vec![], &"ACTIVE".into()));
    assert!(!home.data().join("HALT").exists());
}

#[test]
fn journal_and_backup_work_beside_the_daemon_and_without_it() {
    let home = Home::new();
    let daemon = home.daemon();
    let check = |when: &str| {
        let verified = home.run(&["journal", "verify", "--json"]).json();
        assert_eq!(verified["holds"], true, "{when}");
        let tail = home.run(&["journal", "tail", "-n", "2", "--json"]).json();
        assert!(!tail["entries"].as_array().unwrap().is_empty(), "{when}");
        // A relative name is one of the shell's directory, not of the daemon's.
        let name = format!("kept-{when}.redb");
        let made = home.run(&["store", "backup", &name, "--json"]).json();
        assert!(home.dir().join(&name).is_file(), "{when}");
        assert!(Path::new(made["path"].as_str().unwrap()).is_absolute(), "{made}");
        let again = home.run(&["store", "backup", &name]).failed(1);
        assert!(again.contains("is there already\nhint: "), "{again}");
        let named = home.run(&["store", "backup", "--json"]).json();
        let named = Path::new(named["path"].as_str().unwrap()).to_owned();
        assert!(named.starts_with(home.data().join("backups")) && named.is_file());
    };
    check("with");
    let head = home.run(&["journal", "verify", "--json"]).json()["journal"]["head"].clone();
    let wrong = format!("{}:{}", head["sequence"], "0".repeat(64));
    let said = home.run(&["journal", "verify", "--anchor", &wrong]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("broken at entry"), "{}", said.stdout);
    daemon.stop();
    check("without");
}

#[test]
fn what_needs_the_store_to_itself_is_refused_beside_the_daemon() {
    let home = Home::new();
    let daemon = home.daemon();
    home.run(&["store", "backup", "kept.redb"]).ok();
    for args in [&["check"][..], &["compact"], &["restore", "kept.redb"]] {
        let said = home.run(&[&["store"], args].concat()).failed(1);
        let owner = format!("is in use by process {} (`tomking run`)", daemon.pid());
        assert!(said.contains(&owner) && said.contains("\nhint: stop that first"), "{said}");
    }
    daemon.stop();
    for args in [&["check"][..], &["compact"], &["restore", "kept.redb", "--force"]] {
        home.run(&[&["store"], args].concat()).ok();
    }
}

#[test]
fn the_status_of_a_new_daemon_knows_the_account_in_pounds() {
    let home = Home::new();
    let daemon = home.daemon();
    let status = status_until(&home, "balances", |s| s["account"]["at"].is_string());
    let account = &status["account"];
    assert_eq!(account["net_liquidation_gbp"], "35000.00", "{account}");
    assert!(account["dollars_per_pound"].as_f64().unwrap() > 1.0);
    assert_eq!(
        (&account["drawdown_percent"], &account["used_percent"]),
        (&0.0.into(), &0.0.into())
    );
    assert_eq!(status["daemon"]["pid"], daemon.pid());
    assert!(status["daemon"]["uptime_seconds"].as_i64().unwrap() >= 0);
    assert_eq!(status["data_dir"], home.data().to_str().unwrap());
    let text = home.run(&["status"]).ok();
    assert!(text.contains("Net liquidation £35,000.00, $"), "{text}");
    daemon.stop();
}

#[test]
fn a_reader_that_goes_away_ends_no_command_in_a_panic() {
    let home = Home::new();
    home.daemon().stop();
    for args in [
        &["calendar", "--from", "1990-01-01", "--to", "2035-12-31"][..],
        &["jobs", "list"],
        &["jobs", "next", "-n", "5000"],
        &["jobs", "history"],
        &["jobs", "preview", "--job", "position-management"],
        &["status"],
        &["why"],
        &["risk", "cap", "--vix", "14"],
        &[
            "price",
            "--spot",
            "1",
            "--strike",
            "1",
            "--vol",
            "1",
            "--minutes",
            "1",
            "--right",
            "put",
        ],
        &["journal", "tail"],
        &["journal", "verify"],
        &["store", "check"],
        &["store", "backup"],
        &["store", "compact"],
        &["halt"],
        &["resume", "--yes"],
        &["--help"],
        &["replay", "--from", "2024-08-02", "--to", "2024-08-02"],
    ] {
        for json in [&[][..], &["--json"]] {
            let Ran { code, stderr, .. } = home.run_unread(&[args, json].concat());
            assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
            assert_eq!(code, 0, "{args:?}: {stderr}");
        }
    }
}

#[test]
fn an_error_says_what_to_do_on_stderr_alone() {
    let home = Home::new();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["report", "daily"], 1, "there is no daily report yet\nhint: one is written 30 minutes"),
        (
            &["report", "weekly", "--date", "2026-07-03"],
            1,
            "there is no weekly report of 2026-07-03",
        ),
        (&["report", "daily", "--date", "2026-7-3"], 2, "YYYY-MM-DD"),
        (&["journal", "verify"], 1, "no store at "),
        (&["store", "check"], 1, "hint: `tomking run` makes one"),
        (&["jobs", "run", "daily-report"], 1, "hint: start it with `tomking run`"),
        (&["flatten"], 2, "Say --yes to confirm."),
        (&["status", "--config-dir", "/nowhere"], 1, "/nowhere"),
    ];
    for (args, code, wanted) in cases {
        for json in [&[][..], &["--json"]] {
            let ran = home.run(&[args, json].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {}", ran.stderr);
            assert!(ran.stderr.starts_with("error: "), "{args:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(wanted), "{args:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn nothing_that_is_read_by_a_program_carries_colour() {
    let home = Home::new();
    home.daemon().stop();
    for args in [&["status"][..], &["jobs", "list"], &["--help"], &["nonsense"]] {
        let Ran { stdout, stderr, .. } = home.run(args);
        assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{args:?}");
    }
}
