//! `tomking calendar` from outside: what other programs and people get from the binary.

#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

use std::process::{Command, Output};

fn calendar(args: &[&str], config_dir: Option<&std::path::Path>) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tomking"));
    command.arg("calendar").args(args).env_clear().env("HOME", home.path());
    if let Some(dir) = config_dir {
        command.arg("--config-dir").arg(dir);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn json_has_the_documented_form_and_nothing_else() {
    let range = ["--exchange", "xnys", "--from", "2026-11-25", "--to", "2026-11-29", "--json"];
    let output = calendar(&range, None);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = serde_json::json!({
        "exchange": "XNYS",
        "sessions": [
            {
                "date": "2026-11-25",
                "open": "2026-11-25T14:30:00Z",
                "close": "2026-11-25T21:00:00Z",
                "early_close": false,
                "projected": false
            },
            {
                "date": "2026-11-27",
                "open": "2026-11-27T14:30:00Z",
                "close": "2026-11-27T18:00:00Z",
                "early_close": true,
                "projected": false
            }
        ]
    });
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, expected);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn every_exchange_answers_for_all_its_years() {
    // Counts of exchange_calendars 4.13.2 built to 2035, and for CME of pandas_market_calendars
    // 5.5.0 (6,725) less the ten Good Fridays to 2035 on which no employment report falls.
    for (exchange, from, first, count) in [
        ("XNYS", "1990-01-01", "1990-01-02", 11_577),
        ("CBOE", "2010-01-01", "2010-01-04", 6_534),
        ("CME", "2010-01-01", "2010-01-04", 6_715),
    ] {
        let range = ["--exchange", exchange, "--from", from, "--to", "2035-12-31", "--json"];
        let answer: serde_json::Value =
            serde_json::from_slice(&calendar(&range, None).stdout).unwrap();
        let sessions = answer["sessions"].as_array().unwrap();
        assert_eq!(sessions.first().unwrap()["date"], first);
        assert_eq!(sessions.last().unwrap()["date"], "2035-12-31");
        assert_eq!(sessions.last().unwrap()["projected"], true);
        assert_eq!(sessions.len(), count, "{exchange}");
    }
}

#[test]
fn bad_usage_ends_with_2_and_says_what_is_right() {
    let cases: [(&[&str], &str); 6] = [
        (&["--exchange", "LSE"], "known are XNYS, CBOE, CME"),
        (&["--from", "2026-13-01"], "YYYY-MM-DD"),
        (&["--from", "tomorrow"], "YYYY-MM-DD"),
        (&["--from", "2026-02-01", "--to", "2026-01-01"], "ends before that"),
        (&["--from", "1989-12-29", "--to", "1990-01-05"], "from 1990-01-01 to 2035-12-31"),
        (
            &["--exchange", "CME", "--from", "2004-01-05", "--to", "2005-01-05"],
            "from 2005-01-01 to 2035-12-31",
        ),
    ];
    for (args, expected) in cases {
        let output = calendar(args, None);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(expected), "{args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{args:?}");
    }
}

#[test]
fn without_arguments_it_shows_the_coming_sessions_of_xnys() {
    let output = calendar(&[], None);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.starts_with("XNYS, "), "{shown}");
    assert!(shown.contains("09:30–16:00"), "{shown}");
}

#[test]
fn a_closure_in_the_users_settings_is_a_closed_day_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[[calendar_override]]\nexchange = \"XNYS\"\ndate = \"2026-08-06\"\n\
                  reason = \"day of mourning\"\n";
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    let output = calendar(&["--from", "2026-08-06", "--to", "2026-08-06"], Some(dir.path()));
    let shown = text(&output.stdout);
    assert!(shown.contains("closed") && shown.contains("day of mourning"), "{shown}");
}
