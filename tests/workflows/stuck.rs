//! A broker that hangs between two instants: calls that begin then are answered at the end.

use std::sync::Arc;

use async_trait::async_trait;
use tomking::{
    account::{Balances, BrokerOrderId, Holding, TradingStatus},
    broker::{Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction},
    clock::{Runtime, Timestamp},
    risk::BuyingPower,
};

/// Between these instants nothing is answered.
pub type Hang = Option<(Timestamp, Timestamp)>;

/// The venue behind a line that hangs.
pub struct Stuck {
    pub inner: Arc<dyn Broker>,
    pub rt: Runtime,
    pub hang: Hang,
}

impl Stuck {
    async fn wait(&self) {
        if let Some((from, to)) = self.hang
            && (from..to).contains(&self.rt.now())
        {
            self.rt.sleep_until(to).await;
        }
    }
}

#[async_trait]
impl Broker for Stuck {
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        self.wait().await;
        self.inner.submit(order).await
    }
    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        self.wait().await;
        self.inner.cancel(id).await
    }
    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        self.wait().await;
        self.inner.order(id).await
    }
    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.wait().await;
        self.inner.orders_today().await
    }
    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.wait().await;
        self.inner.order_history(since).await
    }
    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        self.wait().await;
        self.inner.holdings().await
    }
    async fn balances(&self) -> Result<Balances, BrokerError> {
        self.wait().await;
        self.inner.balances().await
    }
    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.wait().await;
        self.inner.trading_status().await
    }
    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.wait().await;
        self.inner.transactions(after).await
    }
    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        self.wait().await;
        self.inner.dry_run(order).await
    }
    async fn changed(&self) {
        self.inner.changed().await;
    }
}
