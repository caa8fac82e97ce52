//! What the benches of the desk share: another date under the wall clock, its threads, its Fridays,
//! and the entry of a Friday.

#![allow(clippy::unwrap_used, dead_code)] // each bench takes what it needs

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use futures::future::BoxFuture;
use tomking::{
    calendar::{Calendar, Exchange},
    clock::{Clock, Runtime, Spawn, Timestamp, WallClock},
    desk::{Desk, jobs},
    schedule::JobContext,
    store::Store,
};

/// The wall clock, at another date.
pub struct Shifted(pub TimeDelta);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        WallClock.now() + self.0
    }
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        WallClock.sleep_until(at - self.0)
    }
}

pub struct Threads(pub tokio::runtime::Handle);

impl Spawn for Threads {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.0.spawn(task));
    }
}

/// The instants of the Friday entries of simulated years: 10:30 in New York.
pub fn fridays(calendar: &Calendar) -> impl Iterator<Item = Timestamp> {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    calendar
        .sessions(Exchange::Xnys, day("2012-01-03"), day("2024-12-31"))
        .into_iter()
        .filter(|session| session.date.weekday() == Weekday::Fri && !session.early_close)
        .map(|session| session.open + TimeDelta::hours(1))
}

/// The runtime of a slot: the wall clock, begun there.
pub fn runtime(slot: Timestamp) -> Runtime {
    let clock = Arc::new(Shifted(slot - WallClock.now()));
    Runtime::new(clock, Arc::new(Threads(tokio::runtime::Handle::current())))
}

/// The entry job of a slot, committed, its worker awake; whether it entered.
pub async fn enter(desk: &Arc<Desk>, store: &Store, rt: &Runtime, slot: Timestamp) -> bool {
    let name = "friday-0dte-entry";
    let (_, body) = jobs::bodies(desk).into_iter().find(|(n, _)| *n == name).unwrap();
    let context = JobContext { job: name.to_owned(), slot, attempt: 1, rt: rt.clone() };
    let report = body.run(&context).await.unwrap();
    let commits = report.commits;
    store.write(move |tx| commits.into_iter().try_for_each(|commit| commit(tx))).await.unwrap();
    if let Some(after) = report.after {
        after();
    }
    report.summary.starts_with("entered")
}

/// The median, the 99th of a hundred and the most, milliseconds.
pub fn figures(mut times: Vec<std::time::Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("{}: p50 {:.2} ms  p99 {:.2} ms  max {:.2} ms", times.len(), at(50), at(99), at(100))
}
