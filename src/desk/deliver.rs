//! What options deliver: shares or a future that comes into the position of the option, whose
//! result it belongs to, and is closed by itself (rulebook §4.7).
//!
//! The broker books two movements: the option leaves, the shares or the future come at the strike.
//! With the first the position takes the leg over, so that ledger and broker agree from then on,
//! and a row says what cash is still to come; with the second the cash follows.

use std::{borrow::Cow, sync::Arc};

use chrono::TimeDelta;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Desk, book, describe, intent::IntentRecord, read, record};
use crate::{
    account::{
        Effect, ExitReason, Leg, NetPrice, Position, PositionId, Side, StrategyId, hold::Level,
    },
    broker::{Transaction, TransactionKind},
    clock::Timestamp,
    instrument::{Delivery, Instrument, OptionContract, Right, tick},
    money::{FxRate, Usd},
    notice::{self, Notice},
    store::{Read, StoreError, Table, WriteTx},
    strategy::{Intent, Ladder, Purpose, closing::open_legs},
};

/// The cause the journal gives.
const BROKER: &str = "broker";
/// Shares are closed from so long after the open (rulebook §4.7: 09:31); a future at once.
const SHARES_AFTER_OPEN: TimeDelta = TimeDelta::minutes(1);

/// Deliveries whose cash has not been booked yet, by the transaction that took the option out.
const DELIVERIES_DUE: Table<Due> = Table::new("deliveries_due", 1);

/// A leg a position has taken over, before the broker booked its cash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    position: PositionId,
    instrument: Instrument,
    quantity: i64,
    strike: Decimal,
}

/// What exercising (above zero) or being assigned (below) brings: the instrument and its signed
/// quantity; `None` for options settled in cash.
fn delivered_by(contract: &OptionContract, quantity: i64) -> Option<(Instrument, i64)> {
    let product = contract.series.product;
    let (instrument, each) = match product.delivery() {
        Delivery::Cash => return None,
        Delivery::Future => {
            let code = contract.series.future.clone()?;
            (Instrument::Future { product, code }, 1)
        }
        Delivery::Shares => (Instrument::Shares { product }, product.multiplier().to_i64()?),
    };
    let direction = match contract.right {
        Right::Call => 1,
        Right::Put => -1,
    };
    Some((instrument, quantity * direction * each))
}

/// The option of a movement that exercises or assigns it.
pub(super) fn option_delivered(transaction: &Transaction) -> Option<&OptionContract> {
    match &transaction.instrument {
        Some(Instrument::Option(contract)) if transaction.kind == TransactionKind::Delivery => {
            Some(contract)
        }
        _ => None,
    }
}

/// An option of a position was exercised or assigned: `share` of it leaves, what it delivers comes.
pub(super) fn leaves(
    tx: &mut WriteTx,
    position: &mut Position,
    (transaction, contract): (&Transaction, &OptionContract),
    share: i64,
    (cash, fees): (Usd, Usd),
    now: Timestamp,
) -> Result<(), StoreError> {
    let option = Instrument::Option(contract.clone());
    book::move_leg(position, &option, share, Decimal::ZERO);
    position.cash_usd += cash;
    position.fees_usd += fees;
    let word = if share > 0 { "assigned" } else { "exercised" };
    let gone = describe::single(-share, &option);
    let mut what = format!("{gone} was {word}");
    if let Some((instrument, quantity)) = delivered_by(contract, -share) {
        book::move_leg(position, &instrument, quantity, contract.strike);
        let key = format!("{:020}/{}", transaction.id, position.id);
        let (strike, id) = (contract.strike, position.id.clone());
        let due = Due { position: id, instrument: instrument.clone(), quantity, strike };
        tx.put(&DELIVERIES_DUE, &key, &due)?;
        let nothing = (Usd::ZERO, Usd::ZERO);
        settled(tx, transaction, &position.id, (&instrument, quantity), nothing, now)?;
        let comes = describe::single(quantity, &instrument);
        let when = closes(position, &instrument);
        what = format!("{what}: {comes} at {} {when}", strike.normalize());
    }
    tx.journal(now, BROKER, "exercised", &json!({ "position": position.id, "what": what }))?;
    notice::raise(tx, now, Notice::Delivered { position: position.id.clone(), what })
}

/// Journals what a movement did to a position.
fn settled(
    tx: &mut WriteTx,
    transaction: &Transaction,
    position: &PositionId,
    (instrument, quantity): (&Instrument, i64),
    (cash, fees): (Usd, Usd),
    now: Timestamp,
) -> Result<(), StoreError> {
    let data = json!({
        "position": position, "transaction": transaction.id, "instrument": instrument,
        "quantity": quantity, "cash_usd": cash, "fees_usd": fees,
    });
    tx.journal(now, BROKER, "settled", &data)
}

/// When a delivered leg is closed, in words.
fn closes(position: &Position, instrument: &Instrument) -> &'static str {
    match (position.strategy, instrument) {
        (StrategyId::External, _) => "is the owner's, closed by hand or by flatten",
        (_, Instrument::Shares { .. }) => "is closed from 09:31 of the next session",
        _ => "is closed at once in regular hours",
    }
}

/// Shares or a future came: the cash goes to the positions that have taken them over. Gives back
/// what nobody waits for, and the positions that changed, each with whether it closed.
pub(super) fn comes(
    tx: &mut WriteTx,
    transaction: &Transaction,
    rate: Option<FxRate>,
    now: Timestamp,
) -> Result<(i64, Vec<(Position, bool)>), StoreError> {
    let mut left = transaction.quantity;
    let mut changed = Vec::new();
    let price = price_of(transaction);
    for (key, due) in tx.list(&DELIVERIES_DUE, "")? {
        let fits = Some(&due.instrument) == transaction.instrument.as_ref()
            && due.quantity.signum() == left.signum()
            && due.quantity.abs() <= left.abs()
            && price == Some(due.strike);
        if !fits {
            continue;
        }
        let Some(mut position) = read::position(tx, &due.position)? else { continue };
        let share = Decimal::from(due.quantity) / Decimal::from(transaction.quantity);
        let cash = transaction.cash_usd.times(share).rounded();
        let fees = transaction.fees_usd.times(share).rounded();
        position.cash_usd += cash;
        position.fees_usd += fees;
        settled(tx, transaction, &position.id, (&due.instrument, 0), (cash, fees), now)?;
        record::move_cash(tx, cash, fees)?;
        tx.remove(&DELIVERIES_DUE, &key)?;
        left -= due.quantity;
        let waits = tx.list(&DELIVERIES_DUE, "")?.iter().any(|(_, d)| d.position == position.id);
        let closed = !waits
            && book::close_when_empty(&mut position, transaction.at, ExitReason::Expired, rate);
        record::put_position(tx, &position)?;
        changed.push((position, closed));
    }
    Ok((left, changed))
}

/// The price in points at which a movement's quantity came.
fn price_of(transaction: &Transaction) -> Option<Decimal> {
    let instrument = transaction.instrument.as_ref()?;
    let points = Decimal::from(transaction.quantity) * instrument.multiplier();
    Some(-transaction.cash_usd.0.checked_div(points)?)
}

/// The position without what was delivered into it: what a strategy watches. `None` when no option
/// of it is open.
pub(super) fn options_of(position: &Position) -> Option<Cow<'_, Position>> {
    let is_option = |instrument: &Instrument| matches!(instrument, Instrument::Option(_));
    if !open_legs(position).any(|leg| is_option(&leg.instrument)) {
        return None;
    }
    if position.legs.iter().all(|leg| is_option(&leg.instrument)) {
        return Some(Cow::Borrowed(position));
    }
    let mut options = position.clone();
    options.legs.retain(|leg| is_option(&leg.instrument));
    Some(Cow::Owned(options))
}

/// The delivered legs of a position, one order each.
fn delivered(position: &Position) -> impl Iterator<Item = &Instrument> {
    let outright = |i: &&Instrument| !matches!(i, Instrument::Option(_));
    open_legs(position).map(|leg| &leg.instrument).filter(outright)
}

impl Desk {
    /// Closes what was delivered into a position of a strategy, when its time has come: shares from
    /// 09:31, a future in any regular hour (rulebook §4.7). True while that has the position to
    /// itself.
    pub(super) async fn close_delivered(
        self: &Arc<Self>,
        position: &Position,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(session) = self.session(now).filter(|session| session.contains(now)) else {
            return Ok(false);
        };
        let held_back = position.strategy == StrategyId::External
            || matches!(self.latch.level(), Level::Halted | Level::Flattening);
        let due = |instrument: &&Instrument| match instrument {
            Instrument::Shares { .. } => now >= session.open + SHARES_AFTER_OPEN,
            _ => true,
        };
        let Some(instrument) = delivered(position).find(due).filter(|_| !held_back) else {
            return Ok(false);
        };
        let held = self.held()?;
        let working = held.intents.iter().find(|record| is_exit_of(record, position));
        if let Some(record) = working {
            let ours = record.intent.legs.iter().any(|leg| leg.instrument == *instrument);
            if !ours && record.is_resting() {
                self.want_cancel(record, "what was delivered is closed first").await?;
            }
            return Ok(ours || record.is_resting());
        }
        let closes = self.parts.store.read(|tx| read::closes(tx, &position.id))?;
        if self.rejected_lately(&closes, now) {
            return Ok(false);
        }
        let instrument = instrument.clone();
        let make = move |position: &Position| closing_intent(position, &instrument, now);
        self.create_close(position, make, now).await?;
        Ok(true)
    }
}

fn is_exit_of(record: &IntentRecord, position: &Position) -> bool {
    record.intent.purpose.position() == Some(&position.id)
}

/// The order that closes one delivered leg, alone, by the exit ladder.
fn closing_intent(position: &Position, instrument: &Instrument, now: Timestamp) -> Option<Intent> {
    let leg = open_legs(position).find(|leg| leg.instrument == *instrument)?;
    let side = if leg.quantity < 0 { Side::Buy } else { Side::Sell };
    let instrument = instrument.clone();
    Some(Intent {
        id: record::close_id(position),
        strategy: position.strategy,
        product: position.product,
        purpose: Purpose::Exit { position: position.id.clone(), reason: ExitReason::Delivered },
        slot: now,
        tick: tick::underlying_tick(instrument.product()),
        legs: vec![Leg { instrument, side, ratio: 1, effect: Effect::Close }],
        units: u32::try_from(leg.quantity.unsigned_abs()).ok()?,
        ladder: Ladder::Exit,
        limit: NetPrice::default(),
        width: None,
        max_loss_usd: Usd::ZERO,
        requirement_usd: Usd::ZERO,
    })
}
