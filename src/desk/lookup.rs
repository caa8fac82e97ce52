//! The fate of a send that is not known: looked for by its identifier, then by its legs, then in
//! what the broker booked. Nothing is ever sent again because of what is not found.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::{
    Desk,
    intent::{Attempt, AttemptStatus, BOOKED, IntentRecord},
    tables::BROKER_ORDERS,
};
use crate::{
    account::{BrokerOrderId, Fill, Leg},
    broker::{BrokerOrder, Transaction, TransactionKind},
    money::Usd,
    store::{Read, StoreError},
};

/// The broker's clock may be behind ours by so much.
const BEFORE_THE_SEND: TimeDelta = TimeDelta::minutes(1);
/// Orders without an identifier that are read one by one because a trade names them.
const NAMED_MAX: usize = 20;

/// What a look-up found.
#[derive(Debug)]
pub(super) enum Lookup {
    /// The broker has it.
    Found(Box<BrokerOrder>),
    /// It does not work at the broker: every list was read, nothing it may have traded is booked,
    /// the holdings agree with the ledger, and it had time to arrive. How its send ends.
    Absent(AttemptStatus),
    /// Not known yet.
    Unclear,
}

impl Desk {
    /// Looks an order up by its identifier in live orders and today's, then in history; an order
    /// that carries no identifier is ours when it alone has our legs, units and limit.
    pub(super) async fn look_up(
        &self,
        record: &IntentRecord,
        attempt: &Attempt,
        may_be_absent: bool,
    ) -> Result<Lookup, StoreError> {
        let Ok(mut orders) = self.ask(self.parts.broker.orders_today()).await else {
            return Ok(Lookup::Unclear);
        };
        if let Some(order) = by_name(&orders, attempt) {
            return Ok(Lookup::Found(Box::new(order)));
        }
        let since = attempt.at - BEFORE_THE_SEND;
        let Ok(history) = self.ask(self.parts.broker.order_history(since)).await else {
            return Ok(Lookup::Unclear);
        };
        if let Some(order) = by_name(&history, attempt) {
            return Ok(Lookup::Found(Box::new(order)));
        }
        orders.extend(history);
        let Ok(booked) = self.ask(self.parts.broker.transactions(attempt.after_transaction)).await
        else {
            return Ok(Lookup::Unclear);
        };
        let legs = record.legs_of(attempt);
        let mut traded = self.unexplained(&booked, legs)?;
        self.read_named(&traded, &mut orders).await;
        // An order of another shape explains its own trades: it is somebody else's.
        traded.retain(|id| {
            orders.iter().find(|o| o.id == *id).is_none_or(|o| is_like(o, record, attempt))
        });
        match self.by_legs(record, attempt, &orders)?.as_slice() {
            [order] => {
                tracing::warn!(order = %order.id, intent = %record.id(), "found by its legs");
                let external_id = Some(attempt.external_id.clone());
                return Ok(Lookup::Found(Box::new(BrokerOrder { external_id, ..order.clone() })));
            }
            [] if traded.is_empty() => {}
            several => {
                let count = several.len();
                tracing::warn!(intent = %record.id(), count, "orders that may be ours; none is taken");
                return Ok(Lookup::Unclear);
            }
        }
        if !may_be_absent || !self.holdings_agree().await? {
            return Ok(Lookup::Unclear);
        }
        Ok(self.absent(attempt))
    }

    /// True while the broker has booked more of the last send than the order shows, or does not say:
    /// an order may be told as cancelled before its fills, and what it filled must not be sent again.
    pub(super) async fn may_have_filled_more(
        &self,
        record: &IntentRecord,
    ) -> Result<bool, StoreError> {
        let ended =
            |a: &&Attempt| matches!(a.status, AttemptStatus::Cancelled | AttemptStatus::Expired);
        let last = record.attempts.last().filter(ended);
        let Some((last, id)) = last.and_then(|a| Some((a, a.order.as_ref()?))) else {
            return Ok(false);
        };
        let Ok(order) = self.ask(self.parts.broker.order(id)).await else { return Ok(true) };
        if self.take(record.id(), &order).await?.is_some() {
            return Ok(true);
        }
        let asked = self.parts.broker.transactions(last.after_transaction);
        let Ok(booked) = self.ask(asked).await else { return Ok(true) };
        let trades = booked
            .iter()
            .filter(|t| t.kind == TransactionKind::Trade && t.order.as_ref() == Some(id));
        let traded: u64 = trades.map(|t| t.quantity.unsigned_abs()).sum();
        let shown: u64 = order.fills.iter().map(|fill| u64::from(fill.quantity)).sum();
        Ok(traded > shown)
    }

    /// How a send ends that is nowhere. One that was seen at the broker is not gone because lists
    /// omit it: only the end of its session ends it, for it was a day order.
    fn absent(&self, attempt: &Attempt) -> Lookup {
        if attempt.order.is_none() {
            let reason = "proven absent at the broker".to_owned();
            return Lookup::Absent(AttemptStatus::NotSent { reason });
        }
        if self.in_session(self.now()) {
            return Lookup::Unclear;
        }
        Lookup::Absent(AttemptStatus::Expired)
    }

    /// Orders that nobody here knows and whose trades touch these legs on our side.
    fn unexplained(
        &self,
        booked: &[Transaction],
        legs: &[Leg],
    ) -> Result<BTreeSet<BrokerOrderId>, StoreError> {
        let ours = |trade: &Transaction| {
            legs.iter().any(|leg| {
                trade.instrument.as_ref() == Some(&leg.instrument)
                    && trade.quantity.signum() == leg.side.sign()
            })
        };
        let trades = booked.iter().filter(|t| t.kind == TransactionKind::Trade && ours(t));
        let orders: BTreeSet<BrokerOrderId> = trades.filter_map(|t| t.order.clone()).collect();
        self.parts.store.read(|tx| {
            let mut unknown = BTreeSet::new();
            for order in orders {
                if tx.get(&BROKER_ORDERS, &order.0)?.is_none() {
                    unknown.insert(order);
                }
            }
            Ok(unknown)
        })
    }

    /// Reads the orders that trades name and no list shows.
    async fn read_named(&self, named: &BTreeSet<BrokerOrderId>, orders: &mut Vec<BrokerOrder>) {
        for id in named.iter().take(NAMED_MAX) {
            if orders.iter().all(|order| order.id != *id)
                && let Ok(order) = self.ask(self.parts.broker.order(id)).await
            {
                orders.push(order);
            }
        }
    }

    /// Orders without an identifier that nobody else's intent has, with the legs, units and limit of
    /// a send, changed after it left. Each once.
    fn by_legs(
        &self,
        record: &IntentRecord,
        attempt: &Attempt,
        orders: &[BrokerOrder],
    ) -> Result<Vec<BrokerOrder>, StoreError> {
        let alike: Vec<&BrokerOrder> =
            orders.iter().filter(|order| is_like(order, record, attempt)).collect();
        self.parts.store.read(|tx| {
            let mut found: Vec<BrokerOrder> = Vec::new();
            for order in alike {
                let known = tx.get(&BROKER_ORDERS, &order.id.0)?;
                if known.is_none() && found.iter().all(|other| other.id != order.id) {
                    found.push(order.clone());
                }
            }
            Ok(found)
        })
    }

    /// True for an order without an identifier that is like a send whose fate is not known: whose it
    /// is has to be found out before it is anybody's.
    pub(super) fn may_be_ours(&self, order: &BrokerOrder) -> Result<bool, StoreError> {
        let held = self.held()?;
        Ok(held.intents.iter().any(|record| {
            let doubted = record.working().filter(|a| a.status != AttemptStatus::Working);
            doubted.is_some_and(|attempt| is_like(order, record, attempt))
        }))
    }

    /// An order told as filled, with the fills that are not shown taken from the broker's books:
    /// one fill a leg, of exactly the contracts, cash and fees booked beyond those known. `None`
    /// when the books show nothing more.
    pub(super) async fn with_booked_fills(
        &self,
        record: &IntentRecord,
        attempt: &Attempt,
        order: &BrokerOrder,
    ) -> Option<BrokerOrder> {
        let asked = self.parts.broker.transactions(attempt.after_transaction);
        let booked = match self.ask(asked).await {
            Ok(booked) => booked,
            Err(error) => {
                tracing::warn!(order = %order.id, %error, "the fills of a filled order are not shown");
                return None;
            }
        };
        let mut whole = order.clone();
        // What was taken from the books before is known by its id.
        let taken = record.fills.iter().filter(|fill| is_booked(fill, order));
        whole.fills.extend(taken.cloned());
        let missing: Vec<Fill> = record
            .legs_of(attempt)
            .iter()
            .enumerate()
            .filter_map(|(index, leg)| missing_fill(leg, index, &whole, &booked))
            .collect();
        if missing.is_empty() {
            return None;
        }
        whole.fills.extend(missing);
        Some(whole)
    }
}

/// An order without an identifier, with the legs, units and limit of a send, changed after it left.
fn is_like(order: &BrokerOrder, record: &IntentRecord, attempt: &Attempt) -> bool {
    order.external_id.as_deref().is_none_or(str::is_empty)
        && order.units == attempt.units
        && order.limit == attempt.limit
        && order.updated_at >= attempt.at - BEFORE_THE_SEND
        && same_legs(&order.legs, record.legs_of(attempt))
}

fn by_name(orders: &[BrokerOrder], attempt: &Attempt) -> Option<BrokerOrder> {
    let name = Some(attempt.external_id.as_str());
    orders.iter().find(|order| order.external_id.as_deref() == name).cloned()
}

/// The same legs in any order; whether the broker calls one opening or closing does not matter.
fn same_legs(theirs: &[Leg], ours: &[Leg]) -> bool {
    let same =
        |a: &Leg, b: &Leg| a.instrument == b.instrument && a.side == b.side && a.ratio == b.ratio;
    theirs.len() == ours.len() && ours.iter().all(|leg| theirs.iter().any(|other| same(leg, other)))
}

fn is_booked(fill: &Fill, order: &BrokerOrder) -> bool {
    fill.id.starts_with(&booked_prefix(order))
}

fn booked_prefix(order: &BrokerOrder) -> String {
    format!("{BOOKED}{}-", order.id)
}

/// What the books show of one leg beyond the fills.
fn missing_fill(
    leg: &Leg,
    index: usize,
    order: &BrokerOrder,
    booked: &[Transaction],
) -> Option<Fill> {
    let trades: Vec<&Transaction> = booked
        .iter()
        .filter(|t| {
            t.kind == TransactionKind::Trade
                && t.order.as_ref() == Some(&order.id)
                && t.instrument.as_ref() == Some(&leg.instrument)
                && t.quantity.signum() == leg.side.sign()
        })
        .collect();
    let mut known: Vec<&Fill> = Vec::new();
    for fill in order.fills.iter().filter(|f| f.instrument == leg.instrument && f.side == leg.side)
    {
        if known.iter().all(|other| other.id != fill.id) {
            known.push(fill);
        }
    }
    let total: u64 = trades.iter().map(|t| t.quantity.unsigned_abs()).sum();
    let shown: u64 = known.iter().map(|fill| u64::from(fill.quantity)).sum();
    let quantity = u32::try_from(total.checked_sub(shown).filter(|more| *more > 0)?).ok()?;
    let cash: Usd = trades.iter().map(|t| t.cash_usd).sum::<Usd>()
        - known.iter().map(|fill| fill.cash()).sum::<Usd>();
    let fees: Usd = trades.iter().map(|t| t.fees_usd).sum::<Usd>()
        - known.iter().map(|fill| fill.fees).sum::<Usd>();
    let contracts = Decimal::from(quantity) * leg.instrument.multiplier();
    Some(Fill {
        id: format!("{}{index}-{shown}", booked_prefix(order)),
        instrument: leg.instrument.clone(),
        side: leg.side,
        quantity,
        price: cash.0.abs() / contracts,
        fees,
        at: trades.iter().map(|t| t.at).max()?,
    })
}
