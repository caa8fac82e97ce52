//! Quotes that go wrong: a market too wide, a bid above its ask, a quote that stands still. Which
//! contract's does, and when, is a pure function of its noise and the instant.

use super::noise::Noise;
use crate::config::market::FlawSettings;

/// What can go wrong, each drawn apart.
#[derive(Clone, Copy)]
enum Kind {
    Wide = 0x71DE,
    Crossed = 0xC055,
    Stale = 0x57A1,
}

/// Seconds one draw rules for.
const WIDE_SECONDS: i64 = 30;
const CROSSED_SECONDS: i64 = 5;
const STALE_SECONDS: i64 = 180;

fn drawn(contract: Noise, kind: Kind, second: i64, length: i64, percent: f64) -> bool {
    let block = second.div_euclid(length).cast_unsigned();
    percent > 0.0 && contract.of(kind as u64).uniform(block) * 100.0 < percent
}

/// How much wider than usual the market is.
pub fn width(settings: &FlawSettings, contract: Noise, second: i64) -> f64 {
    let wide = drawn(contract, Kind::Wide, second, WIDE_SECONDS, settings.wide_percent);
    if wide { settings.wide_factor } else { 1.0 }
}

/// True while bid and ask are the wrong way round.
pub fn is_crossed(settings: &FlawSettings, contract: Noise, second: i64) -> bool {
    drawn(contract, Kind::Crossed, second, CROSSED_SECONDS, settings.crossed_percent)
}

/// The second at which the quote stood still, while it does.
pub fn stood_still_at(settings: &FlawSettings, contract: Noise, second: i64) -> Option<i64> {
    let stale = drawn(contract, Kind::Stale, second, STALE_SECONDS, settings.stale_percent);
    stale.then(|| second.div_euclid(STALE_SECONDS) * STALE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::noise::Stream;

    #[test]
    fn each_flaw_comes_as_often_as_its_setting_says_and_in_whole_spells() {
        let settings = FlawSettings {
            wide_percent: 5.0,
            wide_factor: 8.0,
            crossed_percent: 2.0,
            stale_percent: 10.0,
        };
        let (mut wide, mut crossed, mut stale) = (0, 0, 0);
        let seconds = 180 * 2_000;
        let contract = Noise::new(1, Stream::Width).of(7);
        for second in 0..seconds {
            wide += u32::from(width(&settings, contract, second) > 1.0);
            crossed += u32::from(is_crossed(&settings, contract, second));
            if let Some(since) = stood_still_at(&settings, contract, second) {
                stale += 1;
                assert!((0..180).contains(&(second - since)));
            }
        }
        let percent = |count: u32| 100.0 * f64::from(count) / seconds as f64;
        assert!((percent(wide) - 5.0).abs() < 0.7, "{}", percent(wide));
        assert!((percent(crossed) - 2.0).abs() < 0.3, "{}", percent(crossed));
        assert!((percent(stale) - 10.0).abs() < 2.0, "{}", percent(stale));
        assert_eq!((wide % 30, crossed % 5, stale % 180), (0, 0, 0));
    }

    #[test]
    fn a_chance_of_nothing_leaves_every_quote_alone() {
        let none = FlawSettings {
            wide_percent: 0.0,
            wide_factor: 8.0,
            crossed_percent: 0.0,
            stale_percent: 0.0,
        };
        let contract = Noise::new(1, Stream::Width);
        for second in 0..10_000 {
            assert!((width(&none, contract, second) - 1.0).abs() < f64::EPSILON);
            assert!(!is_crossed(&none, contract, second));
            assert_eq!(stood_still_at(&none, contract, second), None);
        }
    }
}
