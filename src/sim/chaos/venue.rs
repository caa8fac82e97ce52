//! The paper venue of a run: a process of its own over a store of its own, which outlives the
//! daemon unless it is killed with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    ground::Ground,
    life::{End, Life, Machine},
};
use crate::{
    broker::{
        Broker,
        paper::{PaperVenue, VenueError},
    },
    clock::Runtime,
    market::Market,
    store::Store,
};

/// Where the venue lives.
pub struct VenueHost {
    ground: Arc<Ground>,
    market: Arc<dyn Market>,
    store: Store,
    /// Its clock is right and it never sleeps.
    machine: Arc<Machine>,
    present: Mutex<Option<(Arc<Life>, Arc<PaperVenue>)>>,
}

impl VenueHost {
    /// A host without a venue yet.
    pub fn new(
        ground: Arc<Ground>,
        market: Arc<dyn Market>,
        store: Store,
        world: Runtime,
    ) -> Arc<Self> {
        let (machine, present) = (Machine::new(world), Mutex::default());
        Arc::new(Self { ground, market, store, machine, present })
    }

    fn present(&self) -> MutexGuard<'_, Option<(Arc<Life>, Arc<PaperVenue>)>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The venue as it runs; opened over its store when it does not.
    pub async fn open(&self) -> Result<Arc<dyn Broker>, VenueError> {
        if let Some(venue) = self.now() {
            return Ok(venue);
        }
        let life = Life::new(0, Arc::clone(&self.machine));
        let (store, market) = (self.store.clone(), Arc::clone(&self.market));
        let (calendar, paper) = (self.ground.calendar.clone(), self.ground.settings.paper.clone());
        let venue = PaperVenue::open(store, market, life.runtime(), calendar, paper).await?;
        let venue = Arc::new(venue);
        *self.present() = Some((life, Arc::clone(&venue)));
        Ok(venue)
    }

    /// The venue, while it runs.
    pub fn now(&self) -> Option<Arc<dyn Broker>> {
        self.present().as_ref().map(|(_, venue)| Arc::clone(venue) as Arc<dyn Broker>)
    }

    /// The same, with what only an exchange can be asked.
    pub fn paper(&self) -> Option<Arc<PaperVenue>> {
        self.present().as_ref().map(|(_, venue)| Arc::clone(venue))
    }

    /// Kills it.
    pub fn kill(&self) {
        let gone = self.present().take();
        if let Some((life, _)) = gone {
            life.finish(End::Killed);
        }
    }
}
