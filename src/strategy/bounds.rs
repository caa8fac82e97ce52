//! At what loss and what profit a position is closed, for who looks at it: the figures the exits of
//! the strategies work with.

use rust_decimal::Decimal;

use super::closing::{Scope, closing, part_credit};
use crate::account::Position;

/// The stop and the target of a part of a position, points a unit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The part.
    pub scope: Scope,
    /// Closed at this loss; `None` where its strategy stops by something else.
    pub stop: Option<Decimal>,
    /// Closed at this profit; `None` where its strategy has no such target.
    pub target: Option<Decimal>,
}

impl Bounds {
    /// A target alone, as percent of what the whole was opened for, debit or credit.
    pub fn target(position: &Position, percent: Decimal) -> Self {
        let target = share(position.credit.abs(), percent);
        Self { scope: Scope::All, stop: None, target: Some(target) }
    }

    /// Stop in credits and target in percent of the credit of a part.
    pub fn of_credit(
        position: &Position,
        scope: Scope,
        stop_credits: Decimal,
        target_percent: Decimal,
    ) -> Self {
        let credit = credit(position, scope);
        let sold = credit > Decimal::ZERO;
        Self {
            scope,
            stop: sold.then(|| credit * stop_credits),
            target: sold.then(|| share(credit, target_percent)),
        }
    }
}

/// The credit a unit of a part brought, points; of the whole with what adjustments brought.
pub fn credit(position: &Position, scope: Scope) -> Decimal {
    if scope == Scope::All {
        return position.credit;
    }
    part_credit(position, scope).unwrap_or_default()
}

/// Units of the position that are open in a part.
pub fn open_units(position: &Position, scope: Scope) -> Decimal {
    closing(position, scope)
        .map_or(Decimal::ZERO, |order| Decimal::from(order.units) * order.units_of(position))
}

/// So many percent of an amount.
pub fn share(amount: Decimal, percent: Decimal) -> Decimal {
    amount * percent / Decimal::ONE_HUNDRED
}
