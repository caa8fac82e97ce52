//! Reads of the desk's tables, for status, reports, the gate's snapshot and the desk itself.

use chrono::NaiveDate;
use serde::Deserialize;

use super::{
    intent::IntentRecord,
    tables::{
        BROKER_ORDERS, CASH, CASH_KEY, CashBook, DAY_COUNTS, DECISIONS, DayCounts, EQUITY,
        EQUITY_POINTS, EXTERNAL_ORDERS, EquityPoint, EquityRow, ExternalOrder, HOLDS, INTENTS,
        INTENTS_OPEN, POSITIONS, POSITIONS_CLOSED, POSITIONS_OPEN,
    },
};
use crate::{
    account::{IntentId, Position, PositionId, exposure::OwnersOrder, hold::Hold},
    broker::BrokerOrder,
    calendar::new_york_date,
    risk::decision::DecisionRecord,
    store::{Read, StoreError, Table},
    strategy::Purpose,
};

/// Every active hold, by name.
pub fn holds(tx: &impl Read) -> Result<Vec<Hold>, StoreError> {
    Ok(values(tx.list(&HOLDS, "")?))
}

/// Working orders the owner sent himself.
pub fn owners_orders(tx: &impl Read) -> Result<Vec<OwnersOrder>, StoreError> {
    let rows = values(tx.list(&EXTERNAL_ORDERS, "")?).into_iter();
    let order = |row: ExternalOrder| {
        let BrokerOrder { id, legs, units, .. } = row.order;
        OwnersOrder { id, legs, units }
    };
    Ok(rows.map(order).collect())
}

/// One intent.
pub fn intent(tx: &impl Read, id: &IntentId) -> Result<Option<IntentRecord>, StoreError> {
    tx.get(&INTENTS, &id.0)
}

/// The intent an order of the broker's belongs to: by the broker's id, else by the identifier it
/// carries. `None` for an order nobody here sent.
pub fn owner_of(tx: &impl Read, order: &BrokerOrder) -> Result<Option<IntentId>, StoreError> {
    if let Some(id) = tx.get(&BROKER_ORDERS, &order.id.0)? {
        return Ok(Some(id));
    }
    let named = order.external_id.as_deref().and_then(|id| id.rsplit_once('/'));
    let Some((id, _)) = named else { return Ok(None) };
    let sent = tx.shared(&INTENTS, id)?.is_some_and(|record| record.sent(order));
    Ok(sent.then(|| IntentId(id.to_owned())))
}

/// Every intent that is not terminal, by id.
pub fn open_intents(tx: &impl Read) -> Result<Vec<IntentRecord>, StoreError> {
    let ids = values(tx.list(&INTENTS_OPEN, "")?);
    let records = ids.iter().map(|id| tx.get(&INTENTS, &id.0));
    records.filter_map(Result::transpose).collect()
}

/// Every intent whose id begins so: those of one slot, or the closes of one position.
pub fn intents_with(tx: &impl Read, prefix: &str) -> Result<Vec<IntentRecord>, StoreError> {
    Ok(values(tx.list(&INTENTS, prefix)?))
}

/// What an entry's id is told by, without the whole of its record.
#[derive(Deserialize)]
struct Named {
    intent: NamedIntent,
}

#[derive(Deserialize)]
struct NamedIntent {
    id: IntentId,
    purpose: Purpose,
}

const NAMED: Table<Named> = Table::new(INTENTS.name(), 1);

/// The ids of the entries whose ids begin so.
pub fn entry_ids(tx: &impl Read, prefix: &str) -> Result<Vec<IntentId>, StoreError> {
    let named = values(tx.list(&NAMED, prefix)?).into_iter().map(|row| row.intent);
    Ok(named.filter(|row| row.purpose == Purpose::Entry).map(|row| row.id).collect())
}

/// The closes of a position, in order of their ordinals.
pub fn closes(tx: &impl Read, position: &PositionId) -> Result<Vec<IntentRecord>, StoreError> {
    let mut records = intents_with(tx, &format!("{position}-x"))?;
    records.sort_by_key(|record| (record.created_at, ordinal(record)));
    Ok(records)
}

fn ordinal(record: &IntentRecord) -> u32 {
    let text = record.intent.id.0.rsplit_once("-x").map(|(_, number)| number);
    text.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// One position.
pub fn position(tx: &impl Read, id: &PositionId) -> Result<Option<Position>, StoreError> {
    tx.get(&POSITIONS, &id.0)
}

/// Every position with an open leg, by id; EXTERNAL included.
pub fn open_positions(tx: &impl Read) -> Result<Vec<Position>, StoreError> {
    let ids = values(tx.list(&POSITIONS_OPEN, "")?);
    let positions = ids.iter().map(|id| tx.get(&POSITIONS, &id.0));
    positions.filter_map(Result::transpose).collect()
}

/// The positions closed from `from` to `to`, New York dates, both included, in order of closing.
pub fn closed_positions(
    tx: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Position>, StoreError> {
    let ids = values(tx.range(&POSITIONS_CLOSED, &from.to_string(), &after(to))?);
    let positions = ids.iter().map(|id: &PositionId| tx.get(&POSITIONS, &id.0));
    let mut positions: Vec<Position> =
        positions.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    positions.sort_by(|a, b| (a.closed_at, &a.id).cmp(&(b.closed_at, &b.id)));
    Ok(positions)
}

/// The closing figures of the sessions from `from` to `to`, both included.
pub fn equity(
    tx: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<EquityRow>, StoreError> {
    Ok(values(tx.range(&EQUITY, &from.to_string(), &after(to))?))
}

/// The last session's closing figures.
pub fn last_equity(tx: &impl Read) -> Result<Option<EquityRow>, StoreError> {
    Ok(values(tx.last(&EQUITY, "", 1)?).pop())
}

/// The points of the equity curve inside a session.
pub fn equity_points(tx: &impl Read, date: NaiveDate) -> Result<Vec<EquityPoint>, StoreError> {
    Ok(tx.get(&EQUITY_POINTS, &date.to_string())?.unwrap_or_default())
}

/// The decisions whose slots lie from `from` to `to`, New York dates, both included, in order.
pub fn decisions(
    tx: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DecisionRecord>, StoreError> {
    // A New York date reaches over midnight UTC, in which the keys are.
    let rows = values(tx.range(&DECISIONS, &from.to_string(), &after(after_day(to)))?);
    let inside = |record: &DecisionRecord| (from..=to).contains(&new_york_date(record.slot));
    Ok(rows.into_iter().filter(inside).collect())
}

/// Cash as the ledger explains it, once there is a ledger.
pub fn cash(tx: &impl Read) -> Result<Option<CashBook>, StoreError> {
    tx.get(&CASH, CASH_KEY)
}

/// What was sent and rejected on a date.
pub fn day_counts(tx: &impl Read, date: NaiveDate) -> Result<DayCounts, StoreError> {
    Ok(tx.get(&DAY_COUNTS, &date.to_string())?.unwrap_or_default())
}

fn values<V>(rows: Vec<(String, V)>) -> Vec<V> {
    rows.into_iter().map(|(_, value)| value).collect()
}

/// The first key after every key of a date.
fn after(date: NaiveDate) -> String {
    after_day(date).to_string()
}

fn after_day(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}
