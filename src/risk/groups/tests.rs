//! Limit 6, group by group of rulebook §5.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use rust_decimal::dec;

use super::*;
use crate::{
    account::{
        BrokerOrderId, Effect, Leg, Position, PositionId, PositionLeg, Side, exposure::OwnersOrder,
    },
    instrument::{OptionContract, Series, Settlement},
    strategy::friday_0dte::fixture::{at, candidate, position, snapshot, vix},
};

fn put(product: Product, expiration: NaiveDate, strike: i64) -> Instrument {
    let series = Series {
        product,
        root: product.symbol().to_owned(),
        expiration,
        settlement: Settlement::Pm,
        last_trade: at("16:00:00"),
        future: None,
    };
    Instrument::Option(OptionContract { series, strike: strike.into(), right: Right::Put })
}

/// A position with one put sold, on an expiration of its own.
fn held(strategy: StrategyId, product: Product, number: u64) -> Position {
    let expiration = at("16:00:00").date_naive() + Days::new(number);
    let leg = PositionLeg {
        instrument: put(product, expiration, 90),
        quantity: -1,
        open_price: dec!(1),
        ratio: 1,
    };
    let mut position = position(&candidate(), dec!(1));
    position.id = PositionId(format!("{product}-{number}"));
    (position.strategy, position.product, position.legs) = (strategy, product, vec![leg]);
    position
}

fn some(product: Product, count: u64) -> Vec<Position> {
    let strategies = [StrategyId::External, StrategyId::Strangle, StrategyId::Ipmcc];
    let of = strategies.into_iter().cycle();
    (1..=count).zip(of).map(|(number, strategy)| held(strategy, product, number)).collect()
}

/// What limit 6 says of an order of a strategy on a product.
fn said(
    positions: Vec<Position>,
    strategy: StrategyId,
    product: Product,
    level: Decimal,
) -> Option<String> {
    let mut snapshot = snapshot();
    snapshot.positions = positions;
    snapshot.vix = Some(vix(level));
    let mut order = candidate();
    (order.strategy, order.product) = (strategy, product);
    super::check(&snapshot, &order).err().map(|refusal| refusal.to_string())
}

const OTHER: StrategyId = StrategyId::Lt112;
const CALM: Decimal = dec!(16);

#[test]
fn every_product_stands_in_its_group_of_the_rulebook() {
    let wanted: [(&str, u32, &str); 9] = [
        ("equity index", 2, "ES MES NQ MNQ RTY M2K YM MYM SPX XSP"),
        ("equity ETFs", 3, "SPY QQQ IWM DIA"),
        ("safe haven", 2, "GC MGC GLD TLT ZB ZN ZF ZT"),
        ("industrial metals", 2, "SI SIL SLV HG PL"),
        ("crude", 2, "CL MCL RB HO XLE XOP USO"),
        ("natural gas", 1, "NG UNG"),
        ("grains", 2, "ZC ZS ZW"),
        ("meats", 1, "LE HE GF"),
        ("currencies", 2, "6E 6B 6A 6C 6J 6S"),
    ];
    let rules = snapshot().rulebook.groups.clone();
    let found: Vec<(String, u32, String)> = rules
        .table
        .iter()
        .map(|group| (group.name.clone(), group.limit, group.symbols.join(" ")))
        .collect();
    assert_eq!(found, wanted.map(|(name, limit, of)| (name.to_owned(), limit, of.to_owned())));
    for product in Product::ALL {
        assert!(rules.of(product.symbol()).is_some(), "{product}");
        assert!(snapshot().rulebook.stress.class_of(product.symbol()).is_some(), "{product}");
    }
}

#[test]
fn a_group_takes_its_limit_and_no_more() {
    let rules = snapshot().rulebook.groups.clone();
    for &product in Product::ALL {
        let (_, group) = rules.of(product.symbol()).unwrap();
        // One slot of all equity is kept for 0DTE, so that other strategies get two.
        let most = if group.equity { group.limit.min(2) } else { group.limit };
        for count in 0..most {
            let found = said(some(product, count.into()), OTHER, product, CALM);
            assert_eq!(found, None, "{product}: {count} and this one");
        }
        let over = said(some(product, most.into()), OTHER, product, CALM).unwrap_or_default();
        let wanted = format!("Refused: {} positions in", most + 1);
        assert!(over.starts_with(&wanted), "{product}: {over}");
    }
}

#[test]
fn above_vix_30_every_limit_is_less_by_one_and_at_30_it_is_not() {
    let one = || some(Product::Gld, 1);
    assert_eq!(said(one(), OTHER, Product::Tlt, dec!(30)), None);
    let over = said(one(), OTHER, Product::Tlt, dec!(30.01)).unwrap();
    assert_eq!(over, "Refused: 2 positions in safe haven with this one > 1 (VIX 30.01 > 30)");
    let equity = said(some(Product::Es, 1), OTHER, Product::Es, dec!(31)).unwrap();
    assert_eq!(equity, "Refused: 2 positions in equity index with this one > 1 (VIX 31 > 30)");
    let etfs = said(some(Product::Spy, 1), OTHER, Product::Es, dec!(31)).unwrap();
    let wanted = "Refused: 2 positions in all equity with this one > 1 \
                  (VIX 31 > 30, one slot kept for 0DTE)";
    assert_eq!(etfs, wanted);
}

#[test]
fn futures_and_etfs_on_equity_count_together_with_one_slot_for_0dte() {
    let zero_dte = || held(StrategyId::Friday0dte, Product::Es, 0);
    let spy = || held(OTHER, Product::Spy, 1);
    let es = |number| held(OTHER, Product::Es, number);
    let kept = "Refused: 3 positions in all equity with this one > 2 (one slot kept for 0DTE)";
    let index = "Refused: 3 positions in equity index with this one > 2 (its limit)";
    let full = "Refused: 4 positions in all equity with this one > 3 (its limit)";
    let zdte = StrategyId::Friday0dte;
    let cases: [(Vec<Position>, StrategyId, Product, Option<&str>); 10] = [
        (vec![spy(), es(2)], OTHER, Product::Qqq, Some(kept)),
        (vec![spy(), es(2)], OTHER, Product::Es, Some(kept)),
        (vec![es(1), es(2)], OTHER, Product::Es, Some(index)),
        (vec![es(1), es(2)], OTHER, Product::Spy, Some(kept)),
        // 0DTE has its slot even where its group is full with others.
        (vec![es(1), es(2)], zdte, Product::Es, None),
        (vec![spy(), es(2)], zdte, Product::Xsp, None),
        (vec![spy(), es(2), es(3)], zdte, Product::Es, Some(full)),
        // And takes none of theirs.
        (vec![zero_dte(), es(2)], OTHER, Product::Es, None),
        (vec![zero_dte(), es(2), es(3)], OTHER, Product::Mes, Some(index)),
        (vec![zero_dte()], OTHER, Product::Spy, None),
    ];
    for (number, (positions, strategy, product, wanted)) in cases.into_iter().enumerate() {
        let found = said(positions, strategy, product, CALM);
        assert_eq!(found.as_deref(), wanted, "case {number}");
    }
}

#[test]
fn what_the_owner_holds_counts_once_for_each_product_and_expiration() {
    let rules = snapshot().rulebook.groups.clone();
    let mut condor = held(StrategyId::External, Product::Es, 1);
    let mut legs = condor.legs.clone();
    for strike in [95, 100, 105] {
        let mut leg = legs[0].clone();
        leg.instrument = put(Product::Es, at("16:00:00").date_naive() + Days::new(1), strike);
        legs.push(leg);
    }
    let each: Vec<Position> = legs
        .iter()
        .enumerate()
        .map(|(number, leg)| {
            let mut position = condor.clone();
            position.id = PositionId(format!("external-{number}"));
            position.legs = vec![leg.clone()];
            position
        })
        .collect();
    let items = crate::risk::held::items(&each, &[], &[]);
    assert_eq!(counts(&rules, &items, None)[0].positions, 1);
    condor.legs = legs;
    let items = crate::risk::held::items(&[condor], &[], &[]);
    assert_eq!(counts(&rules, &items, None)[0].positions, 1);
}

#[test]
fn working_entries_and_the_owners_opening_orders_count_and_closing_ones_do_not() {
    let rules = snapshot().rulebook.groups.clone();
    let order = |effect| OwnersOrder {
        id: BrokerOrderId("77".to_owned()),
        legs: vec![Leg {
            instrument: put(Product::Tlt, at("16:00:00").date_naive(), 90),
            side: Side::Sell,
            ratio: 1,
            effect,
        }],
        units: 2,
    };
    let count = |orders: &[OwnersOrder]| {
        let items = crate::risk::held::items(&[], &[], orders);
        counts(&rules, &items, None)[2].positions
    };
    assert_eq!(count(&[order(Effect::Open)]), 1);
    assert_eq!(count(&[order(Effect::Close)]), 0);
    let power = crate::risk::BuyingPower {
        requirement_usd: crate::money::Usd(dec!(100)),
        round_trip_fees_usd: crate::money::Usd(dec!(1)),
        source: crate::risk::BuyingPowerSource::Model,
    };
    let id = crate::account::IntentId("zdte-20240802-1".to_owned());
    let intent = crate::risk::gate(&snapshot(), &candidate(), &power, id).unwrap().into_inner();
    let items = crate::risk::held::items(&[], std::slice::from_ref(&intent), &[]);
    assert_eq!(counts(&rules, &items, None)[0].positions, 1);
    // Half filled it is a position and the rest of its entry: one.
    let mut half = position(&candidate(), dec!(6));
    half.id = PositionId(intent.id.0.clone());
    half.legs.truncate(2);
    let items = crate::risk::held::items(&[half], &[intent], &[]);
    assert_eq!(items.len(), 2);
    assert_eq!(counts(&rules, &items, None)[0].positions, 1);
}

#[test]
fn an_lt112_counts_until_only_its_debit_spread_is_left() {
    let rules = snapshot().rulebook.groups.clone();
    let expiration = at("16:00:00").date_naive() + Days::new(120);
    let leg = |strike: i64, quantity: i64| PositionLeg {
        instrument: put(Product::Es, expiration, strike),
        quantity,
        open_price: dec!(1),
        ratio: 1,
    };
    let count = |strategy, legs: &[(i64, i64)]| {
        let mut position = held(strategy, Product::Es, 1);
        position.legs = legs.iter().map(|(strike, quantity)| leg(*strike, *quantity)).collect();
        let items = crate::risk::held::items(&[position], &[], &[]);
        counts(&rules, &items, None)[0].positions
    };
    let lt112 = StrategyId::Lt112;
    assert_eq!(count(lt112, &[(5200, 1), (5150, -1), (4500, -2)]), 1);
    assert_eq!(count(lt112, &[(5200, 1), (5150, -1), (4500, 0)]), 0);
    assert_eq!(count(lt112, &[(5200, 1), (5150, 0), (4500, 0)]), 0, "a long put alone");
    // The defined-risk form of stage 2, whole, and with its lower spread closed.
    assert_eq!(count(lt112, &[(5200, 1), (5160, -1), (4800, -2), (4740, 2)]), 1);
    assert_eq!(count(lt112, &[(5200, 1), (5160, -1), (4800, 0), (4740, 0)]), 0);
    // What is no debit spread counts: a short below, a ratio, another strategy's spread.
    assert_eq!(count(lt112, &[(5150, -1), (5100, 1)]), 1);
    assert_eq!(count(lt112, &[(5200, 1), (4500, -2)]), 1);
    assert_eq!(count(StrategyId::Diagonal, &[(5200, 1), (5150, -1)]), 1);
}

#[test]
fn more_than_three_in_a_group_is_crowded() {
    let rules = snapshot().rulebook.groups.clone();
    let crowd = |positions: &[Position]| -> Vec<String> {
        let items = crate::risk::held::items(positions, &[], &[]);
        crowded(&rules, &items).into_iter().map(|count| count.group).collect()
    };
    assert!(crowd(&some(Product::Tlt, 3)).is_empty());
    assert_eq!(crowd(&some(Product::Tlt, 4)), ["safe haven"]);
    let mut mixed = some(Product::Es, 2);
    mixed.extend(some(Product::Spy, 2));
    assert_eq!(crowd(&mixed), [ALL_EQUITY]);
}

#[test]
fn a_symbol_in_no_group_is_refused_by_name() {
    let mut snapshot = snapshot();
    let rules = Arc::make_mut(&mut snapshot.rulebook);
    rules.groups.table[0].symbols.retain(|symbol| symbol != "ES");
    let refusal = super::check(&snapshot, &candidate()).unwrap_err();
    assert_eq!(refusal.to_string(), "Refused: ES stands in no correlation group");
}
