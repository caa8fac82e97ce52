//! Rulebook §4.1: round-trip fees against the profit target.

use rust_decimal::Decimal;

use super::{BuyingPower, refusal::Refusal};
use crate::{
    account::StrategyId,
    money::Usd,
    strategy::{Candidate, Snapshot},
};

/// Fees of opening and closing are at most 25 % of the profit target at the mid credit.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
) -> Result<(), Refusal> {
    if candidate.strategy != StrategyId::Friday0dte {
        return Ok(());
    }
    let rules = &snapshot.rulebook.friday_0dte;
    let multiplier = candidate.product.multiplier() * Decimal::from(candidate.units);
    let share = rules.profit_target_percent / Decimal::ONE_HUNDRED;
    let target = Usd(candidate.mid.0 * multiplier * share);
    let (fees, bound) = (power.round_trip_fees_usd, rules.fees_percent_of_target);
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
