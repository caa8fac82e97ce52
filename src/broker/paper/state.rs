//! The account's whole truth as a state machine: events in, rows changed out. No clock, no I/O.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::order::{UnevenUnit, VenueOrder};
use crate::{
    account::{Effect, Fill, Holding, Leg, Side},
    broker::{OrderStatus, Transaction, TransactionKind},
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
};

/// Orders kept in memory; ended ones beyond it are read from the store.
const ORDERS_IN_MEMORY: usize = 500;
/// Transactions kept in memory; older ones are read from the store.
const TRANSACTIONS_IN_MEMORY: usize = 2_000;

/// Cash and counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The sum of all transactions, fees taken off.
    pub cash_usd: Usd,
    /// The number of the last order.
    pub last_order: u64,
    /// The number of the last transaction.
    pub last_transaction: u64,
    /// The last booking of early assignments that has been gone through.
    #[serde(default)]
    pub assigned_until: Option<Timestamp>,
}

/// What is held of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// What is held.
    pub instrument: Instrument,
    /// Contracts or shares, below zero short, never zero.
    pub quantity: i64,
    /// Average opening price in points.
    pub average_price: Decimal,
}

/// Something that happened at the venue.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The account was opened with cash.
    Funded {
        /// The instant.
        at: Timestamp,
        /// The cash.
        cash_usd: Usd,
    },
    /// An order was taken.
    Accepted(VenueOrder),
    /// A waiting order began to work.
    WentLive {
        /// The order.
        id: u64,
        /// The instant.
        at: Timestamp,
    },
    /// A cancel was asked for, alone or as half of a replacement.
    CancelRequested {
        /// The order.
        id: u64,
        /// The instant.
        at: Timestamp,
        /// The order that takes its place.
        replaced_by: Option<u64>,
    },
    /// A fill came before the replacement: the order works on.
    ReplaceAborted {
        /// The order that was to be replaced.
        id: u64,
        /// The instant.
        at: Timestamp,
    },
    /// Units were filled, every leg of them.
    Filled {
        /// The order.
        id: u64,
        /// The instant.
        at: Timestamp,
        /// Units.
        units: u32,
        /// One fill a leg.
        fills: Vec<Fill>,
    },
    /// One leg of one unit was filled, the others are to follow.
    LegFilled {
        /// The order.
        id: u64,
        /// The instant.
        at: Timestamp,
        /// The leg's place in the order.
        leg: usize,
        /// A price a leg for the whole unit.
        prices: Vec<Decimal>,
        /// The fill.
        fill: Fill,
    },
    /// Nothing more will happen to an order.
    Ended {
        /// The order.
        id: u64,
        /// The instant.
        at: Timestamp,
        /// Cancelled, expired or rejected.
        status: OrderStatus,
        /// Why, when rejected.
        reason: Option<String>,
    },
    /// Something left or came by expiry.
    Settled {
        /// The instant.
        at: Timestamp,
        /// What, in order.
        lines: Vec<SettlementLine>,
    },
    /// A night's early assignments are booked, or there were none.
    Assigned {
        /// The instant of the booking.
        at: Timestamp,
    },
}

/// One movement of an expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementLine {
    /// Expiration, cash settlement or delivery.
    pub kind: TransactionKind,
    /// What left or came.
    pub instrument: Instrument,
    /// Signed contracts or shares.
    pub quantity: i64,
    /// Price in points at which it came; what leaves keeps its average.
    pub price: Decimal,
    /// Cash in or out.
    pub cash_usd: Usd,
    /// Fees.
    pub fees_usd: Usd,
}

/// What events changed, for the store.
#[derive(Debug, Default)]
pub struct Changes {
    /// Orders whose row changed.
    pub orders: BTreeSet<u64>,
    /// Instruments whose holding changed.
    pub holdings: BTreeSet<Instrument>,
    /// New fills by order.
    pub fills: Vec<(u64, Fill)>,
    /// New transactions.
    pub transactions: Vec<Transaction>,
    /// The account's own row changed with nothing else.
    pub account: bool,
}

impl Changes {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.holdings.is_empty()
            && self.transactions.is_empty()
            && !self.account
    }
}

/// The truth of the venue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VenueState {
    /// Cash and counters.
    pub account: Account,
    /// Orders by number: all that work, and the latest that ended.
    pub orders: BTreeMap<u64, VenueOrder>,
    /// Fills of those orders.
    pub fills: BTreeMap<u64, Vec<Fill>>,
    /// What is held.
    pub holdings: BTreeMap<Instrument, Lot>,
    /// The latest transactions, the oldest first.
    pub transactions: VecDeque<Transaction>,
}

impl VenueState {
    /// The number the next order gets.
    pub fn next_order(&self) -> u64 {
        self.account.last_order + 1
    }

    /// The fills of an order so far.
    pub fn fills_of(&self, id: u64) -> &[Fill] {
        self.fills.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Orders that are not terminal, in the order they came.
    pub fn working(&self) -> impl Iterator<Item = &VenueOrder> {
        self.orders.values().filter(|order| !order.status.is_terminal())
    }

    /// Signed quantity held.
    pub fn held(&self, instrument: &Instrument) -> i64 {
        self.holdings.get(instrument).map_or(0, |lot| lot.quantity)
    }

    /// Contracts a closing leg can still close: what is held on the other side, less what working
    /// orders already mean to close. `besides` is an order that is not counted.
    pub fn closable(&self, leg: &Leg, besides: Option<u64>) -> i64 {
        let held = -leg.side.sign() * self.held(&leg.instrument);
        // A replacement counts in the place of its original.
        let counted = self.working().filter(|order| order.replaced_by.is_none());
        let others = counted.filter(|order| Some(order.id) != besides);
        held.max(0) - others.map(|order| order.closing(leg)).sum::<i64>()
    }

    /// True when what is held still covers `units` of every closing leg of an order.
    pub fn covers(&self, order: &VenueOrder, units: u32) -> bool {
        order.legs.iter().all(|leg| self.covers_leg(leg, units))
    }

    /// True when what is held still covers `units` of a leg, or the leg does not close.
    pub fn covers_leg(&self, leg: &Leg, units: u32) -> bool {
        let wanted = i64::from(leg.ratio) * i64::from(units);
        leg.effect != Effect::Close || -leg.side.sign() * self.held(&leg.instrument) >= wanted
    }

    /// True while another order of the account stands before it: on the same legs at the same price,
    /// for longer. `working` are the numbers of the orders that have not ended.
    pub fn is_behind<'a>(
        &self,
        order: &VenueOrder,
        mut working: impl Iterator<Item = &'a u64>,
    ) -> bool {
        let same = |a: &Leg, b: &Leg| {
            a.instrument == b.instrument && a.side == b.side && a.ratio == b.ratio
        };
        let since = |order: &VenueOrder| (order.live_at, order.id);
        working.any(|id| {
            let Some(other) = self.orders.get(id) else { return false };
            other.limit == order.limit
                && other.live_at.is_some()
                && since(other) < since(order)
                && other.legs.len() == order.legs.len()
                && other.legs.iter().zip(&order.legs).all(|(a, b)| same(a, b))
        })
    }

    /// Trades of the last `seconds` on the side of a leg: contracts, and how many seconds ago.
    pub fn taken(
        &self,
        leg: &Leg,
        now: Timestamp,
        seconds: i64,
    ) -> impl Iterator<Item = (u64, i64)> {
        let rows =
            self.transactions.iter().rev().map(move |row| (row, (now - row.at).num_seconds()));
        let recent = rows.take_while(move |(_, ago)| *ago < seconds);
        let of_leg = recent.filter(|(row, _)| {
            row.kind == TransactionKind::Trade
                && row.quantity.signum() == leg.side.sign()
                && row.instrument.as_ref() == Some(&leg.instrument)
        });
        of_leg.map(|(row, ago)| (row.quantity.unsigned_abs(), ago))
    }

    /// What is held, as the broker's interface tells it.
    pub fn told_holdings(&self) -> Vec<Holding> {
        let told = |lot: &Lot| Holding {
            instrument: lot.instrument.clone(),
            quantity: lot.quantity,
            average_price: lot.average_price,
        };
        self.holdings.values().map(told).collect()
    }

    /// Takes an event in; every change is noted in `changes`.
    pub fn apply(&mut self, event: Event, changes: &mut Changes) {
        match event {
            Event::Funded { at, cash_usd } => self.book(
                changes,
                Transaction {
                    id: 0,
                    at,
                    kind: TransactionKind::Transfer,
                    instrument: None,
                    quantity: 0,
                    cash_usd,
                    fees_usd: Usd::ZERO,
                    order: None,
                },
            ),
            Event::Accepted(order) => self.accept(order, changes),
            Event::WentLive { id, at } => {
                self.touch(id, at, changes, |order| {
                    order.status = OrderStatus::Live;
                    order.live_at = Some(at);
                });
            }
            Event::CancelRequested { id, at, replaced_by } => {
                self.touch(id, at, changes, |order| {
                    order.status = OrderStatus::CancelRequested;
                    order.replaced_by = replaced_by;
                });
            }
            Event::ReplaceAborted { id, at } => self.touch(id, at, changes, |order| {
                order.status = OrderStatus::Live;
                order.replaced_by = None;
            }),
            Event::Filled { id, at, units, fills } => self.fill(id, at, units, fills, changes),
            Event::LegFilled { id, at, leg, prices, fill } => {
                self.fill_leg(id, at, (leg, prices), fill, changes);
            }
            Event::Assigned { at } => {
                self.account.assigned_until = Some(at);
                changes.account = true;
            }
            Event::Ended { id, at, status, reason } => self.touch(id, at, changes, |order| {
                order.status = status;
                order.reject_reason = reason;
            }),
            Event::Settled { at, lines } => {
                for line in lines {
                    self.settle(at, line, changes);
                }
            }
        }
    }

    fn accept(&mut self, order: VenueOrder, changes: &mut Changes) {
        debug_assert_eq!(order.id, self.next_order(), "numbers ascend by one");
        self.account.last_order = order.id;
        changes.orders.insert(order.id);
        self.orders.insert(order.id, order);
        self.forget_old_orders();
    }

    /// Drops from memory what only the store needs to keep.
    pub fn forget(&mut self) {
        self.forget_old_orders();
        let surplus = self.transactions.len().saturating_sub(TRANSACTIONS_IN_MEMORY);
        self.transactions.drain(..surplus);
    }

    /// Drops the oldest ended orders from memory once there are too many.
    fn forget_old_orders(&mut self) {
        let surplus = self.orders.len().saturating_sub(ORDERS_IN_MEMORY);
        if surplus == 0 {
            return;
        }
        let ended = self.orders.values().filter(|order| order.status.is_terminal());
        let old: Vec<u64> = ended.map(|order| order.id).take(surplus).collect();
        for id in old {
            self.orders.remove(&id);
            self.fills.remove(&id);
        }
    }

    fn touch(
        &mut self,
        id: u64,
        at: Timestamp,
        changes: &mut Changes,
        change: impl FnOnce(&mut VenueOrder),
    ) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        debug_assert!(!order.status.is_terminal(), "an order that has ended never changes");
        change(order);
        order.updated_at = at;
        changes.orders.insert(id);
    }

    fn fill(
        &mut self,
        id: u64,
        at: Timestamp,
        units: u32,
        fills: Vec<Fill>,
        changes: &mut Changes,
    ) {
        self.touch(id, at, changes, |order| {
            order.filled_units += units;
            debug_assert!(order.filled_units <= order.units, "never more than was ordered");
            if order.filled_units == order.units {
                order.status = OrderStatus::Filled;
            }
        });
        for fill in fills {
            self.trade(id, at, fill, changes);
        }
    }

    /// One leg of the unit that fills one by one; with the last of them the unit is whole.
    fn fill_leg(
        &mut self,
        id: u64,
        at: Timestamp,
        (leg, prices): (usize, Vec<Decimal>),
        fill: Fill,
        changes: &mut Changes,
    ) {
        self.touch(id, at, changes, |order| {
            let legs = order.legs.len();
            let fresh = || UnevenUnit { prices, filled: vec![false; legs] };
            let mut unit = order.uneven.take().unwrap_or_else(fresh);
            debug_assert_eq!(unit.filled.get(leg), Some(&false), "a leg of a unit fills once");
            if let Some(filled) = unit.filled.get_mut(leg) {
                *filled = true;
            }
            if unit.filled.iter().any(|filled| !filled) {
                order.uneven = Some(unit);
                return;
            }
            order.filled_units += 1;
            if order.filled_units == order.units {
                order.status = OrderStatus::Filled;
            }
        });
        self.trade(id, at, fill, changes);
    }

    /// What one fill does to holdings, cash and the order's list of fills.
    fn trade(&mut self, id: u64, at: Timestamp, fill: Fill, changes: &mut Changes) {
        let quantity = fill.side.sign() * i64::from(fill.quantity);
        self.hold(&fill.instrument, quantity, fill.price, changes);
        let transaction = Transaction {
            id: 0,
            at,
            kind: TransactionKind::Trade,
            instrument: Some(fill.instrument.clone()),
            quantity,
            cash_usd: fill.cash(),
            fees_usd: fill.fees,
            order: Some(super::order::broker_id(id)),
        };
        self.book(changes, transaction);
        self.fills.entry(id).or_default().push(fill.clone());
        changes.fills.push((id, fill));
    }

    fn settle(&mut self, at: Timestamp, line: SettlementLine, changes: &mut Changes) {
        self.hold(&line.instrument, line.quantity, line.price, changes);
        let transaction = Transaction {
            id: 0,
            at,
            kind: line.kind,
            instrument: Some(line.instrument),
            quantity: line.quantity,
            cash_usd: line.cash_usd,
            fees_usd: line.fees_usd,
            order: None,
        };
        self.book(changes, transaction);
    }

    /// Adds a transaction under the next number and moves the cash.
    fn book(&mut self, changes: &mut Changes, mut transaction: Transaction) {
        self.account.last_transaction += 1;
        transaction.id = self.account.last_transaction;
        self.account.cash_usd += transaction.cash_usd - transaction.fees_usd;
        changes.transactions.push(transaction.clone());
        self.transactions.push_back(transaction);
        if self.transactions.len() > TRANSACTIONS_IN_MEMORY {
            self.transactions.pop_front();
        }
    }

    fn hold(
        &mut self,
        instrument: &Instrument,
        quantity: i64,
        price: Decimal,
        changes: &mut Changes,
    ) {
        let before = self.holdings.get(instrument);
        let (held, average) = before.map_or((0, Decimal::ZERO), |l| (l.quantity, l.average_price));
        let after = held + quantity;
        let average_price = if held.signum() * quantity.signum() >= 0 {
            let cost = Decimal::from(held) * average + Decimal::from(quantity) * price;
            if after == 0 { Decimal::ZERO } else { (cost / Decimal::from(after)).normalize() }
        } else if after.signum() == held.signum() {
            average
        } else {
            price
        };
        changes.holdings.insert(instrument.clone());
        if after == 0 {
            self.holdings.remove(instrument);
        } else {
            let lot = Lot { instrument: instrument.clone(), quantity: after, average_price };
            self.holdings.insert(instrument.clone(), lot);
        }
    }
}

/// The legs as the venue takes them: a close that finds no position is refused where the order is
/// strict, and relabelled as an open where it is not, as the real broker does.
pub fn effects(
    state: &VenueState,
    legs: &[Leg],
    units: u32,
    strict: bool,
    besides: Option<u64>,
) -> Result<Vec<Leg>, Leg> {
    let take = |leg: &Leg| {
        let wanted = i64::from(leg.ratio) * i64::from(units);
        if leg.effect == Effect::Open || state.closable(leg, besides) >= wanted {
            return Ok(leg.clone());
        }
        if strict { Err(leg.clone()) } else { Ok(Leg { effect: Effect::Open, ..leg.clone() }) }
    };
    legs.iter().map(take).collect()
}

/// Words for a leg: `buy 1`, `sell 2`.
pub fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
