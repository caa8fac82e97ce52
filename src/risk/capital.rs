//! The two capital bases (rulebook §1): sizing capital for utilisation, per-trade loss and day
//! loss; net liquidation for phases, stress and drawdown. Pounds, at one dated rate.

use rust_decimal::Decimal;

use super::{
    phase::{PhaseNow, phase},
    refusal::{Input, Refusal},
    stage,
};
use crate::{
    config::stages::StageRules,
    money::{FxRate, Gbp, Usd},
    strategy::Snapshot,
};

/// What limits are measured against.
#[derive(Debug, Clone, PartialEq)]
pub struct Capital<'a> {
    /// Net liquidation.
    pub net_liquidation: Gbp,
    /// The smaller of stage capital and net liquidation.
    pub sizing: Gbp,
    /// Dollars per pound.
    pub rate: FxRate,
    /// The account's phase.
    pub phase: PhaseNow<'a>,
    /// The deployment stage.
    pub stage: &'a StageRules,
}

impl Capital<'_> {
    /// An amount as percent of sizing capital; not rounded.
    pub fn percent_of_sizing(&self, amount: Usd) -> Decimal {
        self.rate.to_gbp(amount).0 / self.sizing.0 * Decimal::ONE_HUNDRED
    }
}

/// The capital of a snapshot. A missing or zero balance or rate refuses with that reason; so does
/// an account below the first phase, but in the stages where such a one counts as P1 (§3).
pub fn capital(snapshot: &Snapshot) -> Result<Capital<'_>, Refusal> {
    let stage = stage::rules(snapshot)?;
    let balances = snapshot.balances.ok_or(Refusal::Missing { what: Input::Balances })?;
    let rate = snapshot.fx.ok_or(Refusal::Missing { what: Input::Fx })?;
    if rate.usd_per_gbp <= Decimal::ZERO {
        return Err(Refusal::NotPositive { what: Input::Fx, value: rate.usd_per_gbp });
    }
    let net = balances.net_liquidation_usd;
    if !net.is_positive() {
        return Err(Refusal::NotPositive { what: Input::Balances, value: net.0 });
    }
    let net_liquidation = balances.net_liquidation_gbp(rate);
    let rules = &snapshot.rulebook.phases;
    let reached = phase(rules, net_liquidation, snapshot.previous_phase);
    let first = || rules.phases.first().filter(|_| stage.small_account);
    let Some(phase) = reached.or_else(|| Some(PhaseNow { number: 1, rules: first()? })) else {
        let floor = rules.phases.first().map_or(Decimal::ZERO, |p| p.from_gbp);
        return Err(Refusal::BelowFirstPhase { net_liquidation, floor: Gbp(floor) });
    };
    let sizing = stage.capital_gbp.map_or(net_liquidation, |most| Gbp(most).min(net_liquidation));
    Ok(Capital { net_liquidation, sizing, rate, phase, stage })
}
