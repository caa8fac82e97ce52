//! A channel with several receivers, as the chats of a bot: none waits for another, and what is critical
//! waits for nothing that is being sent.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;

use super::told::{NOON, critical, info, seconds};
use crate::{
    alert::{
        Channel, Outgoing, SendError,
        dispatch::{DEAD, Voice, WAITING, Waiting, start, waiting::waiting_key},
        render,
        route::Rules,
    },
    clock::{Runtime, Timestamp, VirtualWorld},
    notice::{Notice, OutboxRow, raise},
    store::{Read, Store, WriteTx},
};

/// Chats 11 and 12, and how 11 fares.
struct Chats {
    rt: Runtime,
    /// From and until when 11 asks to wait, and how long.
    flood: (i64, i64, i64),
    /// 11 takes nothing, ever.
    gone: bool,
    /// A report is so long on its way.
    slow: i64,
    took: Mutex<Vec<(String, i64, u64)>>,
}

impl Chats {
    fn new(rt: Runtime) -> Self {
        Self { rt, flood: (0, 0, 0), gone: false, slow: 0, took: Mutex::default() }
    }

    fn took(&self, receiver: &str) -> Vec<(i64, u64)> {
        let took = self.took.lock().unwrap();
        took.iter().filter(|(to, ..)| to == receiver).map(|(_, at, id)| (*at, *id)).collect()
    }
}

#[async_trait]
impl Channel for Chats {
    fn name(&self) -> &'static str {
        "telegram"
    }
    fn digests(&self) -> bool {
        true
    }
    fn receivers(&self) -> Vec<String> {
        vec!["11".to_owned(), "12".to_owned()]
    }
    async fn send(&self, _: &Outgoing) -> Result<(), SendError> {
        panic!("each chat is sent to by itself")
    }
    async fn send_to(&self, receiver: &str, out: &Outgoing) -> Result<(), SendError> {
        let ((from, until, wait), first) = (self.flood, receiver == "11");
        if out.alerts[0].kind == "report" {
            self.rt.sleep(TimeDelta::seconds(self.slow)).await;
        }
        let now = seconds(self.rt.now());
        if first && self.gone {
            return Err(SendError::Permanent("the bot was kicked".to_owned()));
        }
        if first && (from..until).contains(&now) {
            let after = TimeDelta::seconds(wait);
            return Err(SendError::RetryAfter { after, why: "429".to_owned() });
        }
        let mut took = self.took.lock().unwrap();
        took.extend(out.alerts.iter().map(|alert| (receiver.to_owned(), now, alert.id)));
        Ok(())
    }
}

/// Raises notices at their seconds, with chats made by `make`; then `until` comes.
fn told(
    store: &Store,
    make: impl FnOnce(Runtime) -> Chats,
    until: i64,
    notices: Vec<(i64, Notice)>,
) -> Arc<Chats> {
    let noon: Timestamp = NOON.parse().unwrap();
    let mut world = VirtualWorld::new(noon);
    let (rt, store) = (world.runtime(), store.clone());
    let chats = Arc::new(make(rt.clone()));
    let channels = vec![Arc::clone(&chats) as Arc<dyn Channel>];
    world
        .run(async move {
            start(&rt, &store, &Voice::new(Rules::default(), channels));
            for (second, notice) in notices {
                rt.sleep_until(noon + TimeDelta::seconds(second)).await;
                let now = rt.now();
                store.write(move |tx: &mut WriteTx| raise(tx, now, notice)).await.unwrap();
            }
            rt.sleep_until(noon + TimeDelta::seconds(until)).await;
        })
        .unwrap();
    chats
}

fn report() -> Notice {
    let date = "2024-08-02".parse().unwrap();
    Notice::Report { period: "daily".to_owned(), date, headline: "£1".to_owned() }
}

#[test]
fn a_wait_asked_of_one_chat_is_kept_by_it_alone_and_what_is_critical_comes_first_after_it() {
    let flooded = |rt| Chats { flood: (0, 10, 200), ..Chats::new(rt) };
    let notices = vec![(5, info("a")), (20, info("b")), (30, critical("c")), (40, critical("d"))];
    let chats = told(&Store::in_memory().unwrap(), flooded, 250, notices);
    assert_eq!(chats.took("12"), [(5, 1), (20, 2), (30, 3), (40, 4)]);
    let mut first = chats.took("11");
    assert!(first.iter().all(|(at, _)| *at == 205), "the wait, to the second: {first:?}");
    first.retain(|(_, id)| *id > 2);
    assert_eq!(first, [(205, 3), (205, 4)]);
    let rest: Vec<u64> = chats.took("11").iter().map(|(_, id)| *id).filter(|id| *id < 3).collect();
    assert_eq!(rest, [1, 2], "in order within a severity");
}

#[test]
fn what_is_critical_does_not_wait_for_a_report_that_is_being_sent() {
    let slow = |rt| Chats { slow: 50, ..Chats::new(rt) };
    let chats =
        told(&Store::in_memory().unwrap(), slow, 100, vec![(0, report()), (1, critical("a"))]);
    for chat in ["11", "12"] {
        assert_eq!(chats.took(chat), [(1, 2), (50, 1)]);
    }
}

#[test]
fn a_report_is_no_line_of_a_digest() {
    let many = (0..20).map(|n| (0, if n == 12 { report() } else { info(&n.to_string()) }));
    let chats = told(&Store::in_memory().unwrap(), Chats::new, 300, many.collect());
    let ids: Vec<u64> = chats.took("11").iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, (1..=20).collect::<Vec<_>>(), "in order, the thirteenth by itself");
}

#[test]
fn what_waited_for_the_channel_goes_to_each_chat_and_what_waited_for_none_of_them_goes() {
    let store = Store::in_memory().unwrap();
    let at: Timestamp = NOON.parse().unwrap();
    let alert = render(7, &OutboxRow { at, notice: info("a") });
    let put = move |tx: &mut WriteTx| {
        for line in ["telegram", "telegram/99", "email", "desk/7"] {
            tx.put(&WAITING, &waiting_key(line, 7), &Waiting::new(alert.clone(), at))?;
        }
        Ok(())
    };
    futures::executor::block_on(store.write(put)).unwrap();
    let chats = told(&store, Chats::new, 10, Vec::new());
    assert_eq!((chats.took("11"), chats.took("12")), (vec![(0, 7)], vec![(0, 7)]));
    let waiting = store.read(|tx| tx.list(&WAITING, "")).unwrap();
    assert_eq!(waiting, [], "a channel that is named again months later is not told of them");
}

#[test]
fn a_chat_that_refuses_for_good_has_dead_letters_and_the_other_is_told_of_it_once() {
    let gone = |rt| Chats { gone: true, ..Chats::new(rt) };
    let store = Store::in_memory().unwrap();
    let chats = told(&store, gone, 60, vec![(0, info("a")), (10, info("b"))]);
    assert_eq!(chats.took("12"), [(0, 1), (0, 2), (10, 3)], "the second tells of the first");
    let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap();
    let dead: Vec<(&str, &str)> =
        dead.iter().map(|(key, row)| (key.as_str(), row.last_error.as_deref().unwrap())).collect();
    let key = |n: u64| format!("telegram/11/{n:020}");
    let keys = [key(1), key(2), key(3)];
    assert_eq!(dead, keys.each_ref().map(|key| (key.as_str(), "the bot was kicked")));
}
