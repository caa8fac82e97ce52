//! An order as the venue keeps it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    account::{BrokerOrderId, Effect, Fill, Leg, NetPrice},
    broker::{BrokerOrder, OrderStatus},
    clock::Timestamp,
    instrument::Instrument,
};

/// When an order may work: from the open up to, not including, the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first instant.
    pub open: Timestamp,
    /// The end; a day order expires then.
    pub close: Timestamp,
}

impl Window {
    /// True from the open up to, not including, the close.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.open <= at && at < self.close
    }
}

/// One order of the venue, fills apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// The venue's number, ascending.
    pub id: u64,
    /// The sender's identifier: a tag, never compared.
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Legs for one unit, effects as the venue took them.
    pub legs: Vec<Leg>,
    /// Units ordered.
    pub units: u32,
    /// Units filled.
    pub filled_units: u32,
    /// Net limit a unit.
    pub limit: NetPrice,
    /// A close that finds no position is refused, not relabelled.
    pub strict_effect: bool,
    /// When it may work.
    pub window: Window,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it began to work.
    pub live_at: Option<Timestamp>,
    /// Last change.
    pub updated_at: Timestamp,
    /// The order this one is to replace.
    pub replaces: Option<u64>,
    /// The order that is to replace this one.
    pub replaced_by: Option<u64>,
    /// Why it was rejected.
    pub reject_reason: Option<String>,
    /// The unit whose legs are filling one by one, if one is.
    #[serde(default)]
    pub uneven: Option<UnevenUnit>,
}

/// A unit whose legs fill one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnevenUnit {
    /// A price a leg, fixed with the first fill, so that the net keeps the limit.
    pub prices: Vec<Decimal>,
    /// Which legs are filled; never all, never none.
    pub filled: Vec<bool>,
}

impl VenueOrder {
    /// Units not filled whole; one of them may have begun.
    pub fn remaining(&self) -> u32 {
        self.units - self.filled_units
    }

    /// Contracts of a leg not filled.
    pub fn remaining_contracts(&self, leg: &Leg) -> i64 {
        let begun = i64::from(self.is_ahead(&leg.instrument));
        i64::from(leg.ratio) * (i64::from(self.remaining()) - begun)
    }

    /// True for a leg that is filled in the unit whose legs fill one by one.
    fn is_ahead(&self, instrument: &Instrument) -> bool {
        let Some(uneven) = &self.uneven else { return false };
        let index = self.legs.iter().position(|leg| leg.instrument == *instrument);
        index.is_some_and(|index| uneven.filled.get(index) == Some(&true))
    }

    /// True when any leg opens.
    pub fn opens(&self) -> bool {
        self.legs.iter().any(|leg| leg.effect == Effect::Open)
    }

    /// Contracts this order still means to close of an instrument, on the side it closes from.
    pub fn closing(&self, of: &Leg) -> i64 {
        if self.status.is_terminal() {
            return 0;
        }
        let same = |leg: &&Leg| {
            leg.effect == Effect::Close && leg.side == of.side && leg.instrument == of.instrument
        };
        self.legs.iter().filter(same).map(|leg| self.remaining_contracts(leg)).sum()
    }

    /// Signed contracts its opening legs would still add.
    pub fn opening(&self) -> impl Iterator<Item = (&Instrument, i64)> {
        let opens = self.legs.iter().filter(|leg| leg.effect == Effect::Open);
        opens.map(|leg| (&leg.instrument, leg.side.sign() * self.remaining_contracts(leg)))
    }

    /// The id as the broker's interface writes it.
    pub fn broker_id(&self) -> BrokerOrderId {
        broker_id(self.id)
    }

    /// The order as a broker tells it.
    pub fn told(&self, fills: &[Fill]) -> BrokerOrder {
        BrokerOrder {
            id: self.broker_id(),
            external_id: self.external_id.clone(),
            status: self.status,
            legs: self.legs.clone(),
            units: self.units,
            limit: self.limit,
            fills: fills.to_vec(),
            reject_reason: self.reject_reason.clone(),
            updated_at: self.updated_at,
        }
    }
}

/// The text of an order number.
pub fn broker_id(number: u64) -> BrokerOrderId {
    BrokerOrderId(number.to_string())
}

/// The number of an order id of this venue, or `None` when it is none.
pub fn order_number(id: &BrokerOrderId) -> Option<u64> {
    let number = id.0.parse().ok()?;
    (broker_id(number) == *id).then_some(number)
}
