//! Slot lateness, live: sixty one-second slots through the real ticker and a store on disk, once
//! on an idle machine and once with every core busy. From the slot's instant to the first line of
//! the job's body.
//!
//! `cargo bench --bench slots`

#![allow(clippy::unwrap_used)] // a bench that cannot start has nothing to measure

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::TimeDelta;
use tomking::{
    calendar::Calendar,
    clock::Runtime,
    schedule::{JobBody, JobContext, JobError, JobReport, JobSet, Scheduler, parse_job},
    store::Store,
};

const SLOTS: usize = 60;
/// Slots that fall into the start itself, not counted.
const START: usize = 2;
const JOB: &str =
    "about = \"b\"\n[[trigger]]\non = \"cron\"\ncron = \"* * * * * *\"\nzone = \"UTC\"\n";

struct Late(Arc<Mutex<Vec<i64>>>);

#[async_trait]
impl JobBody for Late {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let late = context.rt.now() - context.slot;
        self.0.lock().unwrap().push(late.num_microseconds().unwrap_or(i64::MAX));
        Ok(JobReport::done("measured"))
    }
}

/// Lateness of each slot in microseconds, sorted.
async fn measure(dir: &std::path::Path) -> Vec<i64> {
    let rt = Runtime::live();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let body: Arc<dyn JobBody> = Arc::new(Late(Arc::clone(&seen)));
    let bodies = BTreeMap::from([("late".to_owned(), body)]);
    let jobs = JobSet::of([parse_job("late", "late.toml", JOB).unwrap()]);
    let store = Store::open(&dir.join("slots.redb"), "slots bench").unwrap();
    let scheduler = Scheduler::new(store, rt.clone(), Calendar::default(), jobs, &bodies).unwrap();
    let live = scheduler.clone();
    let (done, ended) = futures::channel::oneshot::channel();
    rt.spawn(async move {
        let result = live.run_live().await;
        let _ = done.send(result);
    });
    while seen.lock().unwrap().len() < START + SLOTS {
        rt.sleep(TimeDelta::milliseconds(250)).await;
    }
    scheduler.stop();
    ended.await.unwrap().unwrap();
    scheduler.idle().await;
    let mut late = seen.lock().unwrap()[START..START + SLOTS].to_vec();
    late.sort_unstable();
    late
}

fn show(name: &str, late: &[i64]) {
    let at = |share: usize| late[(late.len() * share).div_ceil(100).max(1) - 1];
    println!(
        "{name}: {} slots, p50 {} us, p99 {} us, max {} us",
        late.len(),
        at(50),
        at(99),
        late[late.len() - 1]
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (idle, busy) = (dir.path().join("idle"), dir.path().join("busy"));
    std::fs::create_dir(&idle).unwrap();
    std::fs::create_dir(&busy).unwrap();
    show("idle", &runtime.block_on(measure(&idle)));

    let stop = Arc::new(AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    let name = format!("{cores} busy threads");
    show(&name, &runtime.block_on(measure(&busy)));
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
}
