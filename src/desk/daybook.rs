//! What the end-of-day reconciliation found: each order of the day against its transactions, the
//! cash to the cent, the holdings, and what the owner settled.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    accept::{CORRECTIONS, Correction},
    difference, read,
    tables::EXTERNAL_ORDERS,
    tally::{TALLIES, Tally},
};
use crate::{
    account::{Balances, BrokerOrderId, IntentId},
    calendar::new_york_date,
    clock::Timestamp,
    money::Usd,
    store::{Read, StoreError, Table},
};

/// The books of each day, by date.
pub const DAY_BOOKS: Table<DayBook> = Table::new("day_books", 1);

/// The books of a day, as they were compared after its close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayBook {
    /// The session.
    pub date: NaiveDate,
    /// The instant of the look.
    pub at: Timestamp,
    /// Ledger and broker agree to the cent, order by order.
    pub clean: bool,
    /// Cash as the ledger explains it.
    pub ledger_cash_usd: Usd,
    /// Cash at the broker.
    pub broker_cash_usd: Usd,
    /// Positions with an open leg, those of the owner included.
    pub positions: usize,
    /// Working orders the owner sent himself.
    pub external_orders: usize,
    /// The orders that traded, by id.
    pub orders: Vec<OrderLine>,
    /// Differences that stand, in words.
    pub differences: Vec<String>,
    /// What the owner settled that day, in words.
    pub accepted: Vec<String>,
}

/// One order of the day, both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The broker's order.
    pub order: BrokerOrderId,
    /// The intent it worked for.
    pub intent: IntentId,
    /// Both sides agree in contracts, cash and fees.
    pub agrees: bool,
    /// Contracts by the fills, all legs.
    pub filled: u64,
    /// Contracts by the broker's transactions, all legs.
    pub booked: u64,
    /// Cash of the fills, fees not counted.
    pub fills_usd: Usd,
    /// Cash of the transactions, fees not counted.
    pub transactions_usd: Usd,
    /// Fees of the fills.
    pub fill_fees_usd: Usd,
    /// Fees of the transactions.
    pub transaction_fees_usd: Usd,
}

impl OrderLine {
    fn of(tally: &Tally) -> Self {
        let ((fills_usd, fill_fees_usd), (transactions_usd, transaction_fees_usd)) =
            (tally.by_fills(), tally.by_transactions());
        Self {
            order: tally.order.clone(),
            intent: tally.intent.clone(),
            agrees: tally.agrees(),
            filled: tally.lines.iter().map(|line| line.fills.quantity.unsigned_abs()).sum(),
            booked: tally.lines.iter().map(|line| line.transactions.quantity.unsigned_abs()).sum(),
            fills_usd,
            transactions_usd,
            fill_fees_usd,
            transaction_fees_usd,
        }
    }

    /// `order 7 of zdte-20240802-1: 4 contracts, $487.50, fees $13.48` with the other side where it
    /// differs.
    pub fn words(&self) -> String {
        let Self { order, intent, .. } = self;
        let ours =
            format!("{} contracts, {}, fees {}", self.filled, self.fills_usd, self.fill_fees_usd);
        if self.agrees {
            return format!("order {order} of {intent}: {ours}");
        }
        format!(
            "order {order} of {intent}: {ours} by the fills; {} contracts, {}, fees {} by the \
             broker's transactions",
            self.booked, self.transactions_usd, self.transaction_fees_usd
        )
    }
}

impl DayBook {
    /// The result in one line.
    pub fn headline(&self) -> String {
        let orders = match self.orders.len() {
            0 => "no order traded".to_owned(),
            1 => "one order".to_owned(),
            n => format!("{n} orders"),
        };
        if self.clean {
            return format!(
                "Clean: {orders}, cash {} and holdings agree with the broker to the cent",
                self.broker_cash_usd
            );
        }
        let things = match self.differences.len() {
            1 => "one difference stands".to_owned(),
            n => format!("{n} differences stand"),
        };
        format!("Differs: {things}; cash {}, {orders}", self.broker_cash_usd)
    }

    /// What a reader must see beside it.
    pub fn remarks(&self) -> Vec<String> {
        let uneven = self.orders.iter().filter(|order| !order.agrees).map(OrderLine::words);
        self.differences.iter().cloned().chain(uneven).chain(self.accepted.clone()).collect()
    }
}

/// The books of a day from the store, beside the broker's cash of a look made just before.
pub fn day_book(
    tx: &impl Read,
    date: NaiveDate,
    balances: &Balances,
    at: Timestamp,
) -> Result<DayBook, StoreError> {
    let tallies = tx.list(&TALLIES, &format!("{date}/"))?;
    let differences: Vec<String> =
        difference::standing(tx)?.iter().map(difference::Difference::told).collect();
    let corrections = tx.list(&CORRECTIONS, "")?;
    let of_day = corrections.iter().filter(|(_, row)| new_york_date(row.at) == date);
    Ok(DayBook {
        date,
        at,
        clean: differences.is_empty(),
        ledger_cash_usd: read::cash(tx)?.map_or(Usd::ZERO, |book| book.expected_usd()),
        broker_cash_usd: balances.cash_usd,
        positions: read::open_positions(tx)?.len(),
        external_orders: tx.list(&EXTERNAL_ORDERS, "")?.len(),
        orders: tallies.iter().map(|(_, tally)| OrderLine::of(tally)).collect(),
        differences,
        accepted: of_day.map(|(key, row)| accepted(key, row)).collect(),
    })
}

fn accepted(key: &str, row: &Correction) -> String {
    let position = key.split('/').next().unwrap_or(key);
    let by = super::describe::single(row.quantity, &row.instrument);
    format!("{position}: {by} by the owner's word on {}: {}", row.difference, row.reason)
}

/// The books of a day, where they were compared.
pub fn of_day(tx: &impl Read, date: NaiveDate) -> Result<Option<DayBook>, StoreError> {
    tx.get(&DAY_BOOKS, &date.to_string())
}
