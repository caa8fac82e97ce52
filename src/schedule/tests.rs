//! The scheduler in the virtual world: whole days through the real store and calendar.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::TimeDelta;

use super::{
    JobBody, JobContext, JobError, JobReport, JobSet, ScheduleError, Scheduler,
    file::parse,
    ledger::{JOBS, JobState, RUNS, RunRow, RunStatus, SESSIONS, STARTED, SessionRow, StartedRow},
    ops, run_id,
};
use crate::{
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    notice::{Notice, OUTBOX},
    store::{Read, Store, Table},
};

mod lives;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What a test body does for an attempt.
#[derive(Clone, Copy)]
enum Act {
    Done,
    Skip,
    Fail,
    Panic,
    Hang,
    Work(i64),
    Refuse,
    PanicInCommit,
}

type Log = Arc<Mutex<Vec<(String, Timestamp, u32, Timestamp)>>>;

/// Logs (job, slot, attempt, now) and acts by attempt, the last act repeated.
struct Body {
    log: Log,
    acts: Vec<Act>,
}

const WORK: Table<String> = Table::new("test_work", 1);

#[async_trait]
impl JobBody for Body {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let JobContext { job, slot, attempt, rt } = context;
        self.log.lock().unwrap().push((job.clone(), *slot, *attempt, rt.now()));
        let index = usize::try_from(*attempt).unwrap() - 1;
        let id = context.run_id();
        match self.acts.get(index).or(self.acts.last()).unwrap() {
            Act::Done => Ok(JobReport::done("did it").with(move |tx| tx.put(&WORK, &id, &id))),
            Act::Skip => Ok(JobReport::skipped("nothing to do")),
            Act::Fail => Err(JobError("the feed is silent".to_owned())),
            Act::Panic => panic!("planted"),
            Act::Hang => futures::future::pending().await,
            Act::Work(seconds) => {
                rt.sleep(TimeDelta::seconds(*seconds)).await;
                Ok(JobReport::done("worked"))
            }
            Act::Refuse => Ok(JobReport::done("")
                .with(|_| Err(crate::store::StoreError::Refused("the intent exists".to_owned())))),
            Act::PanicInCommit => Ok(JobReport::done("").with(|_| panic!("planted in commit"))),
        }
    }
}

/// One world: a store that outlives schedulers, and jobs by file text and acts.
struct Day {
    world: VirtualWorld,
    store: Store,
    jobs: Vec<(String, String, Vec<Act>)>,
    log: Log,
}

impl Day {
    fn new(start: &str) -> Self {
        Self {
            world: VirtualWorld::new(at(start)),
            store: Store::in_memory().unwrap(),
            jobs: Vec::new(),
            log: Log::default(),
        }
    }

    fn job(mut self, name: &str, text: &str, acts: &[Act]) -> Self {
        self.jobs.push((name.to_owned(), text.to_owned(), acts.to_vec()));
        self
    }

    /// The embedded file of that name.
    fn embedded(self, name: &str, acts: &[Act]) -> Self {
        let text = super::jobset::EMBEDDED.iter().find(|(known, _)| *known == name).unwrap().1;
        self.job(name, text, acts)
    }

    fn set(&self) -> JobSet {
        JobSet::of(self.jobs.iter().map(|(name, text, _)| parse(name, name, text).unwrap()))
    }

    fn scheduler(&self) -> Scheduler {
        self.scheduler_at(self.world.runtime())
    }

    fn scheduler_at(&self, rt: Runtime) -> Scheduler {
        let mut bodies: BTreeMap<String, Arc<dyn JobBody>> = BTreeMap::new();
        for (name, _, acts) in &self.jobs {
            let body = Body { log: Arc::clone(&self.log), acts: acts.clone() };
            bodies.insert(name.clone(), Arc::new(body));
        }
        Scheduler::new(self.store.clone(), rt, Calendar::default(), self.set(), &bodies).unwrap()
    }

    /// Runs a fresh scheduler up to `until`: a process that starts, works and ends.
    fn run_until(&mut self, until: &str) -> &mut Self {
        let scheduler = self.scheduler();
        self.go_on(&scheduler, until);
        self
    }

    fn go_on(&mut self, scheduler: &Scheduler, until: &str) {
        let (scheduler, until) = (scheduler.clone(), at(until));
        let run = self.world.run(async move { scheduler.run_until(until).await });
        run.expect("no deadlock").unwrap();
    }

    /// Lets time pass while nothing runs.
    fn sleep_until(&mut self, until: &str) -> &mut Self {
        let (rt, until) = (self.world.runtime(), at(until));
        self.world.run(async move { rt.sleep_until(until).await }).unwrap();
        self
    }

    fn started(&self) -> Vec<(String, Timestamp)> {
        self.log.lock().unwrap().iter().map(|(job, slot, ..)| (job.clone(), *slot)).collect()
    }

    fn row(&self, job: &str, slot: &str) -> Option<RunRow> {
        self.store.read(|tx| tx.get(&RUNS, &run_id(job, at(slot)))).unwrap()
    }

    fn ended(&self, job: &str, slot: &str) -> (RunStatus, String) {
        let row = self.row(job, slot).unwrap_or_else(|| panic!("{job} {slot} has no outcome"));
        (row.status, row.reason.unwrap_or_default())
    }

    fn session(&self, key: &str) -> SessionRow {
        self.store.read(|tx| tx.get(&SESSIONS, key)).unwrap().expect("a row of the session")
    }

    fn notices(&self) -> Vec<Notice> {
        let rows = self.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        rows.into_iter().map(|(_, row)| row.notice).collect()
    }
}

const DAILY: &str = r#"
about = "a daily job"
[[trigger]]
on = "session"
at = "10:00"
"#;

fn daily(rest: &str) -> String {
    format!("{DAILY}{rest}")
}

#[test]
fn a_friday_runs_each_slot_once_and_exits_before_entries() {
    let mut day = Day::new("2024-08-02T13:00:00Z")
        .embedded("friday-0dte-entry", &[Act::Done])
        .embedded("position-management", &[Act::Skip])
        .embedded("0dte-flat", &[Act::Done])
        .embedded("risk-snapshot", &[Act::Skip]);
    day.run_until("2024-08-02T20:30:00Z");
    let started = day.started();
    assert_eq!(started.len(), 1 + 390 + 1 + 78);
    let at_1030: Vec<_> =
        started.iter().filter(|(_, s)| *s == at("2024-08-02T14:30:00Z")).map(|(j, _)| j).collect();
    assert_eq!(at_1030, ["position-management", "friday-0dte-entry", "risk-snapshot"]);
    let at_1450: Vec<_> =
        started.iter().filter(|(_, s)| *s == at("2024-08-02T18:50:00Z")).map(|(j, _)| j).collect();
    assert_eq!(at_1450, ["position-management", "0dte-flat", "risk-snapshot"]);
    let row = day.session("position-management/2024-08-02");
    assert_eq!((row.done, row.skipped, row.last_slot), (0, 390, at("2024-08-02T20:00:00Z")));
    let entry = day.row("friday-0dte-entry", "2024-08-02T14:30:00Z").unwrap();
    assert_eq!((entry.status, entry.late_ms, entry.attempts), (RunStatus::Done, Some(0), 1));
    assert_eq!(day.notices(), []);
}

#[test]
fn a_slot_with_an_outcome_never_runs_again_over_restarts() {
    let mut day = Day::new("2024-08-02T13:00:00Z").job("daily", DAILY, &[Act::Done]);
    day.run_until("2024-08-02T14:00:00Z");
    day.run_until("2024-08-02T15:00:00Z").run_until("2024-08-02T16:00:00Z");
    assert_eq!(day.started(), [("daily".to_owned(), at("2024-08-02T14:00:00Z"))]);
}

#[test]
fn nothing_before_the_first_start_is_missed() {
    let mut day = Day::new("2024-08-02T15:00:00Z").job("daily", DAILY, &[Act::Done]);
    day.run_until("2024-08-05T13:00:00Z");
    assert_eq!(day.started(), []);
    assert_eq!(day.store.read(|tx| tx.list(&RUNS, "")).unwrap(), []);
}

#[test]
fn a_missed_entry_runs_until_1045_and_not_later() {
    // (start, runs), New York is UTC−4.
    for (start, runs) in [
        ("2024-08-02T14:30:00Z", true),
        ("2024-08-02T14:44:59Z", true),
        ("2024-08-02T14:45:00Z", true),
        ("2024-08-02T14:45:01Z", false),
        ("2024-08-05T13:00:00Z", false),
    ] {
        let mut day = Day::new("2024-08-01T12:00:00Z").embedded("friday-0dte-entry", &[Act::Done]);
        day.run_until("2024-08-01T13:00:00Z").sleep_until(start);
        day.run_until("2024-08-05T20:00:00Z");
        assert_eq!(day.started().len(), usize::from(runs), "{start}");
        let (status, reason) = day.ended("friday-0dte-entry", "2024-08-02T14:30:00Z");
        if runs {
            assert_eq!(status, RunStatus::Done, "{start}");
        } else {
            assert_eq!(status, RunStatus::Missed, "{start}");
            assert!(reason.ends_with("late; it may start until 10:45"), "{reason}");
            let missed = |n: &Notice| matches!(n, Notice::JobMissed { .. });
            assert_eq!(day.notices().iter().filter(|n| missed(n)).count(), 1, "{start}");
        }
    }
}

#[test]
fn the_flat_job_runs_at_once_however_late() {
    let mut day = Day::new("2024-08-01T12:00:00Z").embedded("0dte-flat", &[Act::Done]);
    day.run_until("2024-08-01T13:00:00Z").sleep_until("2024-08-04T03:00:00Z");
    day.run_until("2024-08-04T03:00:01Z");
    assert_eq!(day.started(), [("0dte-flat".to_owned(), at("2024-08-02T18:50:00Z"))]);
    let late = |n: &Notice| matches!(n, Notice::JobLate { late_ms: 115_800_000, .. });
    assert!(day.notices().iter().any(late), "{:?}", day.notices());
}

#[test]
fn minutes_slept_through_are_coalesced_into_one_run() {
    let mut day = Day::new("2024-08-02T13:00:00Z").embedded("position-management", &[Act::Skip]);
    day.run_until("2024-08-02T16:00:00Z").sleep_until("2024-08-02T16:10:20Z");
    let before = day.started().len();
    day.run_until("2024-08-02T16:10:30Z");
    assert_eq!(
        day.started()[before..],
        [("position-management".to_owned(), at("2024-08-02T16:10:00Z"))]
    );
    let row = day.session("position-management/2024-08-02");
    assert_eq!((row.missed, row.last_slot), (9, at("2024-08-02T16:10:00Z")));
    assert_eq!(
        row.exceptions.iter().find(|e| e.status == RunStatus::Missed).unwrap().reason,
        "coalesced into position-management/2024-08-02T16:10:00Z"
    );
}

#[test]
fn a_strangle_missed_for_the_session_runs_in_the_next_and_then_no_more() {
    let text = super::jobset::EMBEDDED.iter().find(|(n, _)| *n == "strangle-entry").unwrap().1;
    let text = text.replace("enabled = false", "enabled = true");
    for (start, ran_at) in [
        ("2024-08-13T14:00:00Z", Some("2024-08-13T14:00:00Z")),
        ("2024-08-13T19:45:01Z", Some("2024-08-14T13:35:00Z")),
        ("2024-08-14T15:00:00Z", Some("2024-08-14T15:00:00Z")),
        ("2024-08-14T19:45:01Z", None),
    ] {
        let mut day = Day::new("2024-08-12T12:00:00Z").job("strangle-entry", &text, &[Act::Done]);
        day.run_until("2024-08-12T13:00:00Z").sleep_until(start);
        day.run_until("2024-08-16T13:00:00Z");
        let runs: Vec<_> = day.log.lock().unwrap().iter().map(|run| (run.1, run.3)).collect();
        let slot = at("2024-08-13T13:35:00Z");
        assert_eq!(runs, ran_at.map(|ran| (slot, at(ran))).into_iter().collect::<Vec<_>>());
        let (status, _) = day.ended("strangle-entry", "2024-08-13T13:35:00Z");
        assert_eq!(status == RunStatus::Missed, ran_at.is_none(), "{start}");
    }
}

#[test]
fn a_crash_leaves_no_outcome_and_the_slot_runs_again_inside_its_window() {
    for (start, runs) in [("2024-08-02T14:40:00Z", true), ("2024-08-02T14:50:00Z", false)] {
        let mut day = Day::new("2024-08-02T14:00:00Z").embedded("friday-0dte-entry", &[Act::Done]);
        day.run_until("2024-08-02T14:29:00Z");
        // The process died inside the run: its marker is there, its outcome is not.
        let id = run_id("friday-0dte-entry", at("2024-08-02T14:30:00Z"));
        let row = StartedRow { at: at("2024-08-02T14:30:00.001Z"), manual: false };
        let mark = day.store.write(move |tx| tx.put(&STARTED, &id, &row));
        futures::executor::block_on(mark).unwrap();
        day.sleep_until(start).run_until("2024-08-02T15:00:00Z");
        assert_eq!(day.started().len(), usize::from(runs));
        let (status, reason) = day.ended("friday-0dte-entry", "2024-08-02T14:30:00Z");
        if runs {
            assert_eq!(status, RunStatus::Done);
        } else {
            assert_eq!(status, RunStatus::Missed);
            assert!(
                reason.starts_with("crashed: it began at 2024-08-02T14:30:00.001Z"),
                "{reason}"
            );
        }
        assert_eq!(day.store.read(|tx| tx.list(&STARTED, "")).unwrap(), []);
    }
}

#[test]
fn a_failure_is_retried_with_backoff_and_then_told() {
    let file = daily("[run]\nretries = 2\nbackoff = \"10s\"\n");
    let mut day = Day::new("2024-08-02T13:00:00Z")
        .job("recovers", &file, &[Act::Fail, Act::Done])
        .job("fails", &file, &[Act::Fail]);
    day.run_until("2024-08-02T15:00:00Z");
    let recovers = day.row("recovers", "2024-08-02T14:00:00Z").unwrap();
    assert_eq!((recovers.status, recovers.attempts), (RunStatus::Done, 2));
    let fails = day.row("fails", "2024-08-02T14:00:00Z").unwrap();
    assert_eq!((fails.status, fails.attempts), (RunStatus::Failed, 3));
    assert_eq!(fails.ended_at, at("2024-08-02T14:00:30Z"));
    let reason = "the feed is silent".to_owned();
    let notice =
        Notice::JobFailed { job: "fails".into(), slot: at("2024-08-02T14:00:00Z"), reason };
    assert_eq!(day.notices(), [notice]);
}

#[test]
fn retries_end_with_the_window() {
    let rules = "[missed]\npolicy = \"once\"\nwithin = \"15s\"\n\
                 [run]\nretries = 9\nbackoff = \"10s\"\n";
    let mut day = Day::new("2024-08-02T13:00:00Z").job("entry", &daily(rules), &[Act::Fail]);
    day.run_until("2024-08-02T15:00:00Z");
    assert_eq!(day.row("entry", "2024-08-02T14:00:00Z").unwrap().attempts, 2);
}

#[test]
fn a_hang_is_given_up_and_harms_no_other_job() {
    let file = daily("[run]\ntimeout = \"45s\"\n");
    let ordered = format!("order = 1\n{file}");
    let mut day = Day::new("2024-08-02T13:00:00Z").job("a-hangs", &ordered, &[Act::Hang]).job(
        "b-works",
        &format!("order = 2\n{file}"),
        &[Act::Done],
    );
    day.run_until("2024-08-02T15:00:00Z");
    let (status, reason) = day.ended("a-hangs", "2024-08-02T14:00:00Z");
    assert_eq!((status, reason.as_str()), (RunStatus::Failed, "did not end within 45s"));
    let other = day.row("b-works", "2024-08-02T14:00:00Z").unwrap();
    assert_eq!((other.status, other.late_ms), (RunStatus::Done, Some(2_000)));
}

#[test]
fn two_panics_in_a_session_pause_the_job_until_it_is_resumed() {
    let minute = "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"10m\"\nfrom = \"10:00\"\nto = \"11:00\"\n";
    let mut day = Day::new("2024-08-02T13:00:00Z").job("panics", minute, &[Act::Panic]).job(
        "works",
        minute,
        &[Act::Done],
    );
    day.run_until("2024-08-02T14:25:00Z");
    assert_eq!(day.ended("panics", "2024-08-02T14:00:00Z").1, "panicked: planted");
    assert_eq!(day.ended("panics", "2024-08-02T14:10:00Z").0, RunStatus::Failed);
    let (status, reason) = day.ended("panics", "2024-08-02T14:20:00Z");
    let paused = "paused: panicked 2 times in the session of 2024-08-02";
    assert_eq!((status, reason.as_str()), (RunStatus::Skipped, paused));
    assert_eq!(day.ended("works", "2024-08-02T14:20:00Z").0, RunStatus::Done);
    let told = day.notices().into_iter().filter_map(|notice| match notice {
        Notice::JobFailed { reason, .. } => Some(reason),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let pause = format!("{paused}; `tomking jobs resume panics` ends it");
    assert_eq!(told, ["panicked: planted", "panicked: planted", pause.as_str()]);

    let (store, set) = (day.store.clone(), day.set());
    let now = at("2024-08-02T14:26:00Z");
    let resume = async move { ops::resume(&store, &set, "panics", now).await };
    assert!(futures::executor::block_on(resume).unwrap());
    day.run_until("2024-08-02T14:35:00Z");
    assert_eq!(day.ended("panics", "2024-08-02T14:30:00Z").0, RunStatus::Failed);
}

#[test]
fn a_paused_job_skips_its_slots_also_while_nobody_was_there() {
    let mut day = Day::new("2024-08-01T12:00:00Z").job("daily", DAILY, &[Act::Done]);
    day.run_until("2024-08-01T13:00:00Z");
    let (store, set) = (day.store.clone(), day.set());
    let pause = async move {
        let now = at("2024-08-01T13:30:00Z");
        let first = ops::pause(&store, &set, "daily", "holiday", now).await.unwrap();
        (first, ops::pause(&store, &set, "daily", "again", now).await.unwrap())
    };
    assert_eq!(futures::executor::block_on(pause), (true, false));
    day.run_until("2024-08-01T15:00:00Z").sleep_until("2024-08-02T15:00:00Z");
    day.run_until("2024-08-02T15:00:01Z");
    for slot in ["2024-08-01T14:00:00Z", "2024-08-02T14:00:00Z"] {
        assert_eq!(day.ended("daily", slot), (RunStatus::Skipped, "paused: holiday".to_owned()));
    }
    assert_eq!(day.started(), []);
    assert_eq!(day.notices(), []);
}

#[test]
fn an_overlapping_slot_is_skipped_or_queued_as_the_file_says() {
    let minutes = |overlap: &str| {
        format!(
            "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"1m\"\nfrom = \"10:00\"\n\
             to = \"10:02\"\n[run]\ntimeout = \"10m\"\noverlap = \"{overlap}\"\n\
             [missed]\npolicy = \"coalesce\"\n"
        )
    };
    // Each run works 150 s; the slots are 10:00, 10:01, 10:02.
    let runs = |overlap: &str| {
        let mut day =
            Day::new("2024-08-02T13:00:00Z").job("slow", &minutes(overlap), &[Act::Work(150)]);
        day.run_until("2024-08-02T15:00:00Z");
        let log = day.log.lock().unwrap().clone();
        let row = day.session("slow/2024-08-02");
        (log.iter().map(|run| (run.1, run.3)).collect::<Vec<_>>(), row)
    };
    let (first, row) = runs("skip");
    assert_eq!(first, [(at("2024-08-02T14:00:00Z"), at("2024-08-02T14:00:00Z"))]);
    assert_eq!((row.done, row.skipped), (1, 2));
    assert_eq!(row.exceptions[0].reason, "overlap: slow/2024-08-02T14:00:00Z still ran");
    let (both, row) = runs("queue");
    assert_eq!(both[1], (at("2024-08-02T14:01:00Z"), at("2024-08-02T14:02:30Z")));
    assert_eq!((row.done, row.skipped, row.last_slot), (2, 1, at("2024-08-02T14:02:00Z")));
}

#[test]
fn a_refused_or_panicking_write_fails_the_run_and_leaves_nothing_behind() {
    for (act, wanted) in [
        (Act::Refuse, "not written: the intent exists"),
        (Act::PanicInCommit, "not written: a write of the run panicked: planted in commit"),
    ] {
        let mut day = Day::new("2024-08-02T13:00:00Z").job("daily", DAILY, &[act]);
        day.run_until("2024-08-02T15:00:00Z");
        let (status, reason) = day.ended("daily", "2024-08-02T14:00:00Z");
        assert_eq!((status, reason.as_str()), (RunStatus::Failed, wanted));
        assert_eq!(day.store.read(|tx| tx.list(&WORK, "")).unwrap(), []);
    }
}

#[test]
fn a_run_by_hand_is_flagged_and_takes_no_slot_away() {
    let mut day = Day::new("2024-08-02T13:00:00Z").job("daily", DAILY, &[Act::Work(5)]);
    let scheduler = day.scheduler();
    day.go_on(&scheduler, "2024-08-02T13:59:59.500Z");
    let hand = scheduler.clone();
    let ids = day.world.run(async move {
        let first = hand.run_now("daily").unwrap();
        let busy = hand.run_now("daily").unwrap_err();
        assert!(matches!(busy, ScheduleError::Busy { .. }));
        assert!(matches!(hand.run_now("dayly"), Err(ScheduleError::NoSuchJob(text))
            if text.contains("did you mean `daily`?")));
        first
    });
    assert_eq!(ids.unwrap(), "daily/2024-08-02T13:59:59Z");
    day.go_on(&scheduler, "2024-08-02T15:00:00Z");
    let row = day.row("daily", "2024-08-02T13:59:59Z").unwrap();
    assert_eq!((row.manual, row.status, row.late_ms), (true, RunStatus::Done, None));
    // It still worked at 10:00: the slot waited for it, though the file says skip.
    let row = day.row("daily", "2024-08-02T14:00:00Z").unwrap();
    assert_eq!((row.manual, row.status), (false, RunStatus::Done));
    assert_eq!(row.started_at, Some(at("2024-08-02T14:00:04.500Z")));
}

#[test]
fn a_slot_that_waits_for_the_jobs_before_it_is_not_overtaken_by_the_next() {
    // Caught up at 13:59:59, behind a job that works for long, while the next minute comes.
    let minutes = "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"1m\"\n\
                   from = \"09:58\"\nto = \"10:02\"\n\
                   [missed]\npolicy = \"coalesce\"\nwithin = \"5m\"\n";
    let first = DAILY.replace("10:00", "09:59").replace("about", "order = 1\nabout");
    let first = format!("{first}[missed]\npolicy = \"once\"\nwithin = \"5m\"\n");
    let mut day = Day::new("2024-08-02T13:00:00Z").job("first", &first, &[Act::Work(20)]).job(
        "minutes",
        minutes,
        &[Act::Done],
    );
    day.run_until("2024-08-02T13:30:00Z");
    day.sleep_until("2024-08-02T13:59:59Z").run_until("2024-08-02T14:05:00Z");
    let rows: Vec<(String, SessionRow)> =
        day.store.read(|tx| tx.list(&SESSIONS, "minutes/")).unwrap();
    let SessionRow { done, skipped, missed, .. } = rows[0].1;
    assert_eq!((missed, done + skipped), (1, 4), "13:58 coalesced, 13:59 to 14:02 have theirs");
}

#[test]
fn changed_triggers_promise_nothing_before_the_change() {
    let mut day = Day::new("2024-08-01T12:00:00Z").job("daily", DAILY, &[Act::Done]);
    day.run_until("2024-08-01T13:00:00Z");
    day.jobs[0].1 = DAILY.replace("10:00", "09:00");
    day.sleep_until("2024-08-01T13:30:00Z").run_until("2024-08-02T13:00:00Z");
    let slots: Vec<_> = day.started().into_iter().map(|(_, slot)| slot).collect();
    assert_eq!(slots, [at("2024-08-02T13:00:00Z")]);
    let state: JobState = day.store.read(|tx| tx.get(&JOBS, "daily")).unwrap().unwrap();
    assert_eq!(state.since, Some(at("2024-08-01T13:30:00Z")));
}

#[test]
fn an_enabled_job_without_a_body_is_refused_at_start() {
    let day = Day::new("2024-08-01T12:00:00Z").job("daily", DAILY, &[]);
    let result = Scheduler::new(
        day.store.clone(),
        day.world.runtime(),
        Calendar::default(),
        day.set(),
        &BTreeMap::new(),
    );
    let Err(ScheduleError::NoBody { job, .. }) = result else { panic!("accepted") };
    assert_eq!(job, "daily");
}

#[test]
fn what_was_not_kept_and_how_late_runs_began_can_be_asked_for() {
    let mut day = Day::new("2024-08-02T13:00:00Z")
        .embedded("position-management", &[Act::Skip])
        .job("daily", DAILY, &[Act::Done])
        .job("fails", &DAILY.replace("10:00", "11:00"), &[Act::Fail]);
    // A quarter of an hour is slept through: the daily job's slot, and 14 minutes of the others.
    day.run_until("2024-08-02T13:55:30Z").sleep_until("2024-08-02T14:10:00.007Z");
    day.run_until("2024-08-02T20:30:00Z");
    let (set, date) = (day.set(), chrono::NaiveDate::from_ymd_opt(2024, 8, 2).unwrap());
    let unkept = day.store.read(|tx| super::stats::unkept_on(tx, &set, date)).unwrap();
    let shown: Vec<_> = unkept.iter().map(|u| (u.job.as_str(), u.status.name())).collect();
    assert_eq!(shown, [("daily", "missed"), ("fails", "failed")]);
    let late = day.store.read(|tx| super::stats::lateness(tx, &set, date, date)).unwrap();
    // 390 minutes less 14 covered, and the job that failed.
    assert_eq!(
        late,
        super::stats::Lateness {
            starts: 390 - 14 + 1,
            p50_below_ms: Some(1),
            p99_below_ms: Some(1),
            max_ms: 7,
        }
    );
}

#[test]
fn a_slot_held_up_by_another_job_keeps_its_place_before_the_next() {
    let minutes = "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"1m\"\n\
                   from = \"10:00\"\nto = \"10:30\"\n[missed]\npolicy = \"coalesce\"\n";
    let hangs = format!("order = 1\n{}", daily("[missed]\npolicy = \"coalesce\"\n"));
    let mut day = Day::new("2024-08-02T13:59:00Z").job("hangs", &hangs, &[Act::Hang]).job(
        "minutes",
        minutes,
        &[Act::Done],
    );
    // Both catch up at 10:21:59; the hang holds the 10:21 slot up beyond 10:22.
    day.run_until("2024-08-02T13:59:30Z").sleep_until("2024-08-02T14:21:59Z");
    day.run_until("2024-08-02T14:24:00Z");
    let row = day.session("minutes/2024-08-02");
    assert_eq!((row.missed, row.done, row.skipped), (21, 3, 1));
    let skipped = row.exceptions.iter().find(|e| e.status == RunStatus::Skipped).unwrap();
    assert_eq!(skipped.reason, "overlap: minutes/2024-08-02T14:21:00Z still ran");
}
