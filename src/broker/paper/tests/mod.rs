//! The venue from outside: everything here goes through `Broker`, on a scripted market and in
//! virtual time.

mod assignment;
mod fills;
mod knobs;
mod lifecycle;
mod prices;
mod random;
mod refusals;
mod restart;
pub(crate) mod scripted;
mod settlement;

use std::{future::Future, sync::Arc};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec};

pub use self::scripted::ScriptedMarket;
use super::PaperVenue;
use crate::{
    account::{BrokerOrderId, Effect, Leg, NetPrice, Side},
    broker::{Broker, BrokerOrder, OrderRequest},
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    config::PaperSettings,
    instrument::{Instrument, OptionContract, Product, Right, Series, Settlement, expiration},
    store::Store,
};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Friday 2024-08-02, 10:30 in New York.
pub fn friday() -> Timestamp {
    at("2024-08-02T14:30:00Z")
}

pub fn settings() -> PaperSettings {
    let text = include_str!("../../../../config/default.toml");
    let file: toml::Table = toml::from_str(text).unwrap();
    file["paper"].clone().try_into().unwrap()
}

/// The series of a product with PM settlement that expires on a date.
pub fn series(product: Product, date: &str) -> Series {
    let date: NaiveDate = date.parse().unwrap();
    let listed = expiration::listed(&Calendar::default(), product, date, 0);
    listed.into_iter().find(|series| series.settlement == Settlement::Pm).unwrap()
}

pub fn option(product: Product, strike: Decimal, right: Right) -> OptionContract {
    OptionContract { series: series(product, "2024-08-02"), strike, right }
}

pub fn leg(side: Side, contract: &OptionContract, effect: Effect) -> Leg {
    Leg { instrument: Instrument::Option(contract.clone()), side, ratio: 1, effect }
}

pub fn request(legs: Vec<Leg>, units: u32, limit: Decimal) -> OrderRequest {
    let external_id = "zdte-20240802-1/1".to_owned();
    OrderRequest { external_id, legs, units, limit: NetPrice(limit), strict_effect: true }
}

/// A put spread of ES to sell: 5300 at 6.00 to 6.50, 5270 at 3.00 to 3.20. Natural 2.80, mid 3.15.
pub fn put_spread(market: &ScriptedMarket) -> Vec<Leg> {
    let short = option(Product::Es, dec!(5300), Right::Put);
    let long = option(Product::Es, dec!(5270), Right::Put);
    market.quote(&short, dec!(6.00), dec!(6.50));
    market.quote(&long, dec!(3.00), dec!(3.20));
    vec![leg(Side::Sell, &short, Effect::Open), leg(Side::Buy, &long, Effect::Open)]
}

/// The same legs the other way round, closing.
pub fn reversed(legs: &[Leg]) -> Vec<Leg> {
    let flip = |leg: &Leg| Leg { side: leg.side.opposite(), effect: Effect::Close, ..leg.clone() };
    legs.iter().map(flip).collect()
}

/// One account, one market, one virtual world.
pub struct Stage {
    pub world: VirtualWorld,
    pub rt: Runtime,
    pub market: Arc<ScriptedMarket>,
    pub store: Store,
    pub settings: PaperSettings,
}

impl Stage {
    pub fn new(start: Timestamp) -> Self {
        let world = VirtualWorld::new(start);
        let rt = world.runtime();
        let market = Arc::new(ScriptedMarket::new(rt.clone()));
        Self { world, rt, market, store: Store::in_memory().unwrap(), settings: settings() }
    }

    /// Runs a scene with a venue on the stage's store; the venue is dropped at its end.
    pub fn play<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        scene: impl FnOnce(Actors) -> F + 'static,
    ) -> T {
        let (store, market, rt) = (self.store.clone(), Arc::clone(&self.market), self.rt.clone());
        let settings = self.settings.clone();
        let played = async move {
            let opened = PaperVenue::open(
                store,
                Arc::clone(&market) as Arc<_>,
                rt.clone(),
                Calendar::default(),
                settings,
            );
            let venue = opened.await.unwrap();
            scene(Actors { venue: Arc::new(venue), market, rt }).await
        };
        self.world.run(played).expect("the scene ends")
    }
}

/// What a scene is played with.
#[derive(Clone)]
pub struct Actors {
    pub venue: Arc<PaperVenue>,
    pub market: Arc<ScriptedMarket>,
    pub rt: Runtime,
}

impl Actors {
    pub async fn wait(&self, seconds: i64) {
        self.rt.sleep(TimeDelta::seconds(seconds)).await;
    }

    pub async fn until(&self, instant: &str) {
        self.rt.sleep_until(at(instant)).await;
    }

    pub async fn order(&self, id: &BrokerOrderId) -> BrokerOrder {
        self.venue.order(id).await.unwrap()
    }

    /// Submits and waits until the order has ended.
    pub async fn fill(&self, order: OrderRequest) -> BrokerOrder {
        let mut told = self.venue.submit(&order).await.unwrap();
        for _ in 0..10_000 {
            if told.status.is_terminal() {
                return told;
            }
            self.wait(1).await;
            told = self.order(&told.id).await;
        }
        panic!("never ended: {told:?}");
    }
}

/// Net credit of a unit as the legs of a wholly filled order were priced, from the fills alone.
pub fn net_of(order: &BrokerOrder) -> Decimal {
    let cash = order.fills.iter().map(|fill| fill.cash().0 / fill.instrument.multiplier());
    cash.sum::<Decimal>() / Decimal::from(order.units)
}
