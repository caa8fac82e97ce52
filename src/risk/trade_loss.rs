//! Limit 8: the most one trade can lose, as a share of sizing capital.

use super::{capital::Capital, refusal::Refusal};
use crate::strategy::{Candidate, Snapshot};

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
