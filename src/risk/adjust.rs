//! The gate for orders that change an open position: rolls and defence (rulebook §4.3, §4.4, §6:
//! "exits and defence go on"). It closes some legs and opens others, and leaves no more sold than
//! there was.

use super::{
    Approved, Refused, Verdict,
    data::{self, leg_name},
    reduce::{Reducing, leg_reduces, own_bounds},
    refusal::{Input, Refusal},
};
use crate::{
    account::{Effect, Leg, hold::Level},
    instrument::{Instrument, Product, Right},
    strategy::{Intent, closing::quote_of},
};

/// Approves an order that changes a position, or refuses it with the first check it breaks: latch at
/// most REDUCING, session open, strict position effect, every quote fresh and whole, no more shorts
/// of a side than before or than longs cover, no duplicate, the minute's count.
pub fn adjust_gate(facts: &Reducing<'_>, intent: Intent) -> Verdict {
    match first_broken(facts, &intent) {
        Ok(()) => Ok(Approved(intent)),
        Err(why) => Err(Box::new(Refused { what: intent, why })),
    }
}

fn first_broken(facts: &Reducing<'_>, intent: &Intent) -> Result<(), Refusal> {
    if let Some(hold) = facts.holds.iter().find(|hold| hold.level >= Level::Flattening) {
        return Err(Refusal::Latch { level: hold.level, cause: hold.cause.clone() });
    }
    if !facts.session.is_some_and(|session| session.contains(facts.now)) {
        return Err(Refusal::SessionClosed { at: facts.now });
    }
    let closing = intent.legs.iter().filter(|leg| leg.effect == Effect::Close);
    closing.into_iter().try_for_each(|leg| leg_reduces(facts, intent, leg))?;
    intent.legs.iter().try_for_each(|leg| whole_quote(facts, leg))?;
    let sides = intent.legs.iter().filter_map(|leg| side_of(&leg.instrument));
    for (product, right) in sides {
        let before = counts(facts, None, product, right);
        let after = counts(facts, Some(intent), product, right);
        if after.shorts > before.shorts && after.shorts > after.longs {
            let leg = format!("{} short {product} options uncovered", after.shorts);
            return Err(Refusal::NotReducing { leg });
        }
    }
    own_bounds(facts, intent)
}

fn whole_quote(facts: &Reducing<'_>, leg: &Leg) -> Result<(), Refusal> {
    let quote = quote_of(&leg.instrument, facts.quotes);
    let name = leg_name(&leg.instrument);
    let quote = quote.ok_or(Refusal::Missing { what: Input::Leg(name) })?;
    data::quote(&facts.rulebook.limits, quote, facts.now)
}

/// Contracts sold and bought of one side.
#[derive(Default)]
struct Counts {
    shorts: i64,
    longs: i64,
}

/// The counts of what is held, and what an order would make of them.
fn counts(facts: &Reducing<'_>, order: Option<&Intent>, product: Product, right: Right) -> Counts {
    let of_side = |instrument: &Instrument| side_of(instrument) == Some((product, right));
    let mut held: Vec<(&Instrument, i64)> = Vec::new();
    for leg in facts.position.legs.iter().filter(|leg| of_side(&leg.instrument)) {
        held.push((&leg.instrument, leg.quantity));
    }
    for leg in order.iter().flat_map(|order| &order.legs).filter(|leg| of_side(&leg.instrument)) {
        let units = order.map_or(0, |order| i64::from(order.units));
        let change = leg.side.sign() * i64::from(leg.ratio) * units;
        match held.iter_mut().find(|(instrument, _)| **instrument == leg.instrument) {
            Some((_, quantity)) => *quantity += change,
            None => held.push((&leg.instrument, change)),
        }
    }
    held.into_iter().fold(Counts::default(), |sum, (_, quantity)| Counts {
        shorts: sum.shorts + (-quantity).max(0),
        longs: sum.longs + quantity.max(0),
    })
}

fn side_of(instrument: &Instrument) -> Option<(Product, Right)> {
    match instrument {
        Instrument::Option(contract) => Some((contract.series.product, contract.right)),
        _ => None,
    }
}
