//! The paper venue: an exchange and a broker in one, with its own truth in its own store. It
//! survives the daemon's death and knows nothing of the daemon's store.
//!
//! # How it fills, assumption by assumption
//! Figures are the defaults of `[paper.fills]`.
//!
//! 1. Time is a grid. An order is looked at on whole seconds, first on the one after it arrived;
//!    every ten seconds while its limit is far from the market (better than mid by more than two
//!    half spreads of the whole order, or a leg cannot be traded). Asking the venue more often
//!    changes nothing.
//! 2. Natural is the net of all legs with bought legs at the ask and sold legs at the bid; mid is
//!    the net of the legs' midpoints. A limit at natural or worse fills at the first look, at
//!    natural, not at the limit.
//! 3. A limit between mid and natural fills by chance at each look: 3 % with the limit at mid,
//!    growing evenly to 25 % next to natural. The draw is a pure function of the seed, the order's
//!    number and the instant. It fills at its limit; where the ticks of the legs do not add up to
//!    the limit, at the next better price they do add up to.
//! 4. A limit better than mid does not fill. No fill is better than mid, none is worse than
//!    natural.
//! 5. Every leg's price lies inside that leg's bid and ask at that instant, and on its tick or at
//!    its quote; the improvement on natural is shared out in proportion to the legs' spreads. The
//!    leg prices add up to the net price to the last digit.
//! 6. A unit fills whole or not at all: no leg is ever filled alone.
//! 7. Units fill in parts. A leg displays one contract for every 50 of open interest, at least one
//!    and at most 20; no look fills more units than the smallest leg displays (one unit always
//!    can). At natural everything displayed fills; between mid and natural a drawn number of
//!    units. Displayed size is whole again at the next look, and orders do not compete for it.
//! 8. Nothing fills where a leg's quote is missing, crossed, without an ask, older than 120
//!    seconds, or, for a leg to be sold, without a bid.
//! 9. Nothing fills outside the hours of the legs' product: its own session; for CME products only
//!    New York's stock session (09:30 to 16:00, or an early close), because quotes outside it are
//!    not modelled; never after a leg's last trade. Quotes do not move because of our orders.
//! 10. Futures and shares are quoted one tick wide around their price, 20 displayed.
//! 11. A cancel takes effect at the look after it was asked for, and a fill of that look comes
//!     first. A replacement is a cancel and a new order that waits for it; a fill on the original
//!     aborts it. An order ends with its hours, not filled at the close itself.
//! 12. While the venue does not run nothing fills, and day orders whose hours passed expire. Once
//!     it runs again every order is looked at on the next second, far or near.
//!
//! # How it settles
//! - PM series at their last trade, AM series at the opening of their expiration day, at
//!   `Market::settlement`. Out of or at the money: removed. SPX, XSP: cash. ES, MES: into the
//!   future at the strike; ETFs: into shares at the strike. Every option in the money is exercised
//!   and assigned; nobody exercises early. A future held to its last trade is settled at its mark.
//! - Futures are carried at full value, as shares are: buying one takes its price times the
//!   multiplier out of cash, and its mark brings it back into net liquidation. Profit, net
//!   liquidation and requirement are those of an account with daily variation margin; the cash
//!   figure differs while a future is held.
//! - Interest, dividends and borrow fees are not modelled. Fees are those of `[[paper.fees]]`.
//!
//! # What it refuses
//! With the broker's codes: `invalid_legs`, `invalid_quantity`, `invalid_price_increment`,
//! `cant_buy_for_credit`, `cant_sell_for_debit`, `unknown_instrument`, `instrument_expired`,
//! `closing_with_no_position`, `margin_check_failed`, `cannot_update_order` and the account's
//! flags. A sender's identifier is kept and shown, never compared: two orders of one identifier
//! are two orders.
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
use tokio::sync::{mpsc, oneshot, watch};

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
    config::PaperSettings,
    instrument::OptionContract,
    market::{Market, MarketError},
    risk::BuyingPower,
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
        let ground = Ground { store, market, rt: rt.clone(), calendar, settings };
        let floor = Floor::open(ground, tell).await?;
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        rt.clone().spawn(serve(floor, inbox, rt));
        let seen = AtomicU64::new(*changed.borrow());
        Ok(Self { requests, changed, seen })
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

    async fn changed(&self) {
        let mut version = self.changed.clone();
        let seen = self.seen.load(Ordering::Acquire);
        // An error means the venue is gone: then nothing will ever change.
        let Ok(now) = version.wait_for(|now| *now != seen).await.map(|now| *now) else {
            std::future::pending::<()>().await;
            return;
        };
        self.seen.store(now, Ordering::Release);
    }
}
