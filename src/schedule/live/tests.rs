//! The live driver under a wall clock that can step, with the crate's poll played on the storage:
//! every 500 ms, fire what is due by the whole second.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{
    MetaDataStorage,
    job::job_data::{JobStoredData, JobType},
    store::DataStore,
};

use super::{INBOX, Sequence};
use crate::{
    calendar::Calendar,
    clock::{Clock, Runtime, Spawn, Timestamp, VirtualWorld},
    schedule::{
        JobBody, JobContext, JobError, JobReport, JobSet, Scheduler,
        file::parse,
        ledger::{RUNS, RunRow, RunStatus, SESSIONS, SessionRow},
        ticker::PlannerStore,
    },
    store::{Read, Store},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A wall clock over virtual time: a step moves what it reads, not what sleeps measure. A suspend
/// is a step forward, too: sleeps stand still while the wall goes on.
#[derive(Clone)]
struct Wall {
    monotonic: Runtime,
    step: Arc<Mutex<TimeDelta>>,
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        self.monotonic.now() + *self.step.lock().unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let wait = at - self.now();
        self.monotonic.sleep_until(self.monotonic.now() + wait)
    }
}

impl Spawn for Wall {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.monotonic.spawn(task);
    }
}

type Log = Arc<Mutex<Vec<(Timestamp, Timestamp)>>>;

struct Body(Log);

#[async_trait]
impl JobBody for Body {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        self.0.lock().unwrap().push((context.slot, context.rt.now()));
        Ok(JobReport::done("ran"))
    }
}

/// Whether the crate's poll works.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Poll {
    Works,
    Dead,
}

struct Live {
    world: VirtualWorld,
    wall: Wall,
    store: Store,
    text: String,
    log: Log,
}

impl Live {
    fn new(start: &str, text: &str) -> Self {
        let world = VirtualWorld::new(at(start));
        let wall = Wall { monotonic: world.runtime(), step: Arc::default() };
        let store = Store::in_memory().unwrap();
        Self { world, wall, store, text: text.to_owned(), log: Log::default() }
    }

    /// One process, from now on until the wall shows `until`; `events` happen at instants of the
    /// wall: the clock steps by so many seconds.
    fn run(&mut self, until: &str, poll: Poll, events: &[(&str, i64)]) -> &mut Self {
        let rt = Runtime::new(Arc::new(self.wall.clone()), Arc::new(self.wall.clone()));
        let body = Arc::new(Body(Arc::clone(&self.log)));
        let bodies: BTreeMap<String, Arc<dyn JobBody>> =
            BTreeMap::from([("job".into(), body as _)]);
        let set = JobSet::of([parse("job", "job.toml", &self.text).unwrap()]);
        let calendar = Calendar::default();
        let scheduler =
            Scheduler::new(self.store.clone(), rt.clone(), calendar, set, &bodies).unwrap();
        let (wall, until) = (self.wall.clone(), at(until));
        let events: Vec<(Timestamp, i64)> = events.iter().map(|(t, s)| (at(t), *s)).collect();
        let stepper = scheduler.clone();
        rt.spawn(async move {
            for (when, seconds) in events {
                wall.sleep_until(when).await;
                *wall.step.lock().unwrap() += TimeDelta::seconds(seconds);
            }
            // The wall may have been stepped while this slept.
            while wall.now() < until {
                wall.sleep_until(until.min(wall.now() + TimeDelta::seconds(1))).await;
            }
            stepper.stop();
        });
        self.world.run(live(scheduler, poll)).expect("no deadlock");
        self
    }

    /// (slot, lateness in ms) of every start.
    fn starts(&self) -> Vec<(String, i64)> {
        let log = self.log.lock().unwrap();
        let show = |(slot, now): &(Timestamp, Timestamp)| {
            (slot.format("%d %H:%M:%S").to_string(), (*now - *slot).num_milliseconds())
        };
        log.iter().map(show).collect()
    }
}

/// `run_live` with the crate's loop played: no tokio in the virtual world.
async fn live(scheduler: Scheduler, poll: Poll) {
    let core = Arc::clone(&scheduler.core);
    core.start(Sequence::Ordered).await.unwrap();
    let (sender, inbox) = mpsc::channel(INBOX);
    let mut storage = PlannerStore::new(Arc::clone(&core));
    for id in storage.ids() {
        let data = JobStoredData {
            id: Some(id.into()),
            last_updated: None,
            last_tick: None,
            next_tick: 1,
            job_type: JobType::Cron as i32,
            count: 0,
            extra: Vec::new(),
            ran: false,
            stopped: false,
            job: None,
            time_offset_seconds: 0,
        };
        storage.add_or_update(data).await.unwrap();
    }
    let polled = Arc::clone(&core);
    core.rt.spawn(async move {
        while poll == Poll::Works && !*polled.ended.borrow() {
            polled.rt.sleep(TimeDelta::microseconds(501_500)).await;
            let now = u64::try_from(polled.rt.now().timestamp()).unwrap();
            let ticks = storage.list_next_ticks().await.unwrap();
            let due = ticks.iter().filter(|tick| tick.last_tick.is_none() && tick.next_tick <= now);
            for job in due.map(|tick| storage.job_of(tick).unwrap()) {
                if let Some(handover) = polled.hand_over(job) {
                    sender.send(handover).await.unwrap();
                }
            }
        }
        futures::future::pending::<()>().await;
    });
    core.serve(inbox).await.unwrap();
    scheduler.idle().await;
}

const DAILY: &str = "about = \"d\"\n[[trigger]]\non = \"session\"\nat = \"10:30\"\n";
const MINUTES: &str = "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"1m\"\n\
                       from = \"open+1m\"\nto = \"close\"\n[missed]\npolicy = \"coalesce\"\n";

#[test]
fn slots_start_exactly_over_both_clock_changes_whatever_london_does() {
    // New York changed on 9 March and 2 November 2025, London on 30 March and 26 October, all
    // between 01:00 and 07:00 UTC. The rest of the weekend is slept through.
    for (friday, sunday, monday, wanted) in [
        ("2025-03-07", "2025-03-09", "2025-03-10", ["07 15:30:00", "10 14:30:00"]),
        ("2025-03-28", "2025-03-30", "2025-03-31", ["28 14:30:00", "31 14:30:00"]),
        ("2025-10-24", "2025-10-26", "2025-10-27", ["24 14:30:00", "27 14:30:00"]),
        ("2025-10-31", "2025-11-02", "2025-11-03", ["31 14:30:00", "03 15:30:00"]),
    ] {
        let mut live = Live::new(&format!("{friday}T14:00:00Z"), DAILY);
        let sleeps = [
            (&*format!("{friday}T15:40:00Z"), (24 + 9) * 3_600),
            (&*format!("{sunday}T07:30:00Z"), 30 * 3_600),
        ];
        live.run(&format!("{monday}T15:40:00Z"), Poll::Works, &sleeps);
        let wanted: Vec<_> = wanted.iter().map(|slot| ((*slot).to_owned(), 0)).collect();
        assert_eq!(live.starts(), wanted, "{friday}");
    }
}

#[test]
fn a_ticker_that_died_is_stood_in_for_and_starts_stay_exact() {
    let mut live = Live::new("2024-08-02T14:00:00Z", MINUTES);
    live.run("2024-08-02T14:03:30Z", Poll::Dead, &[]);
    let slots = ["02 14:00:00", "02 14:01:00", "02 14:02:00", "02 14:03:00"];
    assert_eq!(live.starts(), slots.map(|slot| (slot.to_owned(), 0)));
}

#[test]
fn after_a_suspend_one_run_stands_for_the_minutes_slept_through() {
    let mut live = Live::new("2024-08-02T14:00:30Z", MINUTES);
    live.run("2024-08-02T14:41:10Z", Poll::Works, &[("2024-08-02T14:01:10Z", 38 * 60)]);
    let starts = live.starts();
    assert_eq!(starts[0], ("02 14:01:00".to_owned(), 0));
    assert_eq!(starts[1].0, "02 14:39:00");
    assert!((10_000..11_000).contains(&starts[1].1), "noticed within a second: {starts:?}");
    assert_eq!(starts[2..], [("02 14:40:00".to_owned(), 0), ("02 14:41:00".to_owned(), 0)]);
    let row: SessionRow =
        live.store.read(|tx| tx.get(&SESSIONS, "job/2024-08-02")).unwrap().unwrap();
    assert_eq!((row.done, row.missed), (4, 37));
}

#[test]
fn a_step_forward_over_a_daily_slot_applies_its_policy() {
    let within = format!("{DAILY}[missed]\npolicy = \"once\"\nwithin = \"15m\"\n");
    for (text, status) in [(DAILY.to_owned(), RunStatus::Missed), (within, RunStatus::Done)] {
        let mut live = Live::new("2024-08-02T14:20:00Z", &text);
        live.run("2024-08-02T15:00:00Z", Poll::Works, &[("2024-08-02T14:25:00Z", 10 * 60)]);
        let rows: Vec<(String, RunRow)> = live.store.read(|tx| tx.list(&RUNS, "")).unwrap();
        assert_eq!(rows.iter().map(|(_, row)| row.status).collect::<Vec<_>>(), [status]);
    }
}

#[test]
fn a_step_back_reruns_nothing_and_time_simply_goes_on() {
    let mut live = Live::new("2024-08-02T14:00:30Z", MINUTES);
    // At 14:03:10 the wall goes back to 14:01:10.
    live.run("2024-08-02T14:05:30Z", Poll::Works, &[("2024-08-02T14:03:10Z", -120)]);
    let slots = ["02 14:01:00", "02 14:02:00", "02 14:03:00", "02 14:04:00", "02 14:05:00"];
    assert_eq!(live.starts(), slots.map(|slot| (slot.to_owned(), 0)));
}

#[test]
fn a_step_back_in_the_last_stretch_does_not_start_a_slot_early() {
    let mut live = Live::new("2024-08-02T14:00:30Z", MINUTES);
    // 14:02:00 is handed over already when the wall goes back by a minute.
    live.run("2024-08-02T14:02:30Z", Poll::Works, &[("2024-08-02T14:01:59Z", -60)]);
    let slots = ["02 14:01:00", "02 14:02:00"];
    assert_eq!(live.starts(), slots.map(|slot| (slot.to_owned(), 0)));
}

#[test]
fn a_restart_after_a_step_back_reruns_nothing() {
    let mut live = Live::new("2024-08-02T14:20:00Z", DAILY);
    live.run("2024-08-02T14:31:00Z", Poll::Works, &[]);
    *live.wall.step.lock().unwrap() -= TimeDelta::minutes(5);
    live.run("2024-08-02T14:40:00Z", Poll::Works, &[]);
    assert_eq!(live.starts(), [("02 14:30:00".to_owned(), 0)]);
}

#[test]
fn a_slot_deferred_to_the_next_session_starts_there_exactly() {
    let text = "about = \"d\"\n[[trigger]]\non = \"2nd tuesday\"\nat = \"09:35\"\n\
                [missed]\npolicy = \"once\"\nwithin = \"15m\"\nnext_sessions = 1\n";
    let mut live = Live::new("2024-08-12T12:00:00Z", text);
    live.run("2024-08-12T13:00:00Z", Poll::Works, &[("2024-08-12T12:30:00Z", 30 * 3_600)]);
    live.run("2024-08-14T14:00:00Z", Poll::Works, &[]);
    let log = live.log.lock().unwrap().clone();
    assert_eq!(log, [(at("2024-08-13T13:35:00Z"), at("2024-08-14T13:35:00Z"))]);
}
