//! The fourteen workflows of an unattended day, week and month, each through the whole program in
//! virtual time: scheduler, jobs, strategies, gate, desk, paper venue, reports, commands.

#![allow(clippy::unwrap_used)] // a world that does not start fails the test, as it should

mod commands;
mod greeks;
mod halt;
mod hanging;
mod house;
mod market;

use house::{House, at};
use market::Script;
use rust_decimal::{Decimal, dec};
use tomking::{
    account::{ExitReason, Position, PositionLeg, StrategyId, hold::Level},
    clock::Timestamp,
    config::stages::StageId,
    control::Request,
    desk::{
        read, stage,
        tables::{CASH, CASH_KEY},
    },
    instrument::{Instrument, Product, Right},
    money::Usd,
    notice::Notice,
    report::Period,
    risk::decision::DecisionOutcome,
};

/// Nothing moves: time decay alone brings the profit target.
fn quiet() -> Script {
    Script { last: |_| 5400.0, vol: |_| 0.22, vix: |_| dec!(16) }
}

/// What was sold on Friday 2 August does not decay: volatility grows as its time runs out.
fn held_up(now: Timestamp) -> f64 {
    let seconds = (at("2024-08-02 16:00") - now).num_seconds().clamp(60, 19_800);
    0.22 * (19_800.0 / f64::from(i32::try_from(seconds).unwrap())).sqrt()
}

fn reason(house: &House) -> Option<ExitReason> {
    let all = house.positions();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].exit_reason
}

#[test]
fn workflow_01_a_friday_from_the_morning_check_to_the_profit_target_and_the_report() {
    let house = House::new(quiet());
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |_| async {});
    assert_eq!(reason(&house), Some(ExitReason::ProfitTarget));
    for job in ["pre-market-check", "market-open-check", "friday-0dte-entry", "daily-report"] {
        assert_eq!(house.runs(job), ["done"], "{job}");
    }
    let reports = house.reports(Period::Daily);
    assert_eq!(reports.len(), 1);
    assert!(reports[0].headline.contains("1 trade, $"), "{}", reports[0].headline);
    assert!(house.positions()[0].pnl_usd().is_positive());
    let entered: Vec<_> = house.decisions().iter().map(|d| (d.strategy, d.outcome)).collect();
    assert!(entered.contains(&(StrategyId::Friday0dte, DecisionOutcome::Entered)), "{entered:?}");
}

#[test]
fn workflow_02_a_fall_through_the_short_put_is_stopped_and_nothing_is_entered_again() {
    let last = |now: Timestamp| {
        let minutes = (now - at("2024-08-02 12:00")).num_minutes().clamp(0, 10);
        5400.0 - 6.0 * f64::from(i32::try_from(minutes).unwrap())
    };
    let house = House::new(Script { last, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |_| async {});
    assert_eq!(reason(&house), Some(ExitReason::Stop));
    let position = &house.positions()[0];
    assert!(!position.pnl_usd().is_positive());
    let closed = house.notices().iter().filter(|n| matches!(n, Notice::Closed { .. })).count();
    assert_eq!(closed, 1);
    assert!(house.reports(Period::Weekly)[0].headline.contains("0 of 1 trade won"));
}

#[test]
fn workflow_03_at_14_30_a_quarter_of_the_credit_is_taken() {
    let vol = |now: Timestamp| held_up(now) * if now < at("2024-08-02 14:00") { 1.0 } else { 0.8 };
    let house = House::new(Script { vol, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |_| async {});
    assert_eq!(reason(&house), Some(ExitReason::Evaluation));
    let closed = house.positions()[0].closed_at.unwrap();
    assert!((at("2024-08-02 14:30")..at("2024-08-02 14:35")).contains(&closed), "{closed}");
}

#[test]
fn workflow_04_what_is_open_at_14_50_is_flat_before_15_30() {
    let house = House::new(Script { vol: held_up, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |_| async {});
    assert_eq!(reason(&house), Some(ExitReason::TimeExit));
    let closed = house.positions()[0].closed_at.unwrap();
    assert!((at("2024-08-02 14:50")..at("2024-08-02 15:30")).contains(&closed), "{closed}");
    assert!(!house.notices().iter().any(|n| matches!(n, Notice::NotFlat { .. })));
}

#[test]
fn workflow_05_a_drawdown_stops_entries_until_a_person_resumes() {
    let last = |now: Timestamp| {
        let minutes = (now - at("2024-08-02 12:00")).num_minutes().clamp(0, 10);
        5400.0 - 6.0 * f64::from(i32::try_from(minutes).unwrap())
    };
    let mut house = House::new(Script { last, ..quiet() });
    let rules = &mut house.settings.rulebook.breakers.drawdown;
    (rules.alert_percent, rules.half_until_percent) = (dec!(0.1), dec!(0.2));
    (rules.half_percent, rules.reducing_percent) = (dec!(0.3), dec!(0.4));
    house.live("2024-08-02 08:00", "2024-08-05 12:00", |daemon| async move {
        daemon.until("2024-08-02 17:00").await;
        assert_eq!(daemon.level(), Level::Reducing);
        daemon.until("2024-08-05 09:00").await;
        assert_eq!(daemon.level(), Level::Reducing, "a night ends it not");
        let answer = daemon.ask(Request::Resume { over: None }).await.unwrap();
        assert_eq!(answer["level"], "ACTIVE");
    });
    let told = house.notices();
    assert!(told.iter().any(|n| matches!(n, Notice::Latch { level, .. } if level == "REDUCING")));
    assert!(house.journal().contains(&"resume".to_owned()));
}

#[test]
fn workflow_06_a_vix_spike_closes_0dte_and_ends_by_itself_after_48_hours() {
    let vix = |now: Timestamp| {
        let spike = (at("2024-08-02 11:00")..at("2024-08-02 16:00")).contains(&now);
        if spike { dec!(27) } else { dec!(16) }
    };
    let house = House::new(Script { vol: held_up, vix, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-05 12:00", |daemon| async move {
        daemon.until("2024-08-02 10:55").await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (1, Level::Active));
        daemon.until("2024-08-02 11:10").await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (0, Level::Reducing));
        daemon.until("2024-08-05 11:00").await;
        assert_eq!(daemon.level(), Level::Active);
    });
    assert_eq!(reason(&house), Some(ExitReason::VixSpike));
}

#[test]
fn workflow_07_lt112_opens_on_first_wednesdays_and_never_twice_on_one_expiration() {
    let mut house = House::new(quiet());
    house.settings.paper.starting_balance_gbp = dec!(500_000);
    // The places of its group are not taken by others.
    house.settings.rulebook.leap_ladder.enabled = false;
    house.settings.rulebook.strangle.enabled = false;
    house.live("2024-08-07 08:00", "2024-08-14 18:30", |_| async {});
    let mut mine = house.positions();
    mine.retain(|position| position.strategy == StrategyId::Lt112);
    mine.sort_by_key(|position| position.opened_at);
    assert!(!mine.is_empty(), "{:#?}", house.decisions());
    // An entry that is not had at its price is missed until the next Wednesday.
    let decided = house.decisions().into_iter().filter(|d| d.strategy == StrategyId::Lt112);
    let days: Vec<String> = decided.map(|d| d.slot.date_naive().to_string()).collect();
    assert_eq!(days, ["2024-08-07", "2024-08-14"]);
    let opened: Vec<String> = mine.iter().map(|p| p.opened_at.date_naive().to_string()).collect();
    assert!(opened.iter().all(|day| days.contains(day)), "{opened:?}");
    let shorts: i64 = mine[0].legs.iter().map(|leg| leg.quantity.min(0)).sum();
    let longs: i64 = mine[0].legs.iter().map(|leg| leg.quantity.max(0)).sum();
    assert_eq!(shorts, -3 * longs, "one bought, one and two sold: {:?}", mine[0].legs);
    let mut expirations: Vec<_> = mine.iter().filter_map(expiration).collect();
    expirations.sort_unstable();
    let all = expirations.len();
    expirations.dedup();
    assert_eq!(expirations.len(), all, "{mine:?}");
    let wednesdays = house.runs("lt112-entry").len();
    assert_eq!(wednesdays, 2, "from £75,000 the second Wednesday too");
}

fn expiration(position: &Position) -> Option<chrono::NaiveDate> {
    position.legs.iter().find_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some(contract.series.expiration),
        _ => None,
    })
}

#[test]
fn workflow_08_a_strangle_whose_call_is_tested_rolls_its_put_up_once() {
    // A tenth higher over a night: the call sold at some 5 deltas stands at some 22.
    let last = |now: Timestamp| if now < at("2024-08-20 00:00") { 5400.0 } else { 5940.0 };
    let mut house = House::new(Script { last, ..quiet() });
    house.settings.paper.starting_balance_gbp = dec!(500_000);
    house.settings.rulebook.strangle.products = vec![Product::Mes];
    house.live("2024-08-13 08:00", "2024-08-21 18:30", |_| async {});
    let mut mine = house.positions();
    mine.retain(|position| position.strategy == StrategyId::Strangle);
    assert_eq!(mine.len(), 1, "{:#?}", house.decisions());
    assert!(mine[0].is_open());
    let puts = strikes(&mine[0], Right::Put);
    let [(first, 0), (rolled, -1)] = puts[..] else {
        panic!("a put bought back, one sold: {puts:?}")
    };
    assert!(rolled > first, "up, to where it is paid for: {puts:?}");
    assert_eq!(strikes(&mine[0], Right::Call).len(), 1, "the tested side stays");
    assert!(rolled < strikes(&mine[0], Right::Call)[0].0, "never inverted");
}

/// The strikes of one side in order, with what is open at each.
fn strikes(position: &Position, right: Right) -> Vec<(Decimal, i64)> {
    let of = |leg: &PositionLeg| match &leg.instrument {
        Instrument::Option(contract) if contract.right == right => {
            Some((contract.strike, leg.quantity))
        }
        _ => None,
    };
    let mut found: Vec<(Decimal, i64)> = position.legs.iter().filter_map(of).collect();
    found.sort_unstable();
    found
}

#[test]
fn workflow_09_a_program_that_dies_at_noon_comes_back_to_its_position_and_its_clocks() {
    let house = House::new(Script { vol: held_up, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-02 12:00", |daemon| async move {
        daemon.until("2024-08-02 11:59").await;
        assert_eq!(daemon.desk.open_count(), 1);
    });
    house.live("2024-08-02 12:10", "2024-08-02 18:30", |daemon| async move {
        daemon.wait(1).await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (1, Level::Active));
    });
    assert_eq!(reason(&house), Some(ExitReason::TimeExit));
    assert_eq!(house.runs("friday-0dte-entry"), ["done"], "the entry is not made again");
    assert_eq!(house.reports(Period::Daily).len(), 1);
}

#[test]
fn workflow_10_the_leap_ladder_sells_a_rung_each_monday_on_an_expiration_of_its_own() {
    let mut house = House::new(quiet());
    house.settings.paper.starting_balance_gbp = dec!(300_000);
    // The covered call would take the second slot that is not kept for 0DTE.
    house.settings.rulebook.ipmcc.enabled = false;
    house.live("2024-07-29 08:00", "2024-08-05 18:30", |_| async {});
    let mut mine = house.positions();
    mine.retain(|position| position.strategy == StrategyId::LeapLadder);
    assert_eq!(mine.len(), 2, "{:#?}", house.decisions());
    assert_eq!(house.runs("leap-ladder"), ["done", "done"]);
    for position in &mine {
        assert_eq!(position.legs.iter().map(|leg| leg.quantity).collect::<Vec<_>>(), [-1]);
        assert!(position.is_open());
    }
    assert_ne!(expiration(&mine[0]), expiration(&mine[1]));
}

#[test]
fn workflow_11_what_an_assignment_delivers_is_closed_from_09_31_of_the_next_session() {
    // The owner halts, and the price falls far through the strike: nothing may answer it.
    let last = |now: Timestamp| if now < at("2024-07-31 00:00") { 5400.0 } else { 2970.0 };
    let vol = |now: Timestamp| if now < at("2024-07-31 00:00") { 0.22 } else { 0.05 };
    let mut house = House::new(Script { last, vol, ..quiet() });
    house.settings.paper.starting_balance_gbp = dec!(800_000);
    house.settings.paper.assignment.early_percent = dec!(100);
    house.live("2024-07-29 08:00", "2024-08-01 18:30", |daemon| async move {
        daemon.until("2024-07-30 17:00").await;
        let reason = "away for a day".to_owned();
        daemon.ask(Request::Halt { reason }).await.unwrap();
        daemon.until("2024-07-31 15:00").await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (1, Level::Halted));
        daemon.until("2024-08-01 08:45").await;
        daemon.ask(Request::Resume { over: None }).await.unwrap();
    });
    let mut mine = house.positions();
    mine.retain(|position| position.strategy == StrategyId::LeapLadder);
    let told = house.notices();
    assert!(told.iter().any(|n| matches!(n, Notice::Delivered { .. })), "{told:#?}");
    let closed = mine[0].closed_at.expect("the shares were sold");
    assert!(closed >= at("2024-08-01 09:31") && closed < at("2024-08-01 09:45"), "{closed}");
}

#[test]
fn workflow_12_an_emergency_stop_cancels_the_entry_and_a_flatten_ends_halted_until_resumed() {
    let house = House::new(Script { vol: held_up, ..quiet() });
    house.live("2024-08-02 08:00", "2024-08-02 18:30", |daemon| async move {
        daemon.until("2024-08-02 11:00").await;
        assert_eq!(daemon.desk.open_count(), 1);
        let reason = || "the emergency drill".to_owned();
        let halted = daemon.ask(Request::Halt { reason: reason() }).await.unwrap();
        assert_eq!(halted["level"], "HALTED");
        assert_eq!(halted["open"].as_array().unwrap().len(), 1, "a halt closes nothing");
        let flat = daemon.ask(Request::Flatten { reason: reason() }).await.unwrap();
        assert_eq!(flat["level"], "FLATTENING");
        daemon.wait(5).await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (0, Level::Halted));
        let resumed = daemon.ask(Request::Resume { over: None }).await.unwrap();
        assert_eq!(resumed["level"], "ACTIVE");
    });
    assert_eq!(reason(&house), Some(ExitReason::Flatten));
}

#[test]
fn workflow_13_a_difference_stops_entries_until_the_owner_accepts_the_brokers_figure() {
    let house = House::new(quiet());
    let store = house.store.clone();
    house.live("2024-08-02 08:00", "2024-08-02 18:30", move |daemon| async move {
        daemon.until("2024-08-02 08:30").await;
        let shift = store.write(|tx| {
            let mut book = read::cash(tx)?.unwrap();
            book.foreign_usd += Usd(dec!(-150));
            let data = serde_json::json!({ "cash_usd": "-150" });
            tx.journal(at("2024-08-02 08:30"), "test", "foreign", &data)?;
            tx.put(&CASH, CASH_KEY, &book)
        });
        shift.await.unwrap();
        daemon.until("2024-08-02 10:35").await;
        assert_eq!((daemon.desk.open_count(), daemon.level()), (0, Level::Reducing));
        let accept = Request::ReconcileAccept {
            difference: "d1".to_owned(),
            reason: "interest the broker booked".to_owned(),
        };
        let statement = daemon.ask(accept).await.unwrap();
        assert_eq!(statement["outcome"], "clean");
        assert_eq!(daemon.level(), Level::Active);
    });
    assert!(house.notices().iter().any(|n| matches!(n, Notice::Difference { .. })));
    let entry = house.decisions().into_iter().find(|d| d.strategy == StrategyId::Friday0dte);
    assert_eq!(entry.unwrap().outcome, DecisionOutcome::Refused);
    assert!(house.journal().contains(&"accepted".to_owned()));
}

#[test]
fn workflow_14_a_promotion_is_refused_by_its_figures_and_one_by_override_asks_for_acknowledgement()
{
    let house = House::new(quiet());
    house.live("2024-08-01 08:00", "2024-08-02 18:30", |daemon| async move {
        daemon.until("2024-08-01 17:00").await;
        let refused = daemon.ask(Request::StagePromote { over: None }).await.unwrap_err();
        assert!(refused.contains("promotion to stage 1 is refused"), "{refused}");
        assert!(refused.contains("live sessions: 0, at least 5 clean ones"), "{refused}");
        let over = Some("a drill of the owner's".to_owned());
        let view = daemon.ask(Request::StagePromote { over }).await.unwrap();
        assert_eq!((&view["stage"], &view["acked_until"]), (&"stage_1".into(), &().into()));
        daemon.until("2024-08-02 10:40").await;
        assert_eq!(daemon.desk.open_count(), 0, "the report was not acknowledged");
        let ack = daemon.ask(Request::Ack).await.unwrap();
        assert_eq!(ack["report"], "2024-08-01");
    });
    let entry = house.decisions().into_iter().find(|d| d.strategy == StrategyId::Friday0dte);
    let refusals = entry.unwrap().refusals;
    assert!(refusals.iter().all(|row| row.limit == "ack"), "{refusals:?}");
    let row = house.store.read(stage::current).unwrap();
    assert_eq!((row.stage, row.overrides.len()), (StageId::One, 1));
    let report = house.reports(Period::Daily).pop().unwrap();
    assert!(report.text.contains("a drill of the owner's"), "shown on every report from then on");
}
