//! Invariant 3: the ledger's positions are the sum of its fills, always; and they are what the
//! broker holds.
//!
//! Always: each position of a strategy has the quantities, cash and fees that its fills and what
//! the journal says was settled add up to; no fill is taken twice; and every fill is one the venue
//! made. Whenever the daemon is healthy in session and the venue has been still for [`LAG`], and at
//! the end: the ledger holds what the venue holds, and has every fill of every order of ours.
//!
//! The lag: the positions are compared every 30 s in session while something is open, and every ten
//! seconds once they differ; a difference is looked at three times before it is taken over. With
//! nothing open the books are looked at only at the jobs of the day, so what people trade by hand
//! may stand unseen until the end-of-day reconciliation; then the lag is not held to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger, Moved, Venue},
};
use crate::{
    account::{Fill, Position, StrategyId},
    calendar::{Exchange, new_york_date},
    instrument::Instrument,
    money::Usd,
};

/// How long ledger and broker may differ while the daemon is healthy and watches.
pub(super) const LAG: TimeDelta = TimeDelta::minutes(3);

/// The invariant.
pub(super) struct Positions(pub(super) Eyes);

impl Invariant for Positions {
    fn number(&self) -> u8 {
        3
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        let ledger = self.0.ledger(scene)?;
        let Some(venue) = self.0.venue(scene)? else { return Ok(()) };
        sums(&ledger)?;
        made_by_the_venue(&ledger, &venue)?;
        let due = match moment {
            Moment::End => true,
            Moment::Step | Moment::DayEnd => watches(scene, &ledger, &venue),
            Moment::Wire(_) | Moment::Crash => false,
        };
        if due { agree(&ledger, &venue) } else { Ok(()) }
    }
}

/// The daemon has had the time to see what is held.
fn watches(scene: &Scene<'_>, ledger: &Ledger, venue: &Venue) -> bool {
    let long_ago = |at| scene.now - at >= LAG;
    let session = scene.calendar.session(Exchange::Xnys, new_york_date(scene.now));
    let in_session = session.is_some_and(|s| s.contains(scene.now) && long_ago(s.open));
    in_session
        && scene.healthy_since().is_some_and(long_ago)
        && long_ago(venue.since)
        && ledger.positions.values().any(Position::is_open)
}

/// Each position is the sum of what the ledger has of it.
fn sums(ledger: &Ledger) -> Result<(), Broken> {
    let mut expected: BTreeMap<&str, BTreeMap<&Instrument, i64>> = BTreeMap::new();
    let mut money: BTreeMap<&str, (Usd, Usd)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in ledger.intents.values() {
        let of = match &record.intent.purpose {
            crate::strategy::Purpose::Entry => record.intent.id.0.as_str(),
            crate::strategy::Purpose::Exit { position, .. }
            | crate::strategy::Purpose::Adjust { position, .. } => position.0.as_str(),
        };
        for fill in &record.fills {
            if !seen.insert(fill.id.as_str()) {
                return Err(Broken(format!("fill `{}` is in the ledger twice", fill.id)));
            }
            let held = expected.entry(of).or_default().entry(&fill.instrument).or_default();
            *held += fill.side.sign() * i64::from(fill.quantity);
            let sum = money.entry(of).or_default();
            sum.0 += fill.cash();
            sum.1 += fill.fees;
        }
    }
    for ((position, instrument), moved) in &ledger.settled {
        let Moved { quantity, cash, fees } = moved;
        *expected.entry(&position.0).or_default().entry(instrument).or_default() += quantity;
        let sum = money.entry(&position.0).or_default();
        sum.0 += *cash;
        sum.1 += *fees;
    }
    let strategies = ledger.positions.values().filter(|p| p.strategy != StrategyId::External);
    for position in strategies {
        let id = position.id.0.as_str();
        let legs = expected.remove(id).unwrap_or_default();
        let (cash, fees) = money.remove(id).unwrap_or_default();
        one_sum(position, &legs, cash, fees)?;
    }
    Ok(())
}

fn one_sum(
    position: &Position,
    legs: &BTreeMap<&Instrument, i64>,
    cash: Usd,
    fees: Usd,
) -> Result<(), Broken> {
    let id = &position.id;
    for leg in &position.legs {
        let sum = legs.get(&leg.instrument).copied().unwrap_or(0);
        if leg.quantity != sum {
            let (held, of) = (leg.quantity, &leg.instrument);
            return Err(Broken(format!("`{id}` has {held} of {of:?}, its fills add up to {sum}")));
        }
    }
    let listed = |of: &Instrument| position.legs.iter().any(|leg| leg.instrument == *of);
    if let Some((of, sum)) = legs.iter().find(|(of, sum)| **sum != 0 && !listed(of)) {
        return Err(Broken(format!("`{id}` has none of {of:?}, its fills add up to {sum}")));
    }
    if (position.cash_usd, position.fees_usd) != (cash, fees) {
        return Err(Broken(format!(
            "`{id}` has cash {} and fees {}, its fills add up to {cash} and {fees}",
            position.cash_usd, position.fees_usd
        )));
    }
    Ok(())
}

/// Every fill of the ledger is one the venue made, to the figure. A fill that was taken from the
/// broker's transactions, because no answer showed it, has a name of the ledger's: with the other
/// fills of its order it is no more than the venue made, and when it is as much, to the cent.
fn made_by_the_venue(ledger: &Ledger, venue: &Venue) -> Result<(), Broken> {
    let made: BTreeMap<&str, &Fill> =
        venue.state.fills.values().flatten().map(|fill| (fill.id.as_str(), fill)).collect();
    for (intent, fill) in ledger.fills() {
        let known = match booked(&fill.id) {
            Some(order) => as_booked(ledger, venue.state.fills_of(order), order, fill),
            None => made.get(fill.id.as_str()) == Some(&fill),
        };
        if !known {
            return Err(Broken(format!(
                "`{intent}` has fill {fill:?}, the venue made {:?}",
                made.get(fill.id.as_str())
            )));
        }
    }
    Ok(())
}

/// The venue's order of a fill that was taken from its transactions.
pub(super) fn booked(fill: &str) -> Option<u64> {
    fill.strip_prefix("booked-")?.split('-').next()?.parse().ok()
}

fn as_booked(ledger: &Ledger, made: &[Fill], order: u64, fill: &Fill) -> bool {
    let same = |f: &&Fill| f.instrument == fill.instrument && f.side == fill.side;
    let made: Vec<&Fill> = made.iter().filter(same).collect();
    let of_order = |f: &&Fill| booked(&f.id) == Some(order) || made.iter().any(|m| m.id == f.id);
    let taken: Vec<&Fill> = ledger.fills().map(|(_, f)| f).filter(same).filter(of_order).collect();
    let sum = |fills: &[&Fill]| {
        let quantity: u32 = fills.iter().map(|f| f.quantity).sum();
        let cash: Usd = fills.iter().map(|f| f.cash() - f.fees).sum();
        (quantity, cash.rounded())
    };
    let (taken, made) = (sum(&taken), sum(&made));
    taken.0 < made.0 || taken == made
}

/// The ledger holds what the venue holds and has what our orders filled.
fn agree(ledger: &Ledger, venue: &Venue) -> Result<(), Broken> {
    let known: BTreeSet<&str> = ledger.fills().map(|(_, fill)| fill.id.as_str()).collect();
    let taken: BTreeSet<u64> = known.iter().filter_map(|id| booked(id)).collect();
    for (external, order, fills) in venue.ours() {
        let missing =
            |fill: &&Fill| !known.contains(fill.id.as_str()) && !taken.contains(&order.id);
        if let Some(fill) = fills.iter().find(missing) {
            return Err(Broken(format!(
                "the venue filled `{external}` at {}, the ledger does not have fill `{}`",
                fill.at, fill.id
            )));
        }
    }
    let (ours, theirs) = (ledger.held(), venue.held());
    let all: BTreeSet<&Instrument> = ours.keys().chain(theirs.keys()).collect();
    for of in all {
        let (ours, theirs) = (ours.get(of).unwrap_or(&0), theirs.get(of).unwrap_or(&0));
        if ours != theirs {
            return Err(Broken(format!("the broker holds {theirs} of {of:?}, the ledger {ours}")));
        }
    }
    Ok(())
}
