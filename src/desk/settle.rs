//! The broker's cash movements, each read once: ours are held against their fills, settlements close
//! legs, and what nobody here did is put down as foreign.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Desk, adjust,
    adopt::{self, adopted},
    book, deliver, describe,
    intent::AttemptStatus,
    read, record,
    tables::{BROKER_ORDERS, CASH, CASH_KEY, CashBook, DAY_MARKS},
    tally,
};
use crate::{
    account::{BrokerOrderId, ExitReason, IntentId, Position, StrategyId},
    broker::{BrokerError, Transaction, TransactionKind},
    calendar::new_york_date,
    clock::Timestamp,
    instrument::Instrument,
    money::{FxRate, Usd},
    notice::{self, Notice},
    planted::{self, Bug},
    store::{Read, StoreError, WriteTx},
    strategy::Purpose,
};

/// The cause the journal gives for what the broker did by itself.
const BROKER: &str = "broker";
/// Orders read again in one look for fills they lack.
const FETCHED_MAX: usize = 20;

impl Desk {
    /// Opens the ledger's cash on the first start: what the broker has, and everything before it.
    pub(super) async fn open_cash_book(&self) -> Result<Result<(), BrokerError>, StoreError> {
        if self.held()?.cash.is_some() {
            return Ok(Ok(()));
        }
        let past = match self.ask(self.parts.broker.transactions(0)).await {
            Ok(past) => past,
            Err(error) => return Ok(Err(error)),
        };
        let balances = match self.ask(self.parts.broker.balances()).await {
            Ok(balances) => balances,
            Err(error) => return Ok(Err(error)),
        };
        let now = self.now();
        let book = CashBook {
            opening_usd: balances.cash_usd,
            since: now,
            traded_usd: Usd::ZERO,
            fees_usd: Usd::ZERO,
            foreign_usd: Usd::ZERO,
            transfers_usd: Usd::ZERO,
            last_transaction: past.last().map_or(0, |transaction| transaction.id),
        };
        self.write(move |tx| {
            tx.journal(now, "desk", "ledger_opened", &book)?;
            tx.put(&CASH, CASH_KEY, &book)
        })
        .await?;
        Ok(Ok(()))
    }

    /// Reads what the broker booked since the last look, and the fills it shows we lack. Stops
    /// before a trade of an order nobody can name while the fate of one of ours is not known.
    pub(super) async fn settle(&self) -> Result<Result<(), BrokerError>, StoreError> {
        let Some(last) = self.held()?.cash.as_ref().map(|book| book.last_transaction) else {
            return Ok(Ok(()));
        };
        let fresh = match self.ask(self.parts.broker.transactions(last)).await {
            Ok(fresh) => fresh,
            Err(error) => return Ok(Err(error)),
        };
        if !fresh.is_empty() {
            let by_hand = match self.claim(&fresh).await? {
                Ok(by_hand) => by_hand,
                Err(error) => return Ok(Err(error)),
            };
            self.book_fresh(fresh, by_hand).await?;
        }
        self.fetch_missing().await
    }

    /// Whose the orders are that the broker booked trades of and the ledger does not know: ours are
    /// found by their identifier and taken over, the rest are given back.
    async fn claim(
        &self,
        fresh: &[Transaction],
    ) -> Result<Result<BTreeSet<BrokerOrderId>, BrokerError>, StoreError> {
        let trades = fresh.iter().filter(|t| t.kind == TransactionKind::Trade);
        let orders: BTreeSet<&BrokerOrderId> = trades.filter_map(|t| t.order.as_ref()).collect();
        let mut by_hand = BTreeSet::new();
        for id in orders {
            if self.parts.store.read(|tx| tx.get(&BROKER_ORDERS, &id.0))?.is_some() {
                continue;
            }
            let order = match self.ask(self.parts.broker.order(id)).await {
                Ok(order) => order,
                Err(BrokerError::Unavailable(why)) => {
                    return Ok(Err(BrokerError::Unavailable(why)));
                }
                Err(_) => continue,
            };
            let Some(intent) = self.parts.store.read(|tx| read::owner_of(tx, &order))? else {
                if !self.may_be_ours(&order)? {
                    by_hand.insert(id.clone());
                }
                continue;
            };
            self.take(&intent, &order).await?;
            let (id, now) = (id.clone(), self.now());
            self.write(move |tx| record::claim(tx, &id, &intent, now)).await?;
        }
        Ok(Ok(by_hand))
    }

    async fn book_fresh(
        &self,
        fresh: Vec<Transaction>,
        by_hand: BTreeSet<BrokerOrderId>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let mut dated = Vec::with_capacity(fresh.len());
        for transaction in fresh {
            let rate = self.rate(transaction.at).await;
            dated.push((transaction, rate));
        }
        let changed = self.write(move |tx| book_all(tx, &dated, &by_hand, now)).await?;
        for position in &changed {
            self.keep_position(position);
        }
        if !changed.is_empty() {
            self.beat();
        }
        Ok(())
    }

    /// Reads each order again of which the broker booked more than the ledger has fills of: an order
    /// may be told as ended before its fills are. A fill is applied once, by its id.
    async fn fetch_missing(&self) -> Result<Result<(), BrokerError>, StoreError> {
        let open = self.parts.store.read(tally::open)?;
        for (_, tally) in open.iter().filter(|(_, tally)| tally.lacks_fills()).take(FETCHED_MAX) {
            match self.ask(self.parts.broker.order(&tally.order)).await {
                Ok(order) => drop(self.take(&tally.intent, &order).await?),
                Err(BrokerError::Unavailable(why)) => {
                    return Ok(Err(BrokerError::Unavailable(why)));
                }
                Err(error) => tracing::warn!(%error, "an order with missing fills was not read"),
            }
        }
        Ok(Ok(()))
    }
}

fn book_all(
    tx: &mut WriteTx,
    fresh: &[(Transaction, Option<FxRate>)],
    by_hand: &BTreeSet<BrokerOrderId>,
    now: Timestamp,
) -> Result<Vec<Position>, StoreError> {
    let in_doubt = read::open_intents(tx)?.iter().any(|record| {
        record.working().is_some_and(|attempt| attempt.status != AttemptStatus::Working)
    });
    let mut changed = Vec::new();
    let before = read::cash(tx)?.map_or(0, |book| book.last_transaction);
    let mut through = None;
    for (transaction, rate) in in_order(fresh, before) {
        let trade = transaction.kind == TransactionKind::Trade;
        let order = transaction.order.as_ref().filter(|_| trade);
        let ours = match order {
            Some(order) => tx.get(&BROKER_ORDERS, &order.0)?.map(|intent| (order, intent)),
            None => None,
        };
        let named = order.is_some_and(|order| by_hand.contains(order));
        if trade && ours.is_none() && !named && in_doubt {
            break;
        }
        match ours {
            Some((order, intent)) => tally::add_transaction(tx, order, &intent, transaction)?,
            None => changed.extend(book_one(tx, transaction, *rate, now)?),
        }
        mark_day(tx, transaction, through.unwrap_or(before))?;
        through = through.max(Some(transaction.id));
    }
    if let (Some(through), Some(mut book)) = (through, read::cash(tx)?) {
        book.last_transaction = through;
        tx.journal(now, BROKER, "transactions_read", &json!({ "through": through }))?;
        tx.put(&CASH, CASH_KEY, &book)?;
    }
    Ok(changed)
}

/// Keeps where a day begins among the broker's transactions, so that they can be read again.
fn mark_day(tx: &mut WriteTx, transaction: &Transaction, before: u64) -> Result<(), StoreError> {
    let date = new_york_date(transaction.at).to_string();
    if tx.get(&DAY_MARKS, &date)?.is_some() {
        return Ok(());
    }
    tx.put(&DAY_MARKS, &date, &before)
}

/// Each fresh movement once, in the broker's order; of an exercise or assignment the options first,
/// so that what they deliver is waited for when it comes.
fn in_order<T>(fresh: &[(Transaction, T)], last: u64) -> Vec<&(Transaction, T)> {
    let mut rows: Vec<_> = fresh.iter().filter(|(row, _)| row.id > last).collect();
    rows.sort_by_key(|(row, _)| row.id);
    rows.dedup_by_key(|(row, _)| row.id);
    let delivered = |row: &Transaction| row.kind == TransactionKind::Delivery;
    let together = |a: &&(Transaction, T), b: &&(Transaction, T)| {
        delivered(&a.0) && delivered(&b.0) && a.0.at == b.0.at
    };
    for run in rows.chunk_by_mut(together) {
        run.sort_by_key(|(row, _)| !matches!(row.instrument, Some(Instrument::Option(_))));
    }
    rows
}

/// One movement that is no fill of ours: it goes to the positions that hold the instrument, and
/// what none of them explains is foreign.
fn book_one(
    tx: &mut WriteTx,
    transaction: &Transaction,
    rate: Option<FxRate>,
    now: Timestamp,
) -> Result<Vec<Position>, StoreError> {
    tx.journal(now, BROKER, "transaction", transaction)?;
    if transaction.kind == TransactionKind::Adjustment {
        if (transaction.cash_usd, transaction.fees_usd) != (Usd::ZERO, Usd::ZERO) {
            foreign(tx, transaction, transaction.quantity, now)?;
        }
        return adjust::renamed(tx, transaction, now);
    }
    let mut changed = Vec::new();
    let mut left = transaction.quantity;
    let option = deliver::option_delivered(transaction);
    if transaction.kind == TransactionKind::Delivery && option.is_none() {
        let (rest, waited) = deliver::comes(tx, transaction, rate, now)?;
        left = rest;
        for (mut position, closed) in waited {
            if closed {
                run_out(tx, &mut position, transaction)?;
                record::put_position(tx, &position)?;
                record::tell_closed(tx, &position, BROKER, now)?;
            }
            changed.push(position);
        }
    }
    if let Some(instrument) = &transaction.instrument {
        for mut position in ours_first(read::open_positions(tx)?) {
            let share = share_of(&position, instrument, left);
            if share == 0 {
                continue;
            }
            let (cash, fees) = part(transaction, share);
            let closed = match option {
                Some(option) => {
                    let moved = (transaction, option);
                    deliver::leaves(tx, &mut position, moved, share, (cash, fees), now)?;
                    false
                }
                None => apply(&mut position, transaction, share, cash, fees, rate),
            };
            if closed && transaction.kind != TransactionKind::Trade {
                run_out(tx, &mut position, transaction)?;
            }
            let data = json!({
                "position": position.id, "transaction": transaction.id, "instrument": instrument,
                "quantity": share, "cash_usd": cash, "fees_usd": fees,
            });
            tx.journal(now, BROKER, "settled", &data)?;
            if !planted::on(Bug::SettlementNotBooked) {
                record::move_cash(tx, cash, fees)?;
            }
            record::put_position(tx, &position)?;
            tell(tx, &position, transaction, share, closed, now)?;
            left -= share;
            changed.push(position);
        }
        if left != 0 && transaction.kind == TransactionKind::Delivery && option.is_none() {
            changed.extend(delivered(tx, transaction, instrument, left, now)?);
            left = 0;
        }
    }
    if left != 0 || transaction.quantity == 0 {
        foreign(tx, transaction, left, now)?;
    }
    if left != 0
        && transaction.kind == TransactionKind::Trade
        && let Some(instrument) = &transaction.instrument
    {
        changed.extend(adopt::beside_ours(tx, instrument, left, transaction, now)?);
    }
    Ok(changed)
}

/// How much of a movement closes what a position holds of the instrument.
fn share_of(position: &Position, instrument: &Instrument, left: i64) -> i64 {
    let held = position.legs.iter().find(|leg| leg.instrument == *instrument);
    let held = held.map_or(0, |leg| leg.quantity);
    if left == 0 || held == 0 || held.signum() == left.signum() {
        return 0;
    }
    left.signum() * left.abs().min(held.abs())
}

/// The cash and fees that go with a share of a movement, to the cent.
fn part(transaction: &Transaction, share: i64) -> (Usd, Usd) {
    if transaction.quantity == 0 || share == transaction.quantity {
        return (transaction.cash_usd, transaction.fees_usd);
    }
    let ratio =
        rust_decimal::Decimal::from(share) / rust_decimal::Decimal::from(transaction.quantity);
    (transaction.cash_usd.times(ratio).rounded(), transaction.fees_usd.times(ratio).rounded())
}

fn apply(
    position: &mut Position,
    transaction: &Transaction,
    share: i64,
    cash: Usd,
    fees: Usd,
    rate: Option<FxRate>,
) -> bool {
    let Some(instrument) = &transaction.instrument else { return false };
    let closed =
        book::apply_settlement(position, instrument, share, cash, fees, transaction.at, rate);
    if closed && transaction.kind == TransactionKind::Trade {
        position.exit_reason = Some(ExitReason::External);
    }
    closed
}

/// Longs that nobody bid for run out after the close that bought the shorts back: the position
/// ended for its reason, and at its time where they ran out worthless. Where a short ran out too
/// the position expired.
fn run_out(
    tx: &WriteTx,
    position: &mut Position,
    transaction: &Transaction,
) -> Result<(), StoreError> {
    let id = IntentId(position.id.0.clone());
    let Some(entry) = read::intent(tx, &id)? else { return Ok(()) };
    let closes = read::closes(tx, &position.id)?;
    let Some(record) = book::ended_risk(&entry, &closes) else { return Ok(()) };
    if let Purpose::Exit { reason, .. } = record.intent.purpose {
        position.exit_reason = Some(reason);
    }
    let last_fill = record.fills.iter().map(|fill| fill.at).max();
    let same_day = |at: &Timestamp| new_york_date(*at) == new_york_date(transaction.at);
    if transaction.kind == TransactionKind::Expiration
        && let Some(at) = last_fill.filter(same_day)
    {
        position.closed_at = Some(at);
    }
    Ok(())
}

fn tell(
    tx: &mut WriteTx,
    position: &Position,
    transaction: &Transaction,
    share: i64,
    closed: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    if transaction.kind == TransactionKind::Trade
        && let Some(instrument) = &transaction.instrument
    {
        let traded = describe::single(share, instrument);
        let what = format!("{}: {traded} was traded at the broker by hand", position.id);
        notice::raise(tx, now, Notice::Difference { what })?;
    }
    if closed { record::tell_closed(tx, position, BROKER, now) } else { Ok(()) }
}

/// A future or shares that an option left behind: a position of its own, touched only by FLATTEN,
/// recorded and told.
fn delivered(
    tx: &mut WriteTx,
    transaction: &Transaction,
    instrument: &Instrument,
    quantity: i64,
    now: Timestamp,
) -> Result<Option<Position>, StoreError> {
    let position = adopted(tx, instrument, quantity, rust_decimal::Decimal::ZERO, transaction.at)?;
    let what = format!(
        "{} was delivered by no option of ours; it is held as {} and is closed by hand or by flatten",
        describe::single(quantity, instrument),
        position.id
    );
    let (cash, fees) = part(transaction, quantity);
    let data = json!({
        "position": position.id, "what": what, "row": position, "cash_usd": cash, "fees_usd": fees,
    });
    tx.journal(now, BROKER, "delivered", &data)?;
    record::move_cash(tx, cash, fees)?;
    notice::raise(tx, now, Notice::Difference { what })?;
    Ok(Some(position))
}

fn foreign(
    tx: &mut WriteTx,
    transaction: &Transaction,
    left: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut book) = read::cash(tx)? else { return Ok(()) };
    let (cash, fees) = part(transaction, left);
    book.foreign_usd += cash - fees;
    let transfer = transaction.kind == TransactionKind::Transfer;
    if transfer {
        book.transfers_usd += cash - fees;
    }
    let data = json!({
        "transaction": transaction.id, "cash_usd": cash - fees, "transfer": transfer,
    });
    tx.journal(now, BROKER, "foreign", &data)?;
    tx.put(&CASH, CASH_KEY, &book)
}

/// Positions of a strategy before those of the owner, each by id.
fn ours_first(mut positions: Vec<Position>) -> Vec<Position> {
    positions.sort_by(|a, b| {
        let external = |p: &Position| p.strategy == StrategyId::External;
        (external(a), &a.id).cmp(&(external(b), &b.id))
    });
    positions
}
