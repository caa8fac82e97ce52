//! Limit 1: latch, reconciliation, the account's flags. Stage and phase are part of
//! `super::capital`.

use super::refusal::{AccountFlag, Input, Refusal};
use crate::{
    account::hold::Level,
    instrument::{Product, ProductKind},
    planted::{self, Bug},
    strategy::Snapshot,
};

/// The latch is ACTIVE, ledger and broker agree, the account may trade this product.
pub(super) fn check(snapshot: &Snapshot, product: Product) -> Result<(), Refusal> {
    let strictest = snapshot.holds.iter().max_by_key(|hold| hold.level);
    let strictest = strictest.filter(|hold| hold.level != Level::Active);
    if let Some(hold) = strictest.filter(|_| !planted::on(Bug::IgnoreLatch)) {
        return Err(Refusal::Latch { level: hold.level, cause: hold.cause.clone() });
    }
    if !snapshot.reconciled {
        return Err(Refusal::NotReconciled);
    }
    flag(snapshot, product)
}

/// The broker's flags let this product be traded.
pub(super) fn flag(snapshot: &Snapshot, product: Product) -> Result<(), Refusal> {
    let status = snapshot.trading_status.ok_or(Refusal::Missing { what: Input::TradingStatus })?;
    let is_future = product.kind() == ProductKind::Future;
    let flags = [
        (status.closing_only, AccountFlag::ClosingOnly),
        (status.frozen, AccountFlag::Frozen),
        (status.margin_call, AccountFlag::MarginCall),
        (is_future && !status.futures_enabled, AccountFlag::FuturesDisabled),
    ];
    match flags.into_iter().find(|(raised, _)| *raised) {
        Some((_, flag)) => Err(Refusal::Account { flag }),
        None => Ok(()),
    }
}
