//! Limit 9: buying power used after the order, against the smallest of the caps.

use rust_decimal::Decimal;

use super::{
    BuyingPower,
    cap::vix_cap,
    capital::Capital,
    refusal::{Input, Refusal},
};
use crate::{money::Usd, strategy::Snapshot};

/// The cap in force and the rule it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveCap {
    /// Percent of sizing capital.
    pub percent: Decimal,
    /// Whose it is: `VIX 12.6 < 13`, `phase 1`, `stage 2`.
    pub rule: String,
}

/// min(VIX cap, phase cap, stage cap); of equal ones the first named.
pub fn effective_cap(snapshot: &Snapshot, capital: &Capital<'_>) -> Result<EffectiveCap, Refusal> {
    let vix = snapshot.vix.ok_or(Refusal::Missing { what: Input::Vix })?;
    let vix = vix_cap(&snapshot.rulebook.vix, vix.level);
    let mut cap = EffectiveCap { percent: vix.cap_percent, rule: vix.band.to_string() };
    let phase = capital.phase.rules.cap_percent;
    if phase < cap.percent {
        cap = EffectiveCap { percent: phase, rule: format!("phase {}", capital.phase.number) };
    }
    let stage = capital.stage.cap_percent.filter(|stage| *stage < cap.percent);
    if let Some(percent) = stage {
        cap = EffectiveCap { percent, rule: capital.stage.stage.to_string() };
    }
    Ok(cap)
}

/// Requirement as percent of sizing capital, both in pounds at one moment.
pub fn utilisation(requirement: Usd, capital: &Capital<'_>) -> Decimal {
    capital.percent_of_sizing(requirement)
}

/// Requirement in force plus the order's, against the cap.
pub(super) fn check(
    snapshot: &Snapshot,
    power: &BuyingPower,
    capital: &Capital<'_>,
) -> Result<(), Refusal> {
    let balances = snapshot.balances.ok_or(Refusal::Missing { what: Input::Balances })?;
    let cap = effective_cap(snapshot, capital)?;
    let percent = utilisation(balances.requirement_usd + power.requirement_usd, capital);
    if percent <= cap.percent {
        return Ok(());
    }
    Err(Refusal::BuyingPower { percent, bound: cap.percent, rule: cap.rule })
}
