//! The desk's writes: each one step, with its journal entry and notices, in one transaction.

use chrono::NaiveDate;
use serde_json::json;

pub(super) use super::uneven::uneven_end;
use super::{
    book, decided, describe,
    intent::{AttemptStatus, IntentRecord, IntentState},
    read,
    tables::{
        BROKER_ORDERS, CASH, CASH_KEY, DAY_COUNTS, INTENTS, INTENTS_OPEN, POSITIONS,
        POSITIONS_CLOSED, POSITIONS_OPEN, closed_key,
    },
    tally, uneven,
};
use crate::{
    account::{BrokerOrderId, Fill, IntentId, Position, PositionId},
    broker::BrokerOrder,
    calendar::new_york_date,
    clock::Timestamp,
    money::{FxRate, Usd},
    notice::{self, Notice},
    planted::{self, Bug},
    store::{Read, StoreError, WriteTx},
    strategy::{Intent, Purpose},
};

/// The most instants of sends a day's row keeps; the rulebook allows 200 entries a day.
const SENDS_KEPT: usize = 1000;

/// What a step left behind.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The intent after it.
    pub record: IntentRecord,
    /// The position after it, where it changed.
    pub position: Option<Position>,
}

/// Writes a new intent. Refused when its id exists already: ids are pure functions of what asks.
pub fn create(
    tx: &mut WriteTx,
    intent: Intent,
    state: IntentState,
    cause: &str,
    at: Timestamp,
) -> Result<IntentRecord, StoreError> {
    if read::intent(tx, &intent.id)?.is_some() {
        return Err(StoreError::Refused(format!("intent `{}` exists already", intent.id)));
    }
    let record = IntentRecord::new(intent, state, at);
    tx.journal(at, cause, "intent", &json!({ "state": state, "intent": &record.intent }))?;
    save(tx, &record)?;
    Ok(record)
}

/// Writes a new close of a position and takes its ordinal. Refused while another close of the
/// position is not terminal: that is what makes two closes at once impossible.
pub fn create_close(
    tx: &mut WriteTx,
    position: &PositionId,
    make: impl FnOnce(&Position) -> Option<Intent>,
    cause: &str,
    at: Timestamp,
) -> Result<Option<Recorded>, StoreError> {
    let Some(mut row) = read::position(tx, position)?.filter(Position::is_open) else {
        return Ok(None);
    };
    let other =
        read::open_intents(tx)?.into_iter().find(|r| r.intent.purpose.position() == Some(position));
    if other.is_some() {
        return Ok(None);
    }
    let Some(intent) = make(&row) else { return Ok(None) };
    row.next_close += 1;
    put_position(tx, &row)?;
    let record = create(tx, intent, IntentState::Planned, cause, at)?;
    Ok(Some(Recorded { record, position: Some(row) }))
}

/// The id of a position's next close.
pub fn close_id(position: &Position) -> IntentId {
    IntentId(format!("{}-x{}", position.id, position.next_close))
}

/// Writes a send that is about to leave; it is durable when the caller's commit returns.
pub fn sending(tx: &mut WriteTx, record: &IntentRecord, at: Timestamp) -> Result<(), StoreError> {
    if planted::on(Bug::SkipDurableWrite) {
        return Ok(());
    }
    let Some(attempt) = record.working() else {
        return Err(StoreError::Refused(format!("intent `{}` has no send", record.id())));
    };
    let data = json!({
        "order": attempt.external_id, "units": attempt.units, "limit": attempt.limit,
    });
    tx.journal(at, &record.id().0, "sending", &data)?;
    if attempt.legs.is_some() && !record.attempts.iter().any(|a| a != attempt && a.legs.is_some()) {
        uneven::tell(tx, record, "the lagging legs are sent", at)?;
    }
    if record.is_entry() {
        count(tx, at, |counts| {
            counts.opening_sent.push(at);
            let surplus = counts.opening_sent.len().saturating_sub(SENDS_KEPT);
            counts.opening_sent.drain(..surplus);
        })?;
    }
    save(tx, record)
}

/// Takes over what the broker says of an order of ours: state, fills, position, cash, journal and
/// notices together. Fills seen before change nothing.
pub fn report(
    tx: &mut WriteTx,
    id: &IntentId,
    order: &BrokerOrder,
    rate: Option<FxRate>,
    at: Timestamp,
) -> Result<Option<Recorded>, StoreError> {
    let Some(mut record) = read::intent(tx, id)? else { return Ok(None) };
    let before = record.clone();
    let fresh = record.apply(order, at);
    if record == before {
        return Ok(Some(Recorded { record, position: None }));
    }
    let position =
        if fresh.is_empty() { None } else { fill(tx, &record, &order.id, &fresh, rate, at)? };
    let told = journal_attempts(tx, &before, &record, at)?;
    if told.contains(&order.id) {
        tx.put(&BROKER_ORDERS, &order.id.0, id)?;
    } else {
        claim(tx, &order.id, id, at)?;
    }
    if !before.state.is_terminal() && record.state == IntentState::Rejected && record.is_entry() {
        count(tx, at, |counts| counts.rejections += 1)?;
    }
    finish(tx, &before, &record, at)?;
    if before.state.is_terminal() && !fresh.is_empty() {
        let what = format!("late fill of `{id}`, which had ended as {}", before.state.name());
        notice::raise(tx, at, Notice::Difference { what })?;
        uneven::after_late_fill(tx, &record, at)?;
        if record.is_entry() {
            decided::opened_after_all(tx, &record)?;
        }
    }
    tell_excess(tx, &before, &record, order, at)?;
    Ok(Some(Recorded { record, position }))
}

/// Notes whose an order is, where the ledger does not know it by the broker's id yet.
pub fn claim(
    tx: &mut WriteTx,
    order: &BrokerOrderId,
    intent: &IntentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if tx.get(&BROKER_ORDERS, &order.0)?.is_some() {
        return Ok(());
    }
    tx.journal(now, &intent.0, "order_claimed", &json!({ "broker_order": order }))?;
    tx.put(&BROKER_ORDERS, &order.0, intent)
}

/// Marks the send that has not ended: unknown, or proven not to have left.
pub fn mark(
    tx: &mut WriteTx,
    id: &IntentId,
    status: AttemptStatus,
    at: Timestamp,
) -> Result<Option<Recorded>, StoreError> {
    let Some(mut record) = read::intent(tx, id)? else { return Ok(None) };
    let before = record.clone();
    let rejected = matches!(status, AttemptStatus::Rejected { .. }) && record.is_entry();
    record.mark_working(status, at);
    if record != before {
        journal_attempts(tx, &before, &record, at)?;
        if rejected {
            count(tx, at, |counts| counts.rejections += 1)?;
        }
        if record.state == IntentState::Unknown && before.state != IntentState::Unknown {
            notice::raise(tx, at, Notice::OrderUnknown { intent: id.clone() })?;
        }
        finish(tx, &before, &record, at)?;
    }
    Ok(Some(Recorded { record, position: None }))
}

/// Ends an intent of which nothing is at the broker. A working send makes it a refusal.
pub fn end(
    tx: &mut WriteTx,
    id: &IntentId,
    state: IntentState,
    reason: &str,
    at: Timestamp,
) -> Result<Option<Recorded>, StoreError> {
    let Some(mut record) = read::intent(tx, id)? else { return Ok(None) };
    if record.working().is_some() {
        return Err(StoreError::Refused(format!("intent `{id}` still has a working order")));
    }
    let before = record.clone();
    record.end(state, reason, at);
    if record != before {
        finish(tx, &before, &record, at)?;
    }
    Ok(Some(Recorded { record, position: None }))
}

/// Notes that somebody wants an intent gone; its worker cancels, confirms and ends it.
pub fn want_cancel(
    tx: &mut WriteTx,
    id: &IntentId,
    reason: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut record) = read::intent(tx, id)? else { return Ok(()) };
    if record.state.is_terminal() || record.cancel.is_some() {
        return Ok(());
    }
    record.cancel = Some(reason.to_owned());
    record.updated_at = at;
    if !planted::on(Bug::WriteWithoutJournal) {
        tx.journal(at, &id.0, "cancel_wanted", &json!({ "reason": reason }))?;
    }
    tx.put(&INTENTS, &id.0, &record)
}

/// Writes an intent and keeps the list of open ones.
pub fn save(tx: &mut WriteTx, record: &IntentRecord) -> Result<(), StoreError> {
    let id = record.id();
    tx.put(&INTENTS, &id.0, record)?;
    if record.state.is_terminal() {
        tx.remove(&INTENTS_OPEN, &id.0)?;
        return Ok(());
    }
    tx.put(&INTENTS_OPEN, &id.0, id)
}

/// Writes a position and keeps the lists of open and closed ones.
pub fn put_position(tx: &mut WriteTx, position: &Position) -> Result<(), StoreError> {
    let id = &position.id;
    tx.put(&POSITIONS, &id.0, position)?;
    match position.closed_at {
        None => tx.put(&POSITIONS_OPEN, &id.0, id),
        Some(at) => {
            tx.remove(&POSITIONS_OPEN, &id.0)?;
            tx.put(&POSITIONS_CLOSED, &closed_key(new_york_date(at), id), id)
        }
    }
}

/// Adds a movement of ours to the ledger's cash.
pub fn move_cash(tx: &mut WriteTx, cash: Usd, fees: Usd) -> Result<(), StoreError> {
    let Some(mut row) = read::cash(tx)? else { return Ok(()) };
    row.traded_usd += cash;
    row.fees_usd += fees;
    tx.put(&CASH, CASH_KEY, &row)
}

/// Journals and tells that a position is closed.
pub fn tell_closed(
    tx: &mut WriteTx,
    position: &Position,
    cause: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(reason) = position.exit_reason else { return Ok(()) };
    let (pnl_usd, pnl_gbp) = (position.pnl_usd(), position.pnl_gbp());
    let data = json!({
        "position": position.id, "reason": reason, "closed_at": position.closed_at,
        "pnl_usd": pnl_usd, "pnl_gbp": pnl_gbp, "fees_usd": position.fees_usd,
    });
    tx.journal(at, cause, "closed", &data)?;
    let what = describe::position(position);
    let told = match pnl_gbp {
        Some(pnl_gbp) => {
            Notice::Closed { position: position.id.clone(), what, reason, pnl_usd, pnl_gbp }
        }
        None => Notice::Difference {
            what: format!(
                "{} closed with {pnl_usd}, but no pound-dollar rate is known",
                position.id
            ),
        },
    };
    notice::raise(tx, at, told)
}

fn fill(
    tx: &mut WriteTx,
    record: &IntentRecord,
    order: &BrokerOrderId,
    fresh: &[Fill],
    rate: Option<FxRate>,
    at: Timestamp,
) -> Result<Option<Position>, StoreError> {
    for fill in fresh {
        tx.journal(at, &record.id().0, "fill", fill)?;
        tally::add_fill(tx, order, record.id(), fill)?;
        let booked = if planted::on(Bug::FeesNotBooked) { Usd::ZERO } else { fill.fees };
        move_cash(tx, fill.cash(), booked)?;
    }
    let position = match &record.intent.purpose {
        Purpose::Entry => {
            let id = PositionId(record.id().0.clone());
            book::apply_entry(read::position(tx, &id)?, record, fresh)
        }
        Purpose::Exit { position, reason } => {
            let mut row = read::position(tx, position)?;
            for fill in fresh {
                if let Some(row) = &mut row
                    && book::apply_exit(row, fill, *reason, rate)
                {
                    tell_closed(tx, row, &record.id().0, at)?;
                }
            }
            row
        }
        Purpose::Adjust { position, .. } => {
            let mut row = read::position(tx, position)?;
            if let Some(row) = &mut row
                && book::apply_adjust(row, record, fresh, rate)
            {
                tell_closed(tx, row, &record.id().0, at)?;
            }
            row
        }
    };
    if let Some(position) = &position {
        put_position(tx, position)?;
    }
    Ok(position)
}

/// Journals what changed about the sends; gives the broker's orders that were named.
fn journal_attempts(
    tx: &mut WriteTx,
    before: &IntentRecord,
    after: &IntentRecord,
    at: Timestamp,
) -> Result<Vec<BrokerOrderId>, StoreError> {
    let mut told = Vec::new();
    for attempt in &after.attempts {
        let was = before.attempts.iter().find(|a| a.number == attempt.number);
        if was.map(|a| &a.status) != Some(&attempt.status) {
            let data = json!({
                "order": attempt.external_id, "broker_order": attempt.order,
                "result": attempt.status, "state": after.state,
            });
            tx.journal(at, &after.id().0, "order", &data)?;
            told.extend(attempt.order.clone());
        }
    }
    Ok(told)
}

/// Saves the record; when it has just ended, or ended otherwise than it had, journals and tells so.
fn finish(
    tx: &mut WriteTx,
    before: &IntentRecord,
    after: &IntentRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    save(tx, after)?;
    if after.state == before.state || !after.state.is_terminal() {
        return Ok(());
    }
    let data = json!({
        "state": after.state, "reason": after.ended, "sends": after.sends,
    });
    tx.journal(at, &after.id().0, "ended", &data)?;
    uneven::end(tx, after, at)?;
    if before.state.is_terminal() { Ok(()) } else { tell_ended(tx, after, at) }
}

/// Fills beyond what was ever wanted are no fills of ours until somebody has looked: they are told,
/// unless the broker's books had already given what they bring.
fn tell_excess(
    tx: &mut WriteTx,
    before: &IntentRecord,
    after: &IntentRecord,
    order: &BrokerOrder,
    at: Timestamp,
) -> Result<(), StoreError> {
    let news = after.excess.len() - before.excess.len().min(after.excess.len());
    if news == 0 {
        return Ok(());
    }
    let (id, order) = (after.id(), &order.id);
    let data = json!({ "order": order, "fills": after.excess });
    tx.journal(at, &id.0, "excess", &data)?;
    if after.has_booked_fills() {
        return Ok(());
    }
    let what = format!("order {order} of {id} shows {news} fills beyond what it asked for");
    notice::raise(tx, at, Notice::Difference { what })
}

fn tell_ended(tx: &mut WriteTx, record: &IntentRecord, at: Timestamp) -> Result<(), StoreError> {
    let reason = record.ended.clone().unwrap_or_else(|| record.state.name().to_owned());
    let intent = record.id().clone();
    if record.state == IntentState::Rejected {
        notice::raise(tx, at, Notice::Rejected { intent: intent.clone(), reason: reason.clone() })?;
    }
    if !record.is_entry() {
        return Ok(());
    }
    if record.fills.is_empty() {
        decided::missed(tx, record, &reason)?;
    }
    let position = read::position(tx, &PositionId(intent.0.clone()))?;
    match position {
        Some(position) if !record.fills.is_empty() => {
            let credit_usd = record.fills.iter().map(Fill::cash).sum();
            let what = describe::position(&position);
            notice::raise(tx, at, Notice::Opened { position: position.id, what, credit_usd })
        }
        _ if record.state == IntentState::Rejected => Ok(()),
        _ => notice::raise(tx, at, Notice::EntryMissed { intent, reason }),
    }
}

fn count(
    tx: &mut WriteTx,
    at: Timestamp,
    change: impl FnOnce(&mut super::tables::DayCounts),
) -> Result<(), StoreError> {
    let date: NaiveDate = new_york_date(at);
    let mut counts = read::day_counts(tx, date)?;
    change(&mut counts);
    tx.put(&DAY_COUNTS, &date.to_string(), &counts)
}
