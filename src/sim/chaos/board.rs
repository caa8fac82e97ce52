//! The switchboard of one seed. Every seam asks it which fault acts now, and tells it what passed:
//! what reached the broker, what was delivered, what people asked for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    life::{End, Life},
    plan::{Act, Call, ChannelFault, Fate, Fault, FeedFault, Misreport, Plan, Trouble, What},
};
use crate::{
    account::{BrokerOrderId, NetPrice},
    broker::{BrokerOrder, OrderRequest, SubmitError},
    clock::{Runtime, Timestamp},
    desk::{Desk, latch::Change},
    schedule::Scheduler,
};

/// A point at which a life passes from its own code into the world, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// Into the broker.
    Before(Call),
    /// Back from it.
    After(Call),
    /// Into or back from the market.
    Market,
    /// Into or back from a channel.
    Channel,
}

/// What was sent to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A new order.
    Submit(OrderRequest),
    /// Another limit for a working one.
    Replace {
        /// The working order.
        id: BrokerOrderId,
        /// Its new limit.
        limit: NetPrice,
        /// The identifier of the new order.
        external_id: String,
    },
}

impl Sent {
    /// The identifier it left under.
    pub fn external_id(&self) -> &str {
        match self {
            Self::Submit(order) => &order.external_id,
            Self::Replace { external_id, .. } => external_id,
        }
    }
}

/// An order that reached the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Its place in the wire log.
    pub number: usize,
    /// The true instant.
    pub at: Timestamp,
    /// The life that sent it.
    pub life: u32,
    /// What was sent.
    pub sent: Sent,
    /// What the broker answered, once it has; the life need not have heard it.
    pub answer: Option<Result<BrokerOrder, SubmitError>>,
}

/// An alert a channel took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The true instant.
    pub at: Timestamp,
    /// The life that sent it.
    pub life: u32,
    /// The channel.
    pub channel: String,
    /// The outbox number.
    pub id: u64,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// Its title and text, as taken.
    pub words: String,
}

/// A change of the latch somebody asked a life for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The true instant of the request.
    pub at: Timestamp,
    /// The life that was asked.
    pub life: u32,
    /// What for.
    pub change: Change,
    /// The true instant of the daemon's good answer; `None`: none yet, or a failure.
    pub answered: Option<Timestamp>,
}

/// What passed, in order.
#[derive(Debug, Default)]
pub struct Log {
    /// Every order that reached the broker.
    pub wire: Vec<Arrival>,
    /// Every alert a channel took.
    pub deliveries: Vec<Delivery>,
    /// Every change of the latch asked for.
    pub asked: Vec<Asked>,
    /// Orders people gave the broker by hand.
    pub by_hand: Vec<BrokerOrderId>,
}

/// How a disk operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Go,
    /// It is refused; the process goes on.
    Refuse,
    /// The process dies before it; what was written stays.
    Kill,
    /// The power fails before it.
    PowerFails(Fate),
}

/// The daemon as it runs at the moment, for the hands of people.
#[derive(Clone)]
pub struct Present {
    /// Its life.
    pub gate: Gate,
    /// Its desk.
    pub desk: Arc<Desk>,
    /// Its scheduler.
    pub scheduler: Arc<Scheduler>,
}

/// Called when an order reaches the broker, before anything is done with it.
pub type OnArrival = Box<dyn FnMut(&Arrival, &Log) + Send>;

/// The switchboard.
pub struct Board {
    world: Runtime,
    seed: u64,
    state: Mutex<State>,
    log: Mutex<Log>,
    present: Mutex<Option<Present>>,
    on_arrival: Mutex<Option<OnArrival>>,
}

struct State {
    faults: Vec<Lying>,
}

/// A fault and how far it has got.
struct Lying {
    fault: Fault,
    /// Submits begun since `at`.
    submits: u32,
    /// Operations or crossings passed, or times it acted.
    count: u32,
    /// Times it acted.
    acted: u32,
    /// The instant it was spent.
    spent: Option<Timestamp>,
}

impl Lying {
    fn lives(&self, now: Timestamp) -> bool {
        self.fault.at <= now && now < self.fault.until && self.spent.is_none()
    }

    fn act(&mut self, now: Timestamp, times: u32) {
        self.acted += 1;
        if self.acted >= times {
            self.spent = Some(now);
        }
    }

    /// Counts one more; true when `after` were passed before it.
    fn strikes(&mut self, now: Timestamp, after: u32) -> bool {
        self.count += 1;
        let strikes = self.count > after;
        if strikes {
            self.act(now, 1);
        }
        strikes
    }

    /// The end of what it does, once it has begun; `None` while it acts or lies in wait.
    fn over(&self, now: Timestamp) -> Option<Timestamp> {
        self.spent.or((now >= self.fault.until).then_some(self.fault.until))
    }
}

/// How often a kind of fault was planned and how often it acted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// In the plans.
    pub planned: u64,
    /// Of those, the ones that acted at least once.
    pub acted: u64,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// The switchboard of a plan, on true time.
    pub fn new(plan: &Plan, world: Runtime) -> Arc<Self> {
        let lying = |fault: &Fault| Lying {
            fault: fault.clone(),
            submits: 0,
            count: 0,
            acted: 0,
            spent: None,
        };
        let state = State { faults: plan.faults.iter().map(lying).collect() };
        Arc::new(Self {
            world,
            seed: plan.seed,
            state: Mutex::new(state),
            log: Mutex::default(),
            present: Mutex::default(),
            on_arrival: Mutex::default(),
        })
    }

    /// True time and tasks of the world.
    pub fn world(&self) -> &Runtime {
        &self.world
    }

    /// The plan's seed, for what is drawn while it runs.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The first fault that acts now and that `of` gives an answer for; it is counted.
    fn first<T>(&self, mut of: impl FnMut(&What) -> Option<(T, u32)>) -> Option<T> {
        let now = self.world.now();
        let mut state = locked(&self.state);
        state.faults.iter_mut().filter(|lying| lying.lives(now)).find_map(|lying| {
            let (found, times) = of(&lying.fault.what)?;
            lying.act(now, times);
            Some(found)
        })
    }

    /// A fault that `of` means acts or lies in wait now; looking counts nothing.
    fn lies_in_wait(&self, of: impl Fn(&What) -> bool) -> bool {
        let now = self.world.now();
        locked(&self.state).faults.iter().any(|lying| lying.lives(now) && of(&lying.fault.what))
    }

    /// What people do, by instant.
    pub fn people(&self) -> Vec<(Timestamp, Act)> {
        let state = locked(&self.state);
        let act = |lying: &Lying| match lying.fault.what {
            What::Person { act } => Some((lying.fault.at, act)),
            _ => None,
        };
        state.faults.iter().filter_map(act).collect()
    }

    /// Something a person was to do at `at` was done.
    pub fn done(&self, at: Timestamp, act: Act) {
        let now = self.world.now();
        let mut state = locked(&self.state);
        let what = What::Person { act };
        let is = |l: &&mut Lying| l.fault.at == at && l.fault.what == what && l.spent.is_none();
        if let Some(lying) = state.faults.iter_mut().find(is) {
            lying.act(now, 1);
        }
    }

    /// The daemon, while one runs and has started.
    pub fn present(&self) -> Option<Present> {
        let present = locked(&self.present).clone();
        present.filter(|present| !present.gate.is_over())
    }

    /// Sets the daemon that runs.
    pub fn set_present(&self, present: Option<Present>) {
        let before = std::mem::replace(&mut *locked(&self.present), present);
        drop(before); // after the lock
    }

    /// Sets what is called at each arrival.
    pub fn on_arrival(&self, call: OnArrival) {
        *locked(&self.on_arrival) = Some(call);
    }

    /// What passed so far.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        locked(&self.log)
    }

    /// An order was given to the broker by hand.
    pub fn by_hand(&self, id: BrokerOrderId) {
        self.log().by_hand.push(id);
    }

    /// A change of the latch is asked for; the answer is its place, for [`Board::answered`].
    pub fn asked(&self, life: u32, change: Change) -> usize {
        let mut log = self.log();
        log.asked.push(Asked { at: self.world.now(), life, change, answered: None });
        log.asked.len() - 1
    }

    /// The daemon gave its good answer.
    pub fn answered(&self, place: usize) {
        let now = self.world.now();
        if let Some(asked) = self.log().asked.get_mut(place) {
            asked.answered = Some(now);
        }
    }

    /// The broker's answer to what arrived.
    pub fn replied(&self, number: usize, answer: &Result<BrokerOrder, SubmitError>) {
        if let Some(arrival) = self.log().wire.get_mut(number) {
            arrival.answer = Some(answer.clone());
        }
    }

    /// Since when no fault acts or lies in wait; `None` while one does. The start of the run when
    /// none ever did.
    pub fn quiet_since(&self, start: Timestamp) -> Option<Timestamp> {
        let now = self.world.now();
        let state = locked(&self.state);
        let begun = state.faults.iter().filter(|lying| lying.fault.at <= now);
        begun.map(|lying| lying.over(now)).try_fold(start, |last, over| Some(last.max(over?)))
    }

    /// How often each kind was planned and acted.
    pub fn tallies(&self) -> BTreeMap<String, Tally> {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for lying in &locked(&self.state).faults {
            let tally = tallies.entry(lying.fault.what.name()).or_default();
            tally.planned += 1;
            tally.acted += u64::from(lying.acted > 0);
        }
        tallies
    }

    /// A fault that acts by itself, at its instant, did.
    pub fn struck(&self, index: usize) {
        let now = self.world.now();
        if let Some(lying) = locked(&self.state).faults.get_mut(index) {
            lying.act(now, u32::MAX);
        }
    }

    /// How the next disk operation of a life goes.
    pub fn disk(&self) -> (Verdict, bool) {
        let now = self.world.now();
        let mut state = locked(&self.state);
        for lying in state.faults.iter_mut().filter(|lying| lying.lives(now)) {
            let (after, verdict, venue) = match lying.fault.what {
                What::StoreError { after } => (after, Verdict::Refuse, false),
                What::KillAtDisk { after, venue } => (after, Verdict::Kill, venue),
                What::PowerFailure { after, fate, venue } => {
                    (after, Verdict::PowerFails(fate), venue)
                }
                _ => continue,
            };
            if lying.strikes(now, after) {
                return (verdict, venue);
            }
        }
        (Verdict::Go, false)
    }

    /// What happens at a crossing.
    fn crossed(&self, crossing: Crossing) -> Fortune {
        let now = self.world.now();
        let mut state = locked(&self.state);
        for lying in state.faults.iter_mut().filter(|lying| lying.lives(now)) {
            let what = lying.fault.what.clone();
            match what {
                What::Kill { submit, after, venue } => {
                    lying.submits += u32::from(crossing == Crossing::Before(Call::Submit));
                    if lying.submits >= submit && lying.strikes(now, after) {
                        return Fortune::Dies { venue };
                    }
                }
                What::Panic { after } if lying.strikes(now, after) => return Fortune::Panics,
                _ => {}
            }
        }
        Fortune::Passes
    }
}

enum Fortune {
    Passes,
    Dies { venue: bool },
    Panics,
}

/// A life's way through the seams. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    board: Arc<Board>,
    life: Arc<Life>,
    /// Set when the paper venue is to die with the life.
    takes_venue: Arc<std::sync::atomic::AtomicBool>,
}

impl Gate {
    /// The way of `life`.
    pub fn new(board: Arc<Board>, life: Arc<Life>) -> Self {
        Self { board, life, takes_venue: Arc::default() }
    }

    /// The switchboard.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// The life.
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// The clock and spawner of the life: what its own tasks wait on.
    pub fn rt(&self) -> Runtime {
        self.life.runtime()
    }

    /// Nothing of the life may reach anything any more.
    pub fn is_over(&self) -> bool {
        self.life.is_over()
    }

    /// The venue dies with the life.
    pub fn takes_venue(&self) -> bool {
        self.takes_venue.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Ends the life here, perhaps with the venue.
    pub fn die(&self, end: End, venue: bool) {
        self.takes_venue.fetch_or(venue, std::sync::atomic::Ordering::SeqCst);
        self.life.finish(end);
    }

    /// Passes between the life and the world. Every seam awaits it on entry and on exit of each
    /// call. It never returns when the life has ended or ends here; it may panic, as planned.
    pub async fn cross(&self, crossing: Crossing) {
        if self.is_over() {
            return std::future::pending().await;
        }
        match self.board.crossed(crossing) {
            Fortune::Passes => {}
            Fortune::Panics => std::panic::panic_any("planned by chaos".to_owned()),
            Fortune::Dies { venue } => {
                self.die(End::Killed, venue);
                std::future::pending::<()>().await;
            }
        }
    }

    /// What goes wrong with this call of the broker; asking counts.
    pub fn broker_fault(&self, call: Call) -> Option<Trouble> {
        self.board.first(|what| match what {
            What::Broker { call: of, how, times } if *of == call => Some((*how, *times)),
            _ => None,
        })
    }

    /// A call of the class would have that trouble now; looking counts nothing.
    pub fn may_trouble(&self, call: Call, trouble: Trouble) -> bool {
        self.board.lies_in_wait(|what| {
            matches!(what, What::Broker { call: of, how, .. } if *of == call && *how == trouble)
        })
    }

    /// How this answer of the broker is not the truth: the first fault that would change it.
    /// Asking counts.
    pub fn report_fault(&self, mut fits: impl FnMut(Misreport) -> bool) -> Option<Misreport> {
        self.board.first(|what| match what {
            What::Report { how, times } if fits(*how) => Some((*how, *times)),
            _ => None,
        })
    }

    /// An answer may be bent in such a way now; looking counts nothing.
    pub fn may_misreport(&self, of: impl Fn(Misreport) -> bool) -> bool {
        self.board.lies_in_wait(|what| matches!(what, What::Report { how, .. } if of(*how)))
    }

    /// How the feed is wrong now, of the ways that fit what was asked.
    pub fn feed_fault(&self, fits: impl Fn(FeedFault) -> bool) -> Option<FeedFault> {
        self.board.first(|what| match what {
            What::Feed { how } if fits(*how) => Some((*how, u32::MAX)),
            _ => None,
        })
    }

    /// How the channel at `place` is troubled now.
    pub fn channel_fault(&self, place: u32) -> Option<ChannelFault> {
        self.board.first(|what| match what {
            What::Channel { channel, how } if *channel == place => Some((*how, u32::MAX)),
            _ => None,
        })
    }

    /// An order reaches the broker: call it before the venue gets it. The answer is its number, for
    /// [`Board::replied`].
    pub fn arrived(&self, sent: Sent) -> usize {
        let mut log = self.board.log();
        let number = log.wire.len();
        let (at, life) = (self.board.world.now(), self.life.number());
        log.wire.push(Arrival { number, at, life, sent, answer: None });
        if let Some(call) = &mut *locked(&self.board.on_arrival) {
            call(&log.wire[number], &log);
        }
        number
    }

    /// A channel took an alert.
    pub fn delivered(&self, channel: &str, alert: &crate::alert::Alert) {
        let (at, life) = (self.board.world.now(), self.life.number());
        let words = format!("{}\n{}", alert.title, alert.text);
        let (channel, kind, key) = (channel.to_owned(), alert.kind.clone(), alert.key.clone());
        let delivery = Delivery { at, life, channel, id: alert.id, kind, key, words };
        self.board.log().deliveries.push(delivery);
    }
}
