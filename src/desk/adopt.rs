//! What the owner does by hand at the broker becomes EXTERNAL: holdings as positions, working orders
//! as rows. Counted everywhere, touched by FLATTEN alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    Desk, describe,
    intent::IntentRecord,
    read,
    reconcile::{Gap, RECONCILIATION},
    record,
    tables::{EXTERNAL_ORDERS, ExternalOrder, INTENTS},
    tally,
    watch::elapsed,
};
use crate::{
    account::{ExitReason, Leg, Position, PositionId, PositionLeg, StrategyId},
    broker::{BrokerOrder, Transaction},
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    notice::{self, Notice},
    store::{Read, StoreError, WriteTx},
};

/// What is held of a contract an order of ours named is not taken for the owner's for so long after
/// its end.
const MAY_FILL_YET: TimeDelta = TimeDelta::minutes(2);

impl Desk {
    /// Takes over holdings that only the owner can explain: new ones, and changes of those adopted
    /// before. The gaps that remain are differences.
    pub(super) async fn adopt(
        &self,
        gaps: &mut Vec<Gap>,
        positions: &[Position],
    ) -> Result<(), StoreError> {
        let in_flight = self.in_flight()?;
        let external = |gap: &Gap| {
            let holders = positions.iter().filter(|p| {
                p.legs.iter().any(|l| l.instrument == gap.instrument && l.quantity != 0)
            });
            !in_flight.contains(&gap.instrument)
                && holders.clone().all(|p| p.strategy == StrategyId::External)
        };
        let (ours, theirs): (Vec<Gap>, Vec<Gap>) = gaps.drain(..).partition(|gap| !external(gap));
        *gaps = ours;
        if theirs.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let changed = self.write(move |tx| adopt_all(tx, &theirs, now)).await?;
        for position in &changed {
            self.keep_position(position);
        }
        self.hot().adopted = true;
        self.beat();
        Ok(())
    }

    /// What an order of ours may have traded without our knowing yet: one that works, one that has
    /// just ended (its fills may come after its end), one of which the broker booked more.
    fn in_flight(&self) -> Result<BTreeSet<Instrument>, StoreError> {
        let now = self.now();
        self.parts.store.read(|tx| {
            let intents = tx.list(&INTENTS, "")?;
            let open = |record: &IntentRecord| {
                record.working().is_some()
                    || record.sends > 0 && elapsed(record.updated_at, now) < MAY_FILL_YET
            };
            let open = intents.iter().map(|(_, record)| record).filter(|record| open(record));
            let mut found: BTreeSet<Instrument> =
                open.flat_map(|r| &r.intent.legs).map(|leg| leg.instrument.clone()).collect();
            for (_, tally) in tally::open(tx)?.into_iter().filter(|(_, tally)| tally.lacks_fills())
            {
                found.extend(tally.lines.into_iter().map(|line| line.instrument));
            }
            Ok(found)
        })
    }

    /// Keeps the list of working orders nobody here sent; each is told once.
    pub(super) async fn adopt_orders(&self, orders: &[BrokerOrder]) -> Result<(), StoreError> {
        let working: Vec<&BrokerOrder> =
            orders.iter().filter(|order| !order.status.is_terminal()).collect();
        let (known, foreign) = self.parts.store.read(|tx| {
            let known = tx.list(&EXTERNAL_ORDERS, "")?;
            let mut foreign = BTreeMap::new();
            for order in working {
                if read::owner_of(tx, order)?.is_none() {
                    foreign.insert(order.id.0.clone(), order.clone());
                }
            }
            Ok((known, foreign))
        })?;
        if known.iter().map(|(id, _)| id).eq(foreign.keys()) {
            return Ok(());
        }
        let now = self.now();
        self.write(move |tx| {
            for (id, row) in known.iter().filter(|(id, _)| !foreign.contains_key(id)) {
                tx.remove(&EXTERNAL_ORDERS, id)?;
                tx.journal(now, RECONCILIATION, "order_gone", &json!({ "order": row.order.id }))?;
            }
            for (id, order) in foreign {
                if known.iter().all(|(other, _)| *other != id) {
                    adopt_order(tx, order, now)?;
                }
            }
            Ok(())
        })
        .await
    }
}

fn adopt_order(tx: &mut WriteTx, order: BrokerOrder, now: Timestamp) -> Result<(), StoreError> {
    let what = format!(
        "order {} was sent by hand: {}; it is the owner's, and flatten alone cancels it",
        order.id,
        order_in_words(&order)
    );
    let row = ExternalOrder { since: now, order };
    tx.journal(now, RECONCILIATION, "order_adopted", &row)?;
    tx.put(&EXTERNAL_ORDERS, &row.order.id.0, &row)?;
    notice::raise(tx, now, Notice::Difference { what })
}

/// `+1 SPY, -1 ES 5300 P 2024-08-02 at -3.20, live`.
pub(super) fn order_in_words(order: &BrokerOrder) -> String {
    let leg = |leg: &Leg| {
        let contracts = i64::from(leg.ratio) * i64::from(order.units);
        describe::single(leg.side.sign() * contracts, &leg.instrument)
    };
    let legs: Vec<String> = order.legs.iter().map(leg).collect();
    let status = serde_json::to_value(order.status).ok();
    let status = status.as_ref().and_then(|s| s.as_str()).unwrap_or("unknown").replace('_', " ");
    format!("{} at {}, {status}", legs.join(", "), order.limit)
}

fn adopt_all(tx: &mut WriteTx, gaps: &[Gap], now: Timestamp) -> Result<Vec<Position>, StoreError> {
    let mut changed = Vec::new();
    for gap in gaps {
        let by = gap.broker - gap.ledger;
        let position = give_owner(tx, &gap.instrument, by, gap.price, now)?;
        let what = format!(
            "{}: the broker holds {}, the ledger had {}; taken over as the owner's",
            position.id,
            describe::single(gap.broker, &gap.instrument),
            gap.ledger
        );
        tell(tx, &position, what, now)?;
        changed.push(position);
    }
    Ok(changed)
}

fn tell(
    tx: &mut WriteTx,
    position: &Position,
    what: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    let data = json!({ "position": position.id, "what": what, "row": position });
    tx.journal(now, RECONCILIATION, "adopted", &data)?;
    notice::raise(tx, now, Notice::Difference { what })
}

/// The owner traded by hand what one of our positions holds, the same way round, or what an order of
/// ours names: his contracts are a position of his beside ours. Elsewhere the holdings themselves
/// are taken over.
pub(super) fn beside_ours(
    tx: &mut WriteTx,
    instrument: &Instrument,
    quantity: i64,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Option<Position>, StoreError> {
    let holds =
        |p: &Position| p.legs.iter().any(|l| l.instrument == *instrument && l.quantity != 0);
    let open = read::open_positions(tx)?;
    let held = open.iter().any(|p| p.strategy != StrategyId::External && holds(p));
    let works = |record: &IntentRecord| {
        record.working().is_some()
            && record.intent.legs.iter().any(|leg| leg.instrument == *instrument)
    };
    if !held && !read::open_intents(tx)?.iter().any(works) {
        return Ok(None);
    }
    let contracts = Decimal::from(transaction.quantity) * instrument.multiplier();
    let price = if contracts.is_zero() { contracts } else { -transaction.cash_usd.0 / contracts };
    let position = give_owner(tx, instrument, quantity, price, now)?;
    let what = format!(
        "{}: {} was traded at the broker by hand, beside a position of ours; it is the owner's",
        position.id,
        describe::single(quantity, instrument)
    );
    tell(tx, &position, what, now)?;
    Ok(Some(position))
}

/// Adds contracts to what the owner holds of an instrument; where that leaves nothing, his position
/// is closed.
pub(super) fn give_owner(
    tx: &mut WriteTx,
    instrument: &Instrument,
    quantity: i64,
    price: Decimal,
    now: Timestamp,
) -> Result<Position, StoreError> {
    let held = read::open_positions(tx)?.into_iter().find(|position| {
        position.strategy == StrategyId::External
            && position.legs.iter().any(|leg| leg.instrument == *instrument && leg.quantity != 0)
    });
    let Some(mut position) = held else { return adopted(tx, instrument, quantity, price, now) };
    for leg in position.legs.iter_mut().filter(|leg| leg.instrument == *instrument) {
        leg.quantity += quantity;
    }
    if position.legs.iter().all(|leg| leg.quantity == 0) {
        position.closed_at = Some(now);
        position.exit_reason = Some(ExitReason::External);
        position.cash_usd = Usd::ZERO;
    }
    record::put_position(tx, &position)?;
    Ok(position)
}

/// Writes a holding nobody here made as a position of the owner's.
pub(super) fn adopted(
    tx: &mut WriteTx,
    instrument: &Instrument,
    quantity: i64,
    price: Decimal,
    at: Timestamp,
) -> Result<Position, StoreError> {
    let number = tx.next_sequence("external")?;
    let position = Position {
        id: PositionId(format!("external-{number}")),
        strategy: StrategyId::External,
        product: instrument.product(),
        legs: vec![PositionLeg {
            instrument: instrument.clone(),
            quantity,
            open_price: price,
            ratio: 1,
        }],
        units: u32::try_from(quantity.unsigned_abs()).unwrap_or(u32::MAX),
        credit: Decimal::ZERO,
        width: None,
        opened_at: at,
        closed_at: None,
        exit_reason: None,
        cash_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        closing_rate: None,
        next_close: 1,
    };
    record::put_position(tx, &position)?;
    Ok(position)
}
