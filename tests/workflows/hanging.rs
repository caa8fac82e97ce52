//! A broker and a market that stop answering: by a switch, so that who asks waits for ever, or between
//! two instants, so that what begins then is answered at the end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use tomking::{
    account::{Balances, BrokerOrderId, Holding, TradingStatus},
    broker::{Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction},
    clock::{Runtime, Timestamp},
    instrument::{Instrument, OptionContract, Product, Series},
    market::{
        Chain, DailyBar, EventDay, EventKind, Market, MarketError, OptionQuote, Provenance,
        UnderlyingQuote, VixQuote,
    },
    money::FxRate,
    risk::BuyingPower,
};

/// Between these instants nothing is answered.
pub type Hang = Option<(Timestamp, Timestamp)>;

/// Who may hang.
pub struct Hanging<T: ?Sized> {
    pub inner: Arc<T>,
    pub rt: Runtime,
    pub hung: Arc<AtomicBool>,
    pub hang: Hang,
}

impl<T: ?Sized> Hanging<T> {
    async fn open(&self) -> &T {
        if let Some((from, to)) = self.hang
            && (from..to).contains(&self.rt.now())
        {
            self.rt.sleep_until(to).await;
        }
        self.switch().await
    }

    async fn switch(&self) -> &T {
        if self.hung.load(Ordering::SeqCst) {
            return futures::future::pending().await;
        }
        &self.inner
    }
}

#[async_trait]
impl Broker for Hanging<dyn Broker> {
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        self.open().await.submit(order).await
    }
    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        self.open().await.cancel(id).await
    }
    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        self.open().await.order(id).await
    }
    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.open().await.orders_today().await
    }
    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.open().await.order_history(since).await
    }
    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        self.open().await.holdings().await
    }
    async fn balances(&self) -> Result<Balances, BrokerError> {
        self.open().await.balances().await
    }
    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.open().await.trading_status().await
    }
    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.open().await.transactions(after).await
    }
    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        self.open().await.dry_run(order).await
    }
    async fn changed(&self) {
        self.switch().await.changed().await;
    }
}

#[async_trait]
impl Market for Hanging<dyn Market> {
    fn provenance(&self) -> Provenance {
        self.inner.provenance()
    }
    fn products(&self) -> Vec<Product> {
        self.inner.products()
    }
    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        self.open().await.underlying(product, series).await
    }
    async fn vix(&self) -> Result<VixQuote, MarketError> {
        self.open().await.vix().await
    }
    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        self.open().await.series(product, days).await
    }
    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError> {
        self.open().await.chain(series, from, to).await
    }
    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        self.open().await.quotes(contracts).await
    }
    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        self.open().await.daily_bars(product, before, count).await
    }
    async fn iv_history(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Vec<(NaiveDate, f64)> {
        self.open().await.iv_history(product, before, count).await
    }
    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        self.open().await.fx(date).await
    }
    async fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        self.open().await.events(kind, date).await
    }
    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        self.open().await.settlement(series).await
    }
    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        self.open().await.mark(instrument).await
    }
}
