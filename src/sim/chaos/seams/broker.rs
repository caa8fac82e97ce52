//! The wire to the broker: calls that are late, lost or refused, answers that are lost, unreadable
//! or older than the truth. What reaches the broker is written on the wire log, heard or not.
//!
//! A submit whose bytes have left is carried by a task of the world: it arrives, late perhaps, even
//! when the process that sent it is dead by then.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::future::pending;
use tokio::sync::oneshot;

use super::reports::{self, Lens};
use crate::{
    account::{Balances, BrokerOrderId, Holding, NetPrice, TradingStatus},
    broker::{Broker, BrokerError, BrokerOrder, OrderRequest, SubmitError, Transaction},
    clock::Timestamp,
    risk::BuyingPower,
    sim::chaos::{
        board::{Crossing, Gate, Sent},
        dice::Dice,
        plan::{Call, Misreport, Trouble},
    },
};

/// What the latency of calls is drawn from.
const LATENCY: u64 = 0x1A7E;
/// Seeds whose every call takes some time, of a hundred; in the others calls take none.
const WITH_LATENCY_PERCENT: u64 = 50;
/// The longest a call takes each way without a fault, milliseconds.
const LATENCY_MAX_MS: u64 = 120;

type Submitted = Result<BrokerOrder, SubmitError>;

/// The broker as one life sees it.
pub struct BrokerSeam {
    venue: Arc<dyn Broker>,
    gate: Gate,
    latency: Option<Mutex<Dice>>,
}

impl BrokerSeam {
    /// The way of a life to a venue.
    pub fn new(venue: Arc<dyn Broker>, gate: Gate) -> Self {
        let seed = gate.board().seed();
        let mut dice = Dice::new(seed, LATENCY ^ u64::from(gate.life().number()));
        let has = Dice::new(seed, LATENCY).percent(WITH_LATENCY_PERCENT);
        dice.bits();
        Self { venue, gate, latency: has.then(|| Mutex::new(dice)) }
    }

    /// One way of a call: nothing, or some milliseconds, more when it is slow.
    async fn way(&self, slow_ms: u32) {
        let usual = self.latency.as_ref().map_or(0, |dice| {
            dice.lock().unwrap_or_else(PoisonError::into_inner).below(LATENCY_MAX_MS)
        });
        let ms = i64::from(slow_ms) + i64::try_from(usual).unwrap_or(0);
        if ms > 0 {
            self.gate.rt().sleep(TimeDelta::milliseconds(ms)).await;
        }
    }

    async fn send(&self, sent: Sent) -> Submitted {
        self.gate.cross(Crossing::Before(Call::Submit)).await;
        let answer = self.troubled_send(sent).await;
        self.gate.cross(Crossing::After(Call::Submit)).await;
        answer
    }

    async fn troubled_send(&self, sent: Sent) -> Submitted {
        let unknown = |why: &str| Err(SubmitError::Unknown(why.to_owned()));
        let fault = self.gate.broker_fault(Call::Submit);
        self.way(0).await;
        match fault {
            None => self.answered(self.carry(sent, 0), 0).await,
            Some(Trouble::Slow { ms }) => self.answered(self.carry(sent, ms / 2), ms / 2).await,
            Some(Trouble::LateArrival { ms }) => {
                drop(self.carry(sent, ms));
                pending().await
            }
            Some(Trouble::NoAnswer) => {
                drop(self.carry(sent, 0));
                pending().await
            }
            Some(Trouble::LostRequest) => pending().await,
            Some(Trouble::Refused) => Err(SubmitError::NotSent("connection refused".to_owned())),
            Some(Trouble::Unauthorized) => Err(rejected("unauthorized", "401: token expired")),
            Some(Trouble::TooMany) => Err(rejected("too_many_requests", "429: too many requests")),
            Some(Trouble::ServerError) => unknown("503: service unavailable"),
            Some(Trouble::LostAnswer) => {
                let _ = self.carry(sent, 0).await;
                unknown("the connection broke before the answer")
            }
            Some(Trouble::ServerErrorAfter) => {
                let _ = self.answered(self.carry(sent, 0), 0).await;
                unknown("502: bad gateway")
            }
            Some(Trouble::Garbage) => {
                let _ = self.answered(self.carry(sent, 0), 0).await;
                unknown("the answer cannot be read: expected value at line 1 column 1")
            }
        }
    }

    /// Hands what was sent to the world, which brings it to the broker after `late_ms`.
    fn carry(&self, sent: Sent, late_ms: u32) -> oneshot::Receiver<Submitted> {
        let (reply, replied) = oneshot::channel();
        let (gate, venue) = (self.gate.clone(), Arc::clone(&self.venue));
        let world = gate.board().world().clone();
        world.clone().spawn(async move {
            if late_ms > 0 {
                world.sleep(TimeDelta::milliseconds(i64::from(late_ms))).await;
            }
            let number = gate.arrived(sent.clone());
            let answer = match &sent {
                Sent::Submit(order) => venue.submit(order).await,
                Sent::Replace { id, limit, external_id } => {
                    venue.replace(id, *limit, external_id).await
                }
            };
            gate.board().replied(number, &answer);
            // Nobody listening any more changes nothing of what was done.
            let _ = reply.send(answer);
        });
        replied
    }

    async fn answered(&self, reply: oneshot::Receiver<Submitted>, slow_ms: u32) -> Submitted {
        let Ok(answer) = reply.await else { pending().await };
        self.way(slow_ms).await;
        answer
    }

    async fn troubled_cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        let fault = self.gate.broker_fault(Call::Cancel);
        self.way(0).await;
        match fault {
            None => {
                let done = self.venue.cancel(id).await;
                self.way(0).await;
                done
            }
            Some(Trouble::Slow { ms }) => {
                self.way(ms / 2).await;
                let done = self.venue.cancel(id).await;
                self.way(ms / 2).await;
                done
            }
            Some(Trouble::LateArrival { ms }) => {
                self.cancel_late(id, ms);
                pending().await
            }
            Some(Trouble::NoAnswer) => {
                let _ = self.venue.cancel(id).await;
                pending().await
            }
            Some(Trouble::LostRequest) => pending().await,
            Some(how) => {
                if took_effect(how) {
                    let _ = self.venue.cancel(id).await;
                }
                Err(unavailable(how))
            }
        }
    }

    fn cancel_late(&self, id: &BrokerOrderId, ms: u32) {
        let (venue, id) = (Arc::clone(&self.venue), id.clone());
        let world = self.gate.board().world().clone();
        world.clone().spawn(async move {
            world.sleep(TimeDelta::milliseconds(i64::from(ms))).await;
            // Its caller gave up long ago.
            let _ = venue.cancel(&id).await;
        });
    }

    /// A read: the truth of some instant on the way, unless the call fails.
    async fn read<T>(
        &self,
        truth: impl Future<Output = Result<T, BrokerError>> + Send,
        bend: impl Fn(Misreport, &T) -> Option<T> + Send,
    ) -> Result<T, BrokerError> {
        self.gate.cross(Crossing::Before(Call::Read)).await;
        let fault = self.gate.broker_fault(Call::Read);
        let slow = match fault {
            None => 0,
            Some(Trouble::Slow { ms }) => ms / 2,
            Some(Trouble::NoAnswer | Trouble::LostRequest | Trouble::LateArrival { .. }) => {
                pending().await
            }
            Some(how) => {
                self.way(0).await;
                return self.back(Err(unavailable(how))).await;
            }
        };
        self.way(slow).await;
        let told = truth.await.map(|truth| self.told(truth, bend));
        self.way(slow).await;
        self.back(told).await
    }

    async fn back<T>(&self, answer: T) -> T {
        self.gate.cross(Crossing::After(Call::Read)).await;
        answer
    }

    /// The answer as it is told: the truth, or what a fault that fits makes of it.
    fn told<T>(&self, truth: T, bend: impl Fn(Misreport, &T) -> Option<T>) -> T {
        let mut bent = None;
        let acted = self.gate.report_fault(|how| {
            bent = bend(how, &truth);
            bent.is_some()
        });
        match acted {
            Some(_) => bent.unwrap_or(truth),
            None => truth,
        }
    }

    fn lens(&self) -> Lens<'_> {
        Lens { board: self.gate.board(), now: self.gate.board().world().now() }
    }

    /// What was traded lately, where an answer may lag behind it.
    async fn recent(&self) -> Result<Vec<Transaction>, BrokerError> {
        let lags = self.gate.may_misreport(|how| matches!(how, Misreport::Stale { .. }));
        if lags { self.venue.transactions(0).await } else { Ok(Vec::new()) }
    }
}

#[async_trait]
impl Broker for BrokerSeam {
    async fn submit(&self, order: &OrderRequest) -> Submitted {
        self.send(Sent::Submit(order.clone())).await
    }

    async fn replace(&self, id: &BrokerOrderId, limit: NetPrice, external_id: &str) -> Submitted {
        let external_id = external_id.to_owned();
        self.send(Sent::Replace { id: id.clone(), limit, external_id }).await
    }

    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        self.gate.cross(Crossing::Before(Call::Cancel)).await;
        let done = self.troubled_cancel(id).await;
        self.gate.cross(Crossing::After(Call::Cancel)).await;
        done
    }

    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        let bend = |how, order: &BrokerOrder| reports::order(self.lens(), how, order);
        self.read(self.venue.order(id), bend).await
    }

    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        let bend = |how, list: &Vec<BrokerOrder>| reports::orders(self.lens(), how, list);
        self.read(self.venue.orders_today(), bend).await
    }

    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        let bend = |how, list: &Vec<BrokerOrder>| reports::orders(self.lens(), how, list);
        self.read(self.venue.order_history(since), bend).await
    }

    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        let truth = async { Ok((self.venue.holdings().await?, self.recent().await?)) };
        let bend = |how, (held, recent): &(Vec<Holding>, Vec<Transaction>)| {
            let bent = reports::holdings(self.lens(), how, held, recent)?;
            Some((bent, Vec::new()))
        };
        self.read(truth, bend).await.map(|(held, _)| held)
    }

    async fn balances(&self) -> Result<Balances, BrokerError> {
        let truth = async { Ok((self.venue.balances().await?, self.recent().await?)) };
        let bend = |how, (money, recent): &(Balances, Vec<Transaction>)| {
            let bent = reports::balances(self.lens(), how, money, recent)?;
            Some((bent, Vec::new()))
        };
        self.read(truth, bend).await.map(|(money, _)| money)
    }

    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        self.read(self.venue.trading_status(), |_, _| None).await
    }

    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        let bend = |how, list: &Vec<Transaction>| reports::transactions(self.lens(), how, list);
        self.read(self.venue.transactions(after), bend).await
    }

    async fn dry_run(&self, order: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        self.read(self.venue.dry_run(order), |_, _| None).await
    }

    async fn changed(&self) {
        loop {
            self.venue.changed().await;
            // A line that is dead brings no hints either.
            if !self.gate.may_trouble(Call::Read, Trouble::NoAnswer) {
                break;
            }
        }
        self.gate.cross(Crossing::After(Call::Read)).await;
    }
}

fn rejected(code: &str, message: &str) -> SubmitError {
    SubmitError::Rejected { code: code.to_owned(), message: message.to_owned() }
}

/// The call did what it was to do before it failed.
fn took_effect(how: Trouble) -> bool {
    matches!(how, Trouble::LostAnswer | Trouble::ServerErrorAfter | Trouble::Garbage)
}

fn unavailable(how: Trouble) -> BrokerError {
    let words = match how {
        Trouble::Refused => "connection refused",
        Trouble::Unauthorized => "401: token expired",
        Trouble::TooMany => "429: too many requests",
        Trouble::ServerError => "503: service unavailable",
        Trouble::ServerErrorAfter => "502: bad gateway",
        Trouble::Garbage => "the answer cannot be read: expected value at line 1 column 1",
        _ => "the connection broke before the answer",
    };
    BrokerError::Unavailable(words.to_owned())
}
