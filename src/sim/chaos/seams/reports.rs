//! Answers that are not the truth of the moment: what a broker's lists have been seen to do. Each
//! function gives the bent answer, or `None` where the fault would change nothing.
//!
//! An older answer is the truth as it was then, worked back from the truth of now: fills,
//! movements and orders since are taken out of it. So a lag is exactly as long as the plan says.

use chrono::TimeDelta;

use crate::{
    account::{Balances, Holding},
    broker::{BrokerOrder, OrderStatus, Transaction},
    clock::Timestamp,
    money::Usd,
    sim::chaos::{board::Board, plan::Misreport},
};

/// What a report is bent by.
#[derive(Clone, Copy)]
pub(super) struct Lens<'a> {
    pub(super) board: &'a Board,
    /// True now.
    pub(super) now: Timestamp,
}

impl Lens<'_> {
    fn cut(self, ms: u32) -> Timestamp {
        self.now - TimeDelta::milliseconds(i64::from(ms))
    }

    /// When an order reached the broker; `None` for one given by hand.
    fn arrived(self, order: &BrokerOrder) -> Option<Timestamp> {
        let id = order.external_id.as_deref()?;
        let log = self.board.log();
        log.wire.iter().rev().find(|arrival| arrival.sent.external_id() == id).map(|a| a.at)
    }
}

/// One order asked for by its id.
pub(super) fn order(lens: Lens<'_>, how: Misreport, truth: &BrokerOrder) -> Option<BrokerOrder> {
    let bent = match how {
        Misreport::Stale { ms } => as_of(lens, truth, lens.cut(ms))?,
        Misreport::DuplicatedFills => with_fill_twice(truth)?,
        Misreport::DroppedFill => without_last_fill(truth)?,
        Misreport::FilledBeforeFills => filled_before_fills(truth)?,
        _ => return None,
    };
    (bent != *truth).then_some(bent)
}

/// A list of orders.
pub(super) fn orders(
    lens: Lens<'_>,
    how: Misreport,
    truth: &[BrokerOrder],
) -> Option<Vec<BrokerOrder>> {
    let one = |bend: fn(&BrokerOrder) -> Option<BrokerOrder>| {
        let mut list = truth.to_vec();
        let bent = list.iter_mut().rev().find_map(|order| Some((bend(order)?, order)));
        bent.map(|(bent, order)| *order = bent)?;
        Some(list)
    };
    let bent = match how {
        Misreport::Stale { ms } => {
            let cut = lens.cut(ms);
            truth.iter().filter_map(|order| as_of(lens, order, cut)).collect()
        }
        Misreport::Reordered => truth.iter().rev().cloned().collect(),
        Misreport::DuplicatedFills => one(with_fill_twice)?,
        Misreport::DuplicatedOrders => truth.iter().chain(truth.last()).cloned().collect(),
        Misreport::DroppedOrder => {
            let last = truth.iter().rposition(|order| order.external_id.is_some())?;
            let mut list = truth.to_vec();
            list.remove(last);
            list
        }
        Misreport::DroppedFill => one(without_last_fill)?,
        Misreport::FilledBeforeFills => one(filled_before_fills)?,
        Misreport::DroppedHolding | Misreport::Lagging { .. } => return None,
    };
    (bent != truth).then_some(bent)
}

/// What is held. `recent` are the movements since long before the lag of a stale answer.
pub(super) fn holdings(
    lens: Lens<'_>,
    how: Misreport,
    truth: &[Holding],
    recent: &[Transaction],
) -> Option<Vec<Holding>> {
    let bent: Vec<Holding> = match how {
        Misreport::Stale { ms } => holdings_as_of(truth, recent, lens.cut(ms)),
        Misreport::Reordered => truth.iter().rev().cloned().collect(),
        Misreport::DroppedHolding => truth.split_last()?.1.to_vec(),
        _ => return None,
    };
    (bent != truth).then_some(bent)
}

/// The money. Cash is that of the instant; what everything is worth stays as it is.
pub(super) fn balances(
    lens: Lens<'_>,
    how: Misreport,
    truth: &Balances,
    recent: &[Transaction],
) -> Option<Balances> {
    let Misreport::Stale { ms } = how else { return None };
    let cut = lens.cut(ms);
    let since = recent.iter().filter(|line| line.at > cut);
    let moved = since.fold(Usd::ZERO, |sum, line| sum + line.cash_usd - line.fees_usd);
    let bent = Balances { cash_usd: truth.cash_usd - moved, at: cut.min(truth.at), ..*truth };
    (bent != *truth).then_some(bent)
}

/// Cash movements.
pub(super) fn transactions(
    lens: Lens<'_>,
    how: Misreport,
    truth: &[Transaction],
) -> Option<Vec<Transaction>> {
    let bent: Vec<Transaction> = match how {
        Misreport::Stale { ms } | Misreport::Lagging { ms } => {
            let cut = lens.cut(ms);
            truth.iter().take_while(|line| line.at <= cut).cloned().collect()
        }
        Misreport::Reordered => truth.iter().rev().cloned().collect(),
        Misreport::DuplicatedFills => truth.iter().chain(truth.last()).cloned().collect(),
        _ => return None,
    };
    (bent != truth).then_some(bent)
}

/// An order as it was; `None` before it had arrived.
fn as_of(lens: Lens<'_>, truth: &BrokerOrder, cut: Timestamp) -> Option<BrokerOrder> {
    if truth.updated_at <= cut {
        return Some(truth.clone());
    }
    if lens.arrived(truth).is_some_and(|at| at > cut) {
        return None;
    }
    let mut then = truth.clone();
    then.fills.retain(|fill| fill.at <= cut);
    then.updated_at = cut;
    if truth.status.is_terminal() || truth.status == OrderStatus::CancelRequested {
        then.status = OrderStatus::Live;
        then.reject_reason = None;
    }
    Some(then)
}

fn with_fill_twice(truth: &BrokerOrder) -> Option<BrokerOrder> {
    let mut bent = truth.clone();
    bent.fills.push(truth.fills.last()?.clone());
    Some(bent)
}

fn without_last_fill(truth: &BrokerOrder) -> Option<BrokerOrder> {
    let mut bent = truth.clone();
    bent.fills.pop()?;
    Some(bent)
}

/// The status goes ahead of the fills: only those of the first leg are there.
fn filled_before_fills(truth: &BrokerOrder) -> Option<BrokerOrder> {
    if truth.status != OrderStatus::Filled {
        return None;
    }
    let first = &truth.legs.first()?.instrument;
    let mut bent = truth.clone();
    bent.fills.retain(|fill| fill.instrument == *first);
    (bent.fills.len() < truth.fills.len()).then_some(bent)
}

fn holdings_as_of(truth: &[Holding], recent: &[Transaction], cut: Timestamp) -> Vec<Holding> {
    let mut then = truth.to_vec();
    for line in recent.iter().filter(|line| line.at > cut && line.quantity != 0) {
        let Some(instrument) = &line.instrument else { continue };
        match then.iter_mut().find(|held| held.instrument == *instrument) {
            Some(held) => held.quantity -= line.quantity,
            None => then.push(Holding {
                instrument: instrument.clone(),
                quantity: -line.quantity,
                average_price: rust_decimal::Decimal::ZERO,
            }),
        }
    }
    then.retain(|held| held.quantity != 0);
    then
}
