//! A clock that steps: the wall is put back or forward under a desk at work.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use futures::future::BoxFuture;

use super::{
    puppet::on_strings,
    world::{Script, Stage, at, dipping, quiet, without_decay},
};
use crate::{
    account::ExitReason,
    clock::{Clock, Runtime, Spawn, Timestamp},
};

/// A clock that somebody puts right: waits last as long as before, `now` does not.
#[derive(Clone)]
pub(super) struct Stepped {
    world: Runtime,
    offset: Arc<Mutex<TimeDelta>>,
}

impl Stepped {
    pub(super) fn over(world: Runtime) -> Self {
        Self { world, offset: Arc::default() }
    }

    pub(super) fn runtime(&self) -> Runtime {
        Runtime::new(Arc::new(self.clone()), Arc::new(self.clone()))
    }

    pub(super) fn step(&self, by: TimeDelta) {
        *self.offset.lock().unwrap() += by;
    }
}

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        self.world.now() + *self.offset.lock().unwrap()
    }
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.world.sleep_until(at - *self.offset.lock().unwrap())
    }
}

impl Spawn for Stepped {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.spawn(task);
    }
}

#[test]
fn a_clock_put_back_suspends_no_stop_and_no_reconciliation() {
    let stage = Stage::new(dipping());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:10:00").await;
        scene.clock.step(TimeDelta::minutes(40));
        scene.rt.sleep(TimeDelta::seconds(31)).await;
        assert_eq!(scene.desk.open_count(), 1);
        scene.clock.step(-TimeDelta::minutes(35));
        scene.rt.sleep(TimeDelta::seconds(31)).await;
        let reconciled = scene.desk.status().unwrap().reconciled_at.unwrap();
        assert!(reconciled <= scene.rt.now(), "the books were looked at after the step");
        scene.until("11:40:00").await;
        assert_eq!(scene.desk.open_count(), 0, "the dip stopped it");
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::Stop));
}

#[test]
fn an_entry_whose_clock_is_put_back_ends_and_is_not_left_working() {
    // Options are dear in the second of the decision and cheaper ever after: nobody buys.
    let vol = |now: Timestamp| {
        if (at("10:30:00")..at("10:30:01")).contains(&now) { 0.22 } else { 0.19 }
    };
    let stage = Stage::new(Script { vol, ..quiet() });
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:30:05").await;
        scene.clock.step(-TimeDelta::minutes(20));
        scene.rt.sleep(TimeDelta::minutes(1)).await;
        let status = scene.desk.status().unwrap();
        assert_eq!(status.intents, [], "nothing works any more");
        scene.assert_books_agree().await;
    });
}

#[test]
fn an_exit_ladder_goes_on_though_the_clock_was_put_back() {
    let stage = Stage::new(without_decay());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("11:30:00").await;
        scene.desk.flatten("test", "operator").await.unwrap();
        scene.rt.sleep(TimeDelta::milliseconds(500)).await;
        scene.clock.step(-TimeDelta::minutes(30));
        scene.rt.sleep(TimeDelta::minutes(2)).await;
        assert_eq!(scene.desk.open_count(), 0);
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::Flatten));
}

#[test]
fn the_time_exit_comes_at_once_when_the_clock_jumps_over_it() {
    let stage = Stage::new(without_decay());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("13:00:00").await;
        scene.clock.step(TimeDelta::minutes(125));
        scene.rt.sleep(TimeDelta::minutes(2)).await;
        assert_eq!(scene.desk.open_count(), 0);
    });
    assert_eq!(stage.positions()[0].exit_reason, Some(ExitReason::TimeExit));
}

#[test]
fn a_clock_that_steps_while_an_entry_is_about_to_go_lets_it_go_at_no_other_instant() {
    for (seconds, goes_on) in [(-53, false), (-1, false), (0, true), (3, true), (70, false)] {
        let stage = Stage::new(quiet());
        on_strings(&stage, move |scene| async move {
            scene.enter().await;
            scene.until("10:30:09").await;
            let clock = scene.clock.clone();
            scene.puppet.state().meanwhile =
                Some(Box::new(move || clock.step(TimeDelta::seconds(seconds))));
            scene.rt.sleep(TimeDelta::seconds(2)).await;
            assert!(scene.puppet.state().meanwhile.is_none(), "the books were read");
            assert_eq!(scene.puppet.sent().len() > 1, goes_on, "a step of {seconds} s");
        });
    }
}
