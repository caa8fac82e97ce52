//! The commands of the table on the running program: each is answered within a second, also while
//! neither broker nor feeds answer, and each answer has its page.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;
use rust_decimal::dec;
use serde_json::Value;
use tomking::{
    account::{Effect, ExitReason, Leg, NetPrice, PositionId, Side, StrategyId},
    broker::OrderRequest,
    calendar::Calendar,
    control::{
        Request,
        console::{Caller, Console, Reply},
        say,
        table::{self, COMMANDS, Role},
    },
    desk::read,
    instrument::{Instrument, OptionContract, Product, Right, expiration},
    risk::decision::DecisionOutcome,
};

use crate::{
    held_up,
    house::{Daemon, House},
    market::Script,
    quiet,
};

/// What was sold keeps its price, so that it is still there at noon.
pub fn held() -> Script {
    Script { vol: held_up, ..quiet() }
}

/// The position of the day.
const ID: &str = "zdte-20240802-1";

fn close() -> Request {
    Request::Close { position: PositionId(ID.to_owned()), reason: "too much".to_owned() }
}

/// A line for each command that only looks.
fn reads() -> Vec<String> {
    let looks = COMMANDS.iter().filter(|command| command.who == Role::Viewer);
    let line = |command: &table::Command| match command.name {
        "payoff" => format!("/payoff {ID}"),
        name => format!("/{name}"),
    };
    looks.map(line).collect()
}

fn owner() -> Caller {
    Caller { name: "telegram:4711".to_owned(), role: Role::Owner }
}

/// Asks, and how long that took.
async fn timed(daemon: &Daemon, request: Request) -> (Result<Value, String>, TimeDelta) {
    let before = daemon.rt.now();
    let answer = daemon.ask(request).await;
    (answer, daemon.rt.now() - before)
}

/// Every read is answered in time and has a page that a phone can show.
async fn all_reads_are_answered(daemon: &Daemon) {
    for line in reads() {
        let (_, _, request) = table::parse(&line).unwrap();
        let Some(request) = request else { continue };
        let (answer, took) = timed(daemon, request.clone()).await;
        assert!(took <= TimeDelta::seconds(1), "{line} took {took}");
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => panic!("{line}: {why}"),
        };
        let page = say::phone(&request, &answer).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert!(!page.title.is_empty(), "{line}");
        let text = page.text();
        assert!(!text.contains('{'), "{line} shows raw JSON:\n{text}");
    }
}

#[test]
fn every_read_is_answered_within_a_second_also_while_broker_and_feeds_hang() {
    let house = House::new(held());
    let hung = Arc::clone(&house.hung);
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |daemon| async move {
        daemon.until("2024-08-02 10:40").await;
        assert_eq!(daemon.desk.open_count(), 1);
        all_reads_are_answered(&daemon).await;
        hung.store(true, Ordering::SeqCst);
        daemon.wait(2).await;
        all_reads_are_answered(&daemon).await;

        // The marks are those of before, and say how old they are.
        let seen = daemon.ask(Request::Positions).await.unwrap();
        let position = &seen["positions"][0];
        assert_eq!(position["id"], ID);
        assert!(position["pnl_usd"].is_string(), "{position:#}");
        let age = position["marks_age_seconds"].as_i64().unwrap();
        assert!((120..=125).contains(&age), "{age} s");
        let greeks = daemon.ask(Request::Greeks).await.unwrap();
        assert_eq!(greeks["positions"][0]["position"], ID);
        let health = daemon.ask(Request::Health).await.unwrap();
        assert_eq!(health["broker"]["answers"], false, "{health:#}");
        assert!(health["broker"]["errors"].as_u64().unwrap() > 0);
        hung.store(false, Ordering::SeqCst);
        daemon.wait(2).await;
        let seen = daemon.ask(Request::Positions).await.unwrap();
        assert_eq!(seen["positions"][0]["marks_age_seconds"], 0);
    });
}

#[test]
fn a_position_is_told_with_its_marks_its_shorts_and_its_lines() {
    let house = House::new(held());
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |daemon| async move {
        daemon.until("2024-08-02 11:00").await;
        let seen = daemon.ask(Request::Positions).await.unwrap();
        let position = &seen["positions"][0];
        let money = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
        let credit = money(&position["credit_usd"]);
        let bounds = &position["bounds"];
        assert_eq!(bounds["part"], "all");
        // Rulebook §4.1: half the credit is the target, the stop at twice the credit or, where the
        // credit is rich for the width, at its figure for that.
        assert!((money(&bounds["target_usd"]) - credit / 2.0).abs() < 0.01, "{bounds}");
        let stop = money(&bounds["stop_loss_usd"]);
        assert!(stop > credit, "{stop} beside {credit}");
        let profit = money(&bounds["profit_usd"]);
        assert!((money(&bounds["to_stop_usd"]) - (stop + profit)).abs() < 0.01);
        assert!((money(&bounds["to_target_usd"]) - (credit / 2.0 - profit)).abs() < 0.01);
        // After fees, which the stop does not count.
        assert!(money(&position["pnl_usd"]) < profit);
        assert_eq!(position["days_left"], 0);
        let shorts = position["shorts"].as_array().unwrap();
        assert_eq!(shorts.len(), 2);
        for short in shorts {
            assert_eq!(short["underlying_points"], 5400.0);
            let (strike, away) = (&short["strike_points"], &short["distance_percent"]);
            let wanted = (strike.as_f64().unwrap() - 5400.0).abs() / 54.0;
            assert!((away.as_f64().unwrap() - wanted).abs() < 0.006, "{short}");
        }
        let theta = money(&position["greeks"]["theta_day_usd"]);
        assert!(theta > 0.0, "what is sold decays: {theta}");

        // The payoff of an iron condor: credit less fees at most, width less credit at worst.
        let payoff = Request::Payoff { position: PositionId(ID.to_owned()) };
        let payoff = daemon.ask(payoff).await.unwrap();
        let (most, least) = (money(&payoff["max_profit_usd"]), money(&payoff["max_loss_usd"]));
        assert!(most < credit && most > credit - 20.0, "{most} of {credit}");
        assert!(least < 0.0);
        assert_eq!(payoff["break_evens"].as_array().unwrap().len(), 2);
        assert_eq!(payoff["profit_there_usd"], payoff["max_profit_usd"]);
        assert_eq!(payoff["modelled"], false);
    });
}

#[test]
fn a_position_the_owner_closes_is_closed_once_by_the_exit_ladder() {
    let house = House::new(held());
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |daemon| async move {
        let refused = daemon.ask(close()).await.unwrap_err();
        assert!(refused.contains("there is no position"), "{refused}");
        daemon.until("2024-08-02 11:00").await;
        let (answer, took) = timed(&daemon, close()).await;
        let answer = answer.unwrap();
        assert!(took <= TimeDelta::seconds(1), "{took}");
        assert_eq!((&answer["already"], &answer["reason"]), (&Value::Bool(false), &"owner".into()));
        let intent = answer["intent"].as_str().unwrap().to_owned();
        let again = daemon.ask(close()).await.unwrap();
        assert_eq!((&again["already"], &again["intent"]), (&Value::Bool(true), &intent.into()));
        daemon.wait(5).await;
        assert_eq!(daemon.desk.open_count(), 0);
        let over = daemon.ask(close()).await.unwrap_err();
        assert!(over.contains("closed already"), "{over}");
    });
    let position = &house.positions()[0];
    assert_eq!(position.exit_reason, Some(ExitReason::Owner));
    let closes = house.store.read(|tx| read::closes(tx, &position.id)).unwrap();
    let exits = closes.iter().filter(|record| !record.is_resting()).count();
    assert_eq!(exits, 1, "{closes:#?}");
    assert_eq!(house.journal().iter().filter(|kind| *kind == "closing").count(), 1);
}

/// What a line comes to once the owner has said yes to its question: a page, or why it is not done.
async fn owner_says(daemon: &Daemon, line: &str) -> Result<String, String> {
    let (console, owner) = (daemon.console(), owner());
    let reply = match console.ask(&owner, line).await {
        Reply::Confirm(asked) => console.confirm(&owner, &asked.code).await,
        reply => reply,
    };
    match reply {
        Reply::Said(page) => Ok(page.text()),
        Reply::Begun(_, rest) => Ok(rest.await.text()),
        Reply::Refused(why) => Err(why),
        Reply::Choose { question, .. } => panic!("{line}: {question}"),
        Reply::Confirm(asked) => panic!("{line}: asked twice: {asked:?}"),
    }
}

/// A put on ES of the next Friday, sold past the program.
async fn sell_by_hand(daemon: &Daemon) {
    let date = "2024-08-02".parse().unwrap();
    let listed = expiration::listed(&Calendar::default(), Product::Es, date, 7);
    let series = listed.into_iter().find(|series| series.expiration.to_string() == "2024-08-09");
    let contract =
        OptionContract { series: series.unwrap(), strike: dec!(5000), right: Right::Put };
    let instrument = Instrument::Option(contract);
    let order = OrderRequest {
        external_id: String::new(),
        legs: vec![Leg { instrument, side: Side::Sell, ratio: 1, effect: Effect::Open }],
        units: 1,
        limit: NetPrice(dec!(0.05)),
        strict_effect: false,
    };
    daemon.venue.submit(&order).await.unwrap();
}

#[test]
fn by_the_table_a_position_closes_once_and_what_may_not_be_closed_is_refused_with_its_reason() {
    let house = House::new(held());
    house.live("2024-08-02 08:00", "2024-08-02 12:00", |daemon| async move {
        daemon.until("2024-08-02 10:40").await;
        sell_by_hand(&daemon).await;
        daemon.until("2024-08-02 11:00").await;
        let held = daemon.ask(Request::Positions).await.unwrap();
        let held = held["positions"].as_array().unwrap();
        let external = held.iter().find(|position| position["strategy"] == "external").unwrap();
        let external = external["id"].as_str().unwrap().to_owned();

        let close = |id: &str| format!("/close {id} too much");
        let refused = owner_says(&daemon, &close(&external)).await.unwrap_err();
        let reason = "was opened outside; only /flatten touches it, or close it at the broker";
        assert_eq!(refused, format!("`{external}` {reason}"));
        let unknown = owner_says(&daemon, "/close zdte-20240802-9").await.unwrap_err();
        let reason = "there is no position `zdte-20240802-9`; /positions lists what is open";
        assert_eq!(unknown, reason);
        owner_says(&daemon, "/halt a test").await.unwrap();
        for id in [ID, &external] {
            let refused = owner_says(&daemon, &close(id)).await.unwrap_err();
            let named = if id == ID { "HALTED (a test)" } else { "was opened outside" };
            assert!(refused.contains(named), "{refused}");
        }
        daemon.wait(5).await;
        assert_eq!(daemon.desk.open_count(), 2, "nothing was closed");

        owner_says(&daemon, "/resume").await.unwrap();
        let first = owner_says(&daemon, &close(ID)).await.unwrap();
        let again = owner_says(&daemon, &close(ID)).await.unwrap();
        assert!(first.contains(ID) && !first.contains("already"), "{first}");
        assert!(again.contains("already"), "{again}");
        daemon.wait(5).await;
        let over = owner_says(&daemon, &close(ID)).await.unwrap_err();
        assert_eq!(over, format!("`{ID}` is closed already"));
        assert_eq!(daemon.desk.open_count(), 1, "the owner's own is untouched");
    });
}

#[test]
fn a_paused_strategy_enters_nothing_and_says_so_until_it_is_resumed() {
    let house = House::new(quiet());
    let of = StrategyId::Friday0dte;
    house.live("2024-08-02 08:00", "2024-08-02 18:30", move |daemon| async move {
        let done = daemon.ask(Request::StrategyPause { strategy: of }).await.unwrap();
        assert_eq!(done["changed"], true);
        let again = daemon.ask(Request::StrategyPause { strategy: of }).await.unwrap();
        assert_eq!((&again["paused"], &again["changed"]), (&true.into(), &false.into()));
        let status = daemon.ask(Request::Status).await.unwrap();
        assert_eq!(status["paused"][0]["strategy"], "friday_0dte");
        daemon.until("2024-08-02 12:00").await;
        assert_eq!(daemon.desk.open_count(), 0);
    });
    let decisions = house.decisions();
    let decision = decisions.iter().find(|record| record.strategy == of).unwrap();
    assert_eq!(decision.outcome, DecisionOutcome::NoTrade);
    assert_eq!(decision.filters[0].name, "paused");
    assert!(decision.filters[0].value.starts_with("paused by the owner"));
    assert!(decision.filters.len() > 1, "what was looked at stands there too");

    house.live("2024-08-09 08:00", "2024-08-09 18:30", move |daemon| async move {
        let done = daemon.ask(Request::StrategyResume { strategy: of }).await.unwrap();
        assert_eq!((&done["paused"], &done["changed"]), (&false.into(), &true.into()));
        daemon.until("2024-08-09 12:00").await;
    });
    let entered = |record: &&tomking::risk::decision::DecisionRecord| {
        record.strategy == of && record.outcome == DecisionOutcome::Entered
    };
    assert_eq!(house.decisions().iter().filter(entered).count(), 1);
}

#[test]
fn a_pause_cancels_the_entry_that_is_under_way() {
    // Nothing fills: the market jumps about faster than any price is met.
    let house = House::new(quiet());
    let of = StrategyId::Friday0dte;
    house.live("2024-08-02 08:00", "2024-08-02 12:00", move |daemon| async move {
        daemon.until("2024-08-02 10:30").await;
        for _ in 0..50 {
            daemon.rt.sleep(TimeDelta::milliseconds(20)).await;
            let orders = daemon.ask(Request::Orders).await.unwrap();
            if !orders["orders"].as_array().unwrap().is_empty() {
                break;
            }
        }
        let done = daemon.ask(Request::StrategyPause { strategy: of }).await.unwrap();
        let cancelling = done["cancelling"].as_array().unwrap().len();
        daemon.wait(2).await;
        let orders = daemon.ask(Request::Orders).await.unwrap();
        assert_eq!(cancelling, 1, "{done}");
        let entries = orders["orders"].as_array().unwrap();
        assert!(entries.iter().all(|order| order["purpose"] != "entry"), "{orders:#}");
    });
}

#[test]
fn the_console_reaches_the_running_program_and_answers_at_once_while_the_broker_hangs() {
    let house = House::new(held());
    let hung = Arc::clone(&house.hung);
    house.live("2024-08-02 08:00", "2024-08-02 12:00", |daemon| async move {
        daemon.until("2024-08-02 10:40").await;
        let console = Console::new(daemon.rt.clone(), daemon.live.clone(), None);
        let owner = owner();
        let Reply::Choose { choices, .. } = console.ask(&owner, "/close").await else {
            panic!("a position is asked for");
        };
        assert_eq!(choices, [(ID.to_owned(), format!("/close {ID}"))]);
        let Reply::Choose { choices, .. } = console.ask(&owner, "/run").await else {
            panic!("a job is asked for");
        };
        assert!(choices.iter().any(|(job, _)| job == "daily-report"), "{choices:?}");
        hung.store(true, Ordering::SeqCst);
        let before = daemon.rt.now();
        let reply = console.ask(&owner, "/halt the market is gone").await;
        assert!(daemon.rt.now() - before <= TimeDelta::seconds(1));
        assert!(matches!(reply, Reply::Said(_) | Reply::Begun(..)));
        assert_eq!(daemon.level().name(), "HALTED");
        hung.store(false, Ordering::SeqCst);
    });
    let halted = house.store.journal(..).unwrap();
    let halted = halted.iter().find(|entry| entry.cause == "telegram:4711");
    assert!(halted.is_some(), "the journal names who asked");
}

/// What a phone shows at 11:00 of a Friday with a position open.
#[test]
fn the_pages_of_a_friday_read_as_they_are_kept() {
    let house = House::new(held());
    house.live("2024-08-01 08:00", "2024-08-02 12:00", |daemon| async move {
        daemon.until("2024-08-02 11:00").await;
        daemon.ask(Request::StrategyPause { strategy: StrategyId::Strangle }).await.unwrap();
        let mut pages = String::new();
        // Process, memory and version are of the machine that asks.
        let own = ["status", "health", "version", "config", "logs", "help"];
        for line in reads().iter().filter(|line| !own.contains(&&line[1..])) {
            let (_, _, Some(request)) = table::parse(line).unwrap() else { continue };
            let answer = daemon.ask(request.clone()).await.unwrap();
            let page = say::phone(&request, &answer).unwrap().text();
            pages.push_str(&["> ", line, "\n", &page, "\n"].concat());
        }
        insta::assert_snapshot!(pages);
    });
}
