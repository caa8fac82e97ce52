//! The owner's word on a difference: the broker's figure becomes the ledger's, for that one
//! difference, with his reason.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Desk,
    adopt::give_owner,
    book, describe,
    difference::{self, DIFFERENCES, Difference, Subject},
    read,
    reconcile::Reconciled,
    record,
    tables::{CASH, CASH_KEY},
    tally,
};
use crate::{
    account::{ExitReason, Position, PositionId, StrategyId},
    clock::Timestamp,
    instrument::Instrument,
    money::{FxRate, Usd},
    notice::{self, Notice},
    store::{Read, StoreError, Table, WriteTx},
};

/// Positions that were changed by the owner's word, by `<position>/<difference>`.
pub const CORRECTIONS: Table<Correction> = Table::new("corrections", 1);

/// What the owner's word changed about a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The instant.
    pub at: Timestamp,
    /// The difference it settled.
    pub difference: String,
    /// What was changed.
    pub instrument: Instrument,
    /// By how many contracts.
    pub quantity: i64,
    /// The owner's reason.
    pub reason: String,
}

/// Why a difference was not settled.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The broker's figures are not known.
    #[error("nothing was accepted, for the broker's figures are not known now: {0}")]
    Undecided(String),
    /// There is none of that name.
    #[error("no difference `{id}` stands; standing: {}", list(standing))]
    Unknown {
        /// The name asked for.
        id: String,
        /// The names that stand.
        standing: Vec<String>,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Desk {
    /// Takes the broker's figure for one difference that stands after a fresh look, and looks again.
    ///
    /// # Errors
    /// When the broker does not answer, nothing of that name stands, or the ledger has moved since
    /// the look. Nothing is changed then.
    pub async fn accept(
        self: &Arc<Self>,
        id: &str,
        reason: &str,
        by: &str,
    ) -> Result<Reconciled, AcceptError> {
        if let Reconciled::Undecided { reason } = self.reconcile_to_the_cent().await? {
            return Err(AcceptError::Undecided(reason));
        }
        let standing = self.parts.store.read(difference::standing)?;
        if standing.iter().all(|row| row.id != id) {
            let standing = standing.into_iter().map(|row| row.id).collect();
            return Err(AcceptError::Unknown { id: id.to_owned(), standing });
        }
        let now = self.now();
        let rate = self.rate(now).await;
        let (id, reason, by) = (id.to_owned(), reason.to_owned(), by.to_owned());
        let books = self.books.lock().await;
        let changed = self.write(move |tx| apply(tx, &id, &reason, &by, rate, now)).await?;
        for position in &changed {
            self.keep_position(position);
        }
        self.beat();
        drop(books);
        Ok(self.reconcile_to_the_cent().await?)
    }
}

fn apply(
    tx: &mut WriteTx,
    id: &str,
    reason: &str,
    by: &str,
    rate: Option<FxRate>,
    now: Timestamp,
) -> Result<Vec<Position>, StoreError> {
    let Some(row) = tx.get(&DIFFERENCES, id)? else { return Err(moved(id)) };
    let changed = match &row.subject {
        Subject::Quantity { instrument, ledger, broker } => {
            let held: i64 = read::open_positions(tx)?
                .iter()
                .flat_map(|position| &position.legs)
                .filter(|leg| leg.instrument == *instrument)
                .map(|leg| leg.quantity)
                .sum();
            if held != *ledger {
                return Err(moved(id));
            }
            take_holding(tx, &row, instrument, broker - ledger, reason, rate, now)?
        }
        Subject::Cash { ledger_usd, broker_usd } => {
            let Some(mut cash) = read::cash(tx)?.filter(|c| c.expected_usd() == *ledger_usd) else {
                return Err(moved(id));
            };
            let by = *broker_usd - *ledger_usd;
            cash.foreign_usd += by;
            let data = json!({ "difference": id, "cash_usd": by });
            tx.journal(now, id, "foreign", &data)?;
            tx.put(&CASH, CASH_KEY, &cash)?;
            Vec::new()
        }
        Subject::Order { tally, .. } => {
            tally::accept(tx, tally, reason)?;
            Vec::new()
        }
    };
    tx.journal(now, by, "accepted", &json!({ "difference": row, "reason": reason }))?;
    let what = format!("{} was settled by {by}: the broker's figure stands; {reason}", row.words());
    notice::raise(tx, now, Notice::Difference { what })?;
    Ok(changed)
}

fn moved(id: &str) -> StoreError {
    let why = format!("the ledger has moved since `{id}` was looked at; look again, then accept");
    StoreError::Refused(why)
}

/// Moves the ledger by `left` contracts: what the owner holds gives way first, then ours, and what
/// is more than any of them held is the owner's.
fn take_holding(
    tx: &mut WriteTx,
    row: &Difference,
    instrument: &Instrument,
    mut left: i64,
    reason: &str,
    rate: Option<FxRate>,
    now: Timestamp,
) -> Result<Vec<Position>, StoreError> {
    let mut positions = read::open_positions(tx)?;
    positions.sort_by_key(|p| (p.strategy != StrategyId::External, p.id.clone()));
    let mut changed = Vec::new();
    for mut position in positions {
        let leg = position.legs.iter().find(|leg| leg.instrument == *instrument);
        let held = leg.map_or(0, |leg| leg.quantity);
        if left == 0 || held == 0 || held.signum() == left.signum() {
            continue;
        }
        let share = left.signum() * left.abs().min(held.abs());
        let none = Usd::ZERO;
        let closed =
            book::apply_settlement(&mut position, instrument, share, none, none, now, rate);
        if closed {
            position.exit_reason = Some(ExitReason::External);
        }
        record::put_position(tx, &position)?;
        correct(tx, row, &position, instrument, share, reason, now)?;
        if closed && position.strategy != StrategyId::External {
            record::tell_closed(tx, &position, &row.id, now)?;
        }
        left -= share;
        changed.push(position);
    }
    if left != 0 {
        let position = give_owner(tx, instrument, left, Decimal::ZERO, now)?;
        correct(tx, row, &position, instrument, left, reason, now)?;
        changed.push(position);
    }
    Ok(changed)
}

/// Marks a position as changed by the owner's word.
fn correct(
    tx: &mut WriteTx,
    row: &Difference,
    position: &Position,
    instrument: &Instrument,
    quantity: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let what = format!(
        "{}: {} by the owner's word on {}",
        position.id,
        describe::single(quantity, instrument),
        row.id
    );
    let data = json!({ "position": position.id, "what": what, "row": position });
    tx.journal(now, &row.id, "adopted", &data)?;
    let correction = Correction {
        at: now,
        difference: row.id.clone(),
        instrument: instrument.clone(),
        quantity,
        reason: reason.to_owned(),
    };
    tx.put(&CORRECTIONS, &format!("{}/{}", position.id, row.id), &correction)
}

/// What the owner's word changed about a position, in order.
pub fn corrections(tx: &impl Read, id: &PositionId) -> Result<Vec<Correction>, StoreError> {
    Ok(tx.list(&CORRECTIONS, &format!("{id}/"))?.into_iter().map(|(_, row)| row).collect())
}
