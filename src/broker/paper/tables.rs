//! The venue's own tables, and the way between them and the state.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::{
    order::VenueOrder,
    state::{Account, Changes, Lot, VenueState},
};
use crate::{
    account::Fill,
    broker::Transaction,
    clock::Timestamp,
    instrument::Instrument,
    store::{Read, Store, StoreError, Table, WriteTx},
};

/// The tables of a venue's store, for [`Store::changes`].
pub const TABLES: [&str; 5] =
    ["venue_account", "venue_orders", "venue_fills", "venue_holdings", "venue_transactions"];

const ACCOUNT: Table<Account> = Table::new("venue_account", 1);
const ORDERS: Table<VenueOrder> = Table::new("venue_orders", 1);
const FILLS: Table<Fill> = Table::new("venue_fills", 1);
const HOLDINGS: Table<Lot> = Table::new("venue_holdings", 1);
const TRANSACTIONS: Table<Transaction> = Table::new("venue_transactions", 1);

/// The one key of the account's row.
const THE_ACCOUNT: &str = "account";

/// Numbers as keys: text order is number order.
fn key(number: u64) -> String {
    format!("{number:020}")
}

/// A holding's key: the instrument's own JSON, so that no two share one.
fn holding_key(instrument: &Instrument) -> Result<String, StoreError> {
    serde_json::to_string(instrument).map_err(|source| StoreError::Codec {
        table: "venue_holdings",
        key: String::new(),
        source,
    })
}

/// Rows to write, owned so that the store's thread can take them.
pub struct Rows {
    account: Account,
    orders: Vec<VenueOrder>,
    fills: Vec<(u64, usize, Fill)>,
    holdings: Vec<(Instrument, Option<Lot>)>,
    transactions: Vec<Transaction>,
}

impl Rows {
    /// The rows that changed.
    pub fn of(state: &VenueState, changes: Changes) -> Self {
        let orders = changes.orders.iter().filter_map(|id| state.orders.get(id).cloned());
        let held = |i: Instrument| (i.clone(), state.holdings.get(&i).cloned());
        // A fill's place in its order: counted from the end of what the order has by now.
        let mut fills = Vec::with_capacity(changes.fills.len());
        for (index, (id, fill)) in changes.fills.iter().enumerate() {
            let later = changes.fills[index..].iter().filter(|(other, _)| other == id).count();
            fills.push((*id, state.fills_of(*id).len() - later, fill.clone()));
        }
        Self {
            account: state.account,
            orders: orders.collect(),
            fills,
            holdings: changes.holdings.into_iter().map(held).collect(),
            transactions: changes.transactions,
        }
    }

    /// Writes them in one transaction.
    pub fn write(&self, tx: &mut WriteTx) -> Result<(), StoreError> {
        tx.put(&ACCOUNT, THE_ACCOUNT, &self.account)?;
        for order in &self.orders {
            tx.put(&ORDERS, &key(order.id), order)?;
        }
        for (id, place, fill) in &self.fills {
            tx.put(&FILLS, &format!("{}/{place:06}", key(*id)), fill)?;
        }
        for (instrument, lot) in &self.holdings {
            let key = holding_key(instrument)?;
            match lot {
                Some(lot) => tx.put(&HOLDINGS, &key, lot)?,
                None => drop(tx.remove(&HOLDINGS, &key)?),
            }
        }
        for transaction in &self.transactions {
            tx.put(&TRANSACTIONS, &key(transaction.id), transaction)?;
        }
        Ok(())
    }
}

/// The state a store holds; `None` when no account was ever opened in it. A store whose sums do
/// not meet is refused.
pub fn load(store: &Store) -> Result<Option<VenueState>, StoreError> {
    let Some(mut state) = truth(store)? else { return Ok(None) };
    check(&state)?;
    state.forget();
    Ok(Some(state))
}

/// Every row a store holds, as it lies.
pub fn truth(store: &Store) -> Result<Option<VenueState>, StoreError> {
    store.read(|tx| {
        let Some(account) = tx.get(&ACCOUNT, THE_ACCOUNT)? else { return Ok(None) };
        let mut state = VenueState { account, ..VenueState::default() };
        for (_, order) in tx.list(&ORDERS, "")? {
            state.orders.insert(order.id, order);
        }
        for (name, fill) in tx.list(&FILLS, "")? {
            let order = name.split('/').next().and_then(|number| number.parse().ok());
            state.fills.entry(order.unwrap_or(0)).or_default().push(fill);
        }
        for (_, lot) in tx.list::<Lot>(&HOLDINGS, "")? {
            state.holdings.insert(lot.instrument.clone(), lot);
        }
        let transactions = tx.list(&TRANSACTIONS, "")?;
        state.transactions = transactions.into_iter().map(|(_, row)| row).collect();
        Ok(Some(state))
    })
}

/// The sums that must meet: cash with transactions, holdings with transactions.
fn check(state: &VenueState) -> Result<(), StoreError> {
    let net = |row: &Transaction| row.cash_usd - row.fees_usd;
    let sum = state.transactions.iter().map(net).sum();
    if state.account.cash_usd != sum {
        return Err(StoreError::Refused(format!(
            "venue: cash is {}, its transactions add up to {sum}; restore a backup",
            state.account.cash_usd
        )));
    }
    let mut quantities = std::collections::BTreeMap::new();
    for row in &state.transactions {
        if let Some(instrument) = &row.instrument {
            *quantities.entry(instrument).or_insert(0) += row.quantity;
        }
    }
    quantities.retain(|_, quantity| *quantity != 0);
    let held = state.holdings.values().map(|lot| (&lot.instrument, lot.quantity)).collect();
    if quantities == held {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "venue: {} instruments are held, the transactions leave {}; restore a backup",
        state.holdings.len(),
        quantities.len()
    )))
}

/// An order that memory no longer holds, with its fills.
pub fn old_order(store: &Store, id: u64) -> Result<Option<(VenueOrder, Vec<Fill>)>, StoreError> {
    store.read(|tx| {
        let Some(order) = tx.get(&ORDERS, &key(id))? else { return Ok(None) };
        let fills = tx.list(&FILLS, &format!("{}/", key(id)))?;
        Ok(Some((order, fills.into_iter().map(|(_, fill)| fill).collect())))
    })
}

/// An order works for one session: none is changed so long after it was received.
const ORDER_LIFE: TimeDelta = TimeDelta::days(10);

/// The orders received at or after an instant, and perhaps some before: numbers rise with time, so
/// only the end of the table is read.
fn received_since(
    tx: &impl Read,
    since: Timestamp,
) -> Result<Vec<(String, VenueOrder)>, StoreError> {
    let mut count = 256;
    loop {
        let mut newest = tx.last(&ORDERS, "", count)?;
        let reaches = newest.last().is_none_or(|(_, order)| order.received_at < since);
        if reaches || newest.len() < count {
            newest.reverse();
            return Ok(newest);
        }
        count *= 2;
    }
}

/// Every order changed at or after an instant, with its fills.
pub fn orders_since(
    store: &Store,
    since: Timestamp,
) -> Result<Vec<(VenueOrder, Vec<Fill>)>, StoreError> {
    store.read(|tx| {
        let mut found = Vec::new();
        for (name, order) in received_since(tx, since - ORDER_LIFE)? {
            if order.updated_at >= since {
                let fills = tx.list(&FILLS, &format!("{name}/"))?;
                found.push((order, fills.into_iter().map(|(_, fill)| fill).collect()));
            }
        }
        Ok(found)
    })
}

/// Transactions with an id above `after`.
pub fn transactions(store: &Store, after: u64) -> Result<VecDeque<Transaction>, StoreError> {
    store.read(|tx| {
        let rows = tx.range(&TRANSACTIONS, &key(after.saturating_add(1)), "~")?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    })
}
