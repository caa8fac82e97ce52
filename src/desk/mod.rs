//! The desk: intents to orders to fills, reconciliation, the latch, and the watch over positions.
//!
//! Crash-only: everything that must survive is a row before it is acted on, and start-up is the
//! same path as recovery. The broker is the truth; what cannot be explained stops entries and is
//! told. The same code runs under the wall clock and in a virtual world.

/// The owner's word on a difference.
pub mod accept;
/// Acknowledgements of the daily report.
pub mod ack;
/// Positions from fills.
pub mod book;
/// What the gate would say of an order.
pub mod check;
/// The books of a day, compared after its close.
pub mod daybook;
/// The end of a day as reports tell it.
pub mod dayend;
/// Legs in words.
pub mod describe;
/// Differences between ledger and broker, each with a name.
pub mod difference;
/// What the ledger shows of the stage in force.
pub mod evidence;
/// The journal folded back, against the store.
pub mod fold;
/// The snapshot an entry decides on.
pub mod gather;
/// The life of an intent.
pub mod intent;
/// The job bodies of the desk.
pub mod jobs;
/// The account as it is known at once.
pub mod known;
/// The latch and its holds.
pub mod latch;
/// A position the owner wants closed.
pub mod owner_close;
/// Strategies that make no entries.
pub mod pause;
/// Reads of the desk's tables.
pub mod read;
/// Ledger against broker.
pub mod reconcile;
/// The deployment stage in force.
pub mod stage;
/// What `tomking reconcile` answers.
pub mod statement;
/// The account as the store left it.
pub mod still;
/// The desk's tables and rows.
pub mod tables;
/// Each order's fills beside its transactions.
pub mod tally;

mod adjust;
mod adjusting;
mod adopt;
mod books;
mod breakers;
mod control;
mod cuts;
mod decided;
mod deliver;
mod drive;
mod explain;
mod exposures;
mod held;
mod look;
mod lookup;
mod pass;
mod patience;
mod phase;
mod record;
mod risks;
mod send;
mod settle;
mod sweep;
mod uneven;
mod watch;
mod wish;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chrono::{NaiveDate, TimeDelta};
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

pub use self::latch::{Change, LatchAnswer, LatchError};
use self::{
    books::Line, breakers::Kept, drive::Wanted, held::Held, intent::IntentRecord, latch::Latch,
    record::Recorded,
};
use crate::{
    account::{
        Balances, BrokerOrderId, IntentId, Position, PositionId, TradingStatus,
        hold::{Hold, Level},
    },
    broker::{Broker, BrokerError},
    calendar::{Calendar, Exchange, Session, new_york_date},
    clock::{Runtime, Timestamp},
    config::{Rulebook, execution::span},
    market::Market,
    money::FxRate,
    signal as channel,
    store::{Store, StoreError, WriteTx},
    strategy::{
        friday_0dte::{self, ZdteTimes},
        manage::ExitMemory,
    },
    vital::Turns,
};

/// Before a loop that panicked begins anew.
const AFTER_PANIC: TimeDelta = TimeDelta::seconds(1);

/// What a desk works with.
#[derive(Clone)]
pub struct DeskParts {
    /// Clock and spawner.
    pub rt: Runtime,
    /// The store.
    pub store: Store,
    /// The account.
    pub broker: Arc<dyn Broker>,
    /// Prices.
    pub market: Arc<dyn Market>,
    /// Sessions.
    pub calendar: Calendar,
    /// The figures in force.
    pub rulebook: Arc<Rulebook>,
    /// Where the `HALT` file lives; `None` in a replay.
    pub data_dir: Option<PathBuf>,
}

/// The desk of one account. Everything durable is in the store; what is here can be lost.
pub struct Desk {
    parts: DeskParts,
    /// When this process had its desk.
    born: Timestamp,
    latch: Latch,
    hot: Mutex<Hot>,
    reconciled: AtomicBool,
    /// Grows with each stop and each new hold, before it is written down.
    stops: AtomicU64,
    /// Grows with each change; workers and the watch wait on it.
    pulse: channel::Sender<u64>,
    /// One round of watching at a time.
    turn: futures::lock::Mutex<()>,
    /// One look at the breakers at a time.
    looking: futures::lock::Mutex<()>,
    /// One look at the `HALT` file or removal of it at a time.
    opening: futures::lock::Mutex<()>,
    /// One reconciliation at a time; a broker that hangs never delays a stop.
    books: futures::lock::Mutex<()>,
    loops: Loops,
}

/// The life of each loop.
#[derive(Default)]
struct Loops {
    positions: Arc<Turns>,
    books: Arc<Turns>,
    breakers: Arc<Turns>,
}

/// What is kept in memory so that an idle minute costs nothing.
#[derive(Default)]
struct Hot {
    /// What is open, and the count of changes it was read at.
    held: Option<(u64, Arc<Held>)>,
    open: BTreeMap<PositionId, Position>,
    memories: BTreeMap<PositionId, ExitMemory>,
    wanted: BTreeMap<PositionId, Wanted>,
    times: Option<(Session, ZdteTimes)>,
    workers: BTreeSet<IntentId>,
    last_round: Option<Timestamp>,
    /// The minute of the last look at positions that do not expire today.
    slow_round: Option<Timestamp>,
    reconciled_tried_at: Option<Timestamp>,
    reconciled_at: Option<Timestamp>,
    /// The last look took over what the owner seems to have traded.
    adopted: bool,
    line: Line,
    balances: Option<Balances>,
    rate: Option<(NaiveDate, FxRate)>,
    told: BTreeSet<String>,
    /// Assignment risks told of, by position and what.
    risks_told: BTreeSet<String>,
    reducing_sent: Vec<Timestamp>,
    /// Orders of today's list as the last reconciliation saw them.
    seen: BTreeMap<BrokerOrderId, sweep::Seen>,
    breakers: Kept,
    /// The broker's calls that stand in no row yet.
    tally: dayend::Tally,
    /// The broker's flags as they were last read.
    trading_status: Option<TradingStatus>,
    /// How far our clock was behind at the last entry's look.
    clock_skew_ms: Option<i64>,
    /// Calls the broker did not answer.
    broker_errors: known::Hourly,
}

/// The desk at one moment, for `status` and for floor 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskStatus {
    /// The latch.
    pub level: Level,
    /// Every active hold.
    pub holds: Vec<Hold>,
    /// Ledger and broker agreed at the last look.
    pub reconciled: bool,
    /// The instant of the last clean reconciliation.
    pub reconciled_at: Option<Timestamp>,
    /// The broker's last balances.
    pub balances: Option<Balances>,
    /// Positions with an open leg.
    pub positions: Vec<Position>,
    /// Intents that are not terminal.
    pub intents: Vec<IntentRecord>,
}

impl Desk {
    /// A desk over its parts, as the store left it; nothing runs yet.
    pub fn new(parts: DeskParts) -> Result<Arc<Self>, StoreError> {
        let latch = Latch::load(&parts.store, parts.data_dir.as_deref())?;
        let (pulse, _) = channel::channel(0);
        let desk = Self {
            born: parts.rt.now(),
            parts,
            latch,
            hot: Mutex::default(),
            reconciled: AtomicBool::new(false),
            stops: AtomicU64::new(0),
            pulse,
            turn: futures::lock::Mutex::new(()),
            looking: futures::lock::Mutex::new(()),
            opening: futures::lock::Mutex::new(()),
            books: futures::lock::Mutex::new(()),
            loops: Loops::default(),
        };
        desk.load()?;
        Ok(Arc::new(desk))
    }

    /// Reconciles with the broker once and starts the desk's loops and the workers of every intent
    /// that is not terminal. A broker that does not answer is no error: the loops go on asking, and
    /// no entry passes until ledger and broker agree.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        self.heed_file().await?;
        self.read_back().await?;
        self.reconcile().await?;
        self.wake();
        let Loops { positions, books, breakers } = &self.loops;
        self.keep_alive("the broker's hints", &Arc::default(), Self::follow_changes);
        self.keep_alive("the positions", positions, Self::watch_positions);
        self.keep_alive("the books", books, Self::keep_books);
        self.keep_alive("the breakers", breakers, Self::watch_breakers);
        Ok(())
    }

    /// The loops that must go on for the desk to be alive, by name.
    pub fn loops(&self) -> Vec<(&'static str, Arc<Turns>)> {
        let Loops { positions, books, breakers } = &self.loops;
        [("the positions", positions), ("the books", books), ("the breakers", breakers)]
            .map(|(name, turns)| (name, Arc::clone(turns)))
            .to_vec()
    }

    /// Runs one of the desk's loops for ever; one that panics begins anew a little later.
    fn keep_alive<F>(
        self: &Arc<Self>,
        what: &'static str,
        turns: &Arc<Turns>,
        run: impl Fn(Arc<Self>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (desk, turns) = (Arc::clone(self), Arc::clone(turns));
        self.parts.rt.spawn(async move {
            let begin = || turns.of(run(Arc::clone(&desk)));
            while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
                turns.fell();
                tracing::error!(what, "a loop of the desk panicked; it begins anew");
                desk.parts.rt.sleep(AFTER_PANIC).await;
            }
        });
    }

    /// The desk at this moment.
    pub fn status(&self) -> Result<DeskStatus, StoreError> {
        let (positions, intents) =
            self.parts.store.read(|tx| Ok((read::open_positions(tx)?, read::open_intents(tx)?)))?;
        let hot = self.hot();
        Ok(DeskStatus {
            level: self.latch.level(),
            holds: self.latch.ruling(self.now()),
            reconciled: self.is_reconciled(),
            reconciled_at: hot.reconciled_at,
            balances: hot.balances,
            positions,
            intents,
        })
    }

    /// The latch level, the `HALT` file included.
    pub fn level(&self) -> Level {
        self.latch.level()
    }

    /// Ledger and broker agreed at the last look.
    pub fn is_reconciled(&self) -> bool {
        self.reconciled.load(Ordering::SeqCst)
    }

    /// Positions with an open leg.
    pub fn open_count(&self) -> usize {
        self.hot().open.len()
    }

    /// Nothing is held and nothing works.
    pub fn is_idle(&self) -> Result<bool, StoreError> {
        Ok(self.open_count() == 0 && self.held()?.intents.is_empty())
    }

    /// What the desk works with.
    pub fn parts(&self) -> &DeskParts {
        &self.parts
    }

    /// Starts a worker for every open intent that has none, and wakes all that wait. Call it after
    /// the transaction that wrote an intent.
    pub fn wake(self: &Arc<Self>) {
        self.staff();
        self.beat();
    }

    /// Starts a worker for every open intent that has none; one that panicked is replaced.
    fn staff(self: &Arc<Self>) {
        let held = match self.held() {
            Ok(held) => held,
            Err(error) => {
                self.fail("reading the open intents", &error);
                return;
            }
        };
        for id in held.intents.iter().map(IntentRecord::id) {
            if !self.hot().workers.contains(id) {
                self.hot().workers.insert(id.clone());
                let (desk, id) = (Arc::clone(self), id.clone());
                self.parts.rt.spawn(async move { desk.work(id).await });
            }
        }
    }

    /// Wakes everything that waits for a change.
    fn beat(&self) {
        self.pulse.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn hot(&self) -> MutexGuard<'_, Hot> {
        self.hot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.parts.rt.now()
    }

    /// Loads what is open into memory.
    fn load(&self) -> Result<(), StoreError> {
        let (open, memories) = self.parts.store.read(|tx| {
            let open = read::open_positions(tx)?;
            let memories = watch::memories(tx, &open)?;
            Ok((open, memories))
        })?;
        let mut hot = self.hot();
        hot.open = open.into_iter().map(|position| (position.id.clone(), position)).collect();
        hot.memories = memories;
        Ok(())
    }

    /// One durable step. A store that fails shuts the latch: without a ledger nothing may leave.
    async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.parts.store.write(f).await;
        if let Err(error) = &done
            && matches!(error, StoreError::Engine(_) | StoreError::Failed(_) | StoreError::Closed)
        {
            self.fail("writing", error);
        }
        done
    }

    fn fail(&self, what: &str, error: &StoreError) {
        tracing::error!(%error, "the desk failed while {what}; nothing more leaves");
        if let Err(error) = self.latch.shut(&format!("the store failed while {what}: {error}")) {
            tracing::error!(%error, "the latch is shut in memory only");
        }
    }

    /// Takes a step's result into memory and wakes who waits for it.
    fn keep(&self, recorded: &Recorded) {
        if let Some(position) = &recorded.position {
            self.keep_position(position);
        }
        if let Some((position, reason)) = record::uneven_end(&recorded.record) {
            self.must_close(&position, reason);
        }
        if recorded.position.is_some() || recorded.record.state.is_terminal() {
            self.beat();
        }
    }

    fn keep_position(&self, position: &Position) {
        let mut hot = self.hot();
        if position.is_open() {
            let before = hot.open.insert(position.id.clone(), position.clone());
            if before.is_some_and(|before| before.credit != position.credit) {
                // What was wanted of it was worked out from another credit.
                hot.wanted.remove(&position.id);
                hot.last_round = None;
            }
        } else {
            hot.open.remove(&position.id);
            hot.memories.remove(&position.id);
            hot.wanted.remove(&position.id);
        }
    }

    /// The New York session of this moment's date.
    fn session(&self, now: Timestamp) -> Option<Session> {
        self.parts.calendar.session(Exchange::Xnys, new_york_date(now))
    }

    fn previous_session(&self, now: Timestamp) -> Option<NaiveDate> {
        let before = self.parts.calendar.previous_session(Exchange::Xnys, new_york_date(now));
        before.map(|session| session.date)
    }

    /// The clocks of a session's Friday 0DTE, worked out once a session.
    fn zdte_times(&self, session: &Session) -> ZdteTimes {
        let mut hot = self.hot();
        match hot.times {
            Some((of, times)) if of == *session => times,
            _ => {
                let times = friday_0dte::times(&self.parts.rulebook, session);
                hot.times = Some((*session, times));
                times
            }
        }
    }

    fn in_session(&self, now: Timestamp) -> bool {
        self.session(now).is_some_and(|session| session.contains(now))
    }

    /// The pound-dollar rate of an instant's date: the last one dated strictly before. When the feed
    /// cannot give it, the last one it gave, which carries its own date.
    async fn rate(&self, at: Timestamp) -> Option<FxRate> {
        let date = new_york_date(at);
        let known = self.hot().rate;
        if let Some((_, rate)) = known.filter(|(of, _)| *of == date) {
            return Some(rate);
        }
        match self.parts.rt.timeout(self.read_wait(), self.parts.market.fx(date)).await {
            Some(Ok(rate)) => {
                self.hot().rate = Some((date, rate));
                Some(rate)
            }
            _ => known.map(|(_, rate)| rate),
        }
    }

    /// One bounded read of the broker.
    async fn ask<T>(
        &self,
        read: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let wait = self.read_wait();
        let answer = self.parts.rt.timeout(wait, read).await.unwrap_or_else(|| {
            Err(BrokerError::Unavailable(format!("no answer within {} s", wait.num_seconds())))
        });
        self.count_call(!matches!(answer, Err(BrokerError::Unavailable(_))));
        self.heard(&answer);
        answer
    }

    /// The longest a read of the broker or the market is waited for.
    fn read_wait(&self) -> TimeDelta {
        span(self.rules().read_wait_seconds)
    }
}

#[cfg(test)]
mod tests;
