//! Every document of `--json`, held against docs/JSON.md: its example has the fields the program
//! prints, no more and no fewer, and each field follows the rules the page states.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Datelike as _, NaiveDate};
use serde_json::{Value, json};
use tomking::{
    account::{ExitReason, IntentId},
    calendar::Calendar,
    clock::{Clock as _, VirtualWorld, WallClock},
    config::Settings,
    control::{
        Request, answer,
        book::{orders, pnl},
    },
    desk::{
        owner_close::CloseAnswer,
        read::decisions,
        still::{Rows, Surroundings},
    },
    market::{ModelledMarket, Provenance, SimulatedTape},
    report::{Period, REPORTS, report_key},
    schedule::JobSet,
    sim::{
        chaos::plan::Plan as Chaos,
        replay::{self, Plan, Tape},
    },
    store::Read as _,
};

use crate::daemon::Home;

const PAGE: &str = include_str!("../../docs/JSON.md");

/// The kinds of values found at each path of a document; `[]` stands for any element.
type Shape = BTreeMap<String, BTreeSet<&'static str>>;

fn shape(value: &Value, path: &str, found: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        // A ratio without bound, which JSON has no number for.
        Value::String(text) if text == "infinite" => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    found.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{path}[]"), found);
            }
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| shape(value, &format!("{path}.{name}"), found));
        }
        _ => {}
    }
}

fn shape_of(value: &Value) -> Shape {
    let mut found = Shape::new();
    shape(value, "", &mut found);
    found
}

/// The examples of the page, by the title they stand under.
fn examples() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for part in PAGE.split("\n## ").skip(1) {
        let title = part.lines().next().unwrap().trim_matches('`').to_owned();
        let Some((_, rest)) = part.split_once("```json\n") else { continue };
        let (text, _) = rest.split_once("\n```").unwrap();
        let example = serde_json::from_str(text).unwrap_or_else(|error| panic!("{title}: {error}"));
        found.insert(title, example);
    }
    found
}

/// Below these nothing is promised: what a journal entry carries depends on its kind, the form of a
/// setting on the setting.
const FREE: &[&str] = &[".entries[].data", ".settings[].value"];

/// What in `document` its example does not show, and the other way round. A value that may be
/// absent is `null`; an element of a list that is empty here says nothing.
fn differences(example: &Value, document: &Value) -> Vec<String> {
    let (shown, found) = (shape_of(example), shape_of(document));
    let free = |path: &str| FREE.iter().any(|free| path.starts_with(free));
    let mut wrong = Vec::new();
    for (path, kinds) in found.iter().filter(|(path, _)| !free(path)) {
        match shown.get(path) {
            // The example has null, an empty list or a scalar where the document goes on.
            None => wrong.push(format!("{path} is not in the example")),
            Some(wanted) => {
                let strange = kinds.iter().any(|kind| !wanted.contains(kind) && *kind != "null");
                let open = wanted.iter().all(|kind| *kind == "null");
                if strange && !open {
                    wrong.push(format!("{path} is {kinds:?}, the example has {wanted:?}"));
                }
            }
        }
    }
    for path in shown.keys().filter(|path| !found.contains_key(*path) && !free(path)) {
        // Its parent is empty or null here.
        let parents = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
        let cut = parents.clone().any(|parent| {
            found.get(parent).is_some_and(|kinds| {
                kinds.contains("null")
                    || kinds.contains("array") && !found.contains_key(&format!("{parent}[]"))
            })
        });
        if !cut {
            wrong.push(format!("{path} is not in the document"));
        }
    }
    wrong
}

/// Where a document breaks the rules of the page.
fn broken_rules(value: &Value, path: &str, wrong: &mut Vec<String>) {
    let name = path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]");
    let mut must = |good: bool, rule: &str| {
        if !good && !value.is_null() {
            wrong.push(format!("{path} = {value}: {rule}"));
        }
    };
    let text = value.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    must(name.chars().all(plain), "names are snake_case");
    if name.ends_with("_gbp") || name.ends_with("_usd") {
        let decimals = text.and_then(|text| text.split_once('.')).map(|(_, cents)| cents.len());
        let number = text.is_some_and(|text| text.parse::<f64>().is_ok());
        must(number && decimals >= Some(2), "money is a decimal string with its cents");
    }
    if ["_percent", "_points", "_seconds", "_ms", "dollars_per_pound"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        must(value.is_number(), "a number");
    }
    if name == "date" || name.ends_with("_date") {
        must(text.is_some_and(|text| text.parse::<NaiveDate>().is_ok()), "a date is YYYY-MM-DD");
    }
    if name == "at" || name.ends_with("_at") || name == "since" || name == "until" {
        let instant =
            |text: &str| text.ends_with('Z') && DateTime::parse_from_rfc3339(text).is_ok();
        must(text.is_some_and(instant), "an instant is RFC 3339 in UTC");
    }
    match value {
        Value::Array(items) => {
            for item in items {
                broken_rules(item, &format!("{path}[]"), wrong);
            }
        }
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| broken_rules(value, &format!("{path}.{name}"), wrong)),
        _ => {}
    }
}

/// The documents of one home, by the command as the page titles it.
struct Documents {
    examples: BTreeMap<String, Value>,
    wrong: Vec<String>,
    seen: BTreeSet<String>,
}

impl Documents {
    fn check(&mut self, title: &str, document: &Value) {
        self.seen.insert(title.to_owned());
        assert!(document.is_object(), "{title}: {document}");
        let Some(example) = self.examples.get(title) else {
            self.wrong.push(format!("{title}: not on the page"));
            return;
        };
        let found = differences(example, document);
        self.wrong.extend(found.into_iter().map(|what| format!("{title}: {what}")));
        let mut broken = Vec::new();
        broken_rules(document, "", &mut broken);
        self.wrong.extend(broken.into_iter().map(|what| format!("{title}: {what}")));
    }

    /// Runs a command; its words up to the first option are the title.
    fn run(&mut self, home: &Home, args: &[&str]) -> Value {
        let words: Vec<&str> =
            args.iter().copied().take_while(|arg| !arg.starts_with('-')).collect();
        let document = home.run(&[args, &["--json"]].concat()).json();
        self.check(title(&words.join(" ")), &document);
        document
    }
}

/// The title a document stands under; some commands print the same.
fn title(command: &str) -> &str {
    match command {
        "reduce" | "resume" | "flatten" => "halt",
        other => other,
    }
}

fn documents() -> Documents {
    Documents { examples: examples(), wrong: Vec::new(), seen: BTreeSet::new() }
}

/// What reads the store, and what writes to it.
fn ask_everything(all: &mut Documents, home: &Home) {
    for args in [
        &["status"][..],
        &["why"],
        &["jobs", "list"],
        &["jobs", "next", "-n", "5"],
        &["jobs", "history"],
        &["journal", "verify"],
        &["journal", "tail", "-n", "5"],
        &["reconcile"],
        &["reduce", "--reason", "a test"],
        &["halt", "--reason", "a test"],
        &["status"],
        &["risk"],
        &["stress"],
        &["plan"],
        &["phase"],
        &["stage"],
        &["positions"],
        &["orders"],
        &["pnl"],
        &["balance"],
        &["greeks"],
        &["limits"],
        &["next"],
        &["health"],
        &["version"],
        &["config"],
        &["flatten", "--yes"],
        &["resume", "--yes"],
        &["alerts", "list"],
        &["alerts", "test"],
        &["alerts", "dead"],
    ] {
        all.run(home, args);
    }
    let muted = home.run(&["alerts", "mute", "5", "--kind", "decided", "--json"]).json();
    all.check("alerts mute", &muted);
    for (command, changed) in [("pause", true), ("pause", false), ("resume", true)] {
        let document = home.run(&["jobs", command, "store-backup", "--json"]).json();
        all.check("jobs pause", &document);
        assert_eq!(document["changed"], changed);
    }
    for (command, paused, changed) in
        [("pause", true, true), ("pause", true, false), ("resume", false, true)]
    {
        let args = [command, "lt112", "--json"];
        let yes: &[&str] = if command == "resume" { &["--yes"] } else { &[] };
        let document = home.run(&[&args[..], yes].concat()).json();
        all.check("pause", &document);
        assert_eq!((&document["paused"], &document["changed"]), (&paused.into(), &changed.into()));
    }
    let part = home.run(&["config", "market", "--json"]).json();
    all.check("config", &part);
    let backup = home.run(&["store", "backup", "--json"]).json();
    all.check("store backup", &backup);
    all.check("risk check", &checked(home));
}

/// The gate's word on a put spread a few weeks away.
fn checked(home: &Home) -> Value {
    let today = WallClock.now().date_naive();
    let fridays = (21..63).map(|days| today + chrono::Days::new(days));
    let file = home.dir().join("order.toml");
    for friday in fridays.filter(|date| date.weekday() == chrono::Weekday::Fri) {
        let leg = |side: &str, strike: u32| {
            format!(
                "[[legs]]\nside = \"{side}\"\nproduct = \"SPX\"\nexpiration = \"{friday}\"\n\
                 strike = \"{strike}\"\nright = \"put\"\n"
            )
        };
        let text = format!("strategy = \"ratio\"\n{}{}", leg("sell", 4000), leg("buy", 3900));
        std::fs::write(&file, text).unwrap();
        let ran = home.run(&["risk", "check", "--intent", file.to_str().unwrap(), "--json"]);
        if ran.stderr.is_empty() {
            assert_eq!(ran.code, 1, "the latch stands, or there is no account");
            return serde_json::from_str(&ran.stdout).unwrap();
        }
    }
    panic!("no Friday of six weeks is listed");
}

/// Files taken in twice, a row of them changed in between.
fn import(all: &mut Documents, home: &Home) {
    let file = home.dir().join("spx.csv");
    for close in ["5346.56", "5346.57"] {
        let text = format!(
            "date,open,high,low,close,volume\n2024-07-31,5505.59,5551.51,5493.75,5522.30,\n\
             2024-08-02,5376.63,5376.63,5302.03,{close},\n"
        );
        std::fs::write(&file, text).unwrap();
        let done = home.run(&["data", "import", "spx.csv", "--json"]).json();
        all.check("data import", &done);
        assert_eq!(done["files"][0]["conflicts"], i32::from(close == "5346.57"));
    }
    let listed = all.run(home, &["data", "list"]);
    assert_eq!(listed["files"][0]["missing"], json!(["2024-08-01"]));
    assert_eq!(listed["told"]["year_high_unknown"], "unknown: 2 of 252 sessions");
    all.run(home, &["data", "check"]);
    std::fs::write(&file, "date,open,high,low,close,volume\n2024-08-02,1,2,3,4,\n").unwrap();
    let error = home.run(&["data", "import", "spx.csv"]).failed(1);
    let wanted = "`spx.csv` line 2, column `high`: found `2`, expected a price at or above the low \
                  of 3\nhint: nothing was imported";
    assert!(error.contains(wanted), "{error}");
}

#[test]
fn the_page_shows_every_document_as_it_is_printed() {
    let (home, mut all) = (Home::new(), documents());
    for args in [
        &["calendar", "--exchange", "XNYS", "--from", "2026-11-25", "--to", "2026-11-27"][..],
        &["risk", "cap", "--vix", "14.2"],
        &["config", "rulebook"],
        &[
            "jobs",
            "preview",
            "--job",
            "friday-0dte-entry",
            "--from",
            "2026-11-20",
            "--to",
            "2026-11-27",
        ],
        &["why"],
    ] {
        all.run(&home, args);
    }
    let option =
        ["price", "--model", "black76", "--spot", "5400", "--strike", "5370", "--minutes", "390"];
    let price = [&option[..], &["--right", "put", "--vol", "0.2"]].concat();
    all.run(&home, &price);
    let volatility = [&option[..], &["--right", "put", "--iv-from", "5", "--json"]].concat();
    all.check("price --iv-from", &home.run(&volatility).json());

    import(&mut all, &home);

    let daemon = home.daemon();
    ask_everything(&mut all, &home);
    let run = home.run(&["jobs", "run", "risk-snapshot", "--json"]).json();
    all.check("jobs run", &run);
    for period in ["daily", "weekly"] {
        let job = if period == "daily" { "daily-report" } else { "weekly-review" };
        home.run(&["jobs", "run", job]).ok();
        let document = Home::until("the report", || {
            let ran = home.run(&["report", period, "--json"]);
            (ran.code == 0).then(|| ran.json())
        });
        all.check(&format!("report {period}"), &document);
    }
    all.check("report --send", &home.run(&["report", "daily", "--send", "--json"]).json());
    all.run(&home, &["ack"]);
    let logs = all.run(&home, &["logs"]);
    assert!(!logs["lines"].as_array().unwrap().is_empty(), "{logs}");
    daemon.stop();
    let error = home.run(&["logs"]).failed(1);
    assert!(error.contains("this needs the daemon"), "{error}");

    ask_everything(&mut all, &home);
    all.run(&home, &["store", "check"]);
    all.run(&home, &["store", "compact"]);
    home.run(&["store", "backup", "kept.redb"]).ok();
    let restored = home.run(&["store", "restore", "kept.redb", "--json"]).json();
    all.check("store restore", &restored);

    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
    let titles: BTreeSet<String> = all.examples.keys().cloned().collect();
    let other =
        ["chaos", "replay", "validate", "report monthly", "report quarterly", "payoff", "close"];
    let other: BTreeSet<String> = other.map(str::to_owned).into();
    assert_eq!(titles.difference(&all.seen).cloned().collect::<BTreeSet<_>>(), other);
}

#[test]
fn a_replay_prints_the_names_others_rely_on() {
    let (home, mut all) = (Home::new(), documents());
    let week = ["replay", "--from", "2026-10-15", "--to", "2026-10-16"];
    let mut document = all.run(&home, &week);
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
    let again = all.run(&home, &week);
    assert_eq!(document["digest"], again["digest"], "another process");
    let fields: Vec<&String> = document.as_object_mut().unwrap().keys().collect();
    for wanted in [
        "digest",
        "sessions",
        "elapsed_ms",
        "net_liquidation_gbp",
        "max_drawdown_percent",
        "trades",
        "refusals",
        "decisions",
    ] {
        assert!(fields.iter().any(|field| *field == wanted), "{wanted} in {fields:?}");
    }
}

#[test]
fn a_validation_prints_its_checks_and_fails_for_a_stage_that_is_not_earned() {
    let (home, mut all) = (Home::new(), documents());
    let ran = home.run(&["validate", "--for", "stage-1", "--json"]);
    assert_eq!(ran.code, 1);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    all.check("validate", &document);
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
    assert_eq!(document["passed"], false);
    home.run(&["validate", "--for", "stage-9"]).failed(2);
}

#[test]
fn chaos_prints_the_names_others_rely_on_and_runs_a_printed_plan_again() {
    let (home, mut all) = (Home::new(), documents());
    let document = all.run(&home, &["chaos", "--seeds", "1", "--seed", "3"]);
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
    assert_eq!((&document["seeds"], &document["violated"]), (&json!(1), &json!(0)));
    let plan = Chaos::draw(3, 1);
    let file = home.dir().join("plan.json");
    std::fs::write(&file, serde_json::to_string(&plan).unwrap()).unwrap();
    let again = all.run(&home, &["chaos", "--plan", file.to_str().unwrap()]);
    assert_eq!(document["digests"], again["digests"], "another process, the same seed");
    home.run(&["chaos", "--plan", "nowhere.json"]).failed(2);
}

/// The reports and decisions of a week in which something was traded.
#[test]
fn the_page_shows_the_reports_and_decisions_of_a_week() {
    let date = |day| NaiveDate::from_ymd_opt(2026, 10, day).unwrap();
    let (settings, jobs) = (Settings::default_embedded(), JobSet::embedded().unwrap());
    let plan = Plan::new((date(12), date(16)), settings, jobs, Tape::Simulated);
    let (_, store) = replay::run(plan).unwrap();
    let mut all = documents();
    for period in [Period::Daily, Period::Weekly] {
        let key = report_key(period, date(16));
        let kept = store.read(|tx| tx.get(&REPORTS, &key)).unwrap().unwrap();
        assert_eq!(kept.document["trades"].as_array().unwrap().len(), 1);
        all.check(&format!("report {period}"), &kept.document);
    }
    for kept in crate::reports::reviews() {
        all.check(&format!("report {}", kept.period), &kept.document);
    }
    let decided = store.read(|tx| decisions(tx, date(12), date(16))).unwrap();
    assert!(decided.iter().any(|record| record.intent.is_some()), "{decided:?}");
    all.check("why", &json!({ "decisions": decided }));
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
}

/// What stands open after a strangle's Tuesday, priced as a shell without a daemon does.
#[test]
fn the_page_shows_positions_with_their_marks() {
    let date = |day| NaiveDate::from_ymd_opt(2026, 9, day).unwrap();
    let (settings, jobs) = (Settings::default_embedded(), JobSet::embedded().unwrap());
    let plan = Plan::new((date(8), date(9)), settings.clone(), jobs, Tape::Simulated);
    let (_, store) = replay::run(plan).unwrap();
    let calendar = Calendar::default();
    let world = VirtualWorld::new("2026-09-09T18:00:00Z".parse().unwrap());
    let rt = world.runtime();
    let tape = SimulatedTape::new(settings.market.seed, &calendar);
    let market = ModelledMarket::new(tape, settings.market.clone(), rt.clone(), calendar.clone());
    let rulebook = Arc::new(settings.rulebook.clone());
    let around = Surroundings { rt: &rt, market: &market, calendar: &calendar, rulebook };
    let rows = store.read(|tx| Rows::read(tx, rt.now())).unwrap();
    let (seen, snapshot) = futures::executor::block_on(around.both(rows));
    let id = snapshot.positions.first().expect("something is open").id.clone();
    let ask = |request: &Request| {
        let answer = |tx: &_| {
            Ok(answer::beside(tx, request, seen.clone(), &snapshot, Provenance::Simulated))
        };
        store.read(answer).unwrap().unwrap()
    };
    let mut all = documents();
    let positions = ask(&Request::Positions);
    assert!(positions["positions"][0]["pnl_usd"].is_string(), "{positions:#}");
    all.check("positions", &positions);
    all.check("greeks", &ask(&Request::Greeks));
    all.check("balance", &ask(&Request::Balance));
    all.check("payoff", &ask(&Request::Payoff { position: id.clone() }));
    let reader = |request: &Request| match request {
        Request::Orders => store.read(|tx| orders::of(tx, rt.now())).map(|view| json!(view)),
        _ => store.read(|tx| pnl::of(tx, rt.now(), None, 20)).map(|view| json!(view)),
    };
    all.check("orders", &reader(&Request::Orders).unwrap());
    all.check("pnl", &reader(&Request::Pnl { sessions: 20 }).unwrap());
    let close = CloseAnswer {
        position: id.clone(),
        what: "an iron condor".to_owned(),
        intent: IntentId(format!("{id}-x2")),
        begun: true,
        reason: ExitReason::Owner,
        already: false,
        waits_until: None,
    };
    all.check("close", &json!(close));
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
}

#[test]
fn a_checker_that_cannot_fail_checks_nothing() {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let example = read(r#"{"a": 1, "b": [{"c": "x"}], "d": null}"#);
    for (document, wanted) in [
        (r#"{"a": 2, "b": [], "d": null}"#, ""),
        (r#"{"a": null, "b": [{"c": "y"}], "d": {"e": 1}}"#, ".d.e is not in the example"),
        (r#"{"a": 2, "b": [{}], "d": null}"#, ".b[].c is not in the document"),
        (r#"{"a": "2", "b": [], "d": null}"#, ".a is {\"string\"}, the example has {\"number\"}"),
    ] {
        assert_eq!(differences(&example, &read(document)).join("\n"), wanted);
    }
    let mut wrong = Vec::new();
    let bad = read(
        r#"{"pnl_gbp": 1.5, "fee_usd": "1", "x_percent": "3", "at": "2024-08-02T10:30:00-04:00",
            "date": "2 Aug", "Name": 1}"#,
    );
    broken_rules(&bad, "", &mut wrong);
    assert_eq!(wrong.len(), 6, "{wrong:?}");
}
