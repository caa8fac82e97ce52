use rust_decimal::dec;

use super::*;
use crate::{config::market::tests::settings, market::noise::Stream};

fn calm() -> Conditions {
    Conditions { vix: 15.0, underlying: 5500.0, factor: 1.0 }
}

fn quote(product: Product, value: f64, conditions: Conditions) -> (Decimal, Decimal) {
    bid_ask(&settings().book, product, value, (value / 50.0).min(1.0), conditions, 1.0)
}

#[test]
fn bid_and_ask_stand_on_the_tick_around_the_value() {
    let settings = settings().book;
    for product in Product::ALL.iter().copied() {
        for step in 0..4000 {
            let value = f64::from(step) * 0.0137;
            let delta = (value / 50.0).min(1.0);
            let (bid, ask) = bid_ask(&settings, product, value, delta, calm(), 1.0);
            assert!(bid >= Decimal::ZERO && bid < ask, "{product} {value}: {bid} {ask}");
            for price in [bid, ask] {
                let tick = option_ticks(product).tick_at(price);
                assert!((price % tick).is_zero(), "{product} {value}: {price} is off {tick}");
            }
            let tick = to_f64(option_ticks(product).tick_at(ask + dec!(0.25)));
            let middle = to_f64(bid + ask) / 2.0;
            assert!((middle - value).abs() <= tick, "{product} {value}: {bid} {ask}");
        }
    }
}

#[test]
fn a_far_wing_has_no_bid_and_a_tick_of_ask() {
    assert_eq!(quote(Product::Es, 0.004, calm()), (dec!(0), dec!(0.05)));
    assert_eq!(quote(Product::Spx, 0.0, calm()), (dec!(0), dec!(0.05)));
    assert_eq!(quote(Product::Xsp, 0.001, calm()), (dec!(0), dec!(0.01)));
}

#[test]
fn markets_widen_with_fear_at_the_bell_and_overnight() {
    let book = settings().book;
    let width = |conditions| {
        let (bid, ask) = quote(Product::Spx, 20.0, conditions);
        ask - bid
    };
    let usual = width(calm());
    assert!(width(Conditions { vix: 40.0, ..calm() }) > usual);
    assert!(width(Conditions { factor: width_factor(&book, Some(0.0)), ..calm() }) > usual);
    assert!(width(Conditions { factor: width_factor(&book, None), ..calm() }) > usual);
    assert!((width_factor(&book, Some(15.0)) - 1.0).abs() < 1e-12);
    assert!((width_factor(&book, Some(300.0)) - 1.0).abs() < 1e-12);
}

#[test]
fn more_is_open_at_round_strikes_and_near_the_money() {
    let noise = Noise::new(1, Stream::Interest);
    let of = |strike, deviations| {
        let drawn = (0..40).map(|i| {
            open_interest(&settings().book, Product::Spx, strike, deviations, noise.of(i))
        });
        drawn.sum::<u32>()
    };
    assert!(of(dec!(5500), 0.5) > of(dec!(5450), 0.5));
    assert!(of(dec!(5450), 0.5) > of(dec!(5475), 0.5));
    assert!(of(dec!(5475), 0.5) > of(dec!(5480), 0.5));
    assert!(of(dec!(5500), 0.5) > of(dec!(5500), -3.0));
}

#[test]
fn far_expiries_list_every_fifth_strike() {
    assert_eq!(strike_step(Product::Es, 0.2), dec!(5));
    assert_eq!(strike_step(Product::Es, 90.0), dec!(25));
    assert_eq!(strike_step(Product::Xsp, 0.2), dec!(1));
}
