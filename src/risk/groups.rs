//! Limit 6: correlation groups. Positions count, not units; a position and the rest of its own
//! entry are one; what the owner holds counts as one position for each product and expiration,
//! since nobody knows which of his legs belong together; of an LT112 the hedge that remains counts
//! nothing.
//!
//! The slot kept for 0DTE is one of the slots of all equity together: other strategies leave it
//! free, and 0DTE is held to that bound alone.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    held::items_of,
    refusal::{Input, Refusal},
};
use crate::{
    account::{
        StrategyId,
        exposure::{Holder, Item},
    },
    config::groups::{Group, GroupRules},
    instrument::{Instrument, Product, Right},
    strategy::{Candidate, Snapshot},
};

/// The name all equity groups go by together.
pub const ALL_EQUITY: &str = "all equity";

/// How many positions a group has, and how many it may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCount {
    /// Its name.
    pub group: String,
    /// Positions.
    pub positions: u32,
    /// Of them 0DTE.
    pub zero_dte: u32,
    /// Most for an entry now.
    pub most: u32,
}

/// Every group, then all equity together; `vix` decides whether the limits are lower.
pub fn counts(rules: &GroupRules, items: &[Item], vix: Option<Decimal>) -> Vec<GroupCount> {
    let less = less(rules, vix);
    let units = units(rules, items);
    let count = |of: &dyn Fn(usize) -> bool| {
        let own: Vec<&Unit<'_>> = units.iter().filter(|unit| of(unit.group)).collect();
        let zero_dte = own.iter().filter(|unit| unit.strategy == StrategyId::Friday0dte).count();
        [own.len(), zero_dte].map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    };
    let line = |group: &str, [positions, zero_dte]: [u32; 2], limit: u32| GroupCount {
        group: group.to_owned(),
        positions,
        zero_dte,
        most: limit.saturating_sub(less),
    };
    let groups = rules.table.iter().enumerate();
    let mut lines: Vec<GroupCount> =
        groups.map(|(i, group)| line(&group.name, count(&|g| g == i), group.limit)).collect();
    let equity = count(&|g| rules.table[g].equity);
    lines.push(line(ALL_EQUITY, equity, rules.most));
    lines
}

/// The groups that hold more than any group may (rulebook §6).
pub fn crowded(rules: &GroupRules, items: &[Item]) -> Vec<GroupCount> {
    let counts = counts(rules, items, None).into_iter();
    counts.filter(|count| count.positions > rules.most).collect()
}

/// This position would be one more.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.groups;
    let vix = snapshot.vix.ok_or(Refusal::Missing { what: Input::Vix })?.level;
    let Some((place, group)) = rules.of(candidate.product.symbol()) else {
        return Err(Refusal::Symbol { product: candidate.product });
    };
    let counts = counts(rules, &items_of(snapshot), Some(vix));
    let bounds = bounds(rules, group, &counts, place, candidate.strategy);
    let lowered = less(rules, Some(vix)) > 0;
    for Bound { name, positions, most, kept } in bounds {
        if positions > most {
            let why = match (lowered, kept) {
                (true, true) => format!("VIX {vix} > {}, one slot kept for 0DTE", rules.above_vix),
                (true, false) => format!("VIX {vix} > {}", rules.above_vix),
                (false, true) => "one slot kept for 0DTE".to_owned(),
                (false, false) => "its limit".to_owned(),
            };
            return Err(Refusal::Group { group: name.to_owned(), positions, most, why });
        }
    }
    Ok(())
}

/// A count with this order, and its bound.
struct Bound<'a> {
    name: &'a str,
    positions: u32,
    most: u32,
    kept: bool,
}

fn bounds<'a>(
    rules: &GroupRules,
    group: &'a Group,
    counts: &[GroupCount],
    place: usize,
    strategy: StrategyId,
) -> Vec<Bound<'a>> {
    let own = &counts[place];
    let with_this = |positions: u32| positions.saturating_add(1);
    let bound = |name, positions, most, kept| Bound { name, positions, most, kept };
    if !group.equity {
        return vec![bound(&group.name, with_this(own.positions), own.most, false)];
    }
    let Some(all) = counts.last() else { return Vec::new() };
    let together = bound(ALL_EQUITY, with_this(all.positions), all.most, false);
    if strategy == StrategyId::Friday0dte {
        return vec![together];
    }
    let others = |count: &GroupCount| with_this(count.positions - count.zero_dte);
    let left = all.most.saturating_sub(rules.kept_for_0dte);
    vec![
        bound(&group.name, others(own), own.most, false),
        together,
        bound(ALL_EQUITY, others(all), left, true),
    ]
}

/// By how many each limit is lower.
fn less(rules: &GroupRules, vix: Option<Decimal>) -> u32 {
    if vix.is_some_and(|vix| vix > rules.above_vix) { rules.less } else { 0 }
}

/// One position as groups count it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Unit<'a> {
    group: usize,
    strategy: StrategyId,
    what: What<'a>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    Ours(&'a str),
    Owners(Product, Option<NaiveDate>),
}

fn units<'a>(rules: &GroupRules, items: &'a [Item]) -> BTreeSet<Unit<'a>> {
    let counted = items.iter().filter(|item| !is_hedge_left(item));
    counted.flat_map(|item| units_of(rules, item)).collect()
}

fn units_of<'a>(rules: &GroupRules, item: &'a Item) -> Vec<Unit<'a>> {
    let Item { strategy, .. } = *item;
    let group = |product: Product| rules.of(product.symbol()).map(|(place, _)| place);
    let ours = match &item.holder {
        Holder::Position(id) => id.0.as_str(),
        Holder::Working(id) => id.0.as_str(),
        Holder::Order(_) | Holder::Candidate => "",
    };
    if strategy != StrategyId::External {
        let own = item.product().and_then(group);
        let unit = |group| Unit { group, strategy, what: What::Ours(ours) };
        return own.map(unit).into_iter().collect();
    }
    let owners = item.legs.iter().filter_map(|(instrument, _)| {
        let product = instrument.product();
        let what = What::Owners(product, expiration(instrument));
        group(product).map(|group| Unit { group, strategy, what })
    });
    owners.collect()
}

fn expiration(instrument: &Instrument) -> Option<NaiveDate> {
    match instrument {
        Instrument::Option(contract) => Some(contract.series.expiration),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}

/// Of an LT112 only the debit spread is left: as many puts bought as sold lower (rulebook §4.2).
fn is_hedge_left(item: &Item) -> bool {
    if item.strategy != StrategyId::Lt112 || !matches!(item.holder, Holder::Position(_)) {
        return false;
    }
    let put = |wanted: bool| {
        let mut legs =
            item.legs.iter().filter_map(move |(instrument, quantity)| match instrument {
                Instrument::Option(contract) if contract.right == Right::Put => {
                    ((*quantity > 0) == wanted).then_some((contract.strike, quantity.abs()))
                }
                _ => None,
            });
        let first = legs.next();
        first.filter(|_| legs.next().is_none())
    };
    match (put(true), put(false)) {
        (Some((long, bought)), Some((short, sold))) => long > short && bought == sold,
        (Some(_), None) => item.legs.len() == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
