//! The switch stands on loopback; the slots pass in virtual time.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::*;
use crate::{
    clock::{Runtime, VirtualWorld, WallClock},
    notice::OUTBOX,
    schedule::Outcome,
};

/// A switch that answers these status lines, one a ping, and then no more.
fn switch(answers: Vec<&'static str>) -> DeadMan {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping", listener.local_addr().unwrap());
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let text = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    DeadMan::new(&url, true, true, Arc::new(WallClock)).unwrap()
}

fn line(switch: DeadMan) -> Line {
    Line { switch: Arc::new(switch), health: Arc::default() }
}

/// Runs the body for one slot a minute, as the scheduler does; `true` for each that was done.
fn slots(body: &Heartbeat, store: &Store, rt: &Runtime, count: i64) -> Vec<bool> {
    let live = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let minute = |n: i64| {
        let slot = rt.now() + chrono::TimeDelta::minutes(n);
        let context = JobContext { job: JOB.to_owned(), slot, attempt: 1, rt: rt.clone() };
        let report = live.block_on(body.run(&context)).unwrap();
        let commits = report.commits;
        let write = move |tx: &mut WriteTx| commits.into_iter().try_for_each(|commit| commit(tx));
        live.block_on(store.write(write)).unwrap();
        report.outcome == Outcome::Done
    };
    (0..count).map(minute).collect()
}

#[test]
fn an_outage_is_told_once_and_once_more_when_it_is_over() {
    let (ok, down) = ("200 OK", "503 Service Unavailable");
    let answers = vec![ok, down, ok, down, down, down, down, down, ok, ok];
    let count = answers.len();
    let world = VirtualWorld::new("2024-08-02T14:00:00Z".parse().unwrap());
    let (rt, store) = (world.runtime(), Store::in_memory().unwrap());
    let body = Heartbeat::new(line(switch(answers.clone())), store.clone());
    let done = slots(&body, &store, &rt, i64::try_from(count).unwrap());
    assert_eq!(done, answers.iter().map(|answer| *answer == ok).collect::<Vec<_>>());

    let told = store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
    let told: Vec<Notice> = told.into_iter().map(|(_, row)| row.notice).collect();
    let since: Timestamp = "2024-08-02T14:03:00Z".parse().unwrap();
    let reason = "the receiver answered 503 Service Unavailable".to_owned();
    let wanted = [Notice::HeartbeatFailed { since, reason }, Notice::HeartbeatBack { since }];
    assert_eq!(told, wanted);
    assert_eq!(store.read(|tx| tx.list(&OUTAGE, "")).unwrap(), []);
}

#[test]
fn an_outage_outlives_the_program_and_is_not_told_again() {
    let world = VirtualWorld::new("2024-08-02T14:00:00Z".parse().unwrap());
    let (rt, store) = (world.runtime(), Store::in_memory().unwrap());
    let down = "500 Internal Server Error";
    for _ in 0..2 {
        let body = Heartbeat::new(line(switch(vec![down; 4])), store.clone());
        slots(&body, &store, &rt, 4);
    }
    let row = store.read(|tx| tx.get(&OUTAGE, SWITCH)).unwrap().unwrap();
    assert_eq!((row.failed, row.since), (8, rt.now()));
    assert_eq!(store.read(|tx| tx.list(&OUTBOX, "")).unwrap().len(), 1);
}
