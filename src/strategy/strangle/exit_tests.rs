//! Exits and defence, clause by clause of rulebook §4.3 and §4.7.

use std::{collections::BTreeMap, sync::Arc};

use rust_decimal::{Decimal, dec};

use super::decide;
use crate::{
    account::{Effect, ExitReason, NetPrice, PositionLeg, Side},
    instrument::{Product, Right},
    strategy::{
        AdjustReason, Decision, ProductData,
        closing::Scope,
        fixture::{Watch, account, date, failed, instant, product_data, strike},
        ladder::Urgency,
        manage::{ExitAction, Warning},
    },
};

const DAY: &str = "2024-09-04";

/// A strangle of a product at `last`, sold at 4 a side for 8 on 13 August; it expires on
/// 2024-11-11.
fn world_of(product: Product, last: Decimal, grid: Decimal) -> (Watch, ProductData) {
    let mut snapshot = account(date("2024-08-13"), "09:35:00");
    Arc::make_mut(&mut snapshot.rulebook).strangle.products = vec![product];
    let rules = &mut Arc::make_mut(&mut snapshot.rulebook).strangle;
    rules.credit_usd = dec!(1);
    let data = product_data(product, last, grid, 90, snapshot.now);
    snapshot.products.insert(product, data);
    let candidate = decide(&snapshot).candidates.swap_remove(0);
    let mut watch = Watch::new(&candidate, last, snapshot.now);
    for leg in [0, 1] {
        watch.price(leg, dec!(4));
        watch.position.legs[leg].open_price = dec!(4);
    }
    watch.position.credit = dec!(8);
    let data = product_data(product, last, grid, 68, instant(date(DAY), "11:01:00"));
    (watch, data)
}

fn world() -> Watch {
    world_of(Product::Mes, dec!(5400), dec!(25)).0
}

fn close(reason: ExitReason, scope: Scope) -> ExitAction {
    ExitAction::Close { reason, scope, urgency: Urgency::Whole }
}

fn rest(limit: Decimal) -> ExitAction {
    ExitAction::RestProfit { limit: NetPrice(limit), scope: Scope::All }
}

const ROLL: ExitAction = ExitAction::Adjust { reason: AdjustReason::Defence };

#[test]
fn half_the_credit_rests() {
    assert_eq!(world().round(DAY, "11:00:00").actions, [rest(dec!(-4))]);
}

#[test]
fn a_loss_of_twice_the_credit_closes_on_two_observations() {
    let mut watch = world();
    watch.price(0, dec!(20)); // 24 to close, 8 received: a loss of 16
    assert_eq!(watch.round(DAY, "11:00:00").actions, [rest(dec!(-4))]);
    let all = [close(ExitReason::Stop, Scope::All)];
    assert_eq!(watch.round(DAY, "11:01:00").actions, all);
    let mut watch = world();
    watch.price(0, dec!(19.90));
    watch.round(DAY, "11:00:00");
    assert_eq!(watch.round(DAY, "11:01:00").actions, [rest(dec!(-4))]);
}

#[test]
fn it_closes_at_21_days_also_at_a_loss() {
    for mid in [dec!(2), dec!(7)] {
        let mut watch = world();
        watch.price(0, mid);
        let before = watch.round("2024-10-20", "11:00:00").actions;
        assert_eq!(before, [rest(dec!(-4))], "22 days");
        let all = [close(ExitReason::Dte, Scope::All)];
        assert_eq!(watch.round("2024-10-21", "11:00:00").actions, all, "21 days");
    }
}

#[test]
fn the_shorts_delta_is_told_rolled_closed_by_side_and_closed_whole() {
    let told = ExitAction::Warn(Warning::Delta);
    let side = close(ExitReason::Defence, Scope::Puts);
    let all = close(ExitReason::Defence, Scope::All);
    // |delta| of the put, and what two rounds in a row say
    let cases = [
        (0.159, vec![rest(dec!(-4))], vec![rest(dec!(-4))]),
        (0.16, vec![told, rest(dec!(-4))], vec![rest(dec!(-4))]),
        (0.199, vec![told, rest(dec!(-4))], vec![rest(dec!(-4))]),
        (0.20, vec![told, rest(dec!(-4))], vec![ROLL]),
        (0.249, vec![told, rest(dec!(-4))], vec![ROLL]),
        (0.25, vec![told, rest(dec!(-4))], vec![side]),
        (0.299, vec![told, rest(dec!(-4))], vec![side]),
        (0.30, vec![told, rest(dec!(-4))], vec![all]),
        (0.60, vec![told, rest(dec!(-4))], vec![all]),
    ];
    for (delta, first, second) in cases {
        let mut watch = world();
        watch.delta(0, -delta);
        assert_eq!(watch.round(DAY, "11:00:00").actions, first, "{delta}");
        assert_eq!(watch.round(DAY, "11:00:00").actions.last(), first.last(), "the same instant");
        assert_eq!(watch.round(DAY, "11:01:00").actions, second, "{delta}");
    }
}

#[test]
fn the_call_side_is_defended_alike() {
    let mut watch = world();
    watch.delta(1, 0.26);
    watch.round(DAY, "11:00:00");
    let side = [close(ExitReason::Defence, Scope::Calls)];
    assert_eq!(watch.round(DAY, "11:01:00").actions, side);
    watch.delta(1, 0.10);
    assert_eq!(watch.round(DAY, "11:02:00").actions, side, "it goes on until that side is gone");
    // The put was sold for 4: half of that, and a loss of 8 closes it.
    watch.gone(1);
    assert_eq!(watch.round(DAY, "11:03:00").actions, [rest(dec!(-2))]);
    watch.price(0, dec!(12));
    watch.round(DAY, "11:04:00");
    let all = [close(ExitReason::Stop, Scope::All)];
    assert_eq!(watch.round(DAY, "11:05:00").actions, all);
}

#[test]
fn deltas_count_on_wide_markets_but_not_on_old_quotes_nor_in_the_first_minutes() {
    let mut watch = world();
    watch.delta(0, -0.40);
    watch.quotes[0].ask += dec!(10);
    watch.round(DAY, "11:00:00");
    let all = [close(ExitReason::Defence, Scope::All)];
    assert_eq!(watch.round(DAY, "11:01:00").actions, all, "wide");
    let mut watch = world();
    watch.delta(0, -0.40);
    for clock in ["09:43:00", "09:44:00"] {
        assert_eq!(watch.round(DAY, clock).actions, [rest(dec!(-4))], "{clock}");
    }
    let old = instant(date(DAY), "11:02:00");
    watch.quotes.iter_mut().for_each(|quote| quote.at = instant(date(DAY), "11:00:00"));
    for _ in 0..2 {
        let managed = watch.watch(DAY, old, |rule, watched, memory| rule.manage(watched, memory));
        assert!(managed.actions.contains(&rest(dec!(-4))), "old");
    }
}

#[test]
fn a_row_of_observations_is_broken_by_one_below_the_line() {
    let mut watch = world();
    watch.delta(0, -0.31);
    watch.round(DAY, "11:00:00");
    watch.delta(0, -0.19);
    watch.round(DAY, "11:01:00");
    watch.delta(0, -0.31);
    assert_eq!(watch.round(DAY, "11:02:00").actions, [rest(dec!(-4))]);
}

#[test]
fn an_equity_strangle_closes_after_fifteen_minutes_above_30_and_gold_does_not() {
    let all = [close(ExitReason::VixAbove, Scope::All)];
    let mut watch = world();
    watch.vix = dec!(30.01);
    assert_eq!(watch.round(DAY, "15:50:00").actions, [rest(dec!(-4))]);
    assert_eq!(watch.round(DAY, "15:59:00").actions, [rest(dec!(-4))]);
    // The night counts nothing.
    assert_eq!(watch.round("2024-09-05", "10:00:00").actions, [rest(dec!(-4))]);
    assert_eq!(watch.round("2024-09-05", "10:14:00").actions, [rest(dec!(-4))]);
    assert_eq!(watch.round("2024-09-05", "10:15:00").actions, all);
    let mut watch = world();
    watch.vix = dec!(30.01);
    watch.round(DAY, "11:00:00");
    watch.vix = dec!(30);
    watch.round(DAY, "11:10:00");
    watch.vix = dec!(30.01);
    assert_eq!(watch.round(DAY, "11:16:00").actions, [rest(dec!(-4))], "30.00 begins it anew");
    let (mut gold, _) = world_of(Product::Gld, dec!(230), dec!(1));
    gold.vix = dec!(60);
    for clock in ["11:00:00", "11:20:00", "11:40:00"] {
        assert_eq!(gold.round(DAY, clock).actions, [rest(dec!(-4))]);
    }
}

/// The decision on a roll at 11:01 with the put tested at 0.22.
fn rolled(change: impl FnOnce(&mut Watch, &mut ProductData)) -> (Decision, Watch) {
    let (mut watch, mut data) = world_of(Product::Mes, dec!(5400), dec!(25));
    let now = instant(date(DAY), "11:01:00");
    // The chain's series is the one held.
    let series = match &watch.position.legs[0].instrument {
        crate::instrument::Instrument::Option(contract) => contract.series.clone(),
        _ => panic!("an option"),
    };
    data.chains[0].chain.series = series.clone();
    for quote in &mut data.chains[0].chain.quotes {
        quote.contract.series = series.clone();
    }
    data.series = vec![series];
    watch.delta(0, -0.22).price(1, dec!(2));
    watch.quotes.iter_mut().for_each(|quote| quote.at = now);
    change(&mut watch, &mut data);
    let seen = BTreeMap::from([(Product::Mes, data)]);
    let decision = watch
        .watch(DAY, now, |rule, watched, _| rule.adjust(watched, &seen, AdjustReason::Defence));
    (decision, watch)
}

#[test]
fn the_untested_side_is_rolled_nearer_in_one_order() {
    let (decision, watch) = rolled(|_, _| ());
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let order = &decision.candidates[0];
    let [old, new] = &order.legs[..] else { panic!("two legs") };
    assert_eq!((old.side, old.effect), (Side::Buy, Effect::Close));
    assert_eq!(old.instrument, watch.position.legs[1].instrument);
    assert_eq!((new.side, new.effect), (Side::Sell, Effect::Open));
    let quote = &order.quotes[1];
    assert_eq!(quote.contract.right, Right::Call);
    assert!((0.10..=0.16).contains(&quote.delta), "{}", quote.delta);
    assert!(strike(&new.instrument) < strike(&old.instrument), "nearer");
    assert_eq!(order.mid.0, quote.mid() - dec!(2));
    // Two contracts at $3.40, twice: $13.60, at $5 a point 2.72, on the tick.
    assert_eq!(order.minimum, NetPrice(dec!(2.75)));
}

#[test]
fn a_roll_that_does_not_pay_or_inverts_or_was_made_is_left() {
    type Change = fn(&mut Watch, &mut ProductData);
    let cases: [(&str, Change); 5] = [
        ("defence.credit", |watch, _| {
            watch.price(1, dec!(60));
        }),
        ("defence.once", |watch, _| {
            let leg = watch.position.legs[1].clone();
            watch.position.legs.push(PositionLeg { quantity: 0, ..leg });
        }),
        ("defence.tested.delta", |watch, _| {
            watch.delta(0, -0.19);
        }),
        ("defence.target.delta", |_, data| {
            data.chains[0].chain.quotes.retain(|quote| quote.delta.abs() < 0.10);
        }),
        ("defence.target.strikes", |watch, data| {
            let put = strike(&watch.position.legs[0].instrument);
            data.chains[0].chain.quotes.retain(|quote| quote.contract.strike <= put);
        }),
    ];
    for (name, change) in cases {
        let (decision, _) = rolled(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert!(decision.candidates.is_empty(), "{name}");
    }
}

#[test]
fn after_a_roll_or_with_one_side_left_nothing_is_rolled_again() {
    let mut watch = world();
    let leg = watch.position.legs[1].clone();
    watch.position.legs.push(PositionLeg { quantity: 0, ..leg });
    watch.delta(0, -0.22);
    watch.round(DAY, "11:00:00");
    assert_eq!(watch.round(DAY, "11:01:00").actions, [rest(dec!(-4))]);
    let mut watch = world();
    watch.gone(1).delta(0, -0.22);
    watch.round(DAY, "11:00:00");
    assert_eq!(watch.round(DAY, "11:01:00").actions, [rest(dec!(-2))]);
}

#[test]
fn a_roll_that_was_not_had_is_tried_again_after_an_hour() {
    let mut watch = world();
    watch.delta(0, -0.22);
    watch.round(DAY, "11:00:00");
    assert_eq!(watch.round(DAY, "11:01:00").actions, [ROLL]);
    watch.memory.adjust_tried_at = Some(instant(date(DAY), "11:01:00"));
    assert_eq!(watch.round(DAY, "11:02:00").actions, [rest(dec!(-4))]);
    assert_eq!(watch.round(DAY, "12:01:00").actions, [ROLL]);
}
