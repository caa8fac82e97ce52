//! The daemon: the parts under the wall clock, with its channels, its socket and its signals.

mod ears;
mod life;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use chrono::TimeDelta;
use futures::future::BoxFuture;

use self::{ears::Ears, life::Life};
use crate::{
    alert::{
        Enclosures,
        dispatch::{self, Voice},
        route::Rules,
        setup::{self, Bare},
    },
    app::{App, AppError, Parts, tell},
    broker::{
        Broker,
        paper::{PaperVenue, VenueError},
    },
    calendar::Calendar,
    clock::Runtime,
    config::Settings,
    control::{
        alerts,
        answer::{Live, Reader},
        house::logs::Recent,
        look::Looker,
        socket::{self, Handler},
    },
    desk::Desk,
    market::{Market, ModelledMarket, SimulatedTape},
    notice::Notice,
    report::enclosure::Reports,
    schedule::{JobSet, ScheduleError},
    store::{self, Store, StoreError},
};

/// A `HALT` file made by hand is told of within so long; it holds at once.
const FILE_LOOK: TimeDelta = TimeDelta::seconds(1);
/// Runs that are under way at a stop are waited for so long.
const STOP_WAIT: TimeDelta = TimeDelta::seconds(15);
/// Threads that carry the daemon's work; the store has its own.
const WORKERS: usize = 2;

/// What a daemon is started with.
pub struct Plan {
    /// Settings in force.
    pub settings: Settings,
    /// Jobs in force.
    pub jobs: JobSet,
    /// Sessions.
    pub calendar: Calendar,
    /// The store, the venue, the socket, the `HALT` file.
    pub data_dir: PathBuf,
    /// What requests are answered with.
    pub reader: Reader,
    /// The newest lines of the log.
    pub recent: Arc<Recent>,
}

/// Why the daemon did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The system refused something.
    #[error("{doing}: {cause}")]
    System {
        /// What was being done.
        doing: String,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A store cannot be opened, or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The storage failed while running; what was not acknowledged is not known.
    #[error("{0}; restart the daemon: it reconciles before it goes on")]
    StoreFailed(String),
    /// The paper venue cannot be opened.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// A channel cannot be set up.
    #[error("{0}")]
    Channel(String),
    /// The parts do not fit.
    #[error(transparent)]
    App(#[from] AppError),
    /// The schedule failed.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// Runs the daemon until it is asked to stop, or the storage fails.
pub fn run(plan: Plan) -> Result<(), LiveError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|cause| LiveError::System { doing: "starting threads".to_owned(), cause })?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: Plan) -> Result<(), LiveError> {
    let rt = Runtime::live();
    make_dir(&plan.data_dir)?;
    let life = Life::of(&rt, &plan.settings.voice)?;
    let ended = live(&rt, plan, &life).await;
    if let Err(error) = &ended {
        life.failed(error).await;
    }
    ended
}

/// The daemon's life, from the store to the end.
async fn live(rt: &Runtime, plan: Plan, life: &Life) -> Result<(), LiveError> {
    let Plan { settings, jobs, calendar, data_dir, reader, recent } = plan;
    let store = Store::open(&store::path_in(&data_dir), store::DAEMON)?;
    let venue_store = Store::open(&store::venue_path_in(&data_dir), store::DAEMON)?;
    life.begins();
    let enclosures: Arc<dyn Enclosures> = Arc::new(Reports::new(rt.clone(), store.clone()));
    let channels = setup::channels(rt, &settings.voice, &enclosures);
    let channels = channels.map_err(LiveError::Channel)?;
    let ears = Ears::of(rt, &store, &settings.voice).map_err(LiveError::Channel)?;
    let rules = Rules::of(&settings.voice);
    let market = market(&settings, rt, &calendar);
    let (paper, venue_calendar) = (settings.paper.clone(), calendar.clone());
    let venue = PaperVenue::open(
        venue_store.clone(),
        Arc::clone(&market),
        rt.clone(),
        venue_calendar,
        paper,
    );
    let broker: Arc<dyn Broker> = Arc::new(venue.await?);
    let app = App::assemble(Parts {
        rt: rt.clone(),
        calendar,
        settings: Arc::new(settings),
        jobs,
        store: store.clone(),
        market,
        broker,
        data_dir: Some(data_dir.clone()),
        heartbeat: life.line(),
    })?;
    let listener = socket::listen(&data_dir).map_err(|cause| LiveError::System {
        doing: format!("listening at {}", socket::path(&data_dir).display()),
        cause,
    })?;
    let voice = Voice::heard_by(rules, channels, life.vital());
    dispatch::start(rt, &store, &voice);
    app.desk.start().await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    tell(&store, rt, Notice::Started { version }).await?;
    life.ready(&store, &app, &voice);
    tracing::info!(data_dir = %data_dir.display(), "ready; `tomking status` asks it, Ctrl-C ends it");
    let handler = Arc::new(Live {
        reader,
        rt: rt.clone(),
        store: store.clone(),
        desk: Arc::clone(&app.desk),
        scheduler: Arc::clone(&app.scheduler),
        gatherer: Arc::clone(&app.gatherer),
        since: rt.now(),
        looker: Looker::new(Arc::clone(&app.desk)),
        recent,
        channels: voice.channels.clone(),
        vital: life.vital(),
        heard: OnceLock::new(),
    });
    let heard = ears.open(rt, &store, Arc::clone(&handler) as Arc<dyn Handler>);
    let _ = handler.heard.set(heard);
    rt.spawn(heed_file(rt.clone(), Arc::clone(&app.desk)));
    rt.spawn(socket::serve(rt.clone(), listener, handler));
    let ended = until_the_end(&app, &store, &venue_store).await;
    let _ = std::fs::remove_file(socket::path(&data_dir));
    ended?;
    life.stops();
    tell(&store, rt, Notice::Stopping).await?;
    app.scheduler.stop();
    if rt.timeout(STOP_WAIT, app.scheduler.idle()).await.is_none() {
        tracing::warn!("a run is still under way; it is taken up again at the next start");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Resolves when the daemon is asked to stop; the error is why it cannot go on.
async fn until_the_end(app: &App, store: &Store, venue: &Store) -> Result<(), LiveError> {
    let asked = asked_to_stop()?;
    tokio::select! {
        biased;
        cause = store.failed() => Err(LiveError::StoreFailed(cause)),
        cause = venue.failed() => Err(LiveError::StoreFailed(format!("paper venue: {cause}"))),
        ended = app.scheduler.run_live() => Ok(ended?),
        signal = asked => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
    }
}

/// Resolves with the name of the first SIGTERM or SIGINT.
fn asked_to_stop() -> Result<BoxFuture<'static, &'static str>, LiveError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|cause| LiveError::System { doing: "heeding signals".into(), cause })
    };
    let (mut term, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(Box::pin(async move {
        tokio::select! {
            biased;
            _ = term.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    }))
}

/// Looks for a `HALT` file, also while nothing is open and the desk's own loops sleep.
async fn heed_file(rt: Runtime, desk: Arc<Desk>) {
    loop {
        if let Err(error) = desk.heed_file().await {
            tracing::error!(%error, "the `HALT` file halts, but is not told of");
        }
        rt.sleep(FILE_LOOK).await;
    }
}

/// Sends a test to each channel of the settings, where no daemon runs.
pub fn alerts_test(settings: &Settings) -> Result<Result<serde_json::Value, String>, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| LiveError::System { doing: "starting a thread".to_owned(), cause })?;
    runtime.block_on(async {
        let rt = Runtime::live();
        let enclosures: Arc<dyn Enclosures> = Arc::new(Bare);
        let channels =
            setup::channels(&rt, &settings.voice, &enclosures).map_err(LiveError::Channel)?;
        Ok(alerts::test(&rt, &channels).await)
    })
}

/// Does some work with the market a daemon would have, where none runs.
pub fn beside<T>(
    settings: &Settings,
    calendar: &Calendar,
    work: impl AsyncFnOnce(&Runtime, &dyn Market) -> T,
) -> Result<T, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|cause| LiveError::System { doing: "starting a thread".to_owned(), cause })?;
    runtime.block_on(async {
        let rt = Runtime::live();
        let market = market(settings, &rt, calendar);
        Ok(work(&rt, &*market).await)
    })
}

fn market(settings: &Settings, rt: &Runtime, calendar: &Calendar) -> Arc<dyn Market> {
    let tape = SimulatedTape::new(settings.market.seed, calendar);
    Arc::new(ModelledMarket::new(tape, settings.market.clone(), rt.clone(), calendar.clone()))
}

/// Makes the data directory, readable by its owner alone.
fn make_dir(dir: &Path) -> Result<(), LiveError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|cause| LiveError::System { doing: format!("creating {}", dir.display()), cause })
}
