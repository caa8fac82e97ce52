//! Each order's fills in the ledger beside its transactions at the broker: what one side has and the
//! other lacks is a difference with a name.
//!
//! Both sides are kept as sums of what was taken over, each fill and each transaction once. A tally
//! is even when both agree in contracts; its cash and fees are compared at the end of the day.

use serde::{Deserialize, Serialize};

use crate::{
    account::{BrokerOrderId, Fill, IntentId},
    broker::Transaction,
    calendar::new_york_date,
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    store::{Read, StoreError, Table, WriteTx},
};

/// Tallies by `<New York date of the first trade>/<order>`.
pub const TALLIES: Table<Tally> = Table::new("tallies", 1);
/// The keys of the tallies whose contracts do not agree, by order.
pub const TALLIES_OPEN: Table<String> = Table::new("tallies_open", 1);

/// Trades of one side added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traded {
    /// Contracts, below zero sold.
    pub quantity: i64,
    /// Cash in (above zero) or out, fees not counted.
    pub cash_usd: Usd,
    /// Fees.
    pub fees_usd: Usd,
}

impl Traded {
    fn add(&mut self, quantity: i64, cash: Usd, fees: Usd) {
        self.quantity += quantity;
        self.cash_usd += cash;
        self.fees_usd += fees;
    }
}

/// One instrument of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyLine {
    /// What was traded.
    pub instrument: Instrument,
    /// By the fills taken over.
    pub fills: Traded,
    /// By the broker's transactions.
    pub transactions: Traded,
}

/// One order of ours, both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The broker's order.
    pub order: BrokerOrderId,
    /// The intent it worked for.
    pub intent: IntentId,
    /// By instrument, in the order they came.
    pub lines: Vec<TallyLine>,
    /// Why the owner took the broker's side of it, where he did.
    pub accepted: Option<String>,
}

impl Tally {
    /// The broker booked contracts the ledger has no fill of.
    pub fn lacks_fills(&self) -> bool {
        let lacks = |l: &TallyLine| l.fills.quantity.abs() < l.transactions.quantity.abs();
        self.accepted.is_none() && self.lines.iter().any(lacks)
    }

    /// Both sides have the same contracts.
    pub fn is_even(&self) -> bool {
        self.lines.iter().all(|line| line.fills.quantity == line.transactions.quantity)
    }

    /// Both sides agree in contracts, cash and fees, or the owner has settled it.
    pub fn agrees(&self) -> bool {
        self.accepted.is_some() || self.lines.iter().all(|line| line.fills == line.transactions)
    }

    /// Cash and fees by the fills.
    pub fn by_fills(&self) -> (Usd, Usd) {
        sum(self.lines.iter().map(|line| &line.fills))
    }

    /// Cash and fees by the transactions.
    pub fn by_transactions(&self) -> (Usd, Usd) {
        sum(self.lines.iter().map(|line| &line.transactions))
    }

    fn line(&mut self, instrument: &Instrument) -> &mut TallyLine {
        let known = self.lines.iter().position(|line| line.instrument == *instrument);
        let index = known.unwrap_or_else(|| {
            self.lines.push(TallyLine {
                instrument: instrument.clone(),
                fills: Traded::default(),
                transactions: Traded::default(),
            });
            self.lines.len() - 1
        });
        &mut self.lines[index]
    }
}

fn sum<'a>(sides: impl Iterator<Item = &'a Traded>) -> (Usd, Usd) {
    sides.fold((Usd::ZERO, Usd::ZERO), |(cash, fees), side| {
        (cash + side.cash_usd, fees + side.fees_usd)
    })
}

/// Adds a fill that was just taken over.
pub fn add_fill(
    tx: &mut WriteTx,
    order: &BrokerOrderId,
    intent: &IntentId,
    fill: &Fill,
) -> Result<(), StoreError> {
    change(tx, order, intent, fill.at, |tally| {
        let quantity = fill.side.sign() * i64::from(fill.quantity);
        tally.line(&fill.instrument).fills.add(quantity, fill.cash(), fill.fees);
    })
}

/// Adds a trade of one of our orders as the broker booked it.
pub fn add_transaction(
    tx: &mut WriteTx,
    order: &BrokerOrderId,
    intent: &IntentId,
    transaction: &Transaction,
) -> Result<(), StoreError> {
    let Some(instrument) = &transaction.instrument else { return Ok(()) };
    change(tx, order, intent, transaction.at, |tally| {
        let Transaction { quantity, cash_usd, fees_usd, .. } = transaction;
        tally.line(instrument).transactions.add(*quantity, *cash_usd, *fees_usd);
    })
}

/// Settles a tally by the owner's word: the broker's side stands.
pub fn accept(tx: &mut WriteTx, key: &str, reason: &str) -> Result<(), StoreError> {
    let Some(mut tally) = tx.get(&TALLIES, key)? else { return Ok(()) };
    tally.accepted = Some(reason.to_owned());
    put(tx, key, &tally)
}

fn change(
    tx: &mut WriteTx,
    order: &BrokerOrderId,
    intent: &IntentId,
    at: Timestamp,
    change: impl FnOnce(&mut Tally),
) -> Result<(), StoreError> {
    // A trade told over midnight still belongs to the tally that waits for it.
    let waiting = tx.get(&TALLIES_OPEN, &order.0)?;
    let key = waiting.unwrap_or_else(|| format!("{}/{order}", new_york_date(at)));
    let mut tally = tx.get(&TALLIES, &key)?.unwrap_or_else(|| Tally {
        order: order.clone(),
        intent: intent.clone(),
        lines: Vec::new(),
        accepted: None,
    });
    change(&mut tally);
    put(tx, &key, &tally)
}

fn put(tx: &mut WriteTx, key: &str, tally: &Tally) -> Result<(), StoreError> {
    tx.put(&TALLIES, key, tally)?;
    if tally.is_even() || tally.accepted.is_some() {
        tx.remove(&TALLIES_OPEN, &tally.order.0)?;
        return Ok(());
    }
    tx.put(&TALLIES_OPEN, &tally.order.0, &key.to_owned())
}

/// Tallies whose contracts do not agree yet, by order, each with its key.
pub fn open(tx: &impl Read) -> Result<Vec<(String, Tally)>, StoreError> {
    let keys = tx.list(&TALLIES_OPEN, "")?;
    let found = keys.into_iter().map(|(_, key)| Ok(tx.get(&TALLIES, &key)?.map(|t| (key, t))));
    found.filter_map(Result::transpose).collect()
}
