//! The eyes of a run: every invariant, called at its moments with what is true then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{
    board::{Arrival, Board, Log},
    check::{self, Broken, Invariant, Lived, Moment, Scene},
    ground::Ground,
    life::{End, Life, Machine},
};
use crate::{
    clock::Timestamp,
    store::{JournalEntry, Read as _, Store},
};

/// Journal entries shown with a violation.
const TAIL: usize = 20;
/// Instants a week may have; more of them are a program that turns in a circle.
const STEPS_A_WEEK: u64 = 2_000_000;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// Its number in the design; 0: the run itself came to no good end.
    pub invariant: u8,
    /// Instants of the world before it.
    pub step: u64,
    /// The true instant.
    pub at: Timestamp,
    /// The life of the process.
    pub life: u32,
    /// What is wrong, with figures.
    pub words: String,
    /// The journal's last entries.
    pub journal: Vec<JournalEntry>,
}

/// The eyes of one run.
pub struct Watch {
    ground: Arc<Ground>,
    board: Arc<Board>,
    machine: Arc<Machine>,
    start: Timestamp,
    steps_max: u64,
    state: Mutex<State>,
}

struct State {
    invariants: Vec<Box<dyn Invariant>>,
    lives: Vec<Lived>,
    store: Option<Store>,
    venue: Store,
    step: u64,
    /// What was counted at the last step that was looked at.
    seen: Counts,
    day_over: bool,
    violation: Option<Violation>,
    /// The last that was read of the journal, for a violation while no store is open.
    tail: Vec<JournalEntry>,
}

/// What moves when something was committed, traded or delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    life: u32,
    commits: u64,
    trades: u64,
    wire: usize,
    deliveries: usize,
    asked: usize,
}

impl Watch {
    /// Opens the eyes of a run that starts now.
    pub fn new(
        ground: Arc<Ground>,
        board: Arc<Board>,
        machine: Arc<Machine>,
        venue: Store,
        weeks: u32,
    ) -> Arc<Self> {
        let state = State {
            invariants: check::all(),
            lives: Vec::new(),
            store: None,
            venue,
            step: 0,
            seen: Counts::default(),
            day_over: false,
            violation: None,
            tail: Vec::new(),
        };
        let start = board.world().now();
        let steps_max = STEPS_A_WEEK * u64::from(weeks.max(1));
        let watch =
            Arc::new(Self { ground, board, machine, start, steps_max, state: Mutex::new(state) });
        let eyes = Arc::downgrade(&watch);
        watch.board.on_arrival(Box::new(move |arrival: &Arrival, log: &Log| {
            if let Some(watch) = eyes.upgrade() {
                watch.look(&mut watch.state(), log, Moment::Wire(arrival));
            }
        }));
        watch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A life begins.
    pub fn born(&self, life: &Life) {
        let lived = Lived { number: life.number(), from: life.from(), ready: None, ended: None };
        self.state().lives.push(lived);
    }

    /// Its store is open.
    pub fn opened(&self, store: &Store) {
        let mut state = self.state();
        state.store = Some(store.clone());
        if state.lives.len() > 1 {
            let log = self.board.log();
            self.look(&mut state, &log, Moment::Crash);
        }
    }

    /// Its desk has started.
    pub fn ready(&self) {
        let now = self.board.world().now();
        if let Some(life) = self.state().lives.last_mut() {
            life.ready = Some(now);
        }
    }

    /// It has ended.
    pub fn died(&self, end: End) {
        let now = self.board.world().now();
        let mut state = self.state();
        if let Some(life) = state.lives.last_mut() {
            life.ended = Some((now, end));
        }
        if let Some(store) = state.store.take()
            && let Ok(tail) = store.read(|tx| tx.journal_tail(TAIL))
        {
            state.tail = tail;
        }
    }

    /// A day is over: it is looked at when this instant is.
    pub fn day_over(&self) {
        self.state().day_over = true;
    }

    /// An instant is over; false when the run is to end here.
    pub fn instant(&self) -> bool {
        let mut state = self.state();
        state.step += 1;
        if state.step > self.steps_max {
            let words = format!("more than {} instants: it turns in a circle", self.steps_max);
            self.broke(&mut state, 0, Broken(words));
        }
        let log = self.board.log();
        if state.store.is_some() {
            let counts = state.counts(&log);
            if counts != state.seen {
                state.seen = counts;
                self.look(&mut state, &log, Moment::Step);
            }
            if std::mem::take(&mut state.day_over) {
                self.look(&mut state, &log, Moment::DayEnd);
            }
        }
        state.violation.is_none()
    }

    /// The run is over, after the calm.
    pub fn end(&self) {
        let mut state = self.state();
        let ready = state.lives.last().is_some_and(|l| l.ready.is_some() && l.ended.is_none());
        if ready && state.store.is_some() {
            let log = self.board.log();
            self.look(&mut state, &log, Moment::End);
        } else {
            let words = "no daemon runs at the end, though faults have stopped".to_owned();
            self.broke(&mut state, 0, Broken(words));
        }
    }

    /// Something went wrong that no invariant is about.
    pub fn fail(&self, words: String) {
        self.broke(&mut self.state(), 0, Broken(words));
    }

    /// The daemon's store, while one is open.
    pub fn store(&self) -> Option<Store> {
        self.state().store.clone()
    }

    /// What was found, if anything was, and every life.
    pub fn findings(&self) -> (Option<Violation>, Vec<Lived>, u64) {
        let state = self.state();
        (state.violation.clone(), state.lives.clone(), state.step)
    }

    fn look(&self, state: &mut State, log: &Log, moment: Moment<'_>) {
        if state.violation.is_some() {
            return;
        }
        let Some(store) = state.store.clone() else { return };
        let troubled = self.machine.is_asleep() || self.machine.is_wrong();
        let quiet = self.board.quiet_since(self.start).filter(|_| !troubled);
        let mut broken = None;
        let scene = Scene {
            now: self.board.world().now(),
            step: state.step,
            start: self.start,
            store: &store,
            venue: &state.venue,
            log,
            lives: &state.lives,
            quiet_since: quiet,
            calendar: &self.ground.calendar,
            settings: &self.ground.settings,
            jobs: &self.ground.jobs,
            channels: &self.ground.channels,
        };
        for invariant in &mut state.invariants {
            if let Err(found) = invariant.look(&scene, moment) {
                broken = Some((invariant.number(), found));
                break;
            }
        }
        if let Some((number, found)) = broken {
            self.broke(state, number, found);
        }
    }

    fn broke(&self, state: &mut State, invariant: u8, Broken(words): Broken) {
        if state.violation.is_some() {
            return;
        }
        let tail = state.store.as_ref().and_then(|s| s.read(|tx| tx.journal_tail(TAIL)).ok());
        state.violation = Some(Violation {
            invariant,
            step: state.step,
            at: self.board.world().now(),
            life: state.lives.last().map_or(0, |life| life.number),
            words,
            journal: tail.unwrap_or_else(|| state.tail.clone()),
        });
    }
}

impl State {
    fn counts(&self, log: &Log) -> Counts {
        Counts {
            life: self.lives.last().map_or(0, |life| life.number),
            commits: self.store.as_ref().map_or(0, Store::commits),
            trades: self.venue.commits(),
            wire: log.wire.len(),
            deliveries: log.deliveries.len(),
            asked: log.asked.iter().filter(|asked| asked.answered.is_some()).count(),
        }
    }
}
