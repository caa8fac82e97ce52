//! A wall clock that is put back or forward while alerts wait: every wait lasts as long as it should.

use std::sync::Arc;

use super::{
    escalation::not_flat,
    told::{Act, Phone, critical, info, play},
};
use crate::{
    alert::{dispatch::DEAD, route::Rules},
    store::{Read, Store},
};

const HOUR: i64 = 3600;
const STEPS: [i64; 7] = [-48 * HOUR, -2 * HOUR, -90, 0, 90, 2 * HOUR, 48 * HOUR];

/// What one phone took.
fn played(phone: Phone, until: i64, acts: Vec<(i64, Act)>) -> (Arc<Phone>, Store) {
    let (phone, store) = (Arc::new(phone), Store::in_memory().unwrap());
    play(&store, &Rules::default(), &[&phone], (0, until), acts);
    (phone, store)
}

#[test]
fn what_is_critical_is_tried_again_and_repeated_at_the_same_distances() {
    for step in STEPS {
        let phone = Phone { down: vec![(0, 100)], ..Phone::new("telegram") };
        let acts = vec![(50, Act::Raise(critical("a"))), (58, Act::Step(step))];
        let (phone, _) = played(phone, 1000, acts);
        // Tried after 2, 4, 8, 16 and 32 s; repeated five minutes after it was raised.
        assert_eq!(phone.times(), [112, 350, 650, 950], "step {step}");
    }
}

#[test]
fn a_receiver_that_is_down_is_tried_no_more_often_when_the_clock_is_put_back() {
    let tried = |step| {
        let phone = Phone { down: vec![(0, 1000)], says_after: 1, ..Phone::new("telegram") };
        let acts = vec![
            (5, Act::Raise(critical("a"))),
            (6, Act::Raise(critical("b"))),
            (60, Act::Step(step)),
        ];
        let (phone, _) = played(phone, 900, acts);
        phone.tried.lock().unwrap().clone()
    };
    let usual = tried(0);
    assert!((5..15).contains(&usual.len()), "{usual:?}");
    for step in STEPS {
        assert_eq!(tried(step), usual, "step {step}");
    }
}

#[test]
fn what_is_raised_after_a_step_is_told_at_once() {
    for step in STEPS {
        let acts = vec![
            (10, Act::Raise(critical("a"))),
            (20, Act::Ack(None)),
            (30, Act::Step(step)),
            (40, Act::Raise(critical("b"))),
            (41, Act::Ack(None)),
        ];
        assert_eq!(played(Phone::new("telegram"), 400, acts).0.times(), [10, 40], "step {step}");
    }
}

#[test]
fn a_mute_lasts_as_long_as_was_asked() {
    for step in STEPS {
        let acts = vec![
            (0, Act::Mute(None, 60)),
            (600, Act::Step(step)),
            (3000, Act::Raise(info("held"))),
            (3700, Act::Raise(info("after"))),
        ];
        let (phone, _) = played(Phone::new("email"), 2 * HOUR, acts);
        assert_eq!(phone.times(), [HOUR, 3700], "step {step}");
    }
}

#[test]
fn an_acknowledgement_covers_its_half_hour() {
    for step in STEPS {
        let acts = vec![
            (0, Act::Raise(not_flat())),
            (10, Act::Ack(None)),
            (100, Act::Step(step)),
            (1700, Act::Raise(not_flat())),
            (1811, Act::Raise(not_flat())),
        ];
        let (phone, _) = played(Phone::new("telegram"), 2000, acts);
        let took: Vec<_> = phone.took().into_iter().map(|(at, .., silent)| (at, silent)).collect();
        assert_eq!(took, [(0, false), (1700, true), (1811, false)], "step {step}");
    }
}

#[test]
fn a_day_of_trying_is_a_day() {
    for step in STEPS {
        let phone = Phone { down: vec![(0, 23 * HOUR)], ..Phone::new("telegram") };
        let acts = vec![(5, Act::Raise(info("a"))), (HOUR, Act::Step(step))];
        let (phone, store) = played(phone, 24 * HOUR, acts);
        assert_eq!(phone.times().len(), 1, "step {step}");
        assert_eq!(store.read(|tx| tx.list(&DEAD, "")).unwrap(), []);
    }
}
