//! Limit 5: open positions by strategy and phase. For 0DTE a unit counts as a position.

use super::{capital::Capital, refusal::Refusal};
use crate::{
    account::StrategyId,
    config::stages::StageId,
    instrument::Product,
    strategy::{Candidate, Purpose, Snapshot, rule},
};

/// The count with this order, working entries included, against the phase's ceiling.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    capital: &Capital<'_>,
) -> Result<(), Refusal> {
    let strategy = candidate.strategy;
    let rule = rule(strategy).ok_or(Refusal::Strategy { strategy })?;
    let product = candidate.product;
    let most = rule.most(capital.phase.rules).max(mes_unit(snapshot, candidate, capital));
    if !allows(snapshot, capital, product) {
        return Err(Refusal::Underlying { product, phase: capital.phase.number });
    }
    let units = open_units(snapshot, strategy).saturating_add(candidate.units);
    if units <= most {
        return Ok(());
    }
    Err(Refusal::Positions { strategy, units, most, phase: capital.phase.number })
}

/// LT112 in a phase that has none: a unit on MES once a stage of 2 or above is active (rulebook §2).
pub(super) fn mes_unit(snapshot: &Snapshot, candidate: &Candidate, capital: &Capital<'_>) -> u32 {
    let mes = (candidate.strategy, candidate.product) == (StrategyId::Lt112, Product::Mes);
    let most = capital.phase.rules.lt112_mes_from_stage_2;
    if mes && snapshot.stage >= StageId::Two { most } else { 0 }
}

/// The phase's underlyings are its own and those of the phases before it (rulebook §2).
fn allows(snapshot: &Snapshot, capital: &Capital<'_>, product: Product) -> bool {
    let phases = snapshot.rulebook.phases.phases.iter().take(capital.phase.number.into());
    phases.flat_map(|phase| &phase.underlyings).any(|symbol| symbol == product.symbol())
}

/// Units open and working.
pub(super) fn open_units(snapshot: &Snapshot, strategy: StrategyId) -> u32 {
    let held = snapshot.positions.iter().filter(|p| p.strategy == strategy && p.is_open());
    let working = snapshot.open_intents.iter().filter(|intent| {
        let filled = snapshot.positions.iter().any(|p| p.id.0 == intent.id.0);
        intent.strategy == strategy && intent.purpose == Purpose::Entry && !filled
    });
    let units = held.map(|p| p.units).chain(working.map(|intent| intent.units));
    units.fold(0, u32::saturating_add)
}
