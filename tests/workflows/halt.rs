//! A halt from a phone, while the broker does not answer.

use chrono::TimeDelta;
use tomking::{
    account::{ExitReason, hold::Level},
    control::{
        console::{Caller, Reply},
        table::Role,
    },
    desk::read,
};

use crate::{
    house::{Daemon, House, at},
    quiet,
};

fn owner() -> Caller {
    Caller { name: "telegram:11".to_owned(), role: Role::Owner }
}

/// Asks, and gives the answer's text and, where it follows, the last one.
async fn said(daemon: &Daemon, line: &str) -> (String, Option<String>) {
    let begun = daemon.rt.now();
    let reply = daemon.console().ask(&owner(), line).await;
    assert!(daemon.rt.now() - begun < TimeDelta::seconds(1), "an answer within a second");
    match reply {
        Reply::Said(page) => (page.text(), None),
        Reply::Begun(page, rest) => {
            assert_eq!(daemon.level(), Level::Halted, "halted before the broker says anything");
            (page.text(), Some(rest.await.text()))
        }
        Reply::Refused(why) => panic!("{why}"),
        Reply::Choose { .. } | Reply::Confirm(_) => panic!("{line} asks nothing"),
    }
}

#[test]
fn a_halt_is_answered_within_a_second_while_the_broker_hangs_and_its_cancels_follow() {
    let mut house = House::new(quiet());
    // The entry is sent at 10:30 and rests; from then on nothing is answered for a minute.
    let (from, to) = (at("2024-08-02 10:30") + TimeDelta::seconds(1), at("2024-08-02 10:31"));
    house.hang = Some((from, to));
    house.live("2024-08-02 08:00", "2024-08-02 11:30", move |daemon| async move {
        daemon.rt.sleep_until(from + TimeDelta::seconds(2)).await;
        let open = daemon.store().read(read::open_intents).unwrap();
        assert_eq!(open.len(), 1, "the entry works");
        let (_, rest) = said(&daemon, "/halt the drill").await;
        let rest = rest.expect("the cancel waits for the broker");
        assert!(rest.starts_with("HALTED."), "{rest}");
        daemon.until("2024-08-02 10:35").await;
        let (status, _) = said(&daemon, "/status").await;
        assert!(status.contains("HALTED") && status.contains("the drill"), "{status}");
        assert!(daemon.store().read(read::open_intents).unwrap().is_empty());
        assert_eq!(daemon.level(), Level::Halted);
    });
    // The exchange went on while the line hung: what it filled is held, and is nobody's surprise.
    assert!(house.positions().len() <= 1);
    let journal = house.store.journal(..).unwrap();
    let halt = journal.iter().find(|entry| entry.kind == "halt").expect("journalled");
    assert_eq!(halt.cause, "telegram:11");
}

#[test]
fn a_halt_in_the_middle_of_a_send_lets_nothing_that_opened_stay() {
    let mut house = House::new(quiet());
    // The send of 10:30 itself gets no answer until 10:30:20.
    let to = at("2024-08-02 10:30") + TimeDelta::seconds(20);
    house.hang = Some((at("2024-08-02 10:29"), to));
    house.live("2024-08-02 08:00", "2024-08-02 16:30", move |daemon| async move {
        daemon.rt.sleep_until(at("2024-08-02 10:30") + TimeDelta::seconds(5)).await;
        let (first, rest) = said(&daemon, "/halt").await;
        let last = rest.unwrap_or(first);
        assert!(last.starts_with("HALTED."), "{last}");
        daemon.until("2024-08-02 10:45").await;
        assert!(daemon.store().read(read::open_intents).unwrap().is_empty());
        assert_eq!(daemon.level(), Level::Halted);
    });
    // What filled in the race of cancel and fill expires today: its close passes the halt.
    assert!(house.positions().iter().all(|p| p.exit_reason == Some(ExitReason::TimeExit)));
}
#[test]
fn reads_answer_within_a_second_while_the_broker_hangs() {
    let mut house = House::new(quiet());
    house.hang = Some((at("2024-08-02 11:00"), at("2024-08-02 11:20")));
    house.live("2024-08-02 08:00", "2024-08-02 11:30", |daemon| async move {
        daemon.until("2024-08-02 11:05").await;
        for command in tomking::control::table::COMMANDS {
            let needs = command.args.iter().any(|arg| arg.needed);
            if command.who == Role::Viewer && !needs {
                let (text, rest) = said(&daemon, &format!("/{}", command.name)).await;
                assert!(!text.is_empty() && rest.is_none(), "/{}", command.name);
            }
        }
    });
}
