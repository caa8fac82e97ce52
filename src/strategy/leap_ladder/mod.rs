//! The LEAP put ladder (rulebook §4.5): a put SOLD a year ahead, week by week, one rung an
//! expiration. A rung rests for its target from the day it is sold, and is rolled a year ahead when
//! its days run out. It has no stop: its size is set by stress and margin, and assignment risk
//! (§4.7) closes it early.

mod choose;
mod entry;
mod exit;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    AdjustReason, Decision, Need, Pick, ProductData, Reach, Rule, Snapshot,
    bounds::Bounds,
    closing::open_legs,
    manage::{ExitMemory, Managed, Watched},
    rule::entry_until,
};
use crate::{
    account::{Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, leap_ladder::LeapLadderRules, rulebook::Phase},
    instrument::{Instrument, Product},
};

/// Strikes are read from so far below the price up to the price, percent of it: a put of 12 to 14
/// deltas a year ahead lies some 15 to 35 % below, a third more in a crash.
const REACH_BELOW: u32 = 60;

/// The rule.
#[derive(Debug)]
pub struct LeapLadder;

impl Rule for LeapLadder {
    fn id(&self) -> StrategyId {
        StrategyId::LeapLadder
    }

    fn job(&self) -> &'static str {
        "leap-ladder"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.leap_ladder;
        entry_until(rulebook, session, rules.entry_at, rules.last_entry_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.leap_ladder
    }

    fn income_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.leap_ladder.profit_target_percent)
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.leap_ladder;
        vec![need(rules, rung(rules, &account.positions))]
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        entry::decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        exit::manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        Some(Bounds::target(position, rulebook.leap_ladder.profit_target_percent))
    }

    fn adjust_needs(&self, watched: &Watched<'_>, _reason: AdjustReason) -> Vec<Need> {
        let rules = &watched.rulebook.leap_ladder;
        vec![need(rules, rung(rules, std::slice::from_ref(watched.position)))]
    }

    fn adjust(
        &self,
        watched: &Watched<'_>,
        seen: &BTreeMap<Product, ProductData>,
        _reason: AdjustReason,
    ) -> Decision {
        exit::roll(watched, seen)
    }
}

/// The nearest expiration to a year that has no rung of the ladder yet (rulebook §5 limit 7).
fn rung(rules: &LeapLadderRules, positions: &[Position]) -> Pick {
    let held = positions.iter().filter(|p| p.strategy == StrategyId::LeapLadder && p.is_open());
    let expirations = held.flat_map(open_legs).filter_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some(contract.series.expiration),
        _ => None,
    });
    let days = rules.days;
    let mut taken: Vec<_> = expirations.collect();
    taken.sort_unstable();
    taken.dedup();
    Pick::Free { target: days.target, from: days.from, to: days.to, taken }
}

fn need(rules: &LeapLadderRules, pick: Pick) -> Need {
    Need {
        product: rules.product,
        days: rules.days.to,
        bars: 0,
        volatilities: 0,
        picks: vec![pick],
        reach: Reach::Percent { below: REACH_BELOW.into(), above: 0u32.into() },
    }
}
