//! A clock that stands still, and markets at an instant.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use chrono::NaiveDate;
use futures::{FutureExt, future::BoxFuture};
use tomking::{
    calendar::{Calendar, Exchange, Session},
    clock::{Clock, Runtime, Spawn, Timestamp},
    config::{MarketSettings, Settings},
    instrument::{Product, Series, Settlement, expiration},
    market::{ModelledMarket, RecordedTape, SimulatedTape, tape::Tape},
};

/// A clock that is set by hand.
#[derive(Clone)]
pub struct Hands(Arc<Mutex<Timestamp>>);

impl Hands {
    pub fn at(text: &str) -> Self {
        Self(Arc::new(Mutex::new(instant(text))))
    }

    pub fn set(&self, text: &str) {
        self.set_to(instant(text));
    }

    pub fn set_to(&self, at: Timestamp) {
        *self.0.lock().unwrap() = at;
    }

    pub fn runtime(&self) -> Runtime {
        Runtime::new(Arc::new(self.clone()), Arc::new(self.clone()))
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        futures::future::ready(()).boxed()
    }
}

impl Spawn for Hands {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn settings() -> MarketSettings {
    Settings::default_embedded().market
}

/// The value of a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a modelled market never waits")
}

pub fn session(day: &str) -> Session {
    Calendar::default().session(Exchange::Xnys, date(day)).unwrap()
}

/// The folder of the figures made up for tests.
pub fn july() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/market/july")
}

pub fn july_tape() -> RecordedTape {
    RecordedTape::load(&july(), 1, &Calendar::default()).unwrap()
}

/// The folder of real data, where it is at hand.
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: `{}` is not there", folder.display());
    None
}

pub fn market<T: Tape>(tape: T, clock: &Hands) -> ModelledMarket<T> {
    ModelledMarket::new(tape, settings(), clock.runtime(), Calendar::default())
}

pub fn simulated(clock: &Hands) -> ModelledMarket<SimulatedTape> {
    market(SimulatedTape::new(settings().seed, &Calendar::default()), clock)
}

/// The series of a product that expires on a day with a settlement.
pub fn series(product: Product, day: &str, settlement: Settlement) -> Series {
    let listed = expiration::listed(&Calendar::default(), product, date(day), 0);
    listed.into_iter().find(|s| s.settlement == settlement).unwrap()
}
