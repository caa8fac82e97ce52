//! The line to each channel: outages, bursts, waits, restarts.

use std::sync::Arc;

use chrono::TimeDelta;

use super::told::{Act, Phone, critical, info, play, warning};
use crate::{
    alert::{
        SendError,
        dispatch::{DEAD, WAITING},
        route::Rules,
    },
    store::{Read, Store},
};

const HOUR: i64 = 3600;

fn ids(phone: &Phone) -> Vec<Vec<u64>> {
    phone.took().into_iter().map(|(_, ids, ..)| ids).collect()
}

#[test]
fn a_channel_that_is_down_delays_no_other_and_gets_everything_in_order_when_it_is_back() {
    let down = Phone { down: vec![(0, 2 * HOUR)], ..Phone::new("telegram") };
    let (down, up) = (Arc::new(down), Arc::new(Phone::new("email")));
    let store = Store::in_memory().unwrap();
    let mut acts: Vec<(i64, Act)> =
        (0..5).map(|n| (n * 10, Act::Raise(info(&n.to_string())))).collect();
    acts.push((55, Act::Raise(critical("a"))));
    acts.push((60, Act::Ack(None)));
    play(&store, &Rules::default(), &[&down, &up], (0, 3 * HOUR), acts);
    assert_eq!(up.times(), [0, 10, 20, 30, 40, 55]);
    let mut order = ids(&down).concat();
    order.retain(|id| *id != 6);
    assert_eq!((order, ids(&down).len()), (vec![1, 2, 3, 4, 5], 6));
    let back = down.times()[0];
    assert!((2 * HOUR..2 * HOUR + 300).contains(&back));
    assert!(down.times().iter().all(|at| *at == back), "what shows it is up brings all the rest");
}

#[test]
fn what_a_channel_does_not_take_for_a_day_is_a_dead_letter() {
    let down = Arc::new(Phone { down: vec![(0, 30 * HOUR)], ..Phone::new("telegram") });
    let store = Store::in_memory().unwrap();
    play(&store, &Rules::default(), &[&down], (0, 24 * HOUR), vec![(5, Act::Raise(info("a")))]);
    assert_eq!(store.read(|tx| tx.list(&DEAD, "")).unwrap(), []);
    play(&store, &Rules::default(), &[&down], (24 * HOUR, 25 * HOUR), Vec::new());
    let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].1.attempts > 280, "every five minutes: {}", dead[0].1.attempts);
    let waiting = store.read(|tx| tx.list(&WAITING, "")).unwrap();
    let kinds: Vec<&str> = waiting.iter().map(|(_, row)| row.alert.kind.as_str()).collect();
    assert_eq!(kinds, ["not_delivered"], "it is told of, as soon as somebody can be told");
}

#[test]
fn a_burst_comes_as_one_digest_where_the_channel_can_and_what_is_critical_alone() {
    let digests = Phone { digests: true, ..Phone::new("telegram") };
    let (digests, plain) = (Arc::new(digests), Arc::new(Phone::new("email")));
    let store = Store::in_memory().unwrap();
    let mut acts: Vec<(i64, Act)> =
        (0..20).map(|n| (100, Act::Raise(info(&n.to_string())))).collect();
    acts.push((100, Act::Raise(critical("a"))));
    acts.push((101, Act::Ack(None)));
    play(&store, &Rules::default(), &[&digests, &plain], (0, HOUR), acts);
    assert_eq!(ids(&digests), [vec![21], (1..=20).collect()]);
    assert_eq!(ids(&plain).len(), 21);
}

#[test]
fn when_the_minute_had_its_share_what_comes_is_gathered_until_it_is_over() {
    let phone = Arc::new(Phone { digests: true, ..Phone::new("telegram") });
    let store = Store::in_memory().unwrap();
    let acts = (0..30).map(|n| (n, Act::Raise(info(&n.to_string())))).collect();
    play(&store, &Rules::default(), &[&phone], (0, HOUR), acts);
    let took: Vec<(i64, usize)> =
        phone.took().into_iter().map(|(at, ids, ..)| (at, ids.len())).collect();
    let alone: Vec<(i64, usize)> = (0..8).map(|n| (n, 1)).collect();
    assert_eq!(took, [alone, vec![(60, 22)]].concat(), "eight alone, then the rest together");
    let few = Arc::new(Phone { digests: true, ..Phone::new("telegram") });
    let acts = (0..8).map(|_| (5, Act::Raise(info("a")))).collect();
    play(&Store::in_memory().unwrap(), &Rules::default(), &[&few], (0, HOUR), acts);
    assert_eq!(few.took().len(), 8, "eight are no burst");
}

#[test]
fn all_that_is_critical_goes_out_as_soon_as_the_receiver_takes_something() {
    let phone = Arc::new(Phone { down: vec![(0, 150)], ..Phone::new("telegram") });
    let acts = [(5, "a"), (6, "b"), (160, "c")].map(|(at, of)| (at, Act::Raise(critical(of))));
    play(&Store::in_memory().unwrap(), &Rules::default(), &[&phone], (0, 240), Vec::from(acts));
    assert_eq!((phone.times(), ids(&phone).concat()), (vec![160; 3], vec![1, 2, 3]));
}

#[test]
fn a_digest_that_is_refused_for_good_costs_only_the_alert_that_it_is_refused_for() {
    let phone = Phone { digests: true, refuses: Some(13), ..Phone::new("telegram") };
    let (phone, store) = (Arc::new(phone), Store::in_memory().unwrap());
    let acts = (0..20).map(|n| (100, Act::Raise(info(&n.to_string())))).collect();
    play(&store, &Rules::default(), &[&phone], (0, HOUR), acts);
    let told_of = 21;
    let mut took = ids(&phone).concat();
    took.retain(|id| *id != told_of);
    assert_eq!(took, (1..=20).filter(|id| *id != 13).collect::<Vec<u64>>());
    let dead = store.read(|tx| tx.list(&DEAD, "")).unwrap();
    assert_eq!(dead.iter().map(|(_, row)| row.alert.id).collect::<Vec<_>>(), [13]);
}

#[test]
fn a_wait_the_receiver_asks_for_is_kept_to_the_second_by_everything_that_waits() {
    let says =
        SendError::RetryAfter { after: TimeDelta::seconds(700), why: "slow down".to_owned() };
    let phone = Phone { down: vec![(0, 10)], says, ..Phone::new("telegram") };
    let phone = Arc::new(phone);
    let store = Store::in_memory().unwrap();
    let acts = vec![(5, Act::Raise(info("a"))), (20, Act::Raise(warning("b")))];
    play(&store, &Rules::default(), &[&phone], (0, HOUR), acts);
    assert_eq!(phone.times(), [705, 705]);
    assert_eq!(ids(&phone), [[2], [1]]);
}

#[test]
fn a_wait_the_receiver_asks_for_outlasts_the_alert_it_was_asked_for() {
    let says =
        SendError::RetryAfter { after: TimeDelta::seconds(700), why: "slow down".to_owned() };
    let down = vec![(300, 310)];
    let phone = Arc::new(Phone { down, says, ..Phone::new("telegram") });
    let acts = vec![
        (0, Act::Raise(critical("a"))), // repeated at 300, and the wait asked then
        (400, Act::Ack(None)),
        (500, Act::Raise(critical("b"))),
    ];
    play(&Store::in_memory().unwrap(), &Rules::default(), &[&phone], (0, 1100), acts);
    assert_eq!(phone.tried.lock().unwrap()[..3], [0, 300, 1000]);
}

#[test]
fn a_restart_in_the_middle_goes_on_with_repeats_and_escalation_where_they_were() {
    let phones = ["telegram", "email"].map(|name| Arc::new(Phone::new(name)));
    let store = Store::in_memory().unwrap();
    let acts = vec![(0, Act::Raise(warning("a"))), (0, Act::Raise(critical("b")))];
    play(&store, &Rules::default(), &phones.each_ref(), (0, 299), acts);
    for (from, until) in [(301, 450), (450, 590), (601, 602), (602, 899)] {
        play(&store, &Rules::default(), &phones.each_ref(), (from, until), Vec::new());
    }
    let of = |phone: &Phone| -> Vec<_> {
        phone.took().into_iter().map(|(at, ids, repeat, _)| (at, ids[0], repeat)).collect()
    };
    assert_eq!(of(&phones[0]), [(0, 2, 0), (0, 1, 0), (301, 2, 1), (601, 2, 2)]);
    assert_eq!(of(&phones[1]), [(0, 2, 0), (301, 2, 1), (601, 2, 2), (601, 1, 0)]);
}
