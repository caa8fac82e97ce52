//! What covered shorts take: the most they can lose.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    Requirement,
    pairing::{Pair, width},
};
use crate::money::Usd;

/// The requirement of covered shorts: within one expiration the largest loss of the whole group at
/// expiry; where the long expires later, the width of each pair.
pub(super) fn requirement(pairs: &[Pair]) -> Requirement {
    let mut expirations: BTreeMap<_, Vec<&Pair>> = BTreeMap::new();
    let mut total = Requirement::default();
    for pair in pairs {
        if pair.same_expiration() {
            expirations.entry(pair.short.last_trade).or_default().push(pair);
        } else {
            let gross = width(pair.short, pair.long) * Decimal::from(pair.contracts);
            total = total + net_of_credit(gross, credit(pair));
        }
    }
    for group in expirations.into_values() {
        let credit = group.iter().map(|pair| credit(pair)).sum();
        total = total + net_of_credit(largest_loss(&group), credit);
    }
    total
}

fn net_of_credit(gross: Decimal, credit: Decimal) -> Requirement {
    Requirement { gross: Usd(gross), net: Usd((gross - credit).max(Decimal::ZERO)) }
}

/// Value of the shorts less that of the longs, dollars.
fn credit(pair: &Pair) -> Decimal {
    (pair.short.value - pair.long.value) * Decimal::from(pair.contracts)
}

/// The largest loss at expiry, dollars. The loss is linear between strikes, and above the highest
/// it does not grow, because no call is uncovered: so zero and the strikes are enough.
fn largest_loss(group: &[&Pair]) -> Decimal {
    let strikes = group.iter().flat_map(|pair| [pair.short.strike, pair.long.strike]);
    let losses = strikes.chain([Decimal::ZERO]).map(|underlying| {
        let loss = |pair: &&Pair| {
            let points = pair.short.intrinsic(underlying) - pair.long.intrinsic(underlying);
            points * Decimal::from(pair.contracts)
        };
        group.iter().map(loss).sum::<Decimal>()
    });
    losses.max().unwrap_or_default().max(Decimal::ZERO)
}
