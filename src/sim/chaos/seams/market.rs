//! The feed: quotes that stand still, cross, vanish or go wild. The venue trades on the true market;
//! only what the daemon is told is wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use futures::future::pending;
use rust_decimal::Decimal;

use super::bent;
use crate::{
    account::exposure::Carry,
    clock::Timestamp,
    instrument::{Instrument, OptionContract, Product, Series},
    market::{
        Chain, DailyBar, EventDay, EventKind, Market, MarketError, OptionQuote, Provenance,
        UnderlyingQuote, VixQuote,
    },
    money::FxRate,
    sim::chaos::{
        board::{Crossing, Gate},
        plan::FeedFault,
    },
};

/// The market as one life sees it.
pub struct MarketSeam {
    market: Arc<dyn Market>,
    gate: Gate,
    frozen: Mutex<Frozen>,
}

/// What was shown first after the feed had stopped.
#[derive(Default)]
struct Frozen {
    underlyings: BTreeMap<(Product, Option<String>), UnderlyingQuote>,
    options: BTreeMap<OptionContract, OptionQuote>,
    vix: Option<VixQuote>,
}

impl MarketSeam {
    /// The way of a life to a market.
    pub fn new(market: Arc<dyn Market>, gate: Gate) -> Self {
        Self { market, gate, frozen: Mutex::default() }
    }

    fn frozen(&self) -> MutexGuard<'_, Frozen> {
        self.frozen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.gate.board().world().now()
    }

    /// One call: the truth, or nothing, or the error of a feed that is down.
    async fn ask<T>(
        &self,
        truth: impl Future<Output = Result<T, MarketError>> + Send,
    ) -> Result<T, MarketError> {
        self.gate.cross(Crossing::Market).await;
        let fault = self.gate.feed_fault(|how| {
            matches!(how, FeedFault::Silent | FeedFault::Down | FeedFault::Slow { .. })
        });
        let answer = match fault {
            Some(FeedFault::Silent) => return pending().await,
            Some(FeedFault::Down) => Err(MarketError::Feed("503: service unavailable".to_owned())),
            Some(FeedFault::Slow { ms }) => {
                self.gate.rt().sleep(TimeDelta::milliseconds(i64::from(ms))).await;
                truth.await
            }
            _ => truth.await,
        };
        self.gate.cross(Crossing::Market).await;
        answer
    }

    /// What is wrong with a quote of an option or of what it is on.
    fn wrong(&self) -> Option<FeedFault> {
        let wrong = self.gate.feed_fault(|how| {
            matches!(
                how,
                FeedFault::Stale
                    | FeedFault::Crossed
                    | FeedFault::NanGreeks
                    | FeedFault::Zero
                    | FeedFault::Wild
            )
        });
        if wrong != Some(FeedFault::Stale) {
            *self.frozen() = Frozen::default();
        }
        wrong
    }

    fn option(&self, quote: OptionQuote, wrong: Option<FeedFault>) -> OptionQuote {
        match wrong {
            None => quote,
            Some(FeedFault::Stale) => {
                let mut frozen = self.frozen();
                frozen.options.entry(quote.contract.clone()).or_insert(quote).clone()
            }
            Some(how) => bent::option(how, quote, self.gate.board().seed(), self.now()),
        }
    }
}

#[async_trait]
impl Market for MarketSeam {
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
        let quote = self.ask(self.market.underlying(product, series)).await?;
        Ok(match self.wrong() {
            Some(FeedFault::Stale) => {
                let place = (quote.product, quote.future.clone());
                self.frozen().underlyings.entry(place).or_insert(quote).clone()
            }
            Some(FeedFault::Zero) => UnderlyingQuote { last: Decimal::ZERO, ..quote },
            _ => quote,
        })
    }

    async fn vix(&self) -> Result<VixQuote, MarketError> {
        let quote = self.ask(self.market.vix()).await?;
        let wrong = self.gate.feed_fault(|how| {
            matches!(
                how,
                FeedFault::Stale
                    | FeedFault::Zero
                    | FeedFault::VixMissing
                    | FeedFault::VixStale
                    | FeedFault::VixSpike
            )
        });
        match wrong {
            Some(FeedFault::VixMissing) => Err(MarketError::NoVix),
            Some(FeedFault::Stale) => Ok(*self.frozen().vix.get_or_insert(quote)),
            Some(how) => Ok(bent::vix(how, quote)),
            None => Ok(quote),
        }
    }

    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        self.ask(self.market.series(product, days)).await
    }

    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError> {
        let mut chain = self.ask(self.market.chain(series, from, to)).await?;
        let wrong = self.wrong();
        if wrong.is_some() {
            chain.quotes = chain.quotes.into_iter().map(|q| self.option(q, wrong)).collect();
        }
        Ok(chain)
    }

    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        let quotes = self.ask(self.market.quotes(contracts)).await?;
        let wrong = self.wrong();
        Ok(quotes.into_iter().map(|quote| self.option(quote, wrong)).collect())
    }

    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        self.ask(self.market.daily_bars(product, before, count)).await
    }

    async fn iv_history(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Vec<(NaiveDate, f64)> {
        let known = async { Ok(self.market.iv_history(product, before, count).await) };
        self.ask(known).await.unwrap_or_default()
    }

    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        self.ask(self.market.fx(date)).await
    }

    async fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        let known = async { Ok(self.market.events(kind, date).await) };
        self.ask(known).await.unwrap_or(EventDay::Unknown)
    }

    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        self.ask(self.market.settlement(series)).await
    }

    fn carry(&self, product: Product) -> Carry {
        self.market.carry(product)
    }

    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        self.ask(self.market.mark(instrument)).await
    }
}
