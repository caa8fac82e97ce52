//! `tomking replay --book`: the account of August 2024 (rulebook §6) on real prices, and what a wrong
//! book is told.

#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

#[path = "daemon/house.rs"]
#[allow(dead_code)] // the daemon's part of it is for tests/daemon.rs
mod house;

use std::{fs, path::Path};

use house::House;
use serde_json::Value;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples");

/// The replay of a book of the examples; `None` where the prices are not at hand.
fn august(house: &House, book: &str, to: &str, more: &[&str]) -> Option<Value> {
    if !Path::new(SHARED).is_dir() {
        eprintln!("skipped: no ../shared/data here");
        return None;
    }
    let book = format!("{EXAMPLES}/{book}.toml");
    let args = ["replay", "--book", &book, "--from", "2024-07-15", "--to", to, "--data", SHARED];
    Some(house.json(&[&args[..], more].concat()))
}

/// How the LT112 of 15 July came out: the outcome, or the limit that refused.
fn attempts(found: &Value) -> Vec<String> {
    let tried = found["attempts"].as_array().unwrap();
    let of = |tried: &Value| {
        assert_eq!(tried["failed"], Value::Null, "{tried}");
        let decisions = found["decisions"].as_array().unwrap();
        let decision = decisions
            .iter()
            .find(|d| d["strategy"] == tried["strategy"] && d["at"] == tried["at"])
            .unwrap_or_else(|| panic!("no decision of {tried}"));
        if decision["outcome"] != "refused" {
            return decision["outcome"].as_str().unwrap().to_owned();
        }
        let refusals = found["refusals"].as_array().unwrap();
        let own = refusals.iter().find(|r| r["at"] == tried["at"]).unwrap();
        own["limit"].as_str().unwrap().to_owned()
    };
    tried.iter().map(of).collect()
}

#[test]
fn the_second_lt112_of_one_expiration_is_refused() {
    let house = House::new();
    let Some(found) = august(&house, "august-2024", "2024-07-15", &[]) else { return };
    let outcomes = attempts(&found);
    assert_eq!(outcomes.len(), 6);
    assert_eq!(outcomes[0], "entered");
    assert!(outcomes[1..].iter().all(|outcome| outcome == "expiration"), "{outcomes:?}");
    assert_eq!(found["starting_net_liquidation_gbp"], "530000.00");
}

#[test]
fn the_third_lt112_of_distinct_expirations_is_refused_by_its_group() {
    let house = House::new();
    let Some(found) = august(&house, "august-2024-apart", "2024-08-16", &[]) else { return };
    let outcomes = attempts(&found);
    assert_eq!(outcomes[..2], ["entered", "entered"]);
    assert!(outcomes[2..].iter().all(|outcome| outcome == "group"), "{outcomes:?}");

    // What was held is told each day, until the jump of VIX on 2 August cuts it.
    let days = found["day_by_day"].as_array().unwrap();
    let held = days.iter().find(|day| day["date"] == "2024-08-01").unwrap();
    assert_eq!(held["positions"].as_array().unwrap().len(), 2);
    let trades = found["trades"].as_array().unwrap();
    let lt112 = trades.iter().filter(|trade| trade["strategy"] == "lt112");
    let cut: Vec<&Value> = lt112.collect();
    assert!(cut.iter().all(|trade| trade["exit_reason"] == "reduced"), "{cut:?}");
    assert!(found["max_drawdown_percent"].as_f64().unwrap() > 0.0);
}

#[test]
fn with_the_limits_off_more_is_opened_and_the_text_says_so() {
    let house = House::new();
    let off = ["--limits", "off"];
    let Some(found) = august(&house, "august-2024-apart", "2024-07-16", &off) else { return };
    assert_eq!(found["limits_off"], true);
    let entered = attempts(&found).iter().filter(|outcome| *outcome == "entered").count();
    assert!(entered > 2, "{:?}", attempts(&found));

    let report = house.path("report");
    let book = format!("{EXAMPLES}/august-2024-apart.toml");
    let output = house.run(&[
        "replay",
        "--book",
        &book,
        "--from",
        "2024-07-15",
        "--to",
        "2024-07-15",
        "--data",
        SHARED,
        "--limits",
        "off",
        "--report",
        report.to_str().unwrap(),
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("WARNING\n  Limits 6 to 11 of the gate were off"), "{text}");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    assert!(page.contains("<p class=\"warning\"><strong>Warning: </strong>Limits 6 to 11"));
    assert!(page.contains("<h2>Day by day</h2>"));
}

#[test]
fn a_wrong_book_is_told_with_what_is_wrong_before_anything_runs() {
    let house = House::new();
    let file = house.path("book.toml");
    for (text, wanted) in [
        ("balance_gbp = \"5\"", "balance_gbp = 5: must lie between"),
        ("balance = \"530000\"", "unknown field `balance`"),
        ("[[attempt]]\nat = \"2024-07-20T10:00:00\"\nstrategy = \"lt112\"", "not inside a session"),
        ("[[attempt]]\nat = \"2024-08-15T10:00:00\"\nstrategy = \"lt112\"", "outside the replay"),
        ("[[attempt]]\nat = \"2024-07-15T10:00:00\"\nstrategy = \"external\"", "no rule trades"),
        (
            "[[attempt]]\nat = \"2024-07-15T10:00:00\"\nstrategy = \"lt112\"\n\
             expiration = \"2024-07-01\"",
            "expiration lies before it",
        ),
        (
            "[[attempt]]\nat = \"2024-07-16T10:00:00\"\nstrategy = \"lt112\"\n\
             [[attempt]]\nat = \"2024-07-15T10:00:00\"\nstrategy = \"lt112\"",
            "attempt 2",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let book = file.to_str().unwrap();
        let (code, said) = house.failure(&[
            "replay",
            "--book",
            book,
            "--from",
            "2024-07-15",
            "--to",
            "2024-07-22",
        ]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(wanted), "`{wanted}`: {said}");
    }
    let (code, said) =
        house.failure(&["replay", "--limits", "off", "--from", "2024-07-15", "--to", "2024-07-22"]);
    assert_eq!(code, 2, "limits are off for a book alone: {said}");
}
