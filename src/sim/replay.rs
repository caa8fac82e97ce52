//! A replay: the whole program in one virtual world, from the first session to the last.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta};

use futures::FutureExt as _;

use super::{
    book::{self, Book},
    observer,
    operator::{self, Policy},
    outcome::{Frame, Outcome, Starting},
};
use crate::{
    alert::{Channel, dispatch},
    app::{App, AppError, Parts},
    broker::{
        Broker,
        paper::{PaperVenue, VenueError},
    },
    calendar::{Calendar, Exchange, Session, new_york},
    clock::{Pace, Runtime, Stopwatch, Timestamp, VirtualWorld},
    config::Settings,
    control::{
        answer::{Live, Reader},
        look::Looker,
    },
    desk::Desk,
    market::{Market, ModelledMarket, RecordedTape, SimulatedTape, recorded::DataError},
    report::gather::Gatherer,
    schedule::{JobSet, ScheduleError},
    store::{Store, StoreError},
};

/// The first year of the simulated market, and of the calendars its products trade on.
const SIMULATED_FROM: i32 = 2005;

/// Where a replay's prices come from, checked against its range before anything runs.
pub enum Tape {
    /// Generated from the seed of the settings.
    Simulated,
    /// The user's own files.
    Recorded(Box<RecordedTape>),
}

/// What is to be replayed.
pub struct Plan {
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// Jobs in force.
    pub jobs: JobSet,
    /// Prices.
    pub tape: Tape,
    /// Told after each session.
    pub progress: Progress,
    /// Shown to somebody who watches, instead of run as fast as the machine goes.
    pub show: Option<Show>,
    /// Who resumes after a manual hold.
    pub operator: Policy,
    /// What it starts from, where it is not the settings' own account.
    pub book: Option<Book>,
    /// Limits 6 to 11 of the gate are not asked, to show what they save.
    pub limits_off: bool,
}

impl Plan {
    /// A plan as fast as the machine goes, told to nobody, with the operator of a replay.
    pub fn new(
        (from, to): (NaiveDate, NaiveDate),
        settings: Settings,
        jobs: JobSet,
        tape: Tape,
    ) -> Self {
        let (progress, settings): (Progress, _) = (Box::new(|_, _| ()), Arc::new(settings));
        let operator = Policy::default();
        let (show, book, limits_off) = (None, None, false);
        Self { from, to, settings, jobs, tape, progress, show, operator, book, limits_off }
    }
}

/// What people outside the daemon did and saw in a run.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// What the operator did.
    pub operator: operator::Log,
    /// The book at the end of each session in which anything was open.
    pub books: observer::Log,
    /// What came of the attempts of a book.
    pub attempts: book::Log,
}

/// A run somebody watches.
pub struct Show {
    /// The instant it begins.
    pub start: Timestamp,
    /// How long the wall waits before each jump of time.
    pub pace: Pace,
    /// Where alerts go.
    pub channel: Arc<dyn Channel>,
    /// Called with the world's clock before anything runs: to start the log.
    pub on_world: Box<dyn FnOnce(Runtime) -> Result<(), String>>,
    /// Called once the desk runs: to tell what happens.
    pub on_stage: OnStage,
}

type OnStage = Box<dyn FnOnce(Stage)>;

/// What a narrator looks at. Looking changes nothing: the venue acts on its own grid of time.
pub struct Stage {
    /// The world.
    pub rt: Runtime,
    /// Everything that was written.
    pub store: Store,
    /// What is open.
    pub desk: Arc<Desk>,
    /// What the account is worth.
    pub broker: Arc<dyn Broker>,
    /// A person's hand on it.
    pub live: Arc<Live>,
}

/// Why a replay did not run or did not end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The files do not serve.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no session in the range.
    #[error("no XNYS session from {from} to {to}; the calendar covers 1990 to 2035")]
    NoSession {
        /// First date.
        from: NaiveDate,
        /// Last date.
        to: NaiveDate,
    },
    /// The simulated market is not that old.
    #[error("the simulated market begins in {SIMULATED_FROM}, the range on {from}")]
    TooEarly {
        /// First date.
        from: NaiveDate,
    },
    /// The parts do not fit.
    #[error(transparent)]
    App(#[from] AppError),
    /// The schedule failed.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The paper venue could not open its account.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// The log could not be started.
    #[error("{0}")]
    Show(String),
    /// Every task waits for something other than time.
    #[error("the replay stands still: every task waits and no timer is set; this is a defect")]
    Deadlock,
}

/// The user's files, with a bar for every session of the range, or the reason they do not serve.
pub fn recorded(
    folder: &Path,
    settings: &Settings,
    calendar: &Calendar,
    range: (NaiveDate, NaiveDate),
    simulate_missing: bool,
) -> Result<RecordedTape, DataError> {
    let seed = settings.market.seed;
    let tape = RecordedTape::load(folder, seed, calendar)?;
    tape.check_range(range.0, range.1)?;
    if simulate_missing {
        return Ok(tape.simulating_missing(SimulatedTape::new(seed, calendar)));
    }
    Ok(tape)
}

/// Told after each session: its date and how many are done.
pub type Progress = Box<dyn FnMut(NaiveDate, usize) + Send>;

/// Runs a plan: as fast as the machine goes, or at a pace. Gives the outcome and the store it
/// filled.
pub fn run(plan: Plan) -> Result<(Outcome, Store), ReplayError> {
    let calendar = Calendar::new(plan.settings.calendar_override.clone());
    let Plan { from, to, .. } = plan;
    let sessions = calendar.sessions(Exchange::Xnys, from, to);
    if sessions.is_empty() {
        return Err(ReplayError::NoSession { from, to });
    }
    if matches!(plan.tape, Tape::Simulated) && from.year() < SIMULATED_FROM {
        return Err(ReplayError::TooEarly { from });
    }
    let (mut plan, store, count) = (plan, Store::in_memory()?, sessions.len());
    plan.settings = Arc::new(settings_of(&plan));
    let (mut world, on_stage) = world(plan.show.take(), from, &store)?;
    let rt = world.runtime();
    let (watch, kept, outside) = (Stopwatch::start(), store.clone(), Outside::default());
    let seen = outside.clone();
    let (limits_off, book) = (plan.limits_off, plan.book.is_some());
    let main = days(plan, Scene { calendar, rt, store: kept, sessions, on_stage, outside });
    let (gatherer, starting) = world.run(main).ok_or(ReplayError::Deadlock)??;
    let elapsed = watch.elapsed();
    let frame = Frame { from, to, sessions: count, elapsed, starting, limits_off, book };
    Ok((Outcome::gather(&store, &gatherer, frame, &seen)?, store))
}

/// The settings with what the plan changes of them.
fn settings_of(plan: &Plan) -> Settings {
    let mut settings = Settings::clone(&plan.settings);
    settings.rulebook.limits.waived = plan.limits_off;
    if let Some(balance) = plan.book.as_ref().and_then(|book| book.balance_gbp) {
        settings.paper.starting_balance_gbp = balance;
    }
    settings
}

/// The world of a run, with its voice when somebody watches.
fn world(
    show: Option<Show>,
    from: NaiveDate,
    store: &Store,
) -> Result<(VirtualWorld, Option<OnStage>), ReplayError> {
    let Some(Show { start, pace, channel, on_world, on_stage }) = show else {
        return Ok((VirtualWorld::new(new_york(from, NaiveTime::MIN)), None));
    };
    let world = VirtualWorld::new(start).paced(pace);
    let (rt, store) = (world.runtime(), store.clone());
    on_world(rt.clone()).map_err(ReplayError::Show)?;
    rt.spawn(dispatch::run(rt.clone(), store, channel).map(|_| ()));
    Ok((world, Some(on_stage)))
}

/// What the days of a plan are played in.
struct Scene {
    calendar: Calendar,
    rt: Runtime,
    store: Store,
    sessions: Vec<Session>,
    on_stage: Option<OnStage>,
    outside: Outside,
}

/// Every day of the plan.
async fn days(plan: Plan, scene: Scene) -> Result<(Arc<Gatherer>, Starting), ReplayError> {
    let Scene { calendar, rt, store, sessions, on_stage, outside } = scene;
    rt.spawn(tell(rt.clone(), sessions.clone(), plan.progress));
    let market = market(plan.tape, &plan.settings, &rt, &calendar);
    let venue = PaperVenue::open(
        Store::in_memory()?,
        Arc::clone(&market),
        rt.clone(),
        calendar.clone(),
        plan.settings.paper.clone(),
    );
    let broker: Arc<dyn Broker> = Arc::new(venue.await?);
    let app = App::assemble(Parts {
        rt: rt.clone(),
        calendar: calendar.clone(),
        settings: Arc::clone(&plan.settings),
        jobs: plan.jobs.clone(),
        store: store.clone(),
        market: Arc::clone(&market),
        broker: Arc::clone(&broker),
        data_dir: None,
        heartbeat: None,
    })?;
    app.desk.start().await?;
    let starting = starting(broker.as_ref(), market.as_ref(), plan.from).await;
    let reader = Reader {
        calendar,
        jobs: plan.jobs,
        channels: Vec::new(),
        data_dir: PathBuf::new(),
        rulebook: Arc::new(plan.settings.rulebook.clone()),
        settings: Arc::clone(&plan.settings),
    };
    let live = Arc::new(daemon(&app, reader, &rt, &store));
    if plan.operator == Policy::NextSession {
        let live = Arc::clone(&live);
        rt.spawn(operator::serve(rt.clone(), live, sessions.clone(), outside.operator));
    }
    if let Some(book) = plan.book {
        let desk = Arc::clone(&app.desk);
        rt.spawn(book::serve(rt.clone(), desk, book.attempts, outside.attempts));
    }
    rt.spawn(observer::serve(rt.clone(), Arc::clone(&app.desk), sessions, outside.books));
    if let Some(on_stage) = on_stage {
        on_stage(Stage { rt, store, desk: Arc::clone(&app.desk), broker, live });
    }
    app.scheduler.run_until(last_second(plan.to)).await?;
    Ok((app.gatherer, starting))
}

/// The daemon as a person's requests reach it.
fn daemon(app: &App, reader: Reader, rt: &Runtime, store: &Store) -> Live {
    Live {
        reader,
        rt: rt.clone(),
        store: store.clone(),
        desk: Arc::clone(&app.desk),
        scheduler: Arc::clone(&app.scheduler),
        gatherer: Arc::clone(&app.gatherer),
        since: rt.now(),
        looker: Looker::new(Arc::clone(&app.desk)),
        recent: Arc::default(),
        channels: Vec::new(),
        vital: Arc::default(),
        heard: OnceLock::new(),
    }
}

fn market(tape: Tape, settings: &Settings, rt: &Runtime, calendar: &Calendar) -> Arc<dyn Market> {
    let (figures, rt, calendar) = (settings.market.clone(), rt.clone(), calendar.clone());
    match tape {
        Tape::Simulated => {
            let tape = SimulatedTape::new(figures.seed, &calendar);
            Arc::new(ModelledMarket::new(tape, figures, rt, calendar))
        }
        Tape::Recorded(tape) => Arc::new(ModelledMarket::new(*tape, figures, rt, calendar)),
    }
}

/// The last second of a New York day.
fn last_second(date: NaiveDate) -> Timestamp {
    new_york(date + Days::new(1), NaiveTime::MIN) - TimeDelta::seconds(1)
}

/// What the account is worth before the first session.
async fn starting(broker: &dyn Broker, market: &dyn Market, date: NaiveDate) -> Starting {
    let usd = broker.balances().await.ok().map(|balances| balances.net_liquidation_usd);
    let rate = market.fx(date).await.ok();
    let gbp = usd.zip(rate).map(|(usd, rate)| rate.to_gbp(usd).rounded());
    Starting { usd, gbp }
}

/// Tells the end of each session.
async fn tell(rt: Runtime, sessions: Vec<Session>, mut progress: Progress) {
    for (index, session) in sessions.into_iter().enumerate() {
        rt.sleep_until(session.close).await;
        progress(session.date, index + 1);
    }
}
