//! Corporate actions: a split or a special dividend puts an option under an adjusted root (`SPY1`).
//! Its deliverable and its price are no longer what the rules reckon with, so the position that
//! holds it is told of, goes on being counted, and is left to a person; FLATTEN alone touches it.

use serde_json::json;

use super::{describe, read, record};
use crate::{
    account::{Position, PositionLeg},
    broker::Transaction,
    clock::Timestamp,
    instrument::{Instrument, OptionContract},
    money::Usd,
    notice::{self, Notice},
    store::{StoreError, WriteTx},
    strategy::closing::open_legs,
};

/// True for a position with an open leg under an adjusted root: held back from automatic trading.
pub(super) fn is_held_back(position: &Position) -> bool {
    open_legs(position).any(|leg| match &leg.instrument {
        Instrument::Option(contract) => contract.series.is_adjusted(),
        _ => false,
    })
}

/// An adjusted contract came in the place of another: the legs of the positions that hold it take
/// its name. The line of the contract that left says nothing more, and gives no position.
pub(super) fn renamed(
    tx: &mut WriteTx,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Vec<Position>, StoreError> {
    let Some(Instrument::Option(new)) = &transaction.instrument else { return Ok(Vec::new()) };
    if !new.series.is_adjusted() {
        return Ok(Vec::new());
    }
    let mut left = transaction.quantity;
    let mut changed = Vec::new();
    for mut position in read::open_positions(tx)? {
        let Some(index) = position.legs.iter().position(|leg| was(leg, new, left)) else {
            continue;
        };
        let (old, held) = (position.legs[index].instrument.clone(), position.legs[index].quantity);
        let share = held.signum() * held.abs().min(left.abs());
        position.legs[index].quantity -= share;
        let PositionLeg { open_price, ratio, .. } = position.legs[index];
        let instrument = Instrument::Option(new.clone());
        for (moved, quantity) in [(&old, -share), (&instrument, share)] {
            let data = json!({
                "position": position.id, "transaction": transaction.id, "instrument": moved,
                "quantity": quantity, "cash_usd": Usd::ZERO, "fees_usd": Usd::ZERO,
            });
            tx.journal(now, "broker", "settled", &data)?;
        }
        position.legs.push(PositionLeg { instrument, quantity: share, open_price, ratio });
        record::put_position(tx, &position)?;
        let what = format!(
            "{} is now under the root {} after a corporate action",
            describe::single(share, &old),
            new.series.root
        );
        notice::raise(tx, now, Notice::HeldBack { position: position.id.clone(), what })?;
        left -= share;
        changed.push(position);
    }
    Ok(changed)
}

/// True for the leg that an adjusted contract stands for: the same option under its first root.
fn was(leg: &PositionLeg, new: &OptionContract, quantity: i64) -> bool {
    let Instrument::Option(old) = &leg.instrument else { return false };
    leg.quantity.signum() == quantity.signum()
        && !old.series.is_adjusted()
        && old.series.product == new.series.product
        && old.series.expiration == new.series.expiration
        && (old.strike, old.right) == (new.strike, new.right)
}
