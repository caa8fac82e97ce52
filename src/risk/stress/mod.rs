//! Stress: the whole book priced anew in each scenario of rulebook §6. Pure.
//!
//! A scenario moves the underlyings and their implied volatilities at once, while time stands
//! still; its loss is what the book is worth by the model now, less what it would be worth. The
//! shock of volatility is that of 30 days: farther expiries get (30 / days)^0.4 of it, nearer ones
//! the same as 30 days.
//!
//! - A shock of one class moves every product of the class, and nothing else.
//! - `all first` and `all worst` move everything: each correlation group takes the one of its first
//!   shocks, or of all its shocks, that is worst for the group as a whole (correlation 1 within it;
//!   all equity is one group here), and what one group gains covers nothing of what another loses.
//! - A window is a day that was, for the class it is known of.

/// Limit 10.
pub mod limit;
/// What `tomking stress` shows.
pub mod report;

mod reprice;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::reprice::{Blow, Shocked};
use crate::{
    account::{
        StrategyId,
        exposure::{Exposure, Holder},
    },
    config::{groups::GroupRules, stress::StressRules},
    instrument::Product,
    money::{AMOUNT_MAX, Usd},
};

/// What kind of scenario it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A first shock of one class.
    First,
    /// A tail shock of one class.
    Tail,
    /// A day that was.
    Window,
    /// Every group at once.
    All,
}

/// One scenario, and what the book would lose in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, stable: `equity -5 % IV +25`, `1987-10-19`, `all tail`.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// The loss, to the cent; below zero is a gain.
    pub loss_usd: Usd,
}

/// What one holder loses in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose loss it is.
    pub holder: Holder,
    /// The strategy.
    pub strategy: StrategyId,
    /// The product.
    pub product: Product,
    /// The loss, to the cent; below zero is a gain.
    pub loss_usd: Usd,
}

/// Every scenario of a book.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stressed {
    /// In the rulebook's order: the classes, the windows, everything at once.
    pub scenarios: Vec<Scenario>,
}

impl Stressed {
    /// The scenario with the greatest loss; the first of equal ones.
    pub fn worst(&self) -> Option<&Scenario> {
        self.scenarios.iter().reduce(
            |worst, next| {
                if next.loss_usd > worst.loss_usd { next } else { worst }
            },
        )
    }

    /// The greatest loss, not below zero.
    pub fn worst_loss(&self) -> Usd {
        self.worst().map_or(Usd::ZERO, |worst| worst.loss_usd.max(Usd::ZERO))
    }
}

/// A product without a class or a group: it cannot be stressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} stands in no correlation group or no stress class")]
pub struct Unclassed(pub Product);

/// The shocks and groups in force.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// The shocks.
    pub stress: &'a StressRules,
    /// What moves together.
    pub groups: &'a GroupRules,
}

/// Every scenario of a book.
pub fn stress(tables: Tables<'_>, book: &[Exposure]) -> Result<Stressed, Unclassed> {
    let blows = reprice::blows(tables.stress);
    let shocked = reprice::all(tables, book, &blows)?;
    let mut scenarios: Vec<Scenario> = Vec::with_capacity(blows.len() + 2);
    for (number, blow) in blows.iter().enumerate() {
        let loss = shocked.iter().map(|leg| leg.losses[number]).sum();
        scenarios.push(Scenario { name: blow.name(), kind: blow.kind, loss_usd: dollars(loss) });
    }
    for (name, reach) in [(ALL_FIRST, Reach::First), (ALL_WORST, Reach::Any)] {
        let loss = worst_by_block(&blows, &shocked, reach).values().map(|worst| worst.loss).sum();
        scenarios.push(Scenario {
            name: name.to_owned(),
            kind: Kind::All,
            loss_usd: dollars(loss),
        });
    }
    Ok(Stressed { scenarios })
}

/// What a set of legs loses at the first shock: each group at its worst one (rulebook §5 limit 8).
/// Not below zero.
pub fn first_shock_loss(tables: Tables<'_>, legs: &[Exposure]) -> Result<Usd, Unclassed> {
    let blows = reprice::blows(tables.stress);
    let shocked = reprice::all(tables, legs, &blows)?;
    let worst = worst_by_block(&blows, &shocked, Reach::First);
    Ok(dollars(worst.values().map(|worst| worst.loss).sum()))
}

/// What each holder loses in a scenario, the greatest loss first; `None` for a name that is none.
pub fn by_holder(
    tables: Tables<'_>,
    book: &[Exposure],
    scenario: &str,
) -> Result<Option<Vec<Share>>, Unclassed> {
    let blows = reprice::blows(tables.stress);
    let shocked = reprice::all(tables, book, &blows)?;
    let in_all = match scenario {
        ALL_FIRST => Some(worst_by_block(&blows, &shocked, Reach::First)),
        ALL_WORST => Some(worst_by_block(&blows, &shocked, Reach::Any)),
        _ => None,
    };
    let number = blows.iter().position(|blow| blow.name() == scenario);
    if in_all.is_none() && number.is_none() {
        return Ok(None);
    }
    let loss_of = |leg: &Shocked<'_>| match (&in_all, number) {
        (Some(worst), _) => worst.get(&leg.block).map_or(0.0, |worst| leg.at(&blows, worst)),
        (None, Some(number)) => leg.losses[number],
        (None, None) => 0.0,
    };
    let mut losses: BTreeMap<(&Holder, Product), (StrategyId, f64)> = BTreeMap::new();
    for leg in &shocked {
        let exposure = leg.exposure;
        let key = (&exposure.holder, exposure.instrument.product());
        losses.entry(key).or_insert((exposure.strategy, 0.0)).1 += loss_of(leg);
    }
    let share = |((holder, product), (strategy, loss)): ((&Holder, Product), (StrategyId, f64))| {
        Share { holder: holder.clone(), strategy, product, loss_usd: dollars(loss) }
    };
    let mut shares: Vec<Share> = losses.into_iter().map(share).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.loss_usd));
    Ok(Some(shares))
}

/// Every group at its worst first shock.
pub const ALL_FIRST: &str = "all first";
/// Every group at its worst shock.
pub const ALL_WORST: &str = "all worst";

/// Which shocks a group may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    First,
    Any,
}

/// The alternative of a group that is worst for it.
#[derive(Debug, Clone, Copy)]
struct Worst {
    kind: Kind,
    /// Its place among the shocks of its kind.
    place: usize,
    loss: f64,
}

/// Each block's worst alternative; none that gains.
fn worst_by_block(
    blows: &[Blow<'_>],
    shocked: &[Shocked<'_>],
    reach: Reach,
) -> BTreeMap<usize, Worst> {
    let mut sums: BTreeMap<(usize, Kind, usize), f64> = BTreeMap::new();
    for leg in shocked {
        let own = blows.iter().zip(&leg.losses).filter(|(blow, _)| blow.class == leg.class);
        for (blow, loss) in own.filter(|(b, _)| reach == Reach::Any || b.kind == Kind::First) {
            *sums.entry((leg.block, blow.kind, blow.place)).or_default() += loss;
        }
    }
    let mut worst: BTreeMap<usize, Worst> = BTreeMap::new();
    for ((block, kind, place), loss) in sums.into_iter().filter(|(_, loss)| *loss > 0.0) {
        let found = worst.entry(block).or_insert(Worst { kind, place, loss });
        if loss > found.loss {
            *found = Worst { kind, place, loss };
        }
    }
    worst
}

/// To the cent. A loss beyond any account is as large as an amount may be.
fn dollars(loss: f64) -> Usd {
    let found = Decimal::try_from(loss).unwrap_or(AMOUNT_MAX);
    Usd(found.clamp(-AMOUNT_MAX, AMOUNT_MAX)).rounded()
}
