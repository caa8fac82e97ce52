//! Golden pages of a book that is held: two weeks of the simulated market that end with a put ratio,
//! an LT112 and a strangle open, their reports, and what a phone and a terminal show of them.
//!
//! A change of the market, the venue or a strategy changes these figures. Look at the difference,
//! then take it over with `INSTA_UPDATE=always cargo test --test voice`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::{Decimal, dec};
use serde_json::Value;
use tomking::{
    alert::log::LogChannel,
    calendar::new_york,
    config::Settings,
    control::{Request, say, socket::Handler as _, table},
    report::{KeptReport, Period, REPORTS, report_key},
    schedule::JobSet,
    sim::replay::{self, Plan, Show, Stage, Tape},
    store::{Read as _, Store},
};

use crate::reports::{mail, phone, redacted};

const MONDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
const FRIDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 13).unwrap();
/// The last afternoon, when the pages are asked for.
const ASKED_AT: NaiveTime = NaiveTime::from_hms_opt(15, 50, 0).unwrap();
/// What is asked then.
const LINES: [&str; 10] = [
    "/status",
    "/positions",
    "/greeks",
    "/risk",
    "/limits",
    "/stress",
    "/pnl",
    "/balance",
    "/plan",
    "/why",
];

type Answers = Arc<Mutex<Vec<(Request, Value)>>>;

/// The weeks; the store they fill, and what was answered on the last afternoon.
fn scene() -> (Store, Vec<(Request, Value)>) {
    let mut settings = Settings::default_embedded();
    settings.paper.starting_balance_gbp = dec!(200_000);
    let mut plan =
        Plan::new((MONDAY, FRIDAY), settings, JobSet::embedded().unwrap(), Tape::Simulated);
    let answers = Answers::default();
    let kept = Arc::clone(&answers);
    plan.show = Some(Show {
        start: new_york(MONDAY, NaiveTime::MIN),
        pace: Box::new(|_, _| Duration::ZERO),
        channel: Arc::new(LogChannel),
        on_world: Box::new(|_| Ok(())),
        on_stage: Box::new(move |stage| stage.rt.clone().spawn(ask(stage, kept))),
    });
    let store = replay::run(plan).unwrap().1;
    let answers = std::mem::take(&mut *answers.lock().unwrap());
    (store, answers)
}

async fn ask(stage: Stage, kept: Answers) {
    stage.rt.sleep_until(new_york(FRIDAY, ASKED_AT)).await;
    let held = stage.live.handle(Request::Positions, "a test").await.unwrap();
    let positions = held["positions"].as_array().unwrap().iter();
    let ids = positions.map(|position| position["id"].as_str().unwrap().to_owned());
    let lines = LINES.map(str::to_owned).into_iter();
    for line in lines.chain(ids.map(|id| format!("/payoff {id}"))) {
        let (_, _, request) = table::parse(&line).unwrap();
        let request = request.unwrap();
        let answer = stage.live.handle(request.clone(), "a test").await;
        let answer = answer.unwrap_or_else(|why| panic!("{line}: {why}"));
        kept.lock().unwrap().push((request, answer));
    }
}

fn report(store: &Store, period: Period) -> KeptReport {
    let key = report_key(period, FRIDAY);
    store.read(|tx| tx.get(&REPORTS, &key)).unwrap().expect("the job wrote it")
}

/// An answer by the command that asked for it.
fn answer<'a>(answers: &'a [(Request, Value)], wanted: &Request) -> &'a Value {
    &answers.iter().find(|(request, _)| request == wanted).unwrap().1
}

fn money(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn what_is_held_over_a_weekend_is_shown_whole() {
    let (store, answers) = scene();
    for period in [Period::Daily, Period::Weekly] {
        let mut kept = report(&store, period);
        insta::assert_snapshot!(format!("held_{period}"), redacted(&kept.text, &kept));
        insta::assert_snapshot!(format!("held_{period}_html"), redacted(&kept.html, &kept));
        insta::assert_snapshot!(format!("held_{period}_mail"), mail(&kept));
        insta::assert_snapshot!(format!("held_{period}_phone"), phone(&kept));
        kept.document["journal"] = serde_json::json!("redacted");
        insta::assert_json_snapshot!(format!("held_{period}_document"), kept.document);
    }
    let (mut small, mut whole) = (String::new(), String::new());
    for (request, answer) in &answers {
        let page = say::page(request, answer).unwrap();
        // What is of this machine and this build stands elsewhere.
        if *request != Request::Status {
            whole.push_str(&[page.text(), "\n".to_owned()].concat());
            let page = say::phone(request, answer).unwrap();
            small.push_str(&[page.text(), "\n".to_owned()].concat());
        }
    }
    insta::assert_snapshot!("held_phone", small);
    insta::assert_snapshot!("held_terminal", whole);
    figures_agree(&store, &answers);
}

/// The same thing is the same figure wherever it stands, and what is summed is the sum.
fn figures_agree(store: &Store, answers: &[(Request, Value)]) {
    let held = answer(answers, &Request::Positions);
    let greeks = answer(answers, &Request::Greeks);
    let positions = held["positions"].as_array().unwrap();
    assert_eq!(positions.len(), 3, "{held:#}");
    for figure in
        ["delta_one_percent_usd", "gamma_one_percent_usd", "theta_day_usd", "vega_point_usd"]
    {
        let each = greeks["positions"].as_array().unwrap().iter();
        let sum: Decimal = each.map(|of| money(&of[figure])).sum();
        assert_eq!(sum, money(&greeks["book"][figure]), "{figure} of the book");
        for (of, line) in positions.iter().zip(greeks["positions"].as_array().unwrap()) {
            assert_eq!(of["greeks"][figure], line[figure], "{figure}");
        }
    }
    let sum: Decimal = positions.iter().map(|of| money(&of["pnl_usd"])).sum();
    assert_eq!(sum, money(&held["pnl_usd"]));

    let daily = report(store, Period::Daily).document;
    let lines = daily["positions"].as_array().unwrap();
    for figure in ["delta_one_percent_usd", "theta_day_usd", "vega_point_usd"] {
        let sum: Decimal = lines.iter().map(|line| money(&line["greeks"][figure])).sum();
        let book = money(&daily["close"]["greeks"][figure]);
        assert!((sum - book).abs() <= dec!(0.02), "{figure}: {sum} beside {book}");
    }
    // What is open at its marks is what net liquidation has beyond cash.
    let open: Decimal = lines.iter().map(|line| money(&line["open_pnl_usd"])).sum();
    let account = money(&daily["account"]["open_pnl_usd"]);
    assert!((open - account).abs() < account.abs().max(dec!(100)) / dec!(4), "{open}, {account}");
}
