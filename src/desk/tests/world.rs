//! A market on a script, the paper venue on its own store, and the desk between them; all of it can
//! be dropped at any instant and built again on the same stores.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec, prelude::FromPrimitive};

use super::clocks::Stepped;
use crate::{
    account::{Balances, BrokerOrderId, Holding, Position, TradingStatus},
    broker::{
        Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction, paper::PaperVenue,
    },
    calendar::{Calendar, Exchange, new_york_date},
    clock::{Runtime, Timestamp, VirtualWorld},
    config::{PaperSettings, Rulebook},
    desk::{
        Desk, DeskParts,
        fold::{self, FoldOutcome},
        jobs, read,
        reconcile::gaps,
    },
    instrument::{Instrument, OptionContract, Product, Right, Series, expiration},
    market::{
        Chain, DailyBar, EventDay, EventKind, MacroEvent, Market, MarketError, OptionQuote,
        Provenance, UnderlyingQuote, VixQuote,
    },
    money::{FxRate, Usd, to_f64},
    notice::{Notice, OUTBOX},
    pricing::{Inputs, Model, price},
    risk::BuyingPower,
    schedule::JobContext,
    store::{Read, Store},
};

pub(super) fn at(clock: &str) -> Timestamp {
    format!("2024-08-02T{clock}-04:00").parse().unwrap()
}

/// The underlying and its volatility by instant.
#[derive(Clone, Copy)]
pub(super) struct Script {
    pub(super) last: fn(Timestamp) -> f64,
    pub(super) vol: fn(Timestamp) -> f64,
    /// The least bid of any option, ticks.
    pub(super) least_bid: Decimal,
    /// VIX, whose previous close is 15.
    pub(super) vix: fn(Timestamp) -> Decimal,
    /// The feed's last frame of an underlying.
    pub(super) heard: fn(Timestamp) -> Timestamp,
}

/// Nothing moves: time decay alone brings the profit target.
pub(super) fn quiet() -> Script {
    Script {
        last: |_| 5400.0,
        vol: |_| 0.22,
        least_bid: Decimal::ONE,
        vix: |_| dec!(15),
        heard: |now| now,
    }
}

/// Volatility grows as time runs out, so that the price of what was sold does not decay.
pub(super) fn without_decay() -> Script {
    let vol = |now: Timestamp| {
        let minutes = (at("16:00:00") - now).num_seconds().max(60);
        0.22 * (19_800.0 / f64::from(i32::try_from(minutes).unwrap())).sqrt()
    };
    Script { vol, ..quiet() }
}

/// A fall that reaches the stop at noon.
pub(super) fn falling() -> Script {
    let last = |now: Timestamp| {
        let minutes = (now - at("12:00:00")).num_minutes().clamp(0, 10);
        5400.0 - 6.0 * f64::from(i32::try_from(minutes).unwrap())
    };
    Script { last, ..quiet() }
}

/// A dip at 11:20 that is over by 11:40.
pub(super) fn dipping() -> Script {
    let last = |now: Timestamp| {
        let minutes = (now - at("11:20:00")).num_minutes().clamp(0, 10);
        let over = now >= at("11:40:00");
        if over { 5400.0 } else { 5400.0 - 6.0 * f64::from(i32::try_from(minutes).unwrap()) }
    };
    Script { last, ..quiet() }
}

pub(super) struct ScriptMarket {
    rt: Runtime,
    script: Script,
    cpi_today: bool,
}

impl ScriptMarket {
    fn quote(&self, contract: &OptionContract) -> OptionQuote {
        let now = self.rt.now();
        let left = (contract.series.last_trade - now).num_seconds().max(1);
        let inputs = Inputs {
            spot: (self.script.last)(now),
            strike: to_f64(contract.strike),
            rate: 0.0,
            dividend: 0.0,
            vol: (self.script.vol)(now),
            years: f64::from(i32::try_from(left).unwrap()) / (365.0 * 86_400.0),
            right: contract.right,
        };
        let priced = price(Model::Black76, &inputs);
        let tick = dec!(0.05);
        let mid = Decimal::from_f64(priced.price).unwrap();
        let half = (mid * dec!(0.02)).max(tick);
        OptionQuote {
            contract: contract.clone(),
            bid: ((mid - half) / tick).floor().max(self.script.least_bid) * tick,
            ask: ((mid + half) / tick).ceil().max(self.script.least_bid + Decimal::ONE) * tick,
            implied_volatility: inputs.vol,
            delta: priced.delta,
            gamma: priced.gamma,
            theta: priced.theta,
            vega: priced.vega,
            open_interest: 1000,
            at: now,
        }
    }

    fn last(&self, now: Timestamp) -> Decimal {
        Decimal::from_f64((self.script.last)(now)).unwrap()
    }
}

#[async_trait]
impl Market for ScriptMarket {
    fn provenance(&self) -> Provenance {
        Provenance::Simulated
    }
    fn products(&self) -> Vec<Product> {
        vec![Product::Es, Product::Spx]
    }
    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        let now = self.rt.now();
        Ok(UnderlyingQuote {
            product,
            future: series.and_then(|series| series.future.clone()),
            last: self.last(now),
            bid: None,
            ask: None,
            open: Some(self.last(at("09:30:00"))),
            at: (self.script.heard)(now),
        })
    }
    async fn vix(&self) -> Result<VixQuote, MarketError> {
        let now = self.rt.now();
        let level = (self.script.vix)(now);
        Ok(VixQuote { level, previous_close: Some(dec!(15)), at: now })
    }
    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        let date = new_york_date(self.rt.now());
        Ok(expiration::listed(&Calendar::default(), product, date, days))
    }
    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError> {
        let mut quotes = Vec::new();
        let mut strike = (from / dec!(5)).ceil() * dec!(5);
        while strike <= to {
            for right in [Right::Call, Right::Put] {
                let contract = OptionContract { series: series.clone(), strike, right };
                quotes.push(self.quote(&contract));
            }
            strike += dec!(5);
        }
        Ok(Chain { series: series.clone(), quotes })
    }
    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        Ok(contracts.iter().map(|contract| self.quote(contract)).collect())
    }
    async fn daily_bars(
        &self,
        _: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        let close = dec!(5400);
        let from = before - TimeDelta::days(2 * i64::try_from(count).unwrap());
        let sessions = Calendar::default().sessions(Exchange::Xnys, from, before);
        let sessions = sessions.into_iter().filter(|session| session.date < before);
        let bar = |session: crate::calendar::Session| DailyBar {
            date: session.date,
            open: close,
            high: close + dec!(25),
            low: close - dec!(25),
            close,
        };
        Ok(sessions.map(bar).collect())
    }
    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        Ok(FxRate { date: date.pred_opt().unwrap(), usd_per_gbp: dec!(1.28) })
    }
    async fn events(&self, kind: EventKind, _: NaiveDate) -> EventDay {
        let release = MacroEvent { kind, at: at("08:30:00") };
        let today = self.cpi_today && kind == EventKind::Cpi;
        EventDay::Known(today.then_some(release).into_iter().collect())
    }
    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        Ok(self.last(series.last_trade))
    }
    async fn mark(&self, _: &Instrument) -> Result<Decimal, MarketError> {
        Ok(self.last(self.rt.now()))
    }
}

/// What goes wrong between the desk and the venue.
#[derive(Default)]
pub(super) struct Faults {
    /// The next submits arrive, but their answers are lost.
    pub(super) lose_answers: AtomicU32,
    /// The next submits never arrive, and nobody says so.
    pub(super) lose_orders: AtomicU32,
    /// The next submits arrive, and their callers wait for ever.
    pub(super) hang: AtomicU32,
    /// The next reads of the holdings panic.
    pub(super) panics: AtomicU32,
    /// What the broker tells is seen through this.
    pub(super) mask: Mutex<Mask>,
    /// No read is answered.
    pub(super) silent: AtomicBool,
    /// Every movement of cash is told twice, the newest first.
    pub(super) double: AtomicBool,
    /// Every opening order that reached the venue, with its instant.
    pub(super) openings: Mutex<Vec<(Timestamp, String)>>,
}

pub(super) struct FaultyBroker {
    venue: PaperVenue,
    rt: Runtime,
    faults: Arc<Faults>,
}

fn take(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// How the broker's answers are bent on their way to the desk.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    /// Each order; `None` hides it.
    pub(super) order: fn(BrokerOrder) -> Option<BrokerOrder>,
    /// The holdings; `None` is no answer.
    pub(super) holdings: fn(Vec<Holding>) -> Option<Vec<Holding>>,
    /// The transactions.
    pub(super) transactions: fn(Vec<Transaction>) -> Vec<Transaction>,
}

impl Default for Mask {
    fn default() -> Self {
        Self { order: Some, holdings: Some, transactions: |all| all }
    }
}

impl FaultyBroker {
    pub(super) fn new(venue: PaperVenue, rt: Runtime, faults: Arc<Faults>) -> Self {
        Self { venue, rt, faults }
    }

    /// The venue behind it.
    pub(super) fn venue(&self) -> &PaperVenue {
        &self.venue
    }

    fn mask(&self) -> Mask {
        *self.faults.mask.lock().unwrap()
    }

    fn heard(&self) -> Result<(), BrokerError> {
        if self.faults.silent.load(Ordering::SeqCst) {
            return Err(BrokerError::Unavailable("planted silence".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        if take(&self.faults.lose_orders) {
            return Err(SubmitError::Unknown("planted: timed out".to_owned()));
        }
        if !order.strict_effect {
            let sent = (self.rt.now(), order.external_id.clone());
            self.faults.openings.lock().unwrap().push(sent);
        }
        let answer = self.venue.submit(order).await;
        if take(&self.faults.hang) {
            return futures::future::pending().await;
        }
        if take(&self.faults.lose_answers) {
            return Err(SubmitError::Unknown("planted: connection broken".to_owned()));
        }
        answer
    }
    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        self.heard()?;
        self.venue.cancel(id).await
    }
    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        self.heard()?;
        let order = self.mask().order;
        order(self.venue.order(id).await?).ok_or_else(|| BrokerError::NoSuchOrder(id.clone()))
    }
    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.heard()?;
        let order = self.mask().order;
        Ok(self.venue.orders_today().await?.into_iter().filter_map(order).collect())
    }
    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.heard()?;
        let order = self.mask().order;
        Ok(self.venue.order_history(since).await?.into_iter().filter_map(order).collect())
    }
    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        self.heard()?;
        assert!(!take(&self.faults.panics), "planted panic");
        let holdings = self.mask().holdings;
        holdings(self.venue.holdings().await?)
            .ok_or_else(|| BrokerError::Unavailable("planted: no holdings".to_owned()))
    }
    async fn balances(&self) -> Result<Balances, BrokerError> {
        self.heard()?;
        self.venue.balances().await
    }
    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.heard()?;
        self.venue.trading_status().await
    }
    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.heard()?;
        let transactions = self.mask().transactions;
        let mut told = transactions(self.venue.transactions(after).await?);
        if self.faults.double.load(Ordering::SeqCst) {
            told.extend(told.clone());
            told.reverse();
        }
        Ok(told)
    }
    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        self.heard()?;
        self.venue.dry_run(order).await
    }
    async fn changed(&self) {
        self.venue.changed().await;
    }
}

/// Two stores and a script; worlds come and go over them.
pub(super) struct Stage {
    pub(super) script: Script,
    pub(super) store: Store,
    venue_store: Store,
    pub(super) faults: Arc<Faults>,
    pub(super) data_dir: Option<std::path::PathBuf>,
    pub(super) rulebook: Rulebook,
    pub(super) cpi_today: bool,
}

/// What a scene has in hand.
pub(super) struct Scene {
    pub(super) desk: Arc<Desk>,
    pub(super) broker: Arc<FaultyBroker>,
    pub(super) rt: Runtime,
    pub(super) clock: Stepped,
}

impl Stage {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            store: Store::in_memory().unwrap(),
            venue_store: Store::in_memory().unwrap(),
            faults: Arc::default(),
            data_dir: None,
            rulebook: Rulebook::embedded(),
            cpi_today: false,
        }
    }

    /// One life of the daemon: a new world, a started desk, and a scene; then everything is dropped
    /// as a crash would drop it.
    pub(super) fn live<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        from: Timestamp,
        scene: impl FnOnce(Scene) -> F + 'static,
    ) -> T {
        let mut world = VirtualWorld::new(from);
        let clock = Stepped::over(world.runtime());
        let rt = clock.runtime();
        let started = self.start(rt.clone());
        let life = async move {
            let (desk, broker) = started.await;
            scene(Scene { desk, broker, rt, clock }).await
        };
        let ended = world.run(life).expect("the scene ends");
        self.assert_the_journal_folds();
        ended
    }

    /// The venue alone, while no daemon runs.
    pub(super) fn away<F: Future<Output = ()> + 'static>(
        &self,
        from: Timestamp,
        scene: impl FnOnce(Arc<FaultyBroker>, Runtime) -> F + 'static,
    ) {
        let mut world = VirtualWorld::new(from);
        let rt = world.runtime();
        let broker = self.broker(rt.clone());
        let life = async move {
            let (broker, _) = broker.await;
            scene(broker, rt).await;
        };
        world.run(life).expect("the scene ends");
    }

    /// The state of the store follows from its journal, whatever the scene was.
    pub(super) fn assert_the_journal_folds(&self) {
        let verified = self.store.read(|tx| fold::verify(tx, &[])).unwrap();
        assert_eq!(verified.journal.broken, None);
        assert_eq!(verified.state.differences, Vec::<String>::new());
        assert_eq!(verified.state.outcome, FoldOutcome::Same);
    }

    /// A started desk on its venue, in any world.
    pub(super) fn start(
        &self,
        rt: Runtime,
    ) -> impl Future<Output = (Arc<Desk>, Arc<FaultyBroker>)> + 'static {
        let rulebook = Arc::new(self.rulebook.clone());
        let (store, data_dir) = (self.store.clone(), self.data_dir.clone());
        let opened = self.broker(rt.clone());
        async move {
            let (broker, market) = opened.await;
            let desk = Desk::new(DeskParts {
                rt: rt.clone(),
                store,
                broker: Arc::clone(&broker) as Arc<dyn Broker>,
                market,
                calendar: Calendar::default(),
                rulebook,
                data_dir,
            })
            .unwrap();
            desk.start().await.unwrap();
            (desk, broker)
        }
    }

    /// The venue and its market.
    fn broker(
        &self,
        rt: Runtime,
    ) -> impl Future<Output = (Arc<FaultyBroker>, Arc<ScriptMarket>)> + 'static {
        let market = self.market(rt.clone());
        let (venue_store, faults) = (self.venue_store.clone(), Arc::clone(&self.faults));
        async move {
            let opened = PaperVenue::open(
                venue_store,
                Arc::clone(&market) as Arc<dyn Market>,
                rt.clone(),
                Calendar::default(),
                settings(),
            );
            let venue = opened.await.unwrap();
            (Arc::new(FaultyBroker { venue, rt, faults }), market)
        }
    }

    pub(super) fn market(&self, rt: Runtime) -> Arc<ScriptMarket> {
        Arc::new(ScriptMarket { rt, script: self.script, cpi_today: self.cpi_today })
    }

    pub(super) fn positions(&self) -> Vec<Position> {
        let date = |day| NaiveDate::from_ymd_opt(2024, 8, day).unwrap();
        self.store
            .read(|tx| {
                let mut all = read::open_positions(tx)?;
                all.extend(read::closed_positions(tx, date(1), date(9))?);
                Ok(all)
            })
            .unwrap()
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        let rows = self.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        rows.into_iter().map(|(_, row)| row.notice).collect()
    }
}

impl Scene {
    pub(super) async fn until(&self, clock: &str) {
        self.rt.sleep_until(at(clock)).await;
    }

    /// Runs a job's body and commits its report as the scheduler does.
    pub(super) async fn job(&self, name: &str, clock: &str) -> String {
        self.until(clock).await;
        run_job(&self.desk, &self.rt, name, clock).await
    }

    /// Ledger and venue hold the same, and the cash of the ledger is the venue's to the cent.
    pub(super) async fn assert_books_agree(&self) {
        let store = &self.desk.parts().store;
        let (positions, cash) =
            store.read(|tx| Ok((read::open_positions(tx)?, read::cash(tx)?.unwrap()))).unwrap();
        let holdings = self.broker.venue.holdings().await.unwrap();
        assert_eq!(gaps(&positions, &holdings), vec![]);
        let balances = self.broker.venue.balances().await.unwrap();
        assert_eq!(balances.cash_usd, cash.expected_usd());
    }

    /// Cash and fees of every transaction of the venue.
    pub(super) async fn venue_total(&self) -> Usd {
        let transactions = self.broker.venue.transactions(0).await.unwrap();
        let traded = transactions
            .iter()
            .filter(|t| t.kind != crate::broker::TransactionKind::Transfer)
            .map(|t| t.cash_usd - t.fees_usd);
        traded.sum()
    }
}

fn settings() -> PaperSettings {
    let file: toml::Table = toml::from_str(include_str!("../../../config/default.toml")).unwrap();
    file["paper"].clone().try_into().unwrap()
}

/// Runs a job's body for a slot and commits its report as the scheduler does.
pub(super) async fn run_job(desk: &Arc<Desk>, rt: &Runtime, name: &str, clock: &str) -> String {
    let (_, body) = jobs::bodies(desk).into_iter().find(|(n, _)| *n == name).unwrap();
    let context = JobContext { job: name.to_owned(), slot: at(clock), attempt: 1, rt: rt.clone() };
    let report = body.run(&context).await.unwrap();
    let commits = report.commits;
    let write =
        move |tx: &mut crate::store::WriteTx| commits.into_iter().try_for_each(|commit| commit(tx));
    desk.parts().store.write(write).await.unwrap();
    if let Some(after) = report.after {
        after();
    }
    report.summary
}
