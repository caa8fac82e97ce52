//! The process of a run: what one life does from its start to its end, and the supervisor that
//! starts the next one, as systemd would.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::{
    FutureExt as _,
    future::{Either, select},
};

use super::{
    board::{Board, Gate, Present},
    disk::{Disk, LifeDisk},
    ground::Ground,
    life::{End, Life, Machine},
    seams::{broker::BrokerSeam, channel::ChannelSeam, market::MarketSeam},
    venue::VenueHost,
    watch::Watch,
};
use crate::{
    alert::{
        Channel,
        dispatch::{self, Voice},
        route::Rules,
    },
    app::{App, Parts, tell},
    broker::Broker,
    clock::Runtime,
    control::{Request, alerts, socket::OPERATOR},
    market::Market,
    notice::{Notice, Severity},
    store::Store,
};

/// The supervisor starts the process again after so long (ops/tomking.service).
const RESTART: TimeDelta = TimeDelta::seconds(5);
/// Runs that are under way at a stop are waited for so long, as live.
const STOP_WAIT: TimeDelta = TimeDelta::seconds(15);

/// The owner acknowledges what is open each so long, in a life that lasts that long.
const ACKNOWLEDGES: TimeDelta = TimeDelta::hours(7);

/// The owner, who looks at the phone now and then.
async fn acknowledge(rt: Runtime, store: Store) {
    loop {
        rt.sleep(ACKNOWLEDGES).await;
        let request = Request::AlertsAck { id: None };
        if alerts::write(&store, request, OPERATOR, rt.now()).await.is_err() {
            return; // the store failed, and with it the process
        }
    }
}

/// Where the daemon's store is, from life to life.
#[derive(Clone)]
pub enum Stored {
    /// In redb on a disk things happen to.
    Disk(Disk),
    /// In memory: nothing happens to it, and only a task can die, not a commit.
    Memory(Store),
}

/// What stands around the process.
#[derive(Clone)]
pub struct Around {
    /// Settings, jobs, tape.
    pub ground: Arc<Ground>,
    /// The switchboard.
    pub board: Arc<Board>,
    /// The machine.
    pub machine: Arc<Machine>,
    /// Where the daemon's store is.
    pub stored: Stored,
    /// The venue.
    pub venue: Arc<VenueHost>,
    /// The true market.
    pub market: Arc<dyn Market>,
    /// The eyes.
    pub watch: Arc<Watch>,
}

impl Around {
    /// Lives after lives, for ever.
    pub async fn supervise(self) {
        for number in 1_u32.. {
            self.machine.sleep(if number == 1 { TimeDelta::zero() } else { RESTART }).await;
            let venue = match self.venue.open().await {
                Ok(venue) => venue,
                Err(error) => {
                    return self.watch.fail(format!("the venue does not open again: {error}"));
                }
            };
            let life = Life::new(number, Arc::clone(&self.machine));
            let gate = Gate::new(Arc::clone(&self.board), Arc::clone(&life));
            self.watch.born(&life);
            self.begin(&gate, venue);
            let end = life.ended().await;
            self.watch.died(end);
            self.board.set_present(None);
            if gate.takes_venue() {
                self.venue.kill();
            }
            // Its tasks are dropped in this instant, and with them its store.
            self.board.world().sleep(TimeDelta::milliseconds(1)).await;
            life.cut_off();
        }
    }

    /// Opens the store and starts the process.
    fn begin(&self, gate: &Gate, venue: Arc<dyn Broker>) {
        let opened = match &self.stored {
            Stored::Disk(disk) => Store::with_backend(LifeDisk::new(disk.clone(), gate.clone())),
            Stored::Memory(store) => Ok(store.clone()),
        };
        let store = match opened {
            Ok(store) => store,
            Err(error) => return gate.die(End::NotStarted(error.to_string()), false),
        };
        if gate.is_over() {
            return; // killed while it opened
        }
        self.watch.opened(&store);
        let (around, of, rt) = (self.clone(), gate.clone(), gate.rt());
        rt.spawn(async move {
            let lives = AssertUnwindSafe(around.live(&of, store, venue)).catch_unwind();
            let end = lives.await.unwrap_or_else(|_| End::Gave("it panicked".to_owned()));
            of.die(end, false);
        });
    }

    /// What the daemon does, as `live::run` does it.
    async fn live(&self, gate: &Gate, store: Store, venue: Arc<dyn Broker>) -> End {
        let rt = gate.rt();
        let app = match self.start(gate, &rt, &store, venue).await {
            Ok(app) => app,
            Err(cause) => return End::NotStarted(cause),
        };
        self.watch.ready();
        self.board.set_present(Some(Present {
            gate: gate.clone(),
            desk: Arc::clone(&app.desk),
            scheduler: Arc::clone(&app.scheduler),
        }));
        let failed = store.failed().boxed();
        let runs = app.scheduler.run_stepped(self.machine.stepped()).boxed();
        let asked = gate.life().asked_to_stop().boxed();
        match select(failed, select(runs, asked)).await {
            Either::Left((cause, _)) => End::StoreFailed(cause),
            Either::Right((Either::Left((ended, _)), _)) => match (store.failure(), ended) {
                (Some(cause), _) => End::StoreFailed(cause),
                (None, Err(error)) => End::Gave(error.to_string()),
                (None, Ok(())) => End::Gave("the scheduler ended".to_owned()),
            },
            Either::Right((Either::Right(((), runs)), _)) => {
                drop(runs);
                if let Err(error) = tell(&store, &rt, Notice::Stopping).await {
                    return End::StoreFailed(error.to_string());
                }
                app.scheduler.stop();
                let _ = rt.timeout(STOP_WAIT, app.scheduler.idle()).await;
                End::Stopped
            }
        }
    }

    async fn start(
        &self,
        gate: &Gate,
        rt: &Runtime,
        store: &Store,
        venue: Arc<dyn Broker>,
    ) -> Result<App, String> {
        let parts = Parts {
            rt: rt.clone(),
            calendar: self.ground.calendar.clone(),
            settings: Arc::clone(&self.ground.settings),
            jobs: self.ground.jobs.clone(),
            store: store.clone(),
            market: Arc::new(MarketSeam::new(Arc::clone(&self.market), gate.clone())),
            broker: Arc::new(BrokerSeam::new(venue, gate.clone())),
            data_dir: None,
            heartbeat: None,
        };
        let app = App::assemble(parts).map_err(|error| error.to_string())?;
        let channel = |(place, name): (u32, &String)| {
            let seam = ChannelSeam::new(name, place, Severity::Info, gate.clone());
            Arc::new(seam) as Arc<dyn Channel>
        };
        let channels = (0..).zip(&self.ground.channels).map(channel).collect();
        let rules = Rules::of(&self.ground.settings.voice);
        for (_, part) in dispatch::parts(rt, store, &Voice::new(rules, channels)) {
            rt.spawn(part.map(drop));
        }
        rt.spawn(acknowledge(rt.clone(), store.clone()));
        app.desk.start().await.map_err(|error| error.to_string())?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        tell(store, rt, Notice::Started { version }).await.map_err(|error| error.to_string())?;
        Ok(app)
    }
}
