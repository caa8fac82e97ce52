//! The Greeks of a book that is held overnight, against formulas written down here.

use std::f64::consts::{PI, SQRT_2};

use rust_decimal::{Decimal, dec, prelude::ToPrimitive as _};
use tomking::{
    account::PositionLeg,
    clock::Timestamp,
    control::Request,
    desk::read,
    instrument::{Instrument, Right},
};

use crate::{
    house::{House, at},
    quiet,
};

/// The standard normal distribution (Abramowitz and Stegun 7.1.26, to 1.5e-7).
fn normal(x: f64) -> f64 {
    let z = x.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let sum = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592]
        .into_iter()
        .fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = sum * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Dollars of a leg for a rise of 1 % (and what that grows by), a day, a point of volatility: Black 1976
/// without interest, of the market of these tests (5400, volatility 22 %).
fn by_hand(leg: &PositionLeg, now: Timestamp) -> [f64; 4] {
    let Instrument::Option(contract) = &leg.instrument else { panic!("{leg:?}") };
    let (last, vol) =
        (if contract.series.product.symbol() == "SPY" { 540.0 } else { 5400.0 }, 0.22);
    let strike = contract.strike.to_f64().unwrap();
    let years = (contract.series.last_trade - now).num_seconds() as f64 / (365.0 * 86_400.0);
    let spread = vol * years.sqrt();
    let d1 = (last / strike).ln() / spread + spread / 2.0;
    let density = (-d1 * d1 / 2.0).exp() / (2.0 * PI).sqrt();
    let delta = normal(d1) - if contract.right == Right::Put { 1.0 } else { 0.0 };
    let size = leg.quantity as f64 * contract.series.product.multiplier().to_f64().unwrap();
    let percent = last / 100.0;
    [
        size * delta * percent,
        size * density / (last * spread) * percent * percent,
        -size * last * density * vol / (2.0 * years.sqrt()) / 365.0,
        size * last * density * years.sqrt() / 100.0,
    ]
}

#[test]
fn the_greeks_of_a_book_held_overnight_are_those_of_its_legs_worked_out_by_hand() {
    let mut house = House::new(quiet());
    house.settings.paper.starting_balance_gbp = dec!(500_000);
    house.live("2024-08-05 08:00", "2024-08-06 10:30", |daemon| async move {
        daemon.until("2024-08-06 10:00").await;
        let held = daemon.store().read(read::open_positions).unwrap();
        assert!(held.len() >= 2, "a put on an ETF, and a ratio on a future: {held:#?}");
        let seen = daemon.ask(Request::Greeks).await.unwrap();
        let now = at("2024-08-06 10:00");
        let mut book = [0.0; 4];
        for position in &held {
            let lines = seen["positions"].as_array().unwrap();
            let line = lines.iter().find(|line| line["position"] == position.id.0).unwrap();
            let mut wanted = [0.0; 4];
            for leg in &position.legs {
                let of = by_hand(leg, now);
                (0..4).for_each(|at| wanted[at] += of[at]);
            }
            near(line, wanted);
            (0..4).for_each(|at| book[at] += wanted[at]);
        }
        near(&seen["book"], book);
    });
}

fn near(found: &serde_json::Value, wanted: [f64; 4]) {
    let names =
        ["delta_one_percent_usd", "gamma_one_percent_usd", "theta_day_usd", "vega_point_usd"];
    for (name, wanted) in names.into_iter().zip(wanted) {
        let value: Decimal = found[name].as_str().unwrap().parse().unwrap();
        let value = value.to_f64().unwrap();
        let most = wanted.abs().max(1.0) * 0.001 + 0.02;
        assert!((value - wanted).abs() <= most, "{name}: {value}, by hand {wanted}: {found:#}");
    }
}

/// A condor that expires at 16:00 wins by its close what its options are worth, not what an hour's
/// decay comes to in a day.
#[test]
fn what_expires_today_decays_by_no_more_than_it_is_worth() {
    let house = House::new(crate::commands::held());
    house.live("2024-08-02 08:00", "2024-08-02 12:00", |daemon| async move {
        daemon.until("2024-08-02 11:00").await;
        let positions = daemon.ask(Request::Positions).await.unwrap();
        let position = &positions["positions"][0];
        let money = |value: &serde_json::Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
        let theta = money(&position["greeks"]["theta_day_usd"]);
        // What it costs to close at the mids.
        let worth = money(&position["credit_usd"]) - money(&position["bounds"]["profit_usd"]);
        assert!((theta - worth).abs() < dec!(10), "{theta} a day, {worth} left");
    });
}
