//! What is not known is looked for and never sent again; what nobody confirmed halts.

use chrono::TimeDelta;

use super::{
    puppet::{Plan, Strings, all, on_strings},
    world::{Stage, at, quiet, run_job},
};
use crate::{
    account::{BrokerOrderId, hold::Level},
    broker::OrderStatus,
    desk::{
        intent::{AttemptStatus, IntentState},
        read,
        reconcile::Reconciled,
        record,
    },
    notice::{Notice, OUTBOX},
    risk::decision::DecisionOutcome,
    store::Read as _,
};

const ENTRY: &str = "zdte-20240802-1";

fn holds(scene: &Strings) -> Vec<String> {
    scene.desk.status().unwrap().holds.into_iter().map(|hold| hold.name).collect()
}

#[test]
fn an_order_whose_name_the_broker_dropped_is_known_by_its_legs_when_it_alone_has_them() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Nameless]);
        scene.enter().await;
        scene.until("10:30:05").await;
        let record = scene.record(ENTRY);
        assert_eq!(record.state, IntentState::Live);
        assert_eq!(record.attempts[0].order, Some(BrokerOrderId("p0".to_owned())));
        scene.puppet.fill(0, all, true);
        scene.until("10:30:10.500").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Filled);
        let entries = scene.puppet.sent().iter().filter(|sent| !sent.strict_effect).count();
        assert_eq!(entries, 1, "sent once");
        scene.assert_books_agree();
    });
}

#[test]
fn of_two_orders_alike_none_is_taken_and_the_doubt_stays_until_it_halts() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Nameless]);
        scene.puppet.state().hidden.insert(BrokerOrderId("p0".to_owned()));
        scene.enter().await;
        scene.until("10:30:01").await;
        scene.puppet.plant(None, 0, OrderStatus::Live);
        scene.puppet.state().hidden.clear();
        scene.until("10:44:50").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Unknown);
        assert_ne!(scene.desk.level(), Level::Halted);
        scene.until("10:45:30").await;
        assert_eq!(scene.desk.level(), Level::Halted);
        assert!(holds(&scene).contains(&"unknown-order".to_owned()));
        assert_eq!(scene.puppet.sent().len(), 1, "never a second submit");
    });
    let told = stage.notices();
    assert!(told.iter().any(|n| matches!(n, Notice::OrderUnknown { .. })), "{told:?}");
}

#[test]
fn an_order_that_traded_is_found_though_no_list_shows_it() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Nameless]);
        let p0 = BrokerOrderId("p0".to_owned());
        scene.puppet.state().hidden.insert(p0.clone());
        scene.enter().await;
        scene.until("10:30:01").await;
        scene.puppet.fill(0, all, true);
        scene.until("10:32:00").await;
        // Its trades are booked: it is not absent, whatever the lists say.
        assert_eq!(scene.record(ENTRY).state, IntentState::Unknown);
        scene.puppet.state().hidden.clear();
        scene.until("10:32:10").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Filled);
        scene.assert_books_agree();
    });
}

#[test]
fn what_a_cancelled_order_filled_unseen_is_not_sent_again() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Work]);
        scene.enter().await;
        scene.until("10:30:05").await;
        scene.puppet.fill(0, all, false);
        scene.puppet.end(0, OrderStatus::Cancelled);
        scene.until("10:30:25").await;
        assert_eq!(scene.puppet.sent().len(), 1, "its fills are booked and not shown");
        scene.puppet.show(0);
        scene.until("10:30:40").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Filled);
        let entries = scene.puppet.sent().iter().filter(|sent| !sent.strict_effect).count();
        assert_eq!(entries, 1, "sent once");
        scene.assert_books_agree();
    });
}

#[test]
fn an_owners_trade_of_another_shape_in_our_contracts_keeps_no_send_in_doubt() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Lost]);
        scene.enter().await;
        scene.until("10:30:05").await;
        let own = scene.puppet.plant(None, 0, OrderStatus::Live);
        scene.puppet.state().orders[own].legs.truncate(1);
        scene.puppet.fill(own, all, true);
        scene.until("10:32:00").await;
        let record = scene.record(ENTRY);
        assert!(matches!(record.attempts[0].status, AttemptStatus::NotSent { .. }), "{record:?}");
        assert_eq!(scene.puppet.sent().len(), 1, "never a second submit");
        scene.assert_books_agree();
    });
}

#[test]
fn an_entry_goes_no_further_while_another_orders_fate_is_in_doubt() {
    for status in [AttemptStatus::Unknown, AttemptStatus::Sending] {
        let in_doubt = status == AttemptStatus::Unknown;
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.enter().await;
            scene.until("10:30:02").await;
            let mut other = scene.record(ENTRY);
            other.intent.id.0 = "zdte-20240802-2".to_owned();
            other.attempts[0].external_id = "zdte-20240802-2/1".to_owned();
            other.attempts[0].order = None;
            // Not answered for 20 s, or just sent.
            let ago = TimeDelta::seconds(if in_doubt { 20 } else { 0 });
            other.attempts[0].at = at("10:30:14") - ago;
            other.mark_working(status.clone(), at("10:30:02"));
            scene.desk.write(move |tx| record::save(tx, &other)).await.unwrap();
            scene.until("10:30:40").await;
            let sent = scene.puppet.sent().len();
            assert_eq!(sent == 1, in_doubt, "{status:?}: {sent} sends");
        });
    }
}

#[test]
fn an_entry_goes_no_further_while_ledger_and_broker_are_not_known_to_agree() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.enter().await;
        scene.until("10:30:02").await;
        scene.puppet.state().no_holdings = true;
        assert!(matches!(scene.desk.reconcile().await, Ok(Reconciled::Undecided { .. })));
        scene.until("10:30:30").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Approved);
        assert_eq!(scene.puppet.sent().len(), 1);
        scene.puppet.state().no_holdings = false;
        scene.until("10:30:50").await;
        assert!(scene.puppet.sent().len() > 1, "it goes on once they agree");
    });
}

#[test]
fn a_clock_that_steps_neither_hastens_nor_delays_the_halt_for_an_unknown_order() {
    for step in [-40, 0, 60] {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.puppet.plan(&[Plan::Nameless]);
            scene.puppet.state().hidden.insert(BrokerOrderId("p0".to_owned()));
            scene.enter().await;
            scene.rt.sleep(TimeDelta::seconds(3)).await;
            scene.puppet.state().silent = true;
            scene.clock.step(TimeDelta::minutes(step));
            scene.rt.sleep(TimeDelta::minutes(13)).await;
            assert!(!holds(&scene).contains(&"unknown-order".to_owned()), "step {step}");
            assert_eq!(scene.record(ENTRY).state, IntentState::Unknown, "step {step}");
            scene.rt.sleep(TimeDelta::minutes(3)).await;
            assert!(holds(&scene).contains(&"unknown-order".to_owned()), "step {step}");
        });
    }
}

#[test]
fn an_order_that_had_been_proven_absent_and_shows_up_is_cancelled_and_halts() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Lost]);
        scene.enter().await;
        scene.until("10:31:30").await;
        let record = scene.record(ENTRY);
        assert!(matches!(record.attempts[0].status, AttemptStatus::NotSent { .. }));
        let late = scene.puppet.plant(Some(&format!("{ENTRY}/1")), 0, OrderStatus::Live);
        scene.desk.reconcile().await.unwrap();
        assert_eq!(scene.puppet.state().orders[late].status, OrderStatus::Cancelled);
        assert_eq!(scene.desk.level(), Level::Halted);
        assert!(holds(&scene).contains(&"unconfirmed-order".to_owned()));
    });
}

#[test]
fn an_order_of_ours_that_the_store_does_not_know_halts_and_the_owners_does_not() {
    let cases = [
        (Some("zdte-20240802-9/1"), true),
        (Some("zdte-20240802-1/99"), true),
        (Some("external-1-x1/1"), true),
        (Some("my own/1"), false),
        (Some("zdte-20240802-9"), false),
        (None, false),
    ];
    for (name, halts) in cases {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.puppet.plan(&[Plan::Fill(all)]);
            scene.enter().await;
            scene.until("10:30:05").await;
            scene.puppet.plant(name, 0, OrderStatus::Live);
            scene.desk.reconcile().await.unwrap();
            assert_eq!(scene.desk.level() == Level::Halted, halts, "{name:?}");
        });
    }
}

#[test]
fn a_fill_of_a_send_that_was_rejected_counts_and_halts() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Reject]);
        scene.enter().await;
        scene.until("10:30:05").await;
        assert_eq!(scene.record(ENTRY).state, IntentState::Rejected);
        let late = scene.puppet.plant(Some(&format!("{ENTRY}/1")), 0, OrderStatus::Live);
        scene.puppet.fill(late, all, true);
        scene.desk.reconcile().await.unwrap();
        assert_eq!(scene.desk.level(), Level::Halted);
        assert_eq!(scene.record(ENTRY).fills.len(), 4);
        assert!(scene.position().unwrap().is_open());
        scene.assert_books_agree();
    });
}

#[test]
fn everything_in_flight_is_read_back_each_minute_and_after_a_silence() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
        scene.enter().await;
        scene.until("10:33:30").await;
        let looked = scene.desk.hot().reconciled_at.unwrap();
        assert!(looked >= at("10:32:25"), "{looked}");
        scene.puppet.state().silent = true;
        scene.until("10:34:30").await;
        assert!(!scene.desk.is_reconciled());
        scene.puppet.fill(1, all, true);
        scene.puppet.state().silent = false;
        scene.until("10:34:45").await;
        assert!(scene.desk.hot().reconciled_at.unwrap() >= at("10:34:30"));
        assert!(scene.desk.is_reconciled());
        assert!(scene.position().unwrap().closed_at.is_some());
        scene.assert_books_agree();
    });
}

#[test]
fn a_cancel_that_is_never_confirmed_is_told_and_nothing_replaces_its_order() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
        scene.enter().await;
        scene.until("10:31:00").await;
        scene.puppet.state().stubborn = true;
        scene.until("15:33:00").await;
        assert_eq!(scene.puppet.sent().len(), 2, "the entry and the profit order");
    });
    let told = stage.notices();
    let unconfirmed = |n: &&Notice| matches!(n, Notice::CancelUnconfirmed { .. });
    let not_flat = |n: &&Notice| matches!(n, Notice::NotFlat { .. });
    assert!(told.iter().filter(unconfirmed).count() >= 30, "each minute");
    assert!(told.iter().filter(not_flat).count() >= 3, "the time exit alarms all the same");
}

#[test]
fn a_cancel_that_comes_too_late_takes_the_fill() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
        scene.enter().await;
        scene.until("10:31:00").await;
        scene.puppet.state().stubborn = true;
        scene.desk.flatten("test", "operator").await.unwrap();
        scene.puppet.fill(1, all, true);
        scene.until("10:32:00").await;
        assert_eq!(scene.puppet.sent().len(), 2, "no close follows: there is nothing left");
        assert_eq!(scene.desk.open_count(), 0);
        scene.assert_books_agree();
    });
}

#[test]
fn a_close_that_is_rejected_backs_off_and_goes_on() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
        scene.enter().await;
        scene.until("10:31:00").await;
        scene.puppet.plan(&[Plan::Reject; 4]);
        scene.puppet.plan(&[Plan::Fill(all)]);
        scene.desk.flatten("test", "operator").await.unwrap();
        scene.until("10:34:00").await;
        let times: Vec<_> = scene.puppet.state().submits[2..].iter().map(|(at, _)| *at).collect();
        assert_eq!(times.len(), 5);
        let waits: Vec<i64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
        for (wait, least) in waits.iter().zip([5, 15, 30, 30]) {
            assert!((least..least + 11).contains(wait), "{waits:?}");
        }
        assert_eq!(scene.desk.open_count(), 0);
    });
    let rejected = |n: &&Notice| matches!(n, Notice::Rejected { .. });
    assert_eq!(stage.notices().iter().filter(rejected).count(), 4);
}

#[test]
fn what_is_still_open_after_the_close_is_told_each_minute_until_it_is_settled() {
    let stage = Stage::new(quiet());
    on_strings(&stage, |scene| async move {
        scene.puppet.plan(&[Plan::Fill(all), Plan::Work]);
        scene.puppet.plan(&[Plan::Reject; 900]);
        scene.enter().await;
        scene.until("16:20:00").await;
        assert_eq!(scene.desk.open_count(), 1);
        scene.rt.sleep(TimeDelta::seconds(1)).await;
        run_job(&scene.desk, &scene.rt, "0dte-flat", "16:20:00").await;
    });
    let rows = stage.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
    let told: Vec<_> = rows
        .into_iter()
        .filter(|(_, row)| matches!(row.notice, Notice::NotFlat { .. }))
        .map(|(_, row)| row.at)
        .collect();
    let after: Vec<_> = told.iter().filter(|when| **when > at("16:00:00")).collect();
    assert!((19..=21).contains(&after.len()), "{after:?}");
    let gaps = told.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds());
    assert!(gaps.max().unwrap() <= 70, "{told:?}");
}

#[test]
fn a_decision_whose_order_ended_unfilled_says_missed_and_how() {
    let cases = [
        (Plan::Work, "missed: price"),
        (Plan::Reject, "planted: refused"),
        (Plan::Lost, "missed: not sent, proven absent at the broker"),
    ];
    for (plan, ended) in cases {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.puppet.plan(&[plan]);
            scene.enter().await;
            scene.until("10:32:00").await;
        });
        let date = at("10:30:00").date_naive();
        let decisions = stage.store.read(|tx| read::decisions(tx, date, date)).unwrap();
        assert_eq!(decisions.len(), 1);
        assert_eq!(decisions[0].outcome, DecisionOutcome::Missed, "{ended}");
        assert_eq!(decisions[0].ended.as_deref(), Some(ended));
    }
}
