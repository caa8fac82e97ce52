//! The gate for opening orders.

use rust_decimal::Decimal;

use super::{
    Approved, BuyingPower, Refused, Verdict, buying_power,
    capital::{Capital, capital},
    counts, crisis, data, desk, duplicate, events, expiration, fees, price, rate,
    refusal::Refusal,
    session, size, stage, trade_loss,
};
use crate::{
    account::IntentId,
    money::Usd,
    strategy::{Candidate, Intent, Ladder, Purpose, Snapshot},
};

/// Approves a candidate as the intent `id`, or refuses it with the first limit of rulebook §5 it
/// breaks. `power` is what the order takes, by the broker's dry run or the margin model.
pub fn gate(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    id: IntentId,
) -> Verdict {
    let checked = first_broken(snapshot, candidate, power, &id);
    let units = size::units(snapshot, candidate);
    let share = |usd: Usd| {
        if units == candidate.units {
            return usd;
        }
        Usd(usd.0 * Decimal::from(units) / Decimal::from(candidate.units.max(1))).rounded()
    };
    let intent = Intent {
        id,
        strategy: candidate.strategy,
        product: candidate.product,
        purpose: Purpose::Entry,
        slot: snapshot.slot,
        legs: candidate.legs.clone(),
        units,
        ladder: Ladder::Entry,
        limit: candidate.minimum,
        tick: candidate.tick,
        width: candidate.width,
        max_loss_usd: share(candidate.max_loss_usd),
        requirement_usd: share(power.requirement_usd),
    };
    match checked {
        Ok(()) => Ok(Approved(intent)),
        Err(why) => Err(Box::new(Refused { what: intent, why })),
    }
}

fn first_broken(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    id: &IntentId,
) -> Result<(), Refusal> {
    desk::check(snapshot, candidate.product)?;
    stage::check(snapshot)?;
    let capital: Capital<'_> = capital(snapshot)?;
    data::check(snapshot, candidate)?;
    session::check(snapshot, candidate)?;
    events::check(snapshot)?;
    crisis::check(snapshot, candidate)?;
    stage::check_count(snapshot, candidate)?;
    counts::check(snapshot, candidate, &capital)?;
    size::check(snapshot, candidate)?;
    expiration::check(snapshot, candidate)?;
    trade_loss::check(snapshot, candidate, &capital)?;
    buying_power::check(snapshot, power, &capital)?;
    rate::check(snapshot)?;
    price::check(&snapshot.rulebook.limits, candidate)?;
    duplicate::check(snapshot, candidate, id)?;
    fees::check(snapshot, candidate, power)
}
