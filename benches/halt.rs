//! What a halt costs: from the bytes of a Telegram update with `/halt` to the latch closed and on
//! disk, and to the answer that says the last cancel is confirmed by the paper venue; with an entry
//! working, on redb files. Fridays of simulated years, fresh stores each.
//!
//! `cargo bench --bench halt`

#![allow(clippy::unwrap_used)] // a bench that cannot start has nothing to measure

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use serde_json::json;
use support::{enter, figures, fridays, runtime};
use teloxide::types::{Update, UpdateKind};
use tomking::{
    account::hold::Level,
    alert::heartbeat,
    app::{App, Parts},
    broker::{Broker, paper::PaperVenue},
    calendar::Calendar,
    clock::{Stopwatch, Timestamp},
    config::Settings,
    control::{
        answer::{Live, Reader},
        console::{Caller, Console, Reply},
        look::Looker,
        table::Role,
    },
    desk::{intent::IntentRecord, latch::HALT_FILE, read, tables::HOLDS},
    market::{Market, ModelledMarket, SimulatedTape},
    schedule::JobSet,
    store::Store,
};

mod support;

const HALTS: usize = 60;

/// What one halt took.
struct Times {
    latch: Duration,
    cancelled: Duration,
}

/// A house with a working entry; `None` when the Friday brings no entry.
async fn halted(slot: Timestamp, settings: &Arc<Settings>, calendar: &Calendar) -> Option<Times> {
    let rt = runtime(slot);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| Store::open(&dir.path().join(name), "bench").unwrap();
    let (store, venue_store) = (file("tomking.redb"), file("venue.redb"));
    let tape = SimulatedTape::new(settings.market.seed, calendar);
    let market = ModelledMarket::new(tape, settings.market.clone(), rt.clone(), calendar.clone());
    let market: Arc<dyn Market> = Arc::new(market);
    let paper = settings.paper.clone();
    let venue =
        PaperVenue::open(venue_store, Arc::clone(&market), rt.clone(), calendar.clone(), paper);
    let broker: Arc<dyn Broker> = Arc::new(venue.await.unwrap());
    let jobs = JobSet::embedded().unwrap().disabled(heartbeat::JOB);
    let app = App::assemble(Parts {
        rt: rt.clone(),
        calendar: calendar.clone(),
        settings: Arc::clone(settings),
        jobs: jobs.clone(),
        store: store.clone(),
        market,
        broker,
        data_dir: Some(dir.path().to_owned()),
        heartbeat: None,
    });
    let app = app.unwrap();
    app.desk.start().await.unwrap();
    if !enter(&app.desk, &store, &rt, slot).await {
        return None;
    }
    let working = || {
        let open = store.read(read::open_intents).unwrap();
        open.iter().any(|record| record.working().is_some_and(|attempt| attempt.order.is_some()))
    };
    for _ in 0..2_000 {
        if working() {
            break;
        }
        rt.sleep(TimeDelta::milliseconds(1)).await;
    }
    if !working() {
        return None;
    }
    let reader = Reader {
        calendar: calendar.clone(),
        jobs,
        channels: Vec::new(),
        data_dir: dir.path().to_owned(),
        rulebook: Arc::new(settings.rulebook.clone()),
        settings: Arc::clone(settings),
    };
    let live = Live {
        reader,
        rt: rt.clone(),
        store: store.clone(),
        desk: Arc::clone(&app.desk),
        scheduler: app.scheduler,
        gatherer: app.gatherer,
        since: rt.now(),
        channels: Vec::new(),
        looker: Looker::new(Arc::clone(&app.desk)),
        recent: Arc::default(),
        vital: Arc::default(),
        heard: std::sync::OnceLock::new(),
    };
    let console = Console::new(rt.clone(), Arc::new(live), None);
    let seen = store.changes(&[HOLDS.name()]);
    let (watched, watch) = (store.clone(), Stopwatch::start());
    let latch = tokio::spawn(async move {
        watched.changed(&[HOLDS.name()], seen).await;
        watch.elapsed()
    });
    let answered = answer(&console, &update()).await;
    let cancelled = watch.elapsed();
    assert!(answered.contains("HALTED"), "{answered}");
    assert_eq!(app.desk.level(), Level::Halted);
    assert!(dir.path().join(HALT_FILE).is_file(), "the file lies there");
    let open = store.read(read::open_intents).unwrap();
    assert!(!open.iter().any(IntentRecord::is_entry), "every entry has ended");
    Some(Times { latch: latch.await.unwrap(), cancelled })
}

/// What Telegram sends for `/halt`.
fn update() -> Vec<u8> {
    let chat = json!({ "id": 11, "type": "private", "first_name": "Owner" });
    let from = json!({ "id": 11, "is_bot": false, "first_name": "Owner" });
    let command = json!([{ "type": "bot_command", "offset": 0, "length": 5 }]);
    let message = json!({
        "message_id": 7, "date": 1_722_609_000, "chat": chat, "from": from,
        "text": "/halt", "entities": command,
    });
    serde_json::to_vec(&json!({ "update_id": 3, "message": message })).unwrap()
}

/// From the bytes to the last answer.
async fn answer(console: &Arc<Console>, bytes: &[u8]) -> String {
    let update: Update = serde_json::from_slice(bytes).unwrap();
    let UpdateKind::Message(message) = update.kind else { panic!("a message") };
    let caller = Caller { name: "telegram:11".to_owned(), role: Role::Owner };
    match console.ask(&caller, message.text().unwrap()).await {
        Reply::Said(page) => page.text(),
        Reply::Begun(_, rest) => rest.await.text(),
        Reply::Refused(why) => why,
        Reply::Choose { .. } | Reply::Confirm(_) => panic!("a halt asks nothing"),
    }
}

fn main() {
    let settings = Arc::new(Settings::load(None).unwrap());
    let calendar = Calendar::default();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut times = Vec::new();
    for slot in fridays(&calendar) {
        times.extend(threads.block_on(halted(slot, &settings, &calendar)));
        if times.len() == HALTS {
            break;
        }
    }
    let of = |time: fn(&Times) -> Duration| figures(times.iter().map(time).collect());
    println!("bytes of /halt to the latch on disk, halts {}", of(|times| times.latch));
    println!("bytes of /halt to the last cancel confirmed, halts {}", of(|times| times.cancelled));
}
