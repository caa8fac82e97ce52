//! A market that shows what a script says: for tests of the venue and of what stands on it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use chrono::NaiveDate;
use rust_decimal::{Decimal, dec};

use crate::{
    clock::{Runtime, Timestamp},
    instrument::{Instrument, OptionContract, Product, Series},
    market::{
        Chain, DailyBar, EventDay, EventKind, Market, MarketError, OptionQuote, Provenance,
        UnderlyingQuote, VixQuote,
    },
    money::FxRate,
};

#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub bid: Decimal,
    pub ask: Decimal,
    pub open_interest: u32,
}

#[derive(Default)]
struct Script {
    quotes: BTreeMap<OptionContract, BTreeMap<Timestamp, Option<Line>>>,
    settlements: BTreeMap<Product, Decimal>,
    marks: BTreeMap<Product, Decimal>,
    stale_seconds: i64,
    down: bool,
}

/// Quotes hold from the instant they were scripted for until the next.
pub struct ScriptedMarket {
    rt: Runtime,
    script: Mutex<Script>,
}

impl ScriptedMarket {
    pub fn new(rt: Runtime) -> Self {
        let marks = Product::ALL.iter().map(|product| match product.symbol() {
            "ES" | "MES" | "SPX" => (*product, dec!(5350)),
            _ => (*product, dec!(535)),
        });
        let script = Script { marks: marks.collect(), ..Script::default() };
        Self { rt, script: Mutex::new(script) }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// A quote from now on, with plenty of open interest.
    pub fn quote(&self, contract: &OptionContract, bid: Decimal, ask: Decimal) {
        self.quote_from(self.rt.now(), contract, Some(Line { bid, ask, open_interest: 5_000 }));
    }

    /// A quote, or none, from an instant on.
    pub fn quote_from(&self, from: Timestamp, contract: &OptionContract, line: Option<Line>) {
        self.script().quotes.entry(contract.clone()).or_default().insert(from, line);
    }

    pub fn settle(&self, product: Product, value: Decimal) {
        self.script().settlements.insert(product, value);
    }

    pub fn mark_at(&self, product: Product, value: Decimal) {
        self.script().marks.insert(product, value);
    }

    /// The product has no price any more.
    pub fn unmark(&self, product: Product) {
        self.script().marks.remove(&product);
    }

    /// Every quote from now on is so old.
    pub fn age(&self, seconds: i64) {
        self.script().stale_seconds = seconds;
    }

    /// The feed answers nothing, or answers again.
    pub fn down(&self, down: bool) {
        self.script().down = down;
    }

    fn shown(&self, contract: &OptionContract) -> Option<OptionQuote> {
        let now = self.rt.now();
        let script = self.script();
        let line = (*script.quotes.get(contract)?.range(..=now).next_back()?.1)?;
        Some(OptionQuote {
            contract: contract.clone(),
            bid: line.bid,
            ask: line.ask,
            implied_volatility: 0.2,
            delta: 0.2,
            gamma: 0.0,
            theta: 0.0,
            vega: 0.0,
            open_interest: line.open_interest,
            at: now - chrono::TimeDelta::seconds(script.stale_seconds),
        })
    }
}

#[async_trait]
impl Market for ScriptedMarket {
    fn provenance(&self) -> Provenance {
        Provenance::Simulated
    }

    fn products(&self) -> Vec<Product> {
        Product::ALL.iter().copied().filter(|product| *product != Product::Tlt).collect()
    }

    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        let last = self.script().marks.get(&product).copied();
        Ok(UnderlyingQuote {
            product,
            future: series.and_then(|series| series.future.clone()),
            last: last.ok_or(MarketError::NoData(product))?,
            bid: None,
            ask: None,
            open: None,
            at: self.rt.now(),
        })
    }

    async fn vix(&self) -> Result<VixQuote, MarketError> {
        Err(MarketError::NoVix)
    }

    async fn series(&self, product: Product, _: u32) -> Result<Vec<Series>, MarketError> {
        Err(MarketError::NoData(product))
    }

    async fn chain(&self, series: &Series, _: Decimal, _: Decimal) -> Result<Chain, MarketError> {
        Err(MarketError::NoData(series.product))
    }

    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        if self.script().down {
            return Err(MarketError::Feed("down".to_owned()));
        }
        let quotes = contracts.iter().map(|contract| {
            self.shown(contract).ok_or(MarketError::NoData(contract.series.product))
        });
        quotes.collect()
    }

    async fn daily_bars(
        &self,
        product: Product,
        _: NaiveDate,
        _: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        Err(MarketError::NoData(product))
    }

    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        let before = date.pred_opt().ok_or(MarketError::NoFx(date))?;
        FxRate::new(before, dec!(1.28)).ok_or(MarketError::NoFx(date))
    }

    async fn events(&self, _: EventKind, _: NaiveDate) -> EventDay {
        EventDay::Unknown
    }

    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        let found = self.script().settlements.get(&series.product).copied();
        found.ok_or(MarketError::NoPrice { product: series.product, at: self.rt.now() })
    }

    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        let product = instrument.product();
        self.script().marks.get(&product).copied().ok_or(MarketError::NoData(product))
    }
}
