//! What is closed, and in which order.

use rust_decimal::dec;

use super::*;
use crate::{
    config::Rulebook,
    instrument::{Product, Right},
    risk::stress::tests::leg,
    strategy::friday_0dte::fixture::{at, candidate, position},
};

fn held(id: &str, strategy: StrategyId, units: u32) -> Position {
    let mut held = position(&candidate(), dec!(1));
    held.id = PositionId(id.to_owned());
    (held.strategy, held.units) = (strategy, units);
    held
}

/// Puts sold on ES, so far below that the loss grows with the strike.
fn puts(id: &str, strike: Decimal, units: i64, price: Decimal) -> Exposure {
    let market = (dec!(5600), 0.16, 60.0);
    let mut leg = leg(id, Product::Es, (strike, Right::Put), -units, market);
    leg.price = price;
    leg
}

fn cuts(positions: &[Position], legs: Vec<Exposure>) -> Vec<(String, u32)> {
    let rules = Rulebook::embedded();
    let tables = Tables { stress: &rules.stress, groups: &rules.groups };
    let book = Book { exposures: legs, ..Book::default() };
    let cuts = halve_short_premium(tables, positions, &book).unwrap();
    cuts.into_iter().map(|cut| (cut.position.0, cut.units)).collect()
}

fn named(wanted: &[(&str, u32)]) -> Vec<(String, u32)> {
    wanted.iter().map(|(id, units)| ((*id).to_owned(), *units)).collect()
}

#[test]
fn half_of_the_short_premium_goes_the_worst_in_stress_first() {
    use StrategyId::{Lt112, Strangle};
    let two = [held("far", Strangle, 1), held("near", Lt112, 1)];
    let legs = vec![puts("far", dec!(4000), 1, dec!(20)), puts("near", dec!(5200), 1, dec!(20))];
    assert_eq!(cuts(&two, legs), named(&[("near", 1)]));
    // The worst carries less than half: the next one gives units for the rest.
    let two = [held("far", Strangle, 4), held("near", Lt112, 1)];
    let legs = vec![puts("far", dec!(3000), 4, dec!(10)), puts("near", dec!(5500), 1, dec!(20))];
    assert_eq!(cuts(&two, legs), named(&[("near", 1), ("far", 1)]));
    // One unit cannot be halved: it goes whole.
    let one = [held("near", Lt112, 1)];
    assert_eq!(cuts(&one, vec![puts("near", dec!(5200), 1, dec!(20))]), named(&[("near", 1)]));
    let one = [held("near", Lt112, 5)];
    assert_eq!(cuts(&one, vec![puts("near", dec!(5200), 5, dec!(20))]), named(&[("near", 3)]));
    assert_eq!(cuts(&[], Vec::new()), named(&[]));
}

#[test]
fn the_owners_positions_and_0dte_are_not_cut_and_longs_are_no_premium() {
    use StrategyId::{External, Friday0dte, Ipmcc};
    let all = [held("a", External, 2), held("b", Friday0dte, 2), held("c", Ipmcc, 1)];
    let mut long = puts("c", dec!(5200), 1, dec!(50));
    long.quantity = 1;
    let legs = vec![puts("a", dec!(5200), 2, dec!(20)), puts("b", dec!(5200), 2, dec!(20)), long];
    assert_eq!(cuts(&all, legs), named(&[]));
}

#[test]
fn units_are_closed_until_the_requirement_is_at_its_target() {
    let rules = Rulebook::embedded();
    let tables = Tables { stress: &rules.stress, groups: &rules.groups };
    let positions = [held("far", StrategyId::Strangle, 2), held("near", StrategyId::Lt112, 2)];
    let legs = vec![puts("far", dec!(4500), 2, dec!(8)), puts("near", dec!(5400), 2, dec!(60))];
    let book = Book::new(legs, Vec::new(), BTreeMap::new(), at("10:30:00"));
    let now = at("10:30:00");
    let used = book.requirement_of(Product::Es, now).unwrap();
    let reduce = |target: Usd| {
        let found = reduce_requirement(tables, &positions, &book, (used, target), now).unwrap();
        found.into_iter().map(|cut| (cut.position.0, cut.units)).collect::<Vec<_>>()
    };
    assert_eq!(reduce(used), named(&[]));
    assert_eq!(reduce(used - Usd(dec!(1))), named(&[("near", 1)]));
    assert_eq!(reduce(Usd::ZERO), named(&[("near", 2), ("far", 2)]));
}
