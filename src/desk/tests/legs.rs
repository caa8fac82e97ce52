//! Orders whose legs fill unevenly: completed with what lags, or closed, the shorts first.

use chrono::TimeDelta;
use rust_decimal::dec;

use super::{
    puppet::{Plan, SOLD_AT, Strings, all, buys, on_strings, sells},
    world::{Stage, at, quiet},
};
use crate::{
    account::{ExitReason, NetPrice, Position},
    broker::{OrderRequest, OrderStatus},
    desk::intent::IntentState,
    notice::Notice,
};

const ENTRY: &str = "zdte-20240802-1";

fn whole(position: &Position) -> bool {
    position.legs.len() == 4 && position.legs.iter().all(|leg| leg.quantity.abs() == 1)
}

fn uneven_told(stage: &Stage) -> Vec<(bool, String)> {
    let told = stage.notices().into_iter().filter_map(|notice| match notice {
        Notice::LegsUneven { naked, done, .. } => Some((naked, done)),
        _ => None,
    });
    told.collect()
}

/// No identifier left twice, and nothing is asked for that is not lacking.
fn assert_each_sent_once(sent: &[OrderRequest]) {
    let mut names: Vec<&str> = sent.iter().map(|request| request.external_id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), sent.len());
}

#[test]
fn an_entry_whose_legs_lag_is_completed_with_the_laggards_at_no_worse_a_price() {
    // Longs lag (the shorts are naked), or shorts lag (nothing is at risk).
    for (first, lagging_sell, naked) in [(sells as fn(&_) -> _, false, true), (buys, true, false)] {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.puppet.plan(&[Plan::Fill(first), Plan::Fill(all)]);
            scene.enter().await;
            scene.until("10:30:04").await;
            assert_eq!(scene.puppet.sent().len(), 1, "it may even out by itself");
            scene.until("10:30:09").await;
            let sent = scene.puppet.sent();
            assert!(sent.len() >= 2);
            assert!(sent[1].legs.iter().all(|leg| sells(leg) == lagging_sell), "{:?}", sent[1]);
            assert_eq!((sent[1].legs.len(), sent[1].units), (2, 1));
            assert_eq!(sent[1].limit.0 > dec!(0), lagging_sell, "{}", sent[1].limit);
            let record = scene.record(ENTRY);
            assert_eq!(record.state, IntentState::Filled);
            assert!(whole(&scene.position().unwrap()));
            // With what had filled the limit keeps the entry's own worst price.
            let had = if lagging_sell { dec!(-2) } else { dec!(2) * SOLD_AT };
            assert!(NetPrice(had + sent[1].limit.0) >= record.intent.limit);
            // From here on it is a position like any other: its profit order rests.
            scene.until("10:31:00").await;
            let sent = scene.puppet.sent();
            assert_eq!((sent.len(), sent[2].legs.len()), (3, 4));
            assert_each_sent_once(&sent);
            scene.assert_books_agree();
        });
        assert_eq!(uneven_told(&stage), [(naked, "the lagging legs are sent".to_owned())]);
    }
}

#[test]
fn laggards_walk_from_mid_to_natural_and_what_is_not_had_in_time_is_closed() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(sells)]);
        scene.enter().await;
        scene.until("10:31:04").await;
        let sent = scene.puppet.sent();
        let limits: Vec<_> = sent[1..].iter().map(|request| request.limit).collect();
        assert!(limits.len() >= 3, "{limits:?}");
        assert!(limits.windows(2).all(|pair| pair[1] < pair[0]), "each worse for us: {limits:?}");
        assert!(limits.iter().all(|limit| limit.0 < dec!(0)), "a debit stays one: {limits:?}");
        assert_eq!(scene.record(ENTRY).state, IntentState::Live);
        scene.puppet.plan(&[Plan::Fill(all)]);
        scene.until("10:31:20").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Cancelled);
        let close = scene.puppet.sent().pop().unwrap();
        assert!(close.strict_effect && close.legs.iter().all(buys), "{close:?}");
        let position = scene.position().unwrap();
        assert_eq!(position.exit_reason, Some(ExitReason::Incomplete));
        scene.assert_books_agree();
    });
    let naked: Vec<bool> = uneven_told(&stage).iter().map(|(naked, _)| *naked).collect();
    assert_eq!(naked, [true, true], "told when the laggards are sent and when it is closed");
}

#[test]
fn laggards_that_would_make_the_whole_worse_than_its_worst_price_are_not_sent() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::FillCheap(sells), Plan::Fill(all)]);
        scene.enter().await;
        scene.until("10:30:30").await;
        let sent = scene.puppet.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent[1].strict_effect, "the second is the close: {:?}", sent[1]);
        assert_eq!(scene.position().unwrap().exit_reason, Some(ExitReason::Incomplete));
        scene.assert_books_agree();
    });
}

#[test]
fn under_a_hold_an_uneven_entry_is_closed_and_not_completed() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(sells), Plan::Fill(all)]);
        scene.enter().await;
        scene.until("10:30:01").await;
        scene.desk.reduce("test", "operator").await.unwrap();
        scene.until("10:30:20").await;
        let sent = scene.puppet.sent();
        assert!(sent[1..].iter().all(|request| request.strict_effect), "{sent:?}");
        assert_eq!(scene.position().unwrap().exit_reason, Some(ExitReason::Incomplete));
        scene.assert_books_agree();
    });
}

#[test]
fn a_restart_in_the_middle_of_uneven_legs_goes_on_where_it_was() {
    // Three legs of a condor, the fourth was never had: the process that follows closes the rest,
    // both shorts before the long.
    fn three(leg: &crate::account::Leg) -> bool {
        let call = matches!(&leg.instrument, crate::instrument::Instrument::Option(c)
            if c.right == crate::instrument::Right::Call);
        sells(leg) || call
    }
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::FillCheap(three), Plan::Fill(all), Plan::Fill(all)]);
        scene.enter().await;
        scene.until("10:31:00").await;
        let sent = scene.puppet.sent();
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert!(sent[1].legs.len() == 2 && sent[1].legs.iter().all(buys), "{:?}", sent[1]);
        assert!(sent[2].legs.len() == 1 && sent[2].legs.iter().all(sells), "{:?}", sent[2]);
        assert_eq!(scene.position().unwrap().exit_reason, Some(ExitReason::Incomplete));
        scene.assert_books_agree();
    });
}

async fn entered_and_resting(scene: &Strings) {
    scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
    scene.enter().await;
    scene.until("10:31:00").await;
    assert_eq!(scene.puppet.sent().len(), 2);
}

#[test]
fn a_profit_order_that_leaves_a_short_naked_gives_way_to_the_ladder() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        entered_and_resting(&scene).await;
        scene.puppet.fill(1, sells, true);
        scene.puppet.plan(&[Plan::Fill(all)]);
        scene.until("10:33:00").await;
        let sent = scene.puppet.sent();
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert!(sent[2].legs.len() == 2 && sent[2].legs.iter().all(buys));
        assert_eq!(scene.position().unwrap().exit_reason, Some(ExitReason::ProfitTarget));
        scene.assert_books_agree();
    });
    assert!(uneven_told(&stage).iter().any(|(naked, _)| *naked));
}

#[test]
fn an_exit_that_filled_unevenly_goes_on_with_what_is_left_and_the_shorts_first() {
    for (first, rest) in [(buys as fn(&_) -> _, sells as fn(&_) -> _), (sells, buys)] {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            entered_and_resting(&scene).await;
            scene.puppet.plan(&[Plan::Fill(first), Plan::Fill(all)]);
            scene.desk.flatten("test", "operator").await.unwrap();
            scene.until("10:32:00").await;
            let sent = scene.puppet.sent();
            assert_eq!(sent.len(), 4, "{sent:?}");
            assert!(sent[3].legs.len() == 2 && sent[3].legs.iter().all(rest), "{:?}", sent[3]);
            assert_each_sent_once(&sent);
            assert_eq!(scene.position().unwrap().exit_reason, Some(ExitReason::Flatten));
            scene.assert_books_agree();
        });
    }
}

#[test]
fn an_order_told_as_filled_works_on_until_its_fills_are_shown() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.enter().await;
        scene.until("10:30:02").await;
        scene.puppet.fill(0, sells, true);
        scene.puppet.end(0, OrderStatus::Filled);
        scene.until("10:30:20").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Live);
        assert_eq!(scene.puppet.sent().len(), 1, "nothing is sent for legs that have filled");
        scene.puppet.fill(0, buys, true);
        scene.until("10:30:25").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Filled);
        assert!(whole(&scene.position().unwrap()));
        scene.assert_books_agree();
    });
}

#[test]
fn fills_that_are_never_shown_are_taken_from_the_brokers_books_once() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.enter().await;
        scene.until("10:30:02").await;
        scene.puppet.fill(0, sells, true);
        scene.puppet.fill(0, buys, false);
        scene.puppet.end(0, OrderStatus::Filled);
        scene.until("10:30:28").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Live);
        scene.until("10:30:45").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Filled);
        assert!(whole(&scene.position().unwrap()));
        // The fills come after all: they are not counted again, and no alarm is raised.
        let fills = scene.record(ENTRY).fills;
        scene.puppet.show(0);
        scene.desk.reconcile().await.unwrap();
        assert_eq!(scene.record(ENTRY).fills, fills);
        scene.assert_books_agree();
    });
    let told = stage.notices();
    let excess = |n: &Notice| matches!(n, Notice::Difference { what } if what.contains("beyond"));
    assert!(!told.iter().any(excess), "{told:?}");
}

#[test]
fn fills_beyond_what_was_asked_for_are_told_and_never_counted() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all)]);
        scene.enter().await;
        scene.until("10:30:20").await;
        {
            let mut state = scene.puppet.state();
            let mut twin = state.orders[0].fills[0].clone();
            twin.id = "another id of the same".to_owned();
            state.orders[0].fills.push(twin);
        }
        for _ in 0..3 {
            scene.desk.reconcile().await.unwrap();
        }
        assert!(whole(&scene.position().unwrap()));
        scene.assert_books_agree();
    });
    let beyond = |n: &&Notice| matches!(n, Notice::Difference { what } if what.contains("beyond"));
    assert_eq!(stage.notices().iter().filter(beyond).count(), 1, "told once");
}

#[test]
fn a_fill_that_comes_after_the_end_counts_once_with_all_that_follows() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.enter().await;
        scene.until("10:31:30").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Cancelled);
        assert!(scene.position().is_none());
        let limits = scene.puppet.sent().len();
        scene.puppet.fill(0, all, true);
        for _ in 0..3 {
            scene.desk.reconcile().await.unwrap();
            scene.rt.sleep(TimeDelta::seconds(11)).await;
        }
        assert!(whole(&scene.position().unwrap()));
        assert_eq!(scene.puppet.sent().len(), limits + 1, "its profit order rests");
        scene.assert_books_agree();
        assert!(scene.rt.now() < at("10:33:00"));
    });
}
