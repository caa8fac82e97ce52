//! Who is told when: at once, again, and by the next channel.

use std::sync::Arc;

use super::told::{Act, Phone, critical, info, play, warning};
use crate::{
    account::{ExitReason, PositionId},
    alert::{open::ALERTS, open::Standing, route::Rules},
    config::voice::{Escalation, LOG, VoiceSettings},
    money::{Gbp, Usd},
    notice::Notice,
    store::{Read, Store},
};

const HOUR: i64 = 3600;

fn three() -> [Arc<Phone>; 3] {
    ["telegram", "email", "desk"].map(|name| Arc::new(Phone::new(name)))
}

fn play_three(phones: &[Arc<Phone>; 3], until: i64, acts: Vec<(i64, Act)>) -> Store {
    let store = Store::in_memory().unwrap();
    play(&store, &Rules::default(), &phones.each_ref(), (0, until), acts);
    store
}

#[test]
fn a_warning_goes_from_channel_to_channel_while_nobody_acknowledges_it() {
    let phones = three();
    play_three(&phones, 2 * HOUR, vec![(7, Act::Raise(warning("a")))]);
    let times = phones.each_ref().map(|phone| phone.times());
    assert_eq!(times, [vec![7], vec![7 + 600], vec![7 + 1200]]);
}

#[test]
fn an_acknowledgement_in_between_ends_the_escalation() {
    for (acked, told) in [(606, [1, 0, 0]), (608, [1, 1, 0]), (1206, [1, 1, 0]), (1208, [1, 1, 1])]
    {
        let phones = three();
        let acts = vec![(7, Act::Raise(warning("a"))), (acked, Act::Ack(Some(1)))];
        play_three(&phones, 2 * HOUR, acts);
        assert_eq!(phones.each_ref().map(|phone| phone.times().len()), told, "{acked}");
    }
}

#[test]
fn without_minutes_a_warning_goes_to_all_at_once_and_info_always_does() {
    let phones = three();
    let voice = VoiceSettings {
        escalation: Escalation { warning_minutes: 0, ..Escalation::default() },
        ..VoiceSettings::default()
    };
    let store = Store::in_memory().unwrap();
    let acts = vec![(5, Act::Raise(warning("a"))), (6, Act::Raise(info("b")))];
    play(&store, &Rules::of(&voice), &phones.each_ref(), (0, HOUR), acts);
    assert_eq!(phones.each_ref().map(|phone| phone.times()), [vec![5, 6], vec![5, 6], vec![5, 6]]);
}

#[test]
fn the_log_is_told_at_once_and_once_and_is_no_part_of_the_order() {
    let (log, mail) = (Arc::new(Phone::new(LOG)), Arc::new(Phone::new("email")));
    let store = Store::in_memory().unwrap();
    let acts = vec![(0, Act::Raise(warning("a"))), (1, Act::Raise(critical("b")))];
    play(&store, &Rules::default(), &[&log, &mail], (0, HOUR / 2), acts);
    assert_eq!(log.times(), [0, 1]);
    assert_eq!(mail.times(), [0, 1, 301, 601, 901, 1201, 1501]);
}

#[test]
fn what_is_critical_goes_everywhere_at_once_and_repeats_until_acknowledged() {
    let phones = three();
    play_three(&phones, HOUR, vec![(10, Act::Raise(critical("a"))), (920, Act::Ack(None))]);
    for phone in &phones {
        let repeats: Vec<_> =
            phone.took().into_iter().map(|(at, _, repeat, _)| (at, repeat)).collect();
        assert_eq!(repeats, [(10, 0), (310, 1), (610, 2), (910, 3)], "{}", phone.name);
    }
}

#[test]
fn repeats_slow_down_after_an_hour_and_end_after_a_day_but_the_alert_stays_open() {
    let phones = three();
    let store = play_three(&phones, 50 * HOUR, vec![(0, Act::Raise(critical("a")))]);
    let times = phones[0].times();
    let first_hour: Vec<i64> = (0..=12).map(|n| n * 300).collect();
    let day: Vec<i64> = (3..=48).map(|n| n * 1800).collect();
    assert_eq!(times, [first_hour, day].concat());
    assert!(store.read(|tx| tx.get(&ALERTS, &format!("{:020}", 1))).unwrap().unwrap().is_open());
}

pub fn not_flat() -> Notice {
    Notice::NotFlat {
        position: PositionId("zdte-20240802-1".to_owned()),
        what: "1 ES iron condor".to_owned(),
    }
}

fn closed() -> Notice {
    Notice::Closed {
        position: PositionId("zdte-20240802-1".to_owned()),
        what: "1 ES iron condor".to_owned(),
        reason: ExitReason::ProfitTarget,
        pnl_usd: Usd(1.into()),
        pnl_gbp: Gbp(1.into()),
    }
}

#[test]
fn what_the_desk_tells_again_itself_is_not_repeated_beside_it() {
    let phones = three();
    let mut acts: Vec<(i64, Act)> = (0..10).map(|n| (n * 60, Act::Raise(not_flat()))).collect();
    acts.push((HOUR, Act::Ack(Some(4))));
    let store = play_three(&phones, 2 * HOUR, acts);
    let each_minute: Vec<i64> = (0..10).map(|n| n * 60).collect();
    let after: Vec<i64> = (1..=10).map(|n| 540 + n * 300).collect();
    assert_eq!(phones[1].times(), [each_minute, after].concat(), "repeats begin when it is silent");
    let repeated = &phones[1].took()[10];
    assert_eq!((&repeated.1, repeated.2), (&vec![10], 1), "the newest is told");
    let rows = store.read(|tx| tx.list(&ALERTS, "")).unwrap();
    assert!(matches!(rows[0].1.standing, Standing::Acknowledged { .. }), "by a number of its fold");
    assert_eq!((rows[0].1.folded, rows.len()), (9, 10));
}

#[test]
fn what_is_over_is_not_repeated_and_what_comes_later_is_open_anew() {
    let phones = three();
    let acts = vec![
        (0, Act::Raise(not_flat())),
        (400, Act::Raise(closed())),
        (5000, Act::Raise(not_flat())),
    ];
    let store = play_three(&phones, 5400, acts);
    assert_eq!(phones[2].times(), [0, 300, 400, 5000, 5300]);
    let rows = store.read(|tx| tx.list(&ALERTS, "")).unwrap();
    assert!(matches!(&rows[0].1.standing, Standing::Over { .. }), "{rows:?}");
}

#[test]
fn an_acknowledgement_covers_its_matter_for_half_an_hour() {
    let phones = three();
    let acts = vec![
        (0, Act::Raise(not_flat())),
        (10, Act::Ack(None)),
        (60, Act::Raise(not_flat())),
        (10 + 1799, Act::Raise(not_flat())),
        (10 + 1800, Act::Raise(not_flat())),
    ];
    play_three(&phones, 2200, acts);
    let took: Vec<_> =
        phones[0].took().into_iter().map(|(at, _, _, silent)| (at, silent)).collect();
    assert_eq!(took, [(0, false), (60, true), (1809, true), (1810, false), (2110, false)]);
}

#[test]
fn what_waits_of_a_matter_that_was_acknowledged_makes_no_sound() {
    let down = Phone { down: vec![(0, 100)], hushes: true, ..Phone::new("telegram") };
    let (down, up) = (Arc::new(down), Arc::new(Phone::new("email")));
    let acts = vec![
        (5, Act::Raise(critical("a"))),
        (6, Act::Raise(critical("b"))),
        (20, Act::Ack(Some(1))),
    ];
    play(&Store::in_memory().unwrap(), &Rules::default(), &[&down, &up], (0, 200), acts);
    let took: Vec<_> =
        down.took().into_iter().map(|(_, ids, _, silent)| (ids[0], silent)).collect();
    assert_eq!(took, [(1, true), (2, false)]);
}

#[test]
fn warnings_of_one_matter_escalate_as_one_and_something_worse_does_not_hide_in_them() {
    let phones = three();
    let breaker = |critical| Notice::Breaker {
        breaker: "daily_loss".to_owned(),
        text: "3.1 %".to_owned(),
        critical,
    };
    let acts = vec![
        (0, Act::Raise(breaker(false))),
        (100, Act::Raise(breaker(false))),
        (700, Act::Raise(breaker(false))),
        (800, Act::Raise(breaker(true))),
    ];
    play_three(&phones, 1500, acts);
    let ids = |phone: &Phone| -> Vec<_> {
        phone.took().into_iter().map(|(at, ids, repeat, _)| (at, ids[0], repeat)).collect()
    };
    assert_eq!(
        ids(&phones[0]),
        [(0, 1, 0), (100, 2, 0), (700, 3, 0), (800, 4, 0), (1100, 4, 1), (1400, 4, 2)]
    );
    assert_eq!(
        ids(&phones[1]),
        [(600, 2, 0), (700, 3, 0), (800, 4, 0), (1100, 4, 1), (1400, 4, 2)],
        "the newest of the fold, once"
    );
    assert_eq!(ids(&phones[2]), [(800, 4, 0), (1100, 4, 1), (1400, 4, 2)], "the warning is over");
}

#[test]
fn in_quiet_hours_escalation_waits_and_what_is_critical_does_not() {
    let phones = three();
    let settings: VoiceSettings = serde_json::from_value(serde_json::json!({
        "quiet": { "from": "12:00:00", "to": "13:00:00", "zone": "UTC" }
    }))
    .unwrap();
    let store = Store::in_memory().unwrap();
    let acts = vec![(10, Act::Raise(warning("a"))), (20, Act::Raise(critical("b")))];
    let acts = acts.into_iter().chain([(30, Act::Ack(Some(2)))]).collect();
    play(&store, &Rules::of(&settings), &phones.each_ref(), (0, 2 * HOUR), acts);
    assert_eq!(phones[0].times(), [20, HOUR], "it cannot be silent: the warning is held");
    assert_eq!(phones[1].times(), [20, HOUR + 600]);
    assert_eq!(phones[2].times(), [20, HOUR + 1200]);
}

#[test]
fn a_mute_takes_the_sound_at_once_and_gives_back_what_it_held_when_it_is_ended() {
    let (phone, mail) =
        (Arc::new(Phone { hushes: true, ..Phone::new("telegram") }), Arc::new(Phone::new("email")));
    let store = Store::in_memory().unwrap();
    let acts = vec![
        (0, Act::Mute(Some("phase"), 60)),
        (1, Act::Raise(info("a"))),
        (2, Act::Raise(critical("b"))),
        (3, Act::Ack(None)),
        (600, Act::Mute(Some("phase"), 0)),
        (700, Act::Mute(None, 5)),
        (710, Act::Raise(info("c"))),
    ];
    play(&store, &Rules::default(), &[&phone, &mail], (0, HOUR), acts);
    let of = |phone: &Phone| -> Vec<_> {
        phone.took().into_iter().map(|(at, ids, _, silent)| (at, ids[0], silent)).collect()
    };
    assert_eq!(of(&phone), [(1, 1, true), (2, 2, false), (710, 3, true)]);
    assert_eq!(of(&mail), [(2, 2, false), (600, 1, false), (1000, 3, false)]);
}
