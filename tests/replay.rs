//! `tomking replay` from outside: the built binary on a small folder of made-up figures round the
//! Friday after Thanksgiving, on real prices where they are at hand, and on the simulated market.

#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

#[path = "daemon/house.rs"]
#[allow(dead_code)] // the daemon's part of it is for tests/daemon.rs
mod house;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveTime, Utc};
use house::House;
use rust_decimal::{Decimal, dec};
use serde_json::Value;
use tomking::{
    calendar::{Calendar, NEW_YORK},
    config::Settings,
    schedule::JobSet,
    sim::replay::{self, Plan, Tape},
};

const MADE_UP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/replay");
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
/// Three Fridays: a third one, a plain one, the one after Thanksgiving.
const NOVEMBER: [&str; 2] = ["2024-11-11", "2024-11-29"];
/// The month of the issue.
const AUGUST: [&str; 2] = ["2024-07-15", "2024-08-16"];

fn args<'a>(range: [&'a str; 2], data: Option<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["replay", "--from", range[0], "--to", range[1]];
    args.extend(data.iter().flat_map(|data| ["--data", data]));
    args.extend(more);
    args
}

fn money(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// New York's time of day.
fn clock(value: &Value) -> NaiveTime {
    at(value).with_timezone(&NEW_YORK).time()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

fn filter<'a>(decision: &'a Value, name: &str) -> &'a str {
    let filters = decision["filters"].as_array().unwrap();
    let found = filters.iter().find(|filter| filter["name"] == name);
    found.unwrap_or_else(|| panic!("no filter `{name}`"))["value"].as_str().unwrap()
}

/// Dollars a point of a leg's product, by its symbol's root: CME's and Cboe's contract sizes.
fn multiplier(symbol: &str) -> Decimal {
    match symbol {
        s if s.starts_with("./MES") => dec!(5),
        s if s.starts_with("./ES") => dec!(50),
        s if s.starts_with("XSP") => dec!(100),
        s => panic!("a product the Friday strategy does not trade: {s}"),
    }
}

/// What must hold of every replay, whatever the prices: money, times, limits.
fn holds(found: &Value) {
    let trades = of_0dte(found, "trades");
    let mut sum = Decimal::ZERO;
    let mut most = Decimal::ZERO;
    for trade in trades {
        let (mut credit, mut strikes) = (Decimal::ZERO, Vec::new());
        for leg in trade["legs"].as_array().unwrap() {
            let symbol = leg["symbol"].as_str().unwrap();
            let price: Decimal = leg["open_price_points"].to_string().parse().unwrap();
            let points = price * Decimal::from(leg["quantity"].as_u64().unwrap());
            let sign = if leg["side"] == "sell" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            credit += sign * points * multiplier(symbol);
            strikes.push(multiplier(symbol));
        }
        assert!(strikes.len() == 2 || strikes.len() == 4, "a spread or a condor: {trade:#}");
        assert_eq!(credit, money(&trade["credit_usd"]), "legs add up to the credit: {trade:#}");
        let pnl = money(&trade["pnl_usd"]);
        assert!(pnl < credit, "fees are paid: {trade:#}");
        if trade["exit_reason"] == "profit_target" {
            let target = credit / dec!(2);
            assert!(pnl > target - dec!(25) && pnl <= target + dec!(25), "half of it: {trade:#}");
        }
        sum += pnl;
        most += money(&trade["credit_usd"]);

        assert_eq!(at(&trade["opened_at"]).date_naive(), at(&trade["closed_at"]).date_naive());
        let (opened, closed) = (clock(&trade["opened_at"]), clock(&trade["closed_at"]));
        assert!((time("10:30:00")..=time("10:45:00")).contains(&opened), "opened {opened}");
        assert!(opened < closed && closed <= time("15:30:00"), "flat by 15:30: {closed}");
    }
    assert!(sum < most.max(dec!(0.01)), "no more than the credits can be won");
    assert_eq!(sum, money(&found["pnl_usd"]));
    let change =
        money(&found["net_liquidation_usd"]) - money(&found["starting_net_liquidation_usd"]);
    assert_eq!(change, sum, "flat at the end, so the account moved by its trades, to the cent");
    assert_eq!(found["starting_net_liquidation_gbp"], "35000.00");
    assert_eq!(found["open_positions"], 0);
    let peak = &found["buying_power"];
    let (used, cap) = (peak["used_percent"].as_f64(), peak["cap_percent"].as_f64());
    assert!(used <= cap && cap <= Some(80.0), "{peak}");
    assert_eq!((&found["jobs"]["failed"], &found["jobs"]["missed"]), (&0.into(), &0.into()));
}

/// What Friday 0DTE decided or traded.
fn of_0dte<'a>(found: &'a Value, what: &str) -> Vec<&'a Value> {
    let all = found[what].as_array().unwrap().iter();
    all.filter(|line| line["strategy"] == "friday_0dte").collect()
}

/// Each Friday of `dates` was decided once, at 10:30.
fn one_decision_a_friday(found: &Value, dates: &[&str]) {
    let decisions = of_0dte(found, "decisions");
    let slots = decisions.iter().map(|d| at(&d["at"]).with_timezone(&NEW_YORK).to_string());
    let slots: Vec<String> = slots.map(|slot| slot[..19].to_owned()).collect();
    let wanted: Vec<String> = dates.iter().map(|date| format!("{date} 10:30:00")).collect();
    assert_eq!(slots, wanted);
}

#[test]
fn the_same_range_gives_the_same_digest_in_two_processes_and_in_this_one() {
    let house = House::new();
    let journal = house.path("journal.jsonl");
    let args = args(NOVEMBER, Some(MADE_UP), &[]);
    let first = house.json(&args);
    let second = house.json(&[&args[..], &["--journal", journal.to_str().unwrap()]].concat());
    assert_eq!(first["digest"], second["digest"]);
    let last = fs::read_to_string(journal).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["hash"], first["digest"], "the digest is the hash of the journal's last entry");

    let settings = Settings::load(None).unwrap();
    let calendar = Calendar::new(Vec::new());
    let (from, to) = (NOVEMBER[0].parse().unwrap(), NOVEMBER[1].parse().unwrap());
    let tape =
        replay::recorded(Path::new(MADE_UP), &settings, &calendar, (from, to), false).unwrap();
    let jobs = JobSet::embedded().unwrap().disabled("heartbeat");
    let plan = Plan::new((from, to), settings, jobs, Tape::Recorded(Box::new(tape)));
    let (outcome, _) = replay::run(plan).unwrap();
    assert_eq!(Value::from(outcome.digest), first["digest"]);

    assert_eq!(first["sessions"], 14);
    assert_eq!(first["prices"], "recorded_modelled");
    one_decision_a_friday(&first, &["2024-11-15", "2024-11-22", "2024-11-29"]);
    holds(&first);
}

#[test]
fn the_friday_after_thanksgiving_is_flat_by_noon() {
    let house = House::new();
    let found = house.json(&args(["2024-11-29", "2024-11-29"], Some(MADE_UP), &[]));
    let trades = found["trades"].as_array().unwrap();
    assert_eq!(trades.len(), 1, "the made-up prices let it trade");
    assert!(clock(&trades[0]["closed_at"]) <= time("12:00:00"), "{}", trades[0]["closed_at"]);
    holds(&found);
}

#[test]
fn the_text_for_people_says_what_is_modelled_and_the_data_stays_off_stderr() {
    let house = House::new();
    let output = house.run(&args(["2024-11-22", "2024-11-22"], Some(MADE_UP), &[]));
    let (text, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "", "no progress bar where nobody watches");
    for wanted in ["option quotes are modelled", "DECISIONS", "TRADES", "Win rate", "Digest "] {
        assert!(text.contains(wanted), "`{wanted}` is missing:\n{text}");
    }
}

/// A copy of the made-up folder, with one file changed line by line.
fn changed(house: &House, file: &str, change: impl Fn(&str) -> Option<String>) -> PathBuf {
    let folder = house.path("data");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(MADE_UP).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let lines: Vec<String> = text.lines().filter_map(change).collect();
    fs::write(folder.join(file), lines.join("\n") + "\n").unwrap();
    folder
}

type Change = fn(&str) -> Option<String>;

#[test]
fn what_the_files_lack_is_told_with_file_and_line_before_anything_runs() {
    let line_of = |file: &str, date: &str| {
        let text = fs::read_to_string(Path::new(MADE_UP).join(file)).unwrap();
        text.lines().position(|line| line.starts_with(date)).unwrap() + 1
    };
    let cases: [(&str, Change, &str, usize); 4] = [
        (
            "index_daily.csv",
            |line| (!line.starts_with("2024-11-20")).then(|| line.to_owned()),
            "no SPX bar for session 2024-11-20",
            line_of("index_daily.csv", "2024-11-19"),
        ),
        (
            "vix_daily.csv",
            |line| (!line.starts_with("2024-11-25")).then(|| line.to_owned()),
            "no VIX bar for session 2024-11-25",
            line_of("vix_daily.csv", "2024-11-22"),
        ),
        (
            "vix_daily.csv",
            |line| {
                let bad = line.starts_with("2024-10-09");
                Some(if bad { "2024-10-09,18.2,abc,17,18".to_owned() } else { line.to_owned() })
            },
            "column `high`: found `abc`",
            line_of("vix_daily.csv", "2024-10-09"),
        ),
        (
            "pound_dollar.csv",
            |line| {
                let bad = line.starts_with("2024-10-09");
                Some(if bad { "2024-10-07,1.09,0.84,1.29".to_owned() } else { line.to_owned() })
            },
            "2024-10-07",
            line_of("pound_dollar.csv", "2024-10-09"),
        ),
    ];
    for (file, change, wanted, line) in cases {
        let house = House::new();
        let folder = changed(&house, file, change);
        let (code, said) = house.failure(&args(NOVEMBER, folder.to_str(), &[]));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(said.contains(file), "{said}");
        assert!(said.contains(&format!("line {line}")), "line {line}: {said}");
    }
}

#[test]
fn what_cannot_be_replayed_is_told_and_nothing_is_on_stdout() {
    let house = House::new();
    let later = ["2030-01-07", "2030-01-11"];
    for (range, data, wanted, code) in [
        (later, Some(MADE_UP), "the folder covers 2024-10-01 to 2024-11-29", 1),
        (NOVEMBER, Some("/nonexistent/prices"), "cannot read `/nonexistent/prices`", 1),
        (NOVEMBER, Some(concat!(env!("CARGO_MANIFEST_DIR"), "/jobs")), "no file with", 1),
        (["2024-11-30", "2024-12-01"], None, "no XNYS session from 2024-11-30", 1),
        (["1980-01-07", "1980-01-11"], None, "the calendar covers 1990 to 2035", 1),
        (["2004-12-28", "2005-01-08"], None, "the simulated market begins in 2005", 1),
        (["2024-11-29", "2024-11-11"], None, "--from 2024-11-29 is after --to 2024-11-11", 2),
        (["2024-11-31", "2024-12-01"], None, "2024-11-31", 2),
    ] {
        for more in [&[][..], &["--json"]] {
            let (found, said) = house.failure(&args(range, data, more));
            assert_eq!(found, code, "{range:?}: {said}");
            assert!(said.contains(wanted), "{range:?}: {said}");
        }
    }
    let (code, said) = house.failure(&args(NOVEMBER, None, &["--simulate-missing"]));
    assert_eq!(code, 2, "without files nothing is missing: {said}");
}

/// Figures of the folder itself, read here by other means than the program's.
fn csv_row(file: &str, start: &str) -> Vec<f64> {
    let text = fs::read_to_string(Path::new(SHARED).join(file)).unwrap();
    let row = text.lines().find(|line| line.starts_with(start)).unwrap();
    row.split(',').filter_map(|cell| cell.parse().ok()).collect()
}

#[test]
fn august_2024_on_real_prices_is_decided_by_the_figures_of_its_files() {
    if !Path::new(SHARED).is_dir() {
        eprintln!("skipped: no ../shared/data here");
        return;
    }
    let house = House::new();
    let found = house.json(&args(AUGUST, Some(SHARED), &[]));
    assert_eq!(found["sessions"], 25);
    let fridays = ["2024-07-19", "2024-07-26", "2024-08-02", "2024-08-09", "2024-08-16"];
    one_decision_a_friday(&found, &fridays);
    holds(&found);

    for (decision, friday) in of_0dte(&found, "decisions").into_iter().zip(fridays) {
        // The index at 10:30 is the close of its first hourly bar; XSP is a tenth of it.
        let open = csv_row("spx_daily_ohlc_2005_2026.csv", friday)[0];
        let at_1030 = csv_row("spx_1h.csv", &format!("{friday},09:30"))[3];
        let moved = (at_1030 / open - 1.0) * 100.0;
        let told = filter(decision, "xsp.move");
        let (figure, structure) = told.split_once(" %, ").unwrap();
        assert!((figure.parse::<f64>().unwrap() - moved).abs() < 0.02, "{friday}: {told}, {moved}");
        let wanted = match moved {
            up if up > 0.5 => "call spread",
            down if down < -0.5 => "put spread",
            _ => "iron condor",
        };
        assert_eq!(structure, wanted, "{friday}");
        let vix = csv_row("vix_daily_cboe.csv", friday);
        let told: f64 = filter(decision, "vix").parse().unwrap();
        assert!((vix[2]..=vix[1]).contains(&told), "{friday}: VIX {told} outside its day {vix:?}");
    }

    // 2 August 2024: SPX opened at 5376.63 and stood at 5321.29 at 10:30, 1.03 % lower; VIX, which
    // had opened at 20.52, was on its way to 29.66 (Cboe).
    let crash = of_0dte(&found, "decisions")[2];
    assert_eq!(filter(crash, "xsp.open"), "537.66");
    assert!(filter(crash, "xsp.move").starts_with("-1.03"), "{}", filter(crash, "xsp.move"));
    let trade = of_0dte(&found, "trades")[2];
    assert_eq!(trade["what"].as_str().unwrap().split(" P,").count(), 2, "puts alone: {trade}");
    assert!(!trade["what"].as_str().unwrap().contains('C'), "no calls sold into a fall: {trade}");
}

#[test]
fn the_readmes_transcript_is_what_its_command_prints() {
    if !Path::new(SHARED).is_dir() {
        eprintln!("skipped: no ../shared/data here");
        return;
    }
    let readme = include_str!("../README.md");
    assert!(readme.contains("tomking replay --from 2024-07-15 --to 2024-08-16 --data "));
    let (_, rest) = readme.split_once("```text\nReplay ").unwrap();
    let (transcript, _) = rest.split_once("```").unwrap();
    let house = House::new();
    let output = house.run(&args(AUGUST, Some(SHARED), &[]));
    let printed = String::from_utf8(output.stdout).unwrap();
    // What is cut is marked, and the machine's speed is its own.
    let held = transcript.lines().filter(|line| !line.contains('…') && !line.contains("a second"));
    for line in held {
        assert!(printed.contains(line), "README.md shows\n{line}\nthe program prints\n{printed}");
    }
}

#[test]
fn what_the_files_do_not_record_can_be_simulated() {
    let house = House::new();
    let plain = args(["2024-11-25", "2024-11-29"], Some(MADE_UP), &[]);
    let more = [&plain[..], &["--simulate-missing"]].concat();
    let (plain, more) = (house.json(&plain), house.json(&more));
    assert_eq!(plain["trades"], more["trades"], "it changes nothing of what is recorded");
}

#[test]
fn the_simulated_market_replays_any_month_and_another_seed_is_another_market() {
    let house = House::new();
    let mut digests = BTreeSet::new();
    for (range, seed) in [
        (["2010-01-04", "2010-01-08"], "1"),
        (["2020-03-09", "2020-03-13"], "1"),
        (["2020-03-09", "2020-03-13"], "2"),
        (["2035-11-19", "2035-11-23"], "1"),
    ] {
        let found = house.json(&args(range, None, &["--seed", seed]));
        assert_eq!(found["prices"], "simulated", "{range:?}");
        assert!(!found["decisions"].as_array().unwrap().is_empty(), "{range:?}");
        holds(&found);
        assert!(digests.insert(found["digest"].to_string()), "{range:?}, seed {seed}");
    }
}
