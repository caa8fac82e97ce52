//! The invariants of the house (design §7), one file each, and what they look at.

mod alerts;
mod calm;
mod cash;
mod eyes;
mod flat;
mod journal;
mod latch;
mod limits;
mod one_order;
mod positions;
mod slots;
mod written_down;

use crate::{
    calendar::Calendar,
    clock::Timestamp,
    config::Settings,
    schedule::JobSet,
    sim::chaos::{
        board::{Arrival, Log},
        life::End,
    },
    store::{Store, StoreError},
};

/// What is true at one instant, for the eyes of the invariants. Reading it changes nothing.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The true instant.
    pub now: Timestamp,
    /// Instants of the world so far.
    pub step: u64,
    /// The first instant of the run.
    pub start: Timestamp,
    /// The daemon's store, open. Count commits with [`Store::changes`] before reading rows again;
    /// after a crash it is another `Store` (see [`Scene::life`]) whose counts begin anew.
    pub store: &'a Store,
    /// The venue's own store: its truth, read without faults (`broker::paper::truth`).
    pub venue: &'a Store,
    /// What reached the broker, was delivered, was asked for.
    pub log: &'a Log,
    /// Every life so far, the present one last.
    pub lives: &'a [Lived],
    /// Since when no fault acts and none lies in wait; `None` while one does.
    pub quiet_since: Option<Timestamp>,
    /// Sessions.
    pub calendar: &'a Calendar,
    /// Settings in force, the rulebook among them.
    pub settings: &'a Settings,
    /// Jobs in force.
    pub jobs: &'a JobSet,
    /// The names of the channels of the run.
    pub channels: &'a [String],
}

impl Scene<'_> {
    /// The number of the present life.
    pub fn life(&self) -> u32 {
        self.lives.last().map_or(0, |life| life.number)
    }

    /// Since when a daemon that has started runs untroubled: quiet, awake, its clock right.
    pub fn healthy_since(&self) -> Option<Timestamp> {
        let life = self.lives.last().filter(|life| life.ended.is_none())?;
        Some(self.quiet_since?.max(life.ready?))
    }
}

/// A life as the log of lives has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lived {
    /// From 1.
    pub number: u32,
    /// The true instant it began.
    pub from: Timestamp,
    /// The true instant its desk had started.
    pub ready: Option<Timestamp>,
    /// When and why it ended.
    pub ended: Option<(Timestamp, End)>,
}

/// When an invariant looks.
#[derive(Debug, Clone, Copy)]
pub enum Moment<'a> {
    /// An order reached the broker, which has done nothing with it yet.
    Wire(&'a Arrival),
    /// An instant is over in which something was committed, traded or delivered.
    Step,
    /// A life ended; the store as the next one finds it, before it does anything.
    Crash,
    /// Midnight in New York.
    DayEnd,
    /// The end of the run, after the calm.
    End,
}

/// What is not as it must be, in words with figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self(format!("the store cannot be read: {error}"))
    }
}

/// One invariant, with what it remembers of the run so far.
pub trait Invariant: Send {
    /// Its number in design §7.
    fn number(&self) -> u8;
    /// Looks at the scene; what it finds broken ends the run.
    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken>;
}

/// Every invariant, new.
pub fn all() -> Vec<Box<dyn Invariant>> {
    let eyes = eyes::Eyes::default();
    vec![
        Box::new(one_order::OneOrder(eyes.clone())),
        Box::new(written_down::WrittenDown(eyes.clone())),
        Box::new(positions::Positions(eyes.clone())),
        Box::new(cash::Cash(eyes.clone())),
        Box::new(latch::Latch::new(eyes.clone())),
        Box::new(limits::Limits(eyes.clone())),
        Box::new(slots::Slots::default()),
        Box::new(alerts::Alerts::default()),
        Box::new(journal::Journal::default()),
        Box::new(calm::Calm(eyes.clone())),
        Box::new(flat::Flat(eyes)),
    ]
}
