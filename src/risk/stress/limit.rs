//! Limit 10: the worst scenario on the whole book with this order, and the requirement raised.

use rust_decimal::Decimal;

use super::{Stressed, Tables, stress};
use crate::{
    account::exposure::Exposure,
    money::Usd,
    risk::{
        BuyingPower,
        held::exposures,
        refusal::{Input, Refusal},
        size,
    },
    strategy::{Candidate, Snapshot},
};

/// The whole book at one moment, beside what it must bear.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearing {
    /// Every scenario.
    pub stressed: Stressed,
    /// Net liquidation.
    pub net: Usd,
    /// Requirement in force and the order's.
    pub requirement: Usd,
}

impl Bearing {
    /// The loss of the worst scenario, percent of net liquidation; not below zero.
    pub fn worst_percent(&self) -> Decimal {
        self.stressed.worst_loss().0 / self.net.0 * Decimal::ONE_HUNDRED
    }

    /// Net liquidation after the worst scenario.
    pub fn stressed_net(&self) -> Usd {
        self.net - self.stressed.worst_loss()
    }
}

/// The worst scenario loses at most 25 % of net liquidation, and the requirement × 1.3 is at most
/// what is left.
pub(in crate::risk) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
) -> Result<(), Refusal> {
    let order = exposures(snapshot, candidate, size::units(snapshot, candidate))?;
    let bearing = bearing(snapshot, order, power.requirement_usd)?;
    broken(snapshot, &bearing).map_or(Ok(()), Err)
}

/// The limit that a book breaks, if any.
pub fn broken(snapshot: &Snapshot, bearing: &Bearing) -> Option<Refusal> {
    let rules = &snapshot.rulebook.stress;
    let percent = bearing.worst_percent();
    if percent > rules.worst_percent {
        let scenario =
            bearing.stressed.worst().map_or_else(String::new, |worst| worst.name.clone());
        let loss = bearing.stressed.worst_loss();
        return Some(Refusal::Stress {
            scenario,
            percent,
            bound: rules.worst_percent,
            loss,
            net: bearing.net,
        });
    }
    let raised = Usd(bearing.requirement.0 * rules.margin_multiple);
    let left = bearing.stressed_net();
    let multiple = rules.margin_multiple;
    (raised > left).then_some(Refusal::StressMargin { raised, left, multiple })
}

/// The book of a snapshot with these legs and what they take added.
pub fn bearing(snapshot: &Snapshot, order: Vec<Exposure>, takes: Usd) -> Result<Bearing, Refusal> {
    let balances = snapshot.balances.ok_or(Refusal::Missing { what: Input::Balances })?;
    let net = balances.net_liquidation_usd;
    if !net.is_positive() {
        return Err(Refusal::NotPositive { what: Input::Balances, value: net.0 });
    }
    let book = snapshot.book.as_ref().ok_or(Refusal::Missing { what: Input::Book })?;
    if let Some(unpriced) = book.unpriced.first().cloned() {
        return Err(Refusal::Unpriced { unpriced });
    }
    let mut legs = order;
    legs.extend(book.exposures.iter().cloned());
    let tables = Tables { stress: &snapshot.rulebook.stress, groups: &snapshot.rulebook.groups };
    let stressed = stress(tables, &legs).map_err(|error| Refusal::Symbol { product: error.0 })?;
    Ok(Bearing { stressed, net, requirement: balances.requirement_usd + takes })
}
