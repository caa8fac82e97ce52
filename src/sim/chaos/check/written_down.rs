//! Invariant 2: each broker order maps to an intent that was durable before it arrived, or is
//! EXTERNAL.
//!
//! When an order reaches the broker its intent stands in the store, with this very send among its
//! sends and nothing but its legs in it. No lag is tolerated: the write comes before the wire. At
//! every instant each order at the venue without an identifier of ours is one that people gave.

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger, intent_of},
};
use crate::{
    broker::OrderRequest,
    desk::intent::Attempt,
    sim::chaos::board::{Arrival, Sent},
};

/// The invariant.
pub(super) struct WrittenDown(pub(super) Eyes);

impl Invariant for WrittenDown {
    fn number(&self) -> u8 {
        2
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        let ledger = self.0.ledger(scene)?;
        if let Moment::Wire(arrival) = moment {
            return stands(&ledger, arrival);
        }
        let Some(venue) = self.0.venue(scene)? else { return Ok(()) };
        for order in venue.state.orders.values() {
            let known = match &order.external_id {
                Some(external) => {
                    intent_of(external).is_some_and(|id| ledger.intents.contains_key(&id))
                        || scene.log.by_hand.contains(&order.broker_id())
                }
                None => scene.log.by_hand.contains(&order.broker_id()),
            };
            if !known {
                return Err(Broken(format!(
                    "order {} at the venue, identifier {:?}, has no intent and nobody gave it by hand",
                    order.id, order.external_id
                )));
            }
        }
        Ok(())
    }
}

/// The send of an arrival, as the store has it.
pub(super) fn send_of<'a>(ledger: &'a Ledger, arrival: &Arrival) -> Option<&'a Attempt> {
    let external = arrival.sent.external_id();
    let record = ledger.intents.get(&intent_of(external)?)?;
    record.attempts.iter().find(|attempt| attempt.external_id == external)
}

fn stands(ledger: &Ledger, arrival: &Arrival) -> Result<(), Broken> {
    let external = arrival.sent.external_id();
    let Some(record) = intent_of(external).and_then(|id| ledger.intents.get(&id)) else {
        return Err(Broken(format!("`{external}` arrives, and the store has no such intent")));
    };
    let old = external.rsplit_once('/').and_then(|(_, number)| number.parse::<u32>().ok());
    let Some(attempt) = send_of(ledger, arrival) else {
        // Only the last sends are kept: one that arrives very late may be among the others.
        let forgotten = record.attempts.first().is_some_and(|first| old < Some(first.number));
        let written = forgotten && old.is_some_and(|number| (1..=record.sends).contains(&number));
        return if written {
            Ok(())
        } else {
            Err(Broken(format!(
                "`{external}` arrives and is not written down: `{}` has {} sends, the last {:?}",
                record.id(),
                record.sends,
                record.attempts.last().map(|attempt| &attempt.external_id)
            )))
        };
    };
    match &arrival.sent {
        Sent::Submit(order) => same(order, attempt, &record.intent.legs),
        Sent::Replace { limit, .. } if *limit != attempt.limit => Err(Broken(format!(
            "`{external}` arrives at {limit}, written down is {}",
            attempt.limit
        ))),
        Sent::Replace { .. } => Ok(()),
    }
}

/// The order is the one written down. Its units are the business of invariants 1 and 6.
fn same(
    order: &OrderRequest,
    attempt: &Attempt,
    legs: &[crate::account::Leg],
) -> Result<(), Broken> {
    let written = attempt.legs.as_deref().unwrap_or(legs);
    if order.limit != attempt.limit || order.legs != written {
        return Err(Broken(format!(
            "`{}` arrives as {:?} at {}, written down is {:?} at {}",
            order.external_id, order.legs, order.limit, written, attempt.limit
        )));
    }
    Ok(())
}
