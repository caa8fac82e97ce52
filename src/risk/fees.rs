//! Rulebook §4.1, §4.3: round-trip fees against what the trade is to bring.

use rust_decimal::Decimal;

use super::{BuyingPower, refusal::Refusal};
use crate::strategy::{Candidate, Snapshot, rule, rule::FeesBound};

/// Fees of opening and closing are at most the strategy's share of what it is to bring.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
) -> Result<(), Refusal> {
    let rule = rule(candidate.strategy);
    let Some(bounded) = rule.and_then(|rule| rule.most_fees(&snapshot.rulebook, candidate)) else {
        return Ok(());
    };
    let FeesBound { of: target, percent: bound } = bounded;
    let fees = power.round_trip_fees_usd;
    if fees.0 * Decimal::ONE_HUNDRED <= target.0 * bound {
        return Ok(());
    }
    let percent = if target.is_positive() {
        fees.0 / target.0 * Decimal::ONE_HUNDRED
    } else {
        Decimal::ONE_HUNDRED
    };
    Err(Refusal::Fees { percent, bound, fees, target })
}
