//! What one entry costs from the snapshot to the wire: decide, gate, the durable decision and
//! intent, the worker's look at fresh quotes, the durable send, and the order's bytes; on a redb
//! file, the network apart. Fridays of simulated years, a fresh store each.
//!
//! `cargo bench --bench order`

#![allow(clippy::unwrap_used)] // a bench that cannot start has nothing to measure

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use tomking::{
    account::{Balances, BrokerOrderId, Holding, TradingStatus},
    broker::{
        Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction, paper::PaperVenue,
    },
    calendar::Calendar,
    clock::{Stopwatch, Timestamp},
    config::Settings,
    desk::{Desk, DeskParts},
    instrument::{Instrument, OptionContract, Product, Series},
    market::{
        Chain, DailyBar, EventDay, EventKind, Market, MarketError, ModelledMarket, OptionQuote,
        Provenance, SimulatedTape, UnderlyingQuote, VixQuote,
    },
    money::FxRate,
    risk::BuyingPower,
    store::Store,
};

use support::{enter, figures, fridays, runtime};

mod support;

const ENTRIES: usize = 200;

/// When the snapshot's last read was answered and when the order's bytes were ready.
struct Marks {
    watch: Stopwatch,
    snapshot_ns: AtomicU64,
    wire_ns: AtomicU64,
    bytes: Mutex<Vec<u8>>,
}

impl Marks {
    fn now(&self) -> u64 {
        u64::try_from(self.watch.elapsed().as_nanos()).unwrap()
    }
}

/// The market, with the end of a snapshot marked: its last read is a chain.
struct Watched<M> {
    market: M,
    marks: Arc<Marks>,
}

#[async_trait]
impl<M: Market> Market for Watched<M> {
    fn provenance(&self) -> Provenance {
        self.market.provenance()
    }
    fn products(&self) -> Vec<Product> {
        self.market.products()
    }
    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        self.market.underlying(product, series).await
    }
    async fn vix(&self) -> Result<VixQuote, MarketError> {
        self.market.vix().await
    }
    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        self.market.series(product, days).await
    }
    async fn chain(&self, s: &Series, from: Decimal, to: Decimal) -> Result<Chain, MarketError> {
        let chain = self.market.chain(s, from, to).await;
        self.marks.snapshot_ns.store(self.marks.now(), Ordering::SeqCst);
        chain
    }
    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        self.market.quotes(contracts).await
    }
    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        self.market.daily_bars(product, before, count).await
    }
    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        self.market.fx(date).await
    }
    async fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        self.market.events(kind, date).await
    }
    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        self.market.settlement(series).await
    }
    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        self.market.mark(instrument).await
    }
}

/// The venue behind a wire that ends where the bytes are ready.
struct Wire {
    venue: PaperVenue,
    marks: Arc<Marks>,
}

#[async_trait]
impl Broker for Wire {
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        let bytes = serde_json::to_vec(order).unwrap();
        self.marks.wire_ns.store(self.marks.now(), Ordering::SeqCst);
        *self.marks.bytes.lock().unwrap() = bytes;
        self.venue.submit(order).await
    }
    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        self.venue.cancel(id).await
    }
    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        self.venue.order(id).await
    }
    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.venue.orders_today().await
    }
    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.venue.order_history(since).await
    }
    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        self.venue.holdings().await
    }
    async fn balances(&self) -> Result<Balances, BrokerError> {
        self.venue.balances().await
    }
    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.venue.trading_status().await
    }
    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.venue.transactions(after).await
    }
    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        self.venue.dry_run(order).await
    }
    async fn changed(&self) {
        self.venue.changed().await;
    }
}

/// One Friday's entry: the time from its snapshot to its order's bytes; `None` without a trade.
async fn entry(slot: Timestamp, settings: &Settings, calendar: &Calendar) -> Option<Duration> {
    let rt = runtime(slot);
    let marks = Arc::new(Marks {
        watch: Stopwatch::start(),
        snapshot_ns: AtomicU64::new(0),
        wire_ns: AtomicU64::new(0),
        bytes: Mutex::default(),
    });
    let tape = SimulatedTape::new(settings.market.seed, calendar);
    let market = ModelledMarket::new(tape, settings.market.clone(), rt.clone(), calendar.clone());
    let market: Arc<dyn Market> = Arc::new(Watched { market, marks: Arc::clone(&marks) });
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("tomking.redb"), "bench").unwrap();
    let opened = PaperVenue::open(
        Store::in_memory().unwrap(),
        Arc::clone(&market),
        rt.clone(),
        calendar.clone(),
        settings.paper.clone(),
    );
    let wire = Wire { venue: opened.await.unwrap(), marks: Arc::clone(&marks) };
    let desk = Desk::new(DeskParts {
        rt: rt.clone(),
        store: store.clone(),
        broker: Arc::new(wire),
        market,
        calendar: calendar.clone(),
        rulebook: Arc::new(settings.rulebook.clone()),
        data_dir: None,
    })
    .unwrap();
    desk.start().await.unwrap();
    if !enter(&desk, &store, &rt, slot).await {
        return None;
    }
    for _ in 0..1_000 {
        let wire = marks.wire_ns.load(Ordering::SeqCst);
        if wire > 0 {
            return Some(Duration::from_nanos(wire - marks.snapshot_ns.load(Ordering::SeqCst)));
        }
        rt.sleep(TimeDelta::milliseconds(1)).await;
    }
    None
}

fn main() {
    let settings = Settings::load(None).unwrap();
    let calendar = Calendar::default();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut times = Vec::new();
    for slot in fridays(&calendar) {
        times.extend(threads.block_on(entry(slot, &settings, &calendar)));
        if times.len() == ENTRIES {
            break;
        }
    }
    println!("snapshot to order bytes, entries {}", figures(times));
}
