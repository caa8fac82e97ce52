//! The paper venue: an exchange and a broker in one, with its own truth in its own store. It
//! survives the daemon's death and knows nothing of the daemon's store.
//!
//! Its assumptions (queue, prices, sizes, rejects, fees, expiry, assignment) are listed one by one,
//! with setting and test, in `docs/FILL_MODEL.md`.
//!
//! Architecture Invariant: `state` is a state machine without clock or I/O; cash is the sum of
//! the transactions and holdings are the sum of their quantities, checked whenever a store is
//! opened.

mod assignment;
mod check;
mod expiry;
mod fees;
mod fill;
mod floor;
mod intake;
mod looks;
mod order;
mod price;
mod reads;
/// Orders, holdings and cash as a pure state machine.
pub mod state;
mod tables;
mod ticks;
mod valuation;
mod windows;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures::{
    FutureExt,
    future::{BoxFuture, Either, select},
};
use tokio::sync::{mpsc, oneshot};

use self::floor::{Floor, Ground};
pub use self::{
    order::{UnevenUnit, VenueOrder, Window},
    state::VenueState,
    tables::{TABLES, truth},
};
use super::{Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction};
use crate::{
    account::{Balances, BrokerOrderId, Holding, NetPrice, TradingStatus},
    calendar::Calendar,
    clock::{Runtime, Timestamp},
    config::{PaperSettings, paper::FillSettings},
    instrument::{OptionContract, Product},
    market::{Market, MarketError},
    risk::BuyingPower,
    signal as watch,
    store::{Store, StoreError},
};

/// Requests that may wait at once.
const REQUESTS_MAX: usize = 64;

/// Why a venue could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    /// The settings are wrong; each fault with its key.
    #[error("paper venue: {0}")]
    Settings(String),
    /// The store could not be read or is not sound.
    #[error("paper venue: {0}")]
    Store(#[from] StoreError),
    /// The first balance could not be converted.
    #[error("paper venue: the starting balance: {0}")]
    Market(#[from] MarketError),
    /// The account could not be made durable.
    #[error("paper venue: {0}")]
    Failed(String),
}

type Request = Box<dyn for<'a> FnOnce(&'a mut Floor) -> BoxFuture<'a, ()> + Send>;

/// The paper venue. It works in a task of its own, which ends when this is dropped; a request that
/// has begun runs to its end even when its caller gives up.
pub struct PaperVenue {
    requests: mpsc::Sender<Request>,
    changed: watch::Receiver<u64>,
    seen: AtomicU64,
    store: Store,
}

impl PaperVenue {
    /// Opens the account, or goes on with the one in the store, and starts to work.
    pub async fn open(
        store: Store,
        market: Arc<dyn Market>,
        rt: Runtime,
        calendar: Calendar,
        settings: PaperSettings,
    ) -> Result<Self, VenueError> {
        let (tell, changed) = watch::channel(0);
        let books = store.clone();
        let ground = Ground { store, market, rt: rt.clone(), calendar, settings };
        let floor = Floor::open(ground, tell).await?;
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        rt.clone().spawn(serve(floor, inbox, rt));
        let seen = AtomicU64::new(*changed.borrow());
        Ok(Self { requests, changed, seen, store: books })
    }

    /// Has the venue do something; `None` when it is gone.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a mut Floor) -> BoxFuture<'a, T> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |floor| {
            async move {
                // Nobody waiting for the answer any more changes nothing of what was done.
                let _ = answer.send(work(floor).await);
            }
            .boxed()
        });
        self.requests.send(request).await.ok()?;
        answered.await.ok()
    }

    /// Exercises longs of an American option, or has its shorts assigned, at once: the owner's hand,
    /// or the other side's. The account tells of it by holdings and transactions only.
    pub async fn exercise(
        &self,
        contract: &OptionContract,
        contracts: u32,
    ) -> Result<(), BrokerError> {
        let contract = contract.clone();
        self.read(move |floor| async move { floor.exercise(&contract, contracts).await }.boxed())
            .await
    }

    /// A corporate action on an ETF: its options that are held go under an adjusted root (`SPY1`).
    pub async fn adjust(&self, product: Product) -> Result<(), BrokerError> {
        self.read(move |floor| floor.adjust(product).boxed()).await
    }

    /// Fills by other figures from now on, until it is opened again.
    pub async fn refit(&self, fills: FillSettings) -> Result<(), BrokerError> {
        self.read(move |floor| async move { floor.refit(fills).await }.boxed()).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a mut Floor) -> BoxFuture<'a, Result<T, BrokerError>>
        + Send
        + 'static,
    ) -> Result<T, BrokerError> {
        let gone = || Err(BrokerError::Unavailable("the paper venue has stopped".to_owned()));
        self.ask(work).await.unwrap_or_else(gone)
    }
}

/// Serves requests and does what is due, until nobody can ask any more.
async fn serve(mut floor: Floor, mut inbox: mpsc::Receiver<Request>, rt: Runtime) {
    let mut alarm: Option<(Timestamp, BoxFuture<'static, ()>)> = None;
    loop {
        let wake = floor.next_wake();
        if alarm.as_ref().map(|(at, _)| *at) != wake {
            alarm = wake.map(|at| (at, rt.sleep_until(at)));
        }
        let next = {
            let request = std::pin::pin!(inbox.recv());
            match &mut alarm {
                Some((_, sleep)) => match select(request, sleep).await {
                    Either::Left((request, _)) => Some(request),
                    Either::Right(((), _)) => None,
                },
                None => Some(request.await),
            }
        };
        match next {
            Some(Some(request)) => request(&mut floor).await,
            Some(None) => return,
            None => {
                alarm = None;
                floor.advance().await;
            }
        }
    }
}

#[async_trait]
impl Broker for PaperVenue {
    async fn submit(&self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        let order = order.clone();
        let told = self.ask(move |floor| async move { floor.submit(&order).await }.boxed()).await;
        told.unwrap_or_else(|| Err(SubmitError::Unknown("the paper venue has stopped".to_owned())))
    }

    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        let id = id.clone();
        self.read(move |floor| async move { floor.cancel(&id).await }.boxed()).await
    }

    async fn replace(
        &self,
        id: &BrokerOrderId,
        limit: NetPrice,
        external_id: &str,
    ) -> Result<BrokerOrder, SubmitError> {
        let (id, external_id) = (id.clone(), external_id.to_owned());
        let told = self
            .ask(move |floor| async move { floor.replace(&id, limit, &external_id).await }.boxed())
            .await;
        told.unwrap_or_else(|| Err(SubmitError::Unknown("the paper venue has stopped".to_owned())))
    }

    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        let id = id.clone();
        self.read(move |floor| async move { floor.order(&id).await }.boxed()).await
    }

    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.read(|floor| floor.orders_today().boxed()).await
    }

    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.read(move |floor| floor.order_history(since).boxed()).await
    }

    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        self.read(|floor| floor.holdings().boxed()).await
    }

    async fn balances(&self) -> Result<Balances, BrokerError> {
        self.read(|floor| floor.balances().boxed()).await
    }

    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.read(|floor| floor.trading_status().boxed()).await
    }

    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.read(move |floor| floor.transactions(after).boxed()).await
    }

    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        let order = order.clone();
        self.read(move |floor| async move { floor.dry_run(&order).await.map(Some) }.boxed()).await
    }

    fn back_up(&self, to: &std::path::Path) -> Result<bool, String> {
        self.store.backup(to).map(|_| true).map_err(|error| format!("paper venue: {error}"))
    }

    async fn changed(&self) {
        let mut version = self.changed.clone();
        let seen = self.seen.load(Ordering::Acquire);
        // An error means the venue is gone: then nothing will ever change.
        let Ok(now) = version.wait_for(|now| *now != seen).await else {
            std::future::pending::<()>().await;
            return;
        };
        self.seen.store(now, Ordering::Release);
    }
}
