//! Answers outlive a mail server that is down, and the program.

use std::sync::Arc;

use chrono::TimeDelta;
use tomking::{
    alert::SendError,
    clock::{Timestamp, VirtualWorld},
    control::mail::{
        Sender,
        answers::{ANSWERS, Answer, Post, keep, run},
    },
    report::page::Page,
    store::{Read as _, Store},
};

use crate::house::{Kept, OWNER};

fn start() -> Timestamp {
    "2024-08-02T13:30:10Z".parse().unwrap()
}

fn answer(line: &str) -> Answer {
    let sender = Sender {
        address: OWNER.to_owned(),
        message_id: "a@example.org".to_owned(),
        references: vec!["root@example.org".to_owned()],
    };
    let page = Page {
        title: line.to_owned(),
        headline: String::new(),
        sections: Vec::new(),
        notes: Vec::new(),
    };
    Answer::page(&sender, "HALT", &page, start())
}

/// One life of so many minutes on a store.
fn life(store: &Store, from: Timestamp, minutes: i64, post: &Arc<Kept>) {
    let mut world = VirtualWorld::new(from);
    let (rt, store, post) = (world.runtime(), store.clone(), Arc::clone(post) as Arc<dyn Post>);
    let work = async move {
        let work = run(rt.clone(), store, post);
        assert!(rt.timeout(TimeDelta::minutes(minutes), work).await.is_none());
    };
    world.run(work).unwrap();
}

fn with(answers: &[&str]) -> Store {
    let store = Store::in_memory().unwrap();
    for line in answers {
        let answer = answer(line);
        futures::executor::block_on(store.write(move |tx| keep(tx, &answer))).unwrap();
    }
    store
}

#[test]
fn an_answer_is_a_reply_in_its_thread_with_an_id_that_never_changes() {
    let post = Arc::new(Kept::default());
    life(&with(&["HALTED."]), start(), 1, &post);
    let again = Arc::new(Kept::default());
    life(&with(&["HALTED."]), start() + TimeDelta::hours(1), 1, &again);
    let (one, two) = (post.letters.lock().unwrap(), again.letters.lock().unwrap());
    assert_eq!(*one, *two, "what is sent is the row's, not the moment's");
    let letter = &one[0];
    assert!(letter.id.starts_with("answer-1.") && letter.id.ends_with("@example.org"));
    assert_eq!(letter.subject, "Re: HALT");
    assert_eq!(letter.in_reply_to.as_deref(), Some("a@example.org"));
    assert_eq!(letter.references, ["root@example.org", "a@example.org"]);
    assert_eq!(letter.origin, tomking::alert::email::Origin::Replied);
}

#[test]
fn an_outage_of_hours_loses_no_answer_and_a_restart_neither() {
    let store = with(&["one", "two"]);
    let down = Arc::new(Kept::default());
    let outage = std::iter::repeat_n(SendError::Retry("451".to_owned()), 1_000).collect();
    *down.failures.lock().unwrap() = outage;
    life(&store, start(), 600, &down);
    let tries = 1_000 - down.failures.lock().unwrap().len();
    assert!((100..400).contains(&tries), "attempts grow rare: {tries}");
    assert_eq!(store.read(|tx| tx.list(&ANSWERS, "")).unwrap().len(), 2);
    let up = Arc::new(Kept::default());
    life(&store, start() + TimeDelta::hours(11), 10, &up);
    let subjects: Vec<String> =
        up.letters.lock().unwrap().iter().map(|letter| letter.text.trim().to_owned()).collect();
    assert_eq!(subjects, ["one", "two"]);
    assert_eq!(store.read(|tx| tx.list(&ANSWERS, "")).unwrap(), []);
}

#[test]
fn what_can_never_be_sent_is_given_up_and_so_is_what_nobody_takes_for_a_day() {
    let store = with(&["one"]);
    let refused = Arc::new(Kept::default());
    *refused.failures.lock().unwrap() = vec![SendError::Permanent("550".to_owned())];
    life(&store, start(), 5, &refused);
    assert_eq!(store.read(|tx| tx.list(&ANSWERS, "")).unwrap(), []);
    let store = with(&["one"]);
    let down = Arc::new(Kept::default());
    *down.failures.lock().unwrap() =
        std::iter::repeat_n(SendError::Retry("451".to_owned()), 1_000).collect();
    life(&store, start(), 25 * 60, &down);
    assert_eq!(store.read(|tx| tx.list(&ANSWERS, "")).unwrap(), []);
}

#[test]
fn answers_that_wait_are_bounded_and_the_oldest_go() {
    let lines: Vec<String> = (0..205).map(|n| n.to_string()).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let waiting = with(&lines).read(|tx| tx.list(&ANSWERS, "")).unwrap();
    assert_eq!((waiting.len(), waiting[0].1.text.trim()), (200, "5"));
}
