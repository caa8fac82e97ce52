//! The market that never was: the same for the same seed, and like a market.

use chrono::{Datelike, TimeDelta};
use tomking::{
    calendar::{Calendar, Exchange},
    market::{
        DailyBar, Market, SimulatedTape,
        tape::{Asset, Tape},
    },
    money::to_f64,
};

use crate::support::{Hands, date, now, session, simulated};

fn tape(seed: u64) -> SimulatedTape {
    SimulatedTape::new(seed, &Calendar::default())
}

#[test]
fn two_markets_of_a_seed_agree_in_any_order_and_another_seed_differs() {
    let (one, other, foreign) = (tape(7), tape(7), tape(8));
    let days = ["2012-03-01", "2026-11-20", "2034-07-03"];
    for asset in Asset::FIRST {
        let forward = days.map(|d| one.path(asset, &session(d)).unwrap());
        let mut backward = days;
        backward.reverse();
        let mut backward = backward.map(|d| other.path(asset, &session(d)).unwrap());
        backward.reverse();
        assert_eq!(forward, backward, "{asset:?}");
        let differs = foreign.path(asset, &session(days[0])).unwrap();
        assert_ne!(forward[0].nodes, differs.nodes, "{asset:?}");
    }
}

/// Closes of an asset over the years.
fn closes(tape: &SimulatedTape, asset: Asset) -> Vec<f64> {
    let calendar = Calendar::default();
    let sessions = calendar.sessions(Exchange::Xnys, date("2010-01-04"), date("2035-12-31"));
    sessions.iter().map(|s| tape.close(asset, s.date).unwrap()).collect()
}

fn returns(closes: &[f64]) -> Vec<f64> {
    closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(p, q)| (p - mx) * (q - my)).sum()
    };
    sum(a, ma, b, mb) / (sum(a, ma, a, ma) * sum(b, mb, b, mb)).sqrt()
}

#[test]
fn vix_is_like_vix_for_any_seed() {
    for seed in 1..=5 {
        let tape = tape(seed);
        let vix = closes(&tape, Asset::Vix);
        let mean = vix.iter().sum::<f64>() / vix.len() as f64;
        let top = vix.iter().copied().fold(0.0, f64::max);
        let calm = vix.iter().filter(|v| **v < 13.0).count() as f64 / vix.len() as f64;
        let wild = vix.iter().filter(|v| **v > 30.0).count() as f64 / vix.len() as f64;
        let index = returns(&closes(&tape, Asset::Spx));
        let against = correlation(&returns(&vix), &index);
        println!(
            "seed {seed}: mean {mean:.1}, top {top:.1}, <13 {calm:.2}, >30 {wild:.3}, corr {against:.2}"
        );
        assert!((15.0..20.0).contains(&mean), "seed {seed}: mean {mean}");
        assert!((35.0..120.0).contains(&top), "seed {seed}: highest {top}");
        assert!((0.02..0.45).contains(&calm), "seed {seed}: {calm} below 13");
        assert!((0.005..0.12).contains(&wild), "seed {seed}: {wild} above 30");
        assert!(vix.iter().all(|v| *v >= 9.0), "seed {seed}: below 9");
        assert!((-0.95..-0.6).contains(&against), "seed {seed}: correlation {against}");
    }
}

#[test]
fn the_assets_hang_together_and_keep_to_their_trends() {
    let tape = tape(1);
    let index = returns(&closes(&tape, Asset::Spx));
    let spread = |r: &[f64]| (r.iter().map(|x| x * x).sum::<f64>() / r.len() as f64 * 252.0).sqrt();
    let expected = [
        (Asset::Spx, 1.0..1.001, 0.12..0.22, 8_000.0..45_000.0),
        (Asset::Qqq, 0.85..0.98, 0.15..0.28, 900.0..6_000.0),
        (Asset::Gld, -0.1..0.3, 0.09..0.20, 250.0..1_400.0),
        (Asset::Tlt, -0.5..-0.1, 0.08..0.18, 50.0..160.0),
    ];
    for (asset, with_index, volatility, last) in expected {
        let prices = closes(&tape, asset);
        let own = returns(&prices);
        let (c, v, end) = (correlation(&own, &index), spread(&own), prices[prices.len() - 1]);
        println!("{asset:?}: correlation {c:.2}, volatility {v:.3}, end {end:.0}");
        assert!(with_index.contains(&c.min(1.0)), "{asset:?} correlation {c}");
        assert!(volatility.contains(&v), "{asset:?} volatility {v}");
        assert!(last.contains(&end), "{asset:?} ends at {end}");
    }
    let worst = index.iter().copied().fold(0.0, f64::min);
    assert!((-0.20..-0.035).contains(&worst), "worst day {worst}");
}

#[test]
fn a_days_bar_is_that_of_its_path_to_the_second() {
    let tape = tape(3);
    for asset in Asset::FIRST {
        let bar = tape.daily_bars(asset, date("2027-03-06"), 1)[0];
        assert_eq!(bar.date, date("2027-03-05"));
        let path = tape.path(asset, &session("2027-03-05")).unwrap();
        let DailyBar { open, high, low, close, .. } = bar;
        for second in 0..=23_400 {
            let price = path.at(path.open + TimeDelta::seconds(second));
            assert!(price >= to_f64(low) - 0.005 && price <= to_f64(high) + 0.005);
        }
        assert!((path.first() - to_f64(open)).abs() < 1e-9);
        assert!((path.last() - to_f64(close)).abs() < 1e-9);
        assert!(low <= open.min(close) && high >= open.max(close));
    }
}

#[test]
fn every_session_of_26_years_has_prices_and_nothing_else_has() {
    let tape = tape(1);
    let first = date("2010-01-01");
    let calendar = Calendar::default();
    for day in first.iter_days().take_while(|d| d.year() < 2036) {
        let is_session = calendar.is_session(Exchange::Xnys, day);
        assert_eq!(tape.close(Asset::Spx, day).is_some(), is_session, "{day}");
    }
    let bars = tape.daily_bars(Asset::Spx, first, 260);
    assert!(bars.len() >= 250, "a year of bars before the first day: {}", bars.len());
}

#[test]
fn the_pound_has_a_rate_of_the_day_before_near_its_mean() {
    let tape = tape(1);
    for day in date("2010-01-02").iter_days().step_by(31).take(300) {
        let fx = tape.fx(day).unwrap();
        assert!(fx.date < day && (day - fx.date).num_days() <= 3, "{day}: {fx:?}");
        assert!((1.0..1.6).contains(&to_f64(fx.usd_per_gbp)), "{day}: {fx:?}");
    }
}

#[test]
fn a_restart_does_not_jump() {
    let clock = Hands::at("2026-11-20T15:30:00Z");
    let first = simulated(&clock);
    let before = now(first.underlying(tomking::instrument::Product::Es, None)).unwrap();
    drop(first);
    let second = simulated(&clock);
    // Something else is asked first.
    clock.set("2019-05-06T15:30:00Z");
    now(second.vix()).unwrap();
    clock.set("2026-11-20T15:30:00Z");
    assert_eq!(now(second.underlying(tomking::instrument::Product::Es, None)).unwrap(), before);
}
