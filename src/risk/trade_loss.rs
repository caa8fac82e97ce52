//! Limit 8: the most one trade can lose, as a share of sizing capital.

use rust_decimal::Decimal;

use super::{
    capital::{Capital, capital},
    refusal::Refusal,
};
use crate::strategy::{Candidate, Snapshot};

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
    let percent = capital.percent_of_sizing(candidate.max_loss_usd);
    let bound = snapshot.rulebook.limits.trade_loss_warn_percent;
    (percent >= bound).then_some(LossWarning { percent, bound })
}

/// The defined-risk maximum, fees not counted, against 5 % of sizing capital.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    capital: &Capital<'_>,
) -> Result<(), Refusal> {
    let percent = capital.percent_of_sizing(candidate.max_loss_usd);
    let bound = snapshot.rulebook.limits.trade_loss_percent;
    if percent <= bound {
        return Ok(());
    }
    let loss = capital.rate.to_gbp(candidate.max_loss_usd);
    Err(Refusal::TradeLoss { percent, bound, loss, sizing: capital.sizing })
}
