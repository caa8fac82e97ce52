//! What passes every limit and is still worth a word (rulebook §5): a loss of 2 % of sizing capital,
//! three positions of one expiration, four that gain when their underlying rises.

use std::{collections::BTreeMap, fmt};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    held::{exposures, items_of},
    size,
    trade_loss::{LossWarning, loss_warning},
};
use crate::{
    account::exposure::{Exposure, Holder, Item},
    instrument::Instrument,
    strategy::{Candidate, Snapshot},
};

/// One warning, with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The trade's loss.
    Loss(LossWarning),
    /// So many positions of one expiration with this one.
    SameExpiration {
        /// The expiration.
        expiration: NaiveDate,
        /// Positions.
        positions: u32,
        /// Warned from here.
        bound: u32,
    },
    /// So many bullish positions with this one.
    Bullish {
        /// Positions.
        positions: u32,
        /// Warned from here.
        bound: u32,
    },
}

impl Warning {
    /// What its figure is, for people.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Loss(_) => "Largest loss of the trade, percent of sizing capital",
            Self::SameExpiration { .. } => "Positions of one expiration",
            Self::Bullish { .. } => "Bullish positions",
        }
    }

    /// The limit's stable name, what was found and what it is held to.
    pub fn figures(&self) -> (&'static str, Decimal, Decimal) {
        match self {
            Self::Loss(LossWarning { percent, bound }) => ("trade_loss_warning", *percent, *bound),
            Self::SameExpiration { positions, bound, .. } => {
                ("same_expiration", (*positions).into(), (*bound).into())
            }
            Self::Bullish { positions, bound } => ("bullish", (*positions).into(), (*bound).into()),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(LossWarning { percent, bound }) => {
                let percent = crate::money::round_half_up(*percent, 2);
                write!(
                    f,
                    "the trade can lose {percent} % of sizing capital (warned from {bound} %)"
                )
            }
            Self::SameExpiration { expiration, positions, bound } => {
                write!(f, "{positions} positions expire on {expiration} (warned from {bound})")
            }
            Self::Bullish { positions, bound } => {
                write!(f, "{positions} positions are bullish (warned from {bound})")
            }
        }
    }
}

/// Every warning of an order that passed.
pub fn warnings(snapshot: &Snapshot, candidate: &Candidate) -> Vec<Warning> {
    let mut found: Vec<Warning> =
        loss_warning(snapshot, candidate).map(Warning::Loss).into_iter().collect();
    let rules = &snapshot.rulebook.limits;
    let items = items_of(snapshot);
    let own = candidate.legs.iter().filter_map(|leg| expiration(&leg.instrument)).max();
    if let Some(expiration) = own {
        let positions = 1 + distinct(items.iter().filter(|item| last(item) == Some(expiration)));
        let bound = rules.warn_same_expiration;
        if positions >= bound {
            found.push(Warning::SameExpiration { expiration, positions, bound });
        }
    }
    let units = size::units(snapshot, candidate);
    let order = exposures(snapshot, candidate, units).unwrap_or_default();
    let held = snapshot.book.as_ref().map_or(&[][..], |book| &book.exposures);
    let positions = bullish(order.iter().chain(held));
    let bound = rules.warn_bullish;
    if positions >= bound && bullish(order.iter()) > 0 {
        found.push(Warning::Bullish { positions, bound });
    }
    found
}

/// Holders whose legs together gain when their underlying rises.
pub fn bullish<'a>(legs: impl Iterator<Item = &'a Exposure>) -> u32 {
    let mut deltas: BTreeMap<&str, f64> = BTreeMap::new();
    for leg in legs {
        *deltas.entry(id(&leg.holder)).or_default() += leg.delta_usd();
    }
    u32::try_from(deltas.values().filter(|delta| **delta > 0.0).count()).unwrap_or(u32::MAX)
}

fn distinct<'a>(items: impl Iterator<Item = &'a Item>) -> u32 {
    let ids: std::collections::BTreeSet<&str> = items.map(|item| id(&item.holder)).collect();
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}

/// A position and the rest of its entry are one.
fn id(holder: &Holder) -> &str {
    match holder {
        Holder::Position(id) => &id.0,
        Holder::Working(id) => &id.0,
        Holder::Order(id) => &id.0,
        Holder::Candidate => "",
    }
}

/// The last expiration of an item: what its DTE is counted to.
fn last(item: &Item) -> Option<NaiveDate> {
    item.legs.iter().filter_map(|(instrument, _)| expiration(instrument)).max()
}

fn expiration(instrument: &Instrument) -> Option<NaiveDate> {
    match instrument {
        Instrument::Option(contract) => Some(contract.series.expiration),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}
