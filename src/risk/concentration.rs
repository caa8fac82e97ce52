//! Limit 11: the requirement of one underlying, as a share of sizing capital. Contracts on one
//! thing (ES, MES, SPX, XSP and SPY) are one underlying: a bound that could be passed by trading
//! the same index under another symbol would be none.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    BuyingPower,
    capital::Capital,
    refusal::{Input, Refusal},
};
use crate::{
    account::StrategyId,
    config::rulebook::LimitRules,
    instrument::Product,
    money::Usd,
    strategy::{Candidate, Snapshot},
};

/// The name of a product's underlying: the symbols of all contracts on it, `ES/MES/SPX/XSP/SPY`.
pub fn underlying_of(rules: &LimitRules, product: Product) -> String {
    let symbol = product.symbol();
    let family = rules.underlyings.iter().find(|family| family.iter().any(|s| s == symbol));
    family.map_or_else(|| symbol.to_owned(), |family| family.join("/"))
}

/// The requirement of what is held and works, by underlying.
pub fn by_underlying(
    rules: &LimitRules,
    requirement: &BTreeMap<Product, Usd>,
) -> BTreeMap<String, Usd> {
    let mut found: BTreeMap<String, Usd> = BTreeMap::new();
    for (product, usd) in requirement {
        *found.entry(underlying_of(rules, *product)).or_default() += *usd;
    }
    found
}

/// What is held and works on the candidate's underlying, and the order's own requirement.
pub(super) fn check(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    capital: &Capital<'_>,
) -> Result<(), Refusal> {
    if candidate.strategy == StrategyId::Box {
        return Ok(());
    }
    let rules = &snapshot.rulebook.limits;
    let book = snapshot.book.as_ref().ok_or(Refusal::Missing { what: Input::Book })?;
    let underlying = underlying_of(rules, candidate.product);
    let held = by_underlying(rules, &book.requirement).get(&underlying).copied();
    let taken = held.unwrap_or_default() + power.requirement_usd;
    let percent = capital.percent_of_sizing(taken);
    let bound = bound(rules, candidate.strategy);
    if percent <= bound {
        return Ok(());
    }
    let requirement = capital.rate.to_gbp(taken);
    Err(Refusal::Concentration { underlying, percent, bound, requirement, sizing: capital.sizing })
}

fn bound(rules: &LimitRules, strategy: StrategyId) -> Decimal {
    if strategy == StrategyId::Friday0dte {
        return rules.concentration_0dte_percent;
    }
    rules.concentration_percent
}
