//! The whole program in one virtual world: scheduler, jobs, desk, paper venue, reports; and a person
//! who reaches it as the command line does.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use chrono::TimeDelta;
use serde_json::Value;
use tomking::{
    account::{Position, hold::Level},
    app::{App, Parts},
    broker::{Broker, paper::PaperVenue},
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    config::Settings,
    control::{
        Request,
        answer::{Live, Reader},
        console::Console,
        look::Looker,
        socket::Handler,
    },
    desk::{Desk, fold, read},
    market::Market,
    notice::{Notice, OUTBOX},
    report::{KeptReport, Period, REPORTS},
    risk::decision::DecisionRecord,
    schedule::JobSet,
    store::{Read as _, Store},
};

use crate::{
    hanging::{Hang, Hanging},
    market::{Script, ScriptMarket},
};

/// An instant of New York in summer: `2024-08-02 10:30`.
pub fn at(text: &str) -> Timestamp {
    let (date, clock) = text.split_once(' ').unwrap();
    format!("{date}T{clock}:00-04:00").parse().unwrap()
}

/// What is set before anything runs.
pub struct House {
    pub script: Script,
    pub settings: Settings,
    pub store: Store,
    /// When the broker hangs.
    pub hang: Hang,
    venue_store: Store,
    /// Neither broker nor feeds answer while it is set.
    pub hung: Arc<AtomicBool>,
}

/// The running program, and a person's hand on it.
pub struct Daemon {
    pub rt: Runtime,
    pub desk: Arc<Desk>,
    pub live: Arc<Live>,
    /// The broker as the owner reaches it past the program.
    pub venue: Arc<dyn Broker>,
}

impl House {
    pub fn new(script: Script) -> Self {
        Self {
            script,
            settings: Settings::default_embedded(),
            store: Store::in_memory().unwrap(),
            hang: None,
            venue_store: Store::in_memory().unwrap(),
            hung: Arc::default(),
        }
    }

    /// One life of the program: every job on its time, and `person` beside it; then, whatever
    /// happened, the journal folds back to the state.
    pub fn live<F: Future<Output = ()> + Send + 'static>(
        &self,
        from: &str,
        to: &str,
        person: impl FnOnce(Arc<Daemon>) -> F + 'static,
    ) {
        let (from, to) = (at(from), at(to));
        let mut world = VirtualWorld::new(from);
        let rt = world.runtime();
        let hung = Arc::clone(&self.hung);
        let market: Arc<dyn Market> =
            Arc::new(ScriptMarket { rt: rt.clone(), script: self.script });
        let (settings, store) = (Arc::new(self.settings.clone()), self.store.clone());
        let (venue_store, hang) = (self.venue_store.clone(), self.hang);
        let main = async move {
            let daemon = daemon(rt, settings, store, (venue_store, hang), market, hung).await;
            let daemon = Arc::new(daemon);
            daemon.desk.start().await.unwrap();
            let (done, ended) = futures::channel::oneshot::channel();
            let beside = person(Arc::clone(&daemon));
            daemon.rt.spawn(async move {
                beside.await;
                let _ = done.send(());
            });
            daemon.live.scheduler.run_until(to).await.unwrap();
            ended.await.expect("the person's part ran to its end");
        };
        world.run(main).expect("the days end");
        let verified = self.store.read(|tx| fold::verify(tx, &[])).unwrap();
        assert_eq!(verified.journal.broken, None);
        assert_eq!(verified.state.differences, Vec::<String>::new());
    }

    /// Every position, the open ones first.
    pub fn positions(&self) -> Vec<Position> {
        let date = |text: &str| text.parse().unwrap();
        let all = self.store.read(|tx| {
            let mut all = read::open_positions(tx)?;
            all.extend(read::closed_positions(tx, date("2024-01-01"), date("2025-12-31"))?);
            Ok(all)
        });
        all.unwrap()
    }

    pub fn decisions(&self) -> Vec<DecisionRecord> {
        let date = |text: &str| text.parse().unwrap();
        self.store.read(|tx| read::decisions(tx, date("2024-01-01"), date("2025-12-31"))).unwrap()
    }

    /// The kept reports of a period, the oldest first.
    pub fn reports(&self, period: Period) -> Vec<KeptReport> {
        let rows = self.store.read(|tx| tx.list(&REPORTS, &format!("{period}/"))).unwrap();
        rows.into_iter().map(|(_, report)| report).collect()
    }

    pub fn notices(&self) -> Vec<Notice> {
        let rows = self.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        rows.into_iter().map(|(_, row)| row.notice).collect()
    }

    /// The kinds of the journal's entries, in order.
    pub fn journal(&self) -> Vec<String> {
        self.store.journal(..).unwrap().into_iter().map(|entry| entry.kind).collect()
    }

    /// How the runs of a job ended, in order.
    pub fn runs(&self, job: &str) -> Vec<String> {
        let rows = self.store.read(|tx| tx.list(&tomking::schedule::ledger::RUNS, ""));
        let mine = rows.unwrap().into_iter().filter(|(id, _)| id.starts_with(&format!("{job}/")));
        mine.map(|(_, run)| run.status.name().to_owned()).collect()
    }
}

async fn daemon(
    rt: Runtime,
    settings: Arc<Settings>,
    store: Store,
    (venue_store, hang): (Store, Hang),
    market: Arc<dyn Market>,
    hung: Arc<AtomicBool>,
) -> Daemon {
    let calendar = Calendar::default();
    let inner = PaperVenue::open(
        venue_store,
        Arc::clone(&market),
        rt.clone(),
        calendar.clone(),
        settings.paper.clone(),
    );
    let inner: Arc<dyn Broker> = Arc::new(inner.await.unwrap());
    let venue = Arc::clone(&inner);
    let broker: Arc<dyn Broker> =
        Arc::new(Hanging { inner, rt: rt.clone(), hung: Arc::clone(&hung), hang });
    let market: Arc<dyn Market> =
        Arc::new(Hanging { inner: market, rt: rt.clone(), hung, hang: None });
    let jobs = JobSet::embedded().unwrap().disabled("heartbeat");
    let app = App::assemble(Parts {
        rt: rt.clone(),
        calendar: calendar.clone(),
        settings: Arc::clone(&settings),
        jobs: jobs.clone(),
        store: store.clone(),
        market,
        broker,
        data_dir: None,
        heartbeat: None,
    })
    .unwrap();
    let reader = Reader {
        calendar,
        jobs,
        channels: Vec::new(),
        data_dir: PathBuf::new(),
        rulebook: Arc::new(settings.rulebook.clone()),
        settings: Arc::clone(&settings),
    };
    let live = Live {
        reader,
        rt: rt.clone(),
        store,
        desk: Arc::clone(&app.desk),
        scheduler: app.scheduler,
        gatherer: app.gatherer,
        since: rt.now(),
        looker: Looker::new(Arc::clone(&app.desk)),
        recent: Arc::default(),
        channels: Vec::new(),
        vital: Arc::default(),
        heard: std::sync::OnceLock::new(),
    };
    Daemon { rt, desk: app.desk, live: Arc::new(live), venue }
}

impl Daemon {
    pub async fn until(&self, instant: &str) {
        self.rt.sleep_until(at(instant)).await;
    }

    pub async fn wait(&self, minutes: i64) {
        self.rt.sleep(TimeDelta::minutes(minutes)).await;
    }

    /// A command, as the shell sends it over the socket.
    pub async fn ask(&self, request: Request) -> Result<Value, String> {
        self.live.handle(request, "operator").await
    }

    pub fn store(&self) -> &Store {
        &self.live.store
    }

    /// What a person with a phone speaks to.
    pub fn console(&self) -> Arc<Console> {
        Console::new(self.rt.clone(), Arc::clone(&self.live) as Arc<dyn Handler>, None)
    }

    pub fn level(&self) -> Level {
        self.desk.level()
    }
}
