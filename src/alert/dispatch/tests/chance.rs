//! Whatever is raised, acknowledged, down and restarted: nothing is lost, and what is critical is
//! told at once by every channel that works.

use std::sync::Arc;

use proptest::prelude::*;

use super::told::{Act, Entry, Phone, critical, info, play, warning};
use crate::{
    alert::{
        dispatch::{DEAD, WAITING},
        route::Rules,
    },
    store::{Read, Store},
};

/// Everything happens, and every outage ends, within so many seconds; …
const BUSY: i64 = 4 * 3600;
/// … then all is acknowledged.
const CALM: i64 = 5 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Info,
    Warning(u8),
    Critical(u8),
    Ack,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        2 => Just(What::Info),
        3 => (0..3_u8).prop_map(What::Warning),
        3 => (0..3_u8).prop_map(What::Critical),
        1 => Just(What::Ack),
    ]
}

fn act(what: What) -> Act {
    match what {
        What::Info => Act::Raise(info("a")),
        What::Warning(of) => Act::Raise(warning(&of.to_string())),
        What::Critical(of) => Act::Raise(critical(&of.to_string())),
        What::Ack => Act::Ack(None),
    }
}

fn outages() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0..BUSY, 1..3600_i64), 0..3)
        .prop_map(|found| found.into_iter().map(|(at, len)| (at, (at + len).min(BUSY))).collect())
}

/// The first telling of each alert: when, and which.
fn first_tellings(took: &[Entry]) -> Vec<(i64, u64)> {
    let mut seen = Vec::new();
    for (at, ids, ..) in took {
        for id in ids {
            if seen.iter().all(|(_, known)| known != id) {
                seen.push((*at, *id));
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_what_is_critical_is_told_at_once_by_every_working_channel(
        mut acts in prop::collection::vec((1..BUSY, what()), 1..14),
        mut restarts in prop::collection::vec(1..BUSY, 0..4),
        downs in prop::collection::vec(outages(), 3),
    ) {
        acts.sort_by_key(|(at, _)| *at);
        restarts.sort_unstable();
        let names = ["telegram", "email", "desk"];
        let phones: Vec<Arc<Phone>> = names.into_iter().zip(&downs)
            .map(|(name, down)| Arc::new(Phone { down: down.clone(), ..Phone::new(name) }))
            .collect();
        let phones: Vec<&Arc<Phone>> = phones.iter().collect();
        let store = Store::in_memory().unwrap();
        let mut from = 0;
        for until in restarts.into_iter().chain([BUSY]).filter(|until| *until > 0) {
            let due = acts.iter().filter(|(at, _)| (from..until).contains(at));
            let due = due.map(|(at, what)| (*at, act(*what))).collect();
            play(&store, &Rules::default(), &phones, (from, until), due);
            from = until;
        }
        let calm = vec![(CALM, Act::Ack(None))];
        play(&store, &Rules::default(), &phones, (BUSY, 2 * CALM), calm);

        let raised: Vec<(i64, What)> =
            acts.into_iter().filter(|(_, what)| *what != What::Ack).collect();
        for (place, phone) in phones.iter().enumerate() {
            let told = first_tellings(&phone.took());
            for (number, (at, what)) in (1_u64..).zip(&raised) {
                let found = told.iter().find(|(_, id)| *id == number).map(|(at, _)| *at);
                let owed = place == 0 || !matches!(what, What::Warning(_));
                prop_assert!(!owed || found.is_some(), "{}: {number} {what:?}", phone.name);
                let up = !phone.down.iter().any(|(from, to)| (*from..*to).contains(at));
                if matches!(what, What::Critical(_)) && up {
                    prop_assert_eq!(found, Some(*at), "{}: {}", phone.name, number);
                }
            }
            let of = |what: fn(&What) -> bool| -> Vec<u64> {
                let is = |id: &u64| what(&raised[usize::try_from(*id - 1).unwrap()].1);
                told.iter().map(|(_, id)| *id).filter(is).collect()
            };
            let infos = of(|what| matches!(what, What::Info));
            prop_assert!(infos.is_sorted(), "{}: {infos:?}", phone.name);
            if place == 0 {
                let warnings = of(|what| matches!(what, What::Warning(_)));
                prop_assert!(warnings.is_sorted(), "{}: {warnings:?}", phone.name);
            }
            prop_assert!(phone.times().iter().all(|at| *at <= CALM), "told after the word");
        }
        prop_assert_eq!(store.read(|tx| tx.list(&WAITING, "")).unwrap(), []);
        prop_assert_eq!(store.read(|tx| tx.list(&DEAD, "")).unwrap(), []);
    }
}
