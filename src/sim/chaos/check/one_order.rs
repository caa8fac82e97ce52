//! Invariant 1: never two live orders for one intent.
//!
//! By the venue's own rows, at every instant: of the orders that carry an intent's identifier at
//! most one works, and no identifier ever arrives twice. What all of them together filled and may
//! still fill of a leg never exceeds what the intent asks of it.
//!
//! No lag is tolerated: an order whose cancel is asked for works until the venue says that it has
//! ended. The new half of a replacement does not count while the old one has not ended, since the
//! venue lets it work only then.

use std::collections::BTreeMap;

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger, Venue, intent_of},
};
use crate::{
    account::{IntentId, Leg},
    broker::paper::VenueOrder,
};

/// The invariant.
pub(super) struct OneOrder(pub(super) Eyes);

impl Invariant for OneOrder {
    fn number(&self) -> u8 {
        1
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        if let Moment::Wire(arrival) = moment {
            let id = arrival.sent.external_id();
            let earlier = scene.log.wire[..arrival.number].iter();
            return match earlier.rev().find(|other| other.sent.external_id() == id) {
                Some(other) => Err(Broken(format!(
                    "`{id}` arrives for the second time; the first was at {} in life {}",
                    other.at, other.life
                ))),
                None => Ok(()),
            };
        }
        let Some(venue) = self.0.venue(scene)? else { return Ok(()) };
        two_live(&venue)?;
        too_much(&venue, &*self.0.ledger(scene)?)
    }
}

/// An order that works, the new half of a replacement left out.
fn live(order: &VenueOrder, venue: &Venue) -> bool {
    let waits = order.replaces.and_then(|id| venue.state.orders.get(&id));
    !order.status.is_terminal() && waits.is_none_or(|old| old.status.is_terminal())
}

fn two_live(venue: &Venue) -> Result<(), Broken> {
    let mut works: BTreeMap<IntentId, &str> = BTreeMap::new();
    for (external, _, _) in venue.ours().filter(|(_, order, _)| live(order, venue)) {
        let Some(intent) = intent_of(external) else { continue };
        if let Some(other) = works.insert(intent.clone(), external) {
            return Err(Broken(format!(
                "`{other}` and `{external}` work at the venue at once, both for `{intent}`"
            )));
        }
    }
    Ok(())
}

fn too_much(venue: &Venue, ledger: &Ledger) -> Result<(), Broken> {
    let mut taken: BTreeMap<(IntentId, usize), u32> = BTreeMap::new();
    for (external, order, fills) in venue.ours() {
        let Some(record) = intent_of(external).and_then(|id| ledger.intents.get(&id)) else {
            continue;
        };
        for (place, leg) in record.intent.legs.iter().enumerate() {
            let same = |other: &Leg| other.instrument == leg.instrument && other.side == leg.side;
            let of = fills.iter().filter(|f| f.instrument == leg.instrument && f.side == leg.side);
            let mut count: u32 = of.map(|fill| fill.quantity).sum();
            if live(order, venue) {
                let working = order.legs.iter().filter(|leg| same(leg));
                count = count.max(working.map(|leg| leg.ratio * order.units).sum());
            }
            let sum = taken.entry((record.id().clone(), place)).or_default();
            *sum += count;
            let asked = leg.ratio * record.intent.units;
            if *sum > asked {
                return Err(Broken(format!(
                    "`{}` asks for {asked} of {:?}, its orders filled and work for {sum}",
                    record.id(),
                    leg.instrument
                )));
            }
        }
    }
    Ok(())
}
