//! Which positions a breaker closes, worst stress first (rulebook §1, §6). The owner's own are never
//! among them, and 0DTE is closed by its own rules.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::stress::{Tables, Unclassed, by_holder, stress};
use crate::{
    account::{
        Position, PositionId, StrategyId,
        exposure::{Book, Exposure, Holder},
        margin::MarginError,
    },
    clock::Timestamp,
    money::Usd,
};

/// Units of a position that are to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The position.
    pub position: PositionId,
    /// Units, at most all it has.
    pub units: u32,
    /// What the position loses in the worst scenario.
    pub loss_usd: Usd,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReductionError {
    /// A product without a class.
    #[error(transparent)]
    Unclassed(#[from] Unclassed),
    /// A leg without a requirement.
    #[error(transparent)]
    Margin(#[from] MarginError),
}

/// A jump of VIX cuts short premium by half (rulebook §6): units that carry at least half of the
/// value of all options sold, the position that loses most in the worst scenario first. A position
/// that was paid for (a covered call, a butterfly) is no short premium.
pub fn halve_short_premium(
    tables: Tables<'_>,
    positions: &[Position],
    book: &Book,
) -> Result<Vec<Cut>, ReductionError> {
    let ranked = ranked(tables, positions, book)?;
    let premium = |position: &Position| -> Decimal {
        if position.credit <= Decimal::ZERO {
            return Decimal::ZERO;
        }
        let sold = of(book, &position.id).filter(|leg| leg.is_short_option());
        sold.map(|leg| leg.price * leg.instrument.multiplier() * size(leg)).sum()
    };
    let premiums: Vec<Decimal> = ranked.iter().map(|(position, _)| premium(position)).collect();
    let mut left = premiums.iter().copied().sum::<Decimal>() / Decimal::TWO;
    let mut cuts = Vec::new();
    for ((position, loss), premium) in ranked.into_iter().zip(premiums) {
        if left <= Decimal::ZERO {
            break;
        }
        if premium <= Decimal::ZERO {
            continue;
        }
        let units = units_for(position, left, premium);
        left -= premium * Decimal::from(units) / Decimal::from(position.units.max(1));
        cuts.push(Cut { position: position.id.clone(), units, loss_usd: loss });
    }
    Ok(cuts)
}

/// Units whose requirement brings `used` down to `target`, the position that loses most in the
/// worst scenario first; what frees nothing is left alone.
pub fn reduce_requirement(
    tables: Tables<'_>,
    positions: &[Position],
    book: &Book,
    (used, target): (Usd, Usd),
    now: Timestamp,
) -> Result<Vec<Cut>, ReductionError> {
    let mut left = used - target;
    let mut rest = book.clone();
    let mut cuts = Vec::new();
    for (position, loss) in ranked(tables, positions, book)? {
        if !left.is_positive() {
            break;
        }
        let before = rest.requirement_of(position.product, now)?;
        let mut found = None;
        for units in 1..=position.units {
            let smaller = without(&rest, position, units);
            let freed = before - smaller.requirement_of(position.product, now)?;
            let enough = freed >= left;
            if freed.is_positive() {
                found = Some((units, freed, smaller));
            }
            if enough {
                break;
            }
        }
        if let Some((units, freed, smaller)) = found {
            (left, rest) = (left - freed, smaller);
            cuts.push(Cut { position: position.id.clone(), units, loss_usd: loss });
        }
    }
    Ok(cuts)
}

/// Our open positions but 0DTE, the greatest loss in the book's worst scenario first.
fn ranked<'a>(
    tables: Tables<'_>,
    positions: &'a [Position],
    book: &Book,
) -> Result<Vec<(&'a Position, Usd)>, Unclassed> {
    let stressed = stress(tables, &book.exposures)?;
    let worst = stressed.worst().map_or("", |worst| worst.name.as_str());
    let mut losses: BTreeMap<PositionId, Usd> = BTreeMap::new();
    for share in by_holder(tables, &book.exposures, worst)?.unwrap_or_default() {
        if let Holder::Position(id) = share.holder {
            *losses.entry(id).or_default() += share.loss_usd;
        }
    }
    let kept = [StrategyId::External, StrategyId::Friday0dte];
    let ours = positions.iter().filter(|p| p.is_open() && !kept.contains(&p.strategy));
    let loss = |position: &Position| losses.get(&position.id).copied().unwrap_or_default();
    let mut ranked: Vec<(&Position, Usd)> =
        ours.map(|position| (position, loss(position))).collect();
    ranked.sort_by(|(one, a), (other, b)| b.cmp(a).then_with(|| one.id.cmp(&other.id)));
    Ok(ranked)
}

fn of<'a>(book: &'a Book, id: &'a PositionId) -> impl Iterator<Item = &'a Exposure> {
    let mine = move |leg: &&Exposure| matches!(&leg.holder, Holder::Position(of) if of == id);
    book.exposures.iter().filter(mine)
}

fn size(leg: &Exposure) -> Decimal {
    Decimal::from(leg.quantity.unsigned_abs())
}

/// The least units whose share of the premium is what is left, at most all.
fn units_for(position: &Position, left: Decimal, premium: Decimal) -> u32 {
    let units = Decimal::from(position.units) * left / premium;
    units.ceil().to_u32().unwrap_or(position.units).clamp(1, position.units.max(1))
}

/// The book without so many of a position's units.
fn without(book: &Book, position: &Position, units: u32) -> Book {
    let all = i64::from(position.units.max(1));
    let kept = all - i64::from(units).min(all);
    let mut smaller = book.clone();
    for leg in &mut smaller.exposures {
        if matches!(&leg.holder, Holder::Position(id) if *id == position.id) {
            leg.quantity = leg.quantity * kept / all;
        }
    }
    smaller.exposures.retain(|leg| leg.quantity != 0);
    smaller
}

#[cfg(test)]
mod tests;
