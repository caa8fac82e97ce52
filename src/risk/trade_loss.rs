//! Limit 8: the most one trade can lose, as a share of sizing capital.

use rust_decimal::Decimal;

use super::{
    capital::{Capital, capital},
    held::{exposures, has_naked_short},
    refusal::Refusal,
    stress::{Tables, first_shock_loss},
};
use crate::{
    money::Usd,
    strategy::{Candidate, Snapshot, rule},
};

/// A loss that passes the limit and is still worth a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossWarning {
    /// The trade's loss, percent of sizing capital.
    pub percent: Decimal,
    /// Warned from here, percent.
    pub bound: Decimal,
}

/// The warning of an order whose loss is at least 2 % of sizing capital.
pub fn loss_warning(snapshot: &Snapshot, candidate: &Candidate) -> Option<LossWarning> {
    let capital = capital(snapshot).ok()?;
    let percent = capital.percent_of_sizing(loss(snapshot, candidate).ok()?);
    let bound = snapshot.rulebook.limits.trade_loss_warn_percent;
    (percent >= bound).then_some(LossWarning { percent, bound })
}

/// What the whole order can lose: what the strategy gives as its most, fees not counted; where more
/// is sold than bought covers, the loss at the first shock of its class, when that is more.
pub(super) fn loss(snapshot: &Snapshot, candidate: &Candidate) -> Result<Usd, Refusal> {
    if candidate.width.is_some() {
        return Ok(candidate.max_loss_usd);
    }
    let legs = exposures(snapshot, candidate, candidate.units)?;
    if !has_naked_short(&legs) {
        return Ok(candidate.max_loss_usd);
    }
    let tables = Tables { stress: &snapshot.rulebook.stress, groups: &snapshot.rulebook.groups };
    let shock = first_shock_loss(tables, &legs);
    let shock = shock.map_err(|error| Refusal::Symbol { product: error.0 })?;
    Ok(shock.max(candidate.max_loss_usd))
}

/// That loss against 5 % of sizing capital, or less where the strategy's own bound is lower.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    capital: &Capital<'_>,
) -> Result<(), Refusal> {
    let loss = loss(snapshot, candidate)?;
    let percent = capital.percent_of_sizing(loss);
    let own = rule(candidate.strategy)
        .and_then(|rule| rule.most_loss_percent(&snapshot.rulebook))
        .unwrap_or(Decimal::ONE_HUNDRED);
    let bound = snapshot.rulebook.limits.trade_loss_percent.min(own);
    if percent <= bound {
        return Ok(());
    }
    let loss = capital.rate.to_gbp(loss);
    Err(Refusal::TradeLoss { percent, bound, loss, sizing: capital.sizing })
}
