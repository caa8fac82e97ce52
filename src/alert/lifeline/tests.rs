//! A desk that hangs, in virtual time.

use super::*;
use crate::{
    alert::heartbeat::{Heartbeat, Line},
    clock::{Timestamp, VirtualWorld, WallClock},
    notice::{OUTBOX, OutboxRow},
    schedule::{JobBody as _, JobContext, Outcome},
    store::Read as _,
};

const BEGINS: &str = "2024-08-02T14:00:00Z";

fn told(store: &Store) -> Vec<(i64, Notice)> {
    let rows = store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
    let begins: Timestamp = BEGINS.parse().unwrap();
    rows.into_iter().map(|(_, row)| ((row.at - begins).num_seconds(), row.notice)).collect()
}

fn hung(seconds: i64) -> Notice {
    Notice::Hung { what: "the positions".to_owned(), seconds }
}

#[test]
fn a_loop_that_hangs_is_told_once_and_the_switch_is_not_pinged_meanwhile() {
    let mut world = VirtualWorld::new(BEGINS.parse().unwrap());
    let (rt, store) = (world.runtime(), Store::in_memory().unwrap());
    let health: Arc<Health> = Arc::default();
    let (turns, other): (Arc<Turns>, Arc<Turns>) = (Arc::default(), Arc::default());
    let lifeline = Lifeline {
        rt: rt.clone(),
        store: store.clone(),
        manager: Arc::new(Manager::none()),
        switch: None,
        health: Arc::clone(&health),
    };
    // Ticks each ten seconds, hangs from 14:05 to 14:10, then ticks again.
    let (own, ticks) = (rt.clone(), Arc::clone(&turns));
    rt.spawn(async move {
        ticks
            .of(async move {
                for round in 0..60 {
                    let wait = if round == 30 { 300 } else { 10 };
                    own.sleep(TimeDelta::seconds(wait)).await;
                }
            })
            .await;
    });
    let steady = rt.clone();
    rt.spawn(Arc::clone(&other).of(async move {
        for _ in 0..180 {
            steady.sleep(TimeDelta::seconds(5)).await;
        }
    }));
    let loops = vec![("the positions".to_owned(), turns), ("the books".to_owned(), other)];
    let (seen, inside) = (Arc::clone(&health), rt.clone());
    let ill = world
        .run(async move {
            rt.spawn(lifeline.watch(loops, String::new));
            let mut ill = Vec::new();
            for minute in 1..=14 {
                inside.sleep(TimeDelta::minutes(1)).await;
                if seen.ill().is_some() {
                    ill.push(minute);
                }
            }
            ill
        })
        .unwrap();
    assert_eq!(ill, [7, 8, 9, 10], "from a minute of silence until it is seen to go on");
    assert_eq!(told(&store), [(360, hung(60))]);
}

#[test]
fn a_part_of_the_delivery_that_hangs_hides_no_hang_of_the_desk() {
    let mut world = VirtualWorld::new(BEGINS.parse().unwrap());
    let (rt, store) = (world.runtime(), Store::in_memory().unwrap());
    let health: Arc<Health> = Arc::default();
    let lifeline = Lifeline {
        rt: rt.clone(),
        store: store.clone(),
        manager: Arc::new(Manager::none()),
        switch: None,
        health: Arc::clone(&health),
    };
    let (desk, line): (Arc<Turns>, Arc<Turns>) = (Arc::default(), Arc::default());
    let own = rt.clone();
    rt.spawn(Arc::clone(&desk).of(async move {
        for _ in 0..60 {
            own.sleep(TimeDelta::seconds(5)).await;
        }
        std::future::pending::<()>().await;
    }));
    rt.spawn(Arc::clone(&line).of(std::future::pending()));
    let loops =
        vec![("alerts to telegram/11".to_owned(), line), ("the positions".to_owned(), desk)];
    world
        .run(async move {
            rt.spawn(lifeline.watch(loops, String::new));
            rt.sleep(TimeDelta::minutes(10)).await;
        })
        .unwrap();
    let told = told(&store);
    let of = |what: &str| Notice::Hung { what: what.to_owned(), seconds: 60 };
    let what: Vec<&Notice> = told.iter().map(|(_, notice)| notice).collect();
    assert_eq!(what, [&of("alerts to telegram/11"), &of("the positions")]);
    assert!((360..=370).contains(&told[1].0), "{told:?}");
    let ill = health.ill().unwrap();
    assert!(ill.contains("telegram/11") && ill.contains("the positions"), "{ill}");
    let text = |(at, notice): &(i64, Notice)| {
        let at = BEGINS.parse::<Timestamp>().unwrap() + TimeDelta::seconds(*at);
        crate::alert::render(1, &OutboxRow { at, notice: notice.clone() }).text
    };
    assert!(text(&told[0]).contains("stops are watched"), "{}", text(&told[0]));
    assert!(text(&told[1]).starts_with("Stops are not watched"), "{}", text(&told[1]));
}

#[test]
fn a_hang_skips_the_ping() {
    let world = VirtualWorld::new(BEGINS.parse().unwrap());
    let (rt, store) = (world.runtime(), Store::in_memory().unwrap());
    let health: Arc<Health> = Arc::default();
    health.set(Some("the loop of the books gives no sign of life since 60 s".to_owned()));
    // Nobody listens there: a ping would fail with other words.
    let switch = DeadMan::new("http://127.0.0.1:1/", true, true, Arc::new(WallClock)).unwrap();
    let body = Heartbeat::new(Line { switch: Arc::new(switch), health }, store);
    let context = JobContext { job: "heartbeat".to_owned(), slot: rt.now(), attempt: 1, rt };
    let report = futures::executor::block_on(body.run(&context)).unwrap();
    let why = "not pinged: the loop of the books gives no sign of life since 60 s";
    assert_eq!(report.outcome, Outcome::Skipped { reason: why.to_owned() });
}
