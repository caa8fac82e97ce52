//! Positions from fills: pure arithmetic, to the cent.
//!
//! A position is the sum of the fills of its entry intent and of its closes; the rows kept in the
//! store are that sum carried forward, one fill at a time.

use rust_decimal::Decimal;

use super::intent::IntentRecord;
use crate::{
    account::{Effect, ExitReason, Fill, Leg, Position, PositionId, PositionLeg, Side},
    clock::Timestamp,
    instrument::Instrument,
    money::{FxRate, Usd},
};

/// What the fills of an entry add up to.
#[derive(Debug, Clone, PartialEq)]
struct Opening {
    units: u32,
    credit: Decimal,
    legs: Vec<(Leg, Decimal)>,
}

/// Applies fresh fills of an entry: opens the position or adds to it.
///
/// `record` must already hold the fresh fills; units, credit and opening prices follow from all of
/// them. Returns `None` while the entry has no fill.
pub fn apply_entry(
    position: Option<Position>,
    record: &IntentRecord,
    fresh: &[Fill],
) -> Option<Position> {
    let first = record.fills.first()?;
    let intent = &record.intent;
    let mut position = position.unwrap_or_else(|| Position {
        id: PositionId(intent.id.0.clone()),
        strategy: intent.strategy,
        product: intent.product,
        legs: Vec::new(),
        units: 0,
        credit: Decimal::ZERO,
        width: intent.width,
        opened_at: first.at,
        closed_at: None,
        exit_reason: None,
        cash_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        closing_rate: None,
        next_close: 1,
    });
    for fill in fresh {
        add(&mut position, fill);
    }
    let opening = opening(&intent.legs, &record.fills);
    position.units = opening.units;
    position.credit = opening.credit;
    set_opening(&mut position, &opening);
    if position.legs.iter().any(|leg| leg.quantity != 0) {
        position.closed_at = None;
        position.exit_reason = None;
        position.closing_rate = None;
    }
    Some(position)
}

/// Applies fresh fills of an order that changes a position: what it opens is held from now on, and
/// what it brought is part of the credit. Returns true when it closed the last leg.
///
/// `record` must already hold the fresh fills.
pub fn apply_adjust(
    position: &mut Position,
    record: &IntentRecord,
    fresh: &[Fill],
    rate: Option<FxRate>,
) -> bool {
    for fill in fresh {
        add(position, fill);
        let points = Decimal::from(-fill.side.sign() * i64::from(fill.quantity)) * fill.price;
        position.credit += points / Decimal::from(position.units.max(1));
    }
    let opens = |leg: &&Leg| leg.effect == Effect::Open;
    let opened: Vec<Leg> = record.intent.legs.iter().filter(opens).cloned().collect();
    set_opening(position, &opening(&opened, &record.fills));
    let at = fresh.last().map_or(position.opened_at, |fill| fill.at);
    close_when_empty(position, at, ExitReason::Defence, rate)
}

/// Writes down at what price each leg was opened, and how many of it make a unit.
fn set_opening(position: &mut Position, opening: &Opening) {
    for (opened, price) in &opening.legs {
        let same = |leg: &&mut PositionLeg| leg.instrument == opened.instrument;
        if let Some(leg) = position.legs.iter_mut().find(same) {
            (leg.open_price, leg.ratio) = (*price, opened.ratio);
        }
    }
}

/// Applies one closing fill. Returns true when it closed the last leg.
pub fn apply_exit(
    position: &mut Position,
    fill: &Fill,
    reason: ExitReason,
    rate: Option<FxRate>,
) -> bool {
    add(position, fill);
    close_when_empty(position, fill.at, reason, rate)
}

/// Takes a settled or delivered leg out at expiry, with the cash and fees it brought.
/// Returns true when it closed the last leg.
pub fn apply_settlement(
    position: &mut Position,
    instrument: &Instrument,
    quantity: i64,
    cash: Usd,
    fees: Usd,
    at: Timestamp,
    rate: Option<FxRate>,
) -> bool {
    let Some(leg) = position.legs.iter_mut().find(|leg| leg.instrument == *instrument) else {
        return false;
    };
    leg.quantity += quantity;
    position.cash_usd += cash;
    position.fees_usd += fees;
    close_when_empty(position, at, ExitReason::Expired, rate)
}

/// The close that ended a position's risk: the last one that bought, once every short of the entry
/// was bought back. `None` while one was not, so that it ran out.
pub fn ended_risk<'a>(
    entry: &IntentRecord,
    closes: &'a [IntentRecord],
) -> Option<&'a IntentRecord> {
    let traded = |fills: &mut dyn Iterator<Item = &Fill>, leg: &Leg, side: Side| -> u32 {
        let of_leg = fills.filter(|fill| fill.instrument == leg.instrument && fill.side == side);
        of_leg.map(|fill| fill.quantity).sum()
    };
    let covered = entry.intent.legs.iter().filter(|leg| leg.side == Side::Sell).all(|leg| {
        let bought = traded(&mut closes.iter().flat_map(|close| &close.fills), leg, Side::Buy);
        bought >= traded(&mut entry.fills.iter(), leg, Side::Sell)
    });
    let buys = |close: &&IntentRecord| close.fills.iter().any(|fill| fill.side == Side::Buy);
    closes.iter().rfind(buys).filter(|_| covered)
}

/// Moves a quantity of a leg, which a new one opens at a price in points.
pub fn move_leg(position: &mut Position, instrument: &Instrument, quantity: i64, price: Decimal) {
    match position.legs.iter_mut().find(|leg| leg.instrument == *instrument) {
        Some(leg) => leg.quantity += quantity,
        None => position.legs.push(PositionLeg {
            instrument: instrument.clone(),
            quantity,
            open_price: price,
            ratio: 1,
        }),
    }
}

/// Closes a position whose last leg is gone. Returns true when it did.
pub fn close_when_empty(
    position: &mut Position,
    at: Timestamp,
    reason: ExitReason,
    rate: Option<FxRate>,
) -> bool {
    if position.closed_at.is_some() || position.legs.iter().any(|leg| leg.quantity != 0) {
        return false;
    }
    position.closed_at = Some(at);
    position.exit_reason = Some(reason);
    position.closing_rate = rate;
    true
}

fn add(position: &mut Position, fill: &Fill) {
    let quantity = fill.side.sign() * i64::from(fill.quantity);
    move_leg(position, &fill.instrument, quantity, fill.price);
    position.cash_usd += fill.cash();
    position.fees_usd += fill.fees;
}

fn opening(legs: &[Leg], fills: &[Fill]) -> Opening {
    let mut units = 0;
    let mut points = Decimal::ZERO;
    let mut prices = Vec::new();
    for leg in legs {
        let of_leg: Vec<&Fill> =
            fills.iter().filter(|f| f.instrument == leg.instrument && f.side == leg.side).collect();
        let quantity: u32 = of_leg.iter().map(|fill| fill.quantity).sum();
        if quantity == 0 {
            continue;
        }
        let paid: Decimal = of_leg.iter().map(|f| f.price * Decimal::from(f.quantity)).sum();
        units = units.max(quantity.div_ceil(leg.ratio));
        points -= Decimal::from(leg.side.sign()) * paid;
        prices.push((leg.clone(), paid / Decimal::from(quantity)));
    }
    let credit = if units == 0 { Decimal::ZERO } else { points / Decimal::from(units) };
    Opening { units, credit, legs: prices }
}
