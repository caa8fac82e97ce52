//! The other assets: each follows the index and one other in part, and goes its own way for the
//! rest. Their days are drawn the first time one is asked for, from noise of their own, so that
//! they neither cost nor change anything where nobody trades them.

use std::sync::OnceLock;

use super::chain::{Chain, INDEX_GROWTH, Moves, NIGHT, PULL, YEAR};
use crate::market::{
    noise::{Noise, Stream},
    tape::Asset,
    window::day_key,
};

/// How an asset hangs on others.
#[derive(Debug, Clone, Copy)]
struct Link {
    asset: Asset,
    /// Level at the start of 2010, in points.
    level: f64,
    /// Log growth a year.
    growth: f64,
    /// Moves with a log point of the index.
    beta: f64,
    /// Another asset, and the move with a log point of it.
    driver: Option<(Asset, f64)>,
    /// Deviation a day of its own, at a VIX of 15.
    own: f64,
}

const fn alone(asset: Asset, level: f64, growth: f64, beta: f64, own: f64) -> Link {
    Link { asset, level, growth, beta, driver: None, own }
}

const fn with(link: Link, driver: Asset, load: f64) -> Link {
    Link { driver: Some((driver, load)), ..link }
}

use Asset::{
    Aud, Bond30, Cad, Cattle, Chf, Copper, Corn, Crude, Dow, Energy, Eur, Gasoline, Gbp, Gld,
    HeatingOil, Hogs, Jpy, Note2, Note5, Note10, Platinum, Producers, Russell, Silver, Soybeans,
    Tlt, Wheat,
};

/// Levels and deviations are those of about 2010 to 2024. A driver is one of the first assets, or
/// one here that has none.
const LINKS: [Link; Asset::COUNT - Asset::FIRST.len()] = [
    alone(Russell, 630.0, 0.085, 1.15, 0.005),
    alone(Dow, 10_430.0, 0.094, 0.95, 0.0025),
    alone(Crude, 76.0, 0.0, 0.45, 0.019),
    with(alone(Gasoline, 2.1, 0.0, 0.0, 0.010), Crude, 0.90),
    with(alone(HeatingOil, 2.2, 0.0, 0.0, 0.009), Crude, 0.85),
    with(alone(Energy, 57.0, 0.03, 0.80, 0.006), Crude, 0.25),
    with(alone(Producers, 150.0, 0.0, 0.90, 0.009), Crude, 0.45),
    with(alone(Silver, 18.0, 0.03, 0.15, 0.010), Gld, 1.30),
    alone(Copper, 3.3, 0.02, 0.45, 0.010),
    with(alone(Platinum, 1_100.0, 0.0, 0.15, 0.009), Gld, 0.60),
    with(alone(Bond30, 125.0, 0.0, 0.0, 0.0012), Tlt, 0.68),
    with(alone(Note10, 117.0, 0.0, 0.0, 0.0009), Tlt, 0.38),
    with(alone(Note5, 113.0, 0.0, 0.0, 0.0007), Tlt, 0.24),
    with(alone(Note2, 106.0, 0.0, 0.0, 0.0004), Tlt, 0.085),
    alone(Corn, 420.0, 0.0, 0.08, 0.0145),
    with(alone(Soybeans, 1_080.0, 0.0, 0.06, 0.009), Corn, 0.45),
    with(alone(Wheat, 580.0, 0.0, 0.0, 0.014), Corn, 0.60),
    alone(Cattle, 90.0, 0.045, 0.08, 0.0085),
    alone(Hogs, 80.0, 0.0, 0.05, 0.016),
    with(alone(Aud, 0.78, 0.0, 0.20, 0.004), Eur, 0.60),
    with(alone(Gbp, 1.32, 0.0, 0.0, 0.0038), Eur, 0.70),
    with(alone(Cad, 0.80, 0.0, 0.10, 0.003), Eur, 0.40),
    alone(Eur, 1.16, 0.0, 0.05, 0.0044),
    with(alone(Jpy, 0.85, 0.0, -0.10, 0.0045), Eur, 0.35),
    with(alone(Chf, 1.06, 0.0, -0.03, 0.0028), Eur, 0.75),
];

/// Open and close of a day, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    pub(super) open: f64,
    pub(super) close: f64,
}

/// The days of the linked assets, by the place of the day in the chain.
#[derive(Debug)]
pub(super) struct Links {
    seed: u64,
    days: [OnceLock<Box<[Levels]>>; LINKS.len()],
}

impl Links {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, days: [const { OnceLock::new() }; LINKS.len()] }
    }

    /// A linked asset's day; `None` for one of the first assets.
    pub(super) fn levels(&self, chain: &Chain, asset: Asset, day: usize) -> Option<Levels> {
        let place = place(asset)?;
        let days = self.days[place].get_or_init(|| self.draw(chain, &LINKS[place]));
        days.get(day).copied()
    }

    /// All days of an asset. A driver has no driver itself, so this goes one deep.
    fn draw(&self, chain: &Chain, link: &Link) -> Box<[Levels]> {
        let noise = Noise::new(self.seed, Stream::Link).of(link.asset as u64);
        let trend = |day| libm::log(link.level) + link.growth * chain.years(day);
        let mut log = trend(0);
        let mut before: Option<[f64; 2]> = None;
        let days = (0..chain.len()).map(|day| {
            let at_day = noise.of(day_key(chain.date(day)));
            let drift = link.growth / YEAR + PULL * (trend(day) - log);
            let own = link.own * fear(chain.vix(day));
            // The night moves with what the others did since their close, the session with theirs.
            let [index, driver] = self.others(chain, link, day);
            let last = before.unwrap_or([index.open, driver.open]);
            before = Some([index.close, driver.close]);
            let load = link.driver.map_or(0.0, |(_, load)| load);
            let night = link.beta * libm::log(index.open / last[0])
                + load * libm::log(driver.open / last[1])
                + libm::sqrt(NIGHT) * own * at_day.normal(0);
            let inside = link.beta * libm::log(index.close / index.open)
                + load * libm::log(driver.close / driver.open)
                + libm::sqrt(1.0 - NIGHT) * own * at_day.normal(1);
            // The trend of what it follows is no part of its own.
            let followed = link.beta * INDEX_GROWTH;
            log += NIGHT * (drift - followed / YEAR) + night;
            let open = rounded(libm::exp(log));
            log += (1.0 - NIGHT) * (drift - followed / YEAR) + inside;
            Levels { open, close: rounded(libm::exp(log)) }
        });
        days.collect()
    }

    /// The index and the driver on a day.
    fn others(&self, chain: &Chain, link: &Link, day: usize) -> [Levels; 2] {
        let flat = Levels { open: 1.0, close: 1.0 };
        let driver = link.driver.map(|(asset, _)| {
            chain.first(asset, day).or_else(|| self.levels(chain, asset, day)).unwrap_or(flat)
        });
        [chain.first(Asset::Spx, day).unwrap_or(flat), driver.unwrap_or(flat)]
    }
}

/// How a linked asset moves inside a day: with the index and its jump, by itself, and with what its
/// driver does by itself. `None` for one of the first assets.
pub(super) fn moves(chain: &Chain, asset: Asset, day: usize) -> Option<(Moves, Option<Own>)> {
    let link = &LINKS[place(asset)?];
    let inside = libm::sqrt(1.0 - NIGHT) * fear(chain.vix(day));
    let base = chain.moves(Asset::Spx, day)?;
    let mut moves = Moves {
        with_index: link.beta * base.with_index,
        own: link.own * inside,
        jump: link.beta * base.jump,
        floor: 1e-6,
    };
    let driver = link.driver.and_then(|(asset, load)| {
        let driver = chain.moves(asset, day).or_else(|| {
            let link = &LINKS[place(asset)?];
            let (with_index, jump) = (link.beta * base.with_index, link.beta * base.jump);
            Some(Moves { with_index, own: link.own * inside, jump, floor: 0.0 })
        })?;
        moves.with_index += load * driver.with_index;
        moves.jump += load * driver.jump;
        Some(Own { asset, deviation: load * driver.own })
    });
    Some((moves, driver))
}

/// What a driver does by itself, as an asset follows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) asset: Asset,
    /// With a unit bridge of the driver's own.
    pub(super) deviation: f64,
}

/// The place of an asset in the table.
fn place(asset: Asset) -> Option<usize> {
    (asset as usize).checked_sub(Asset::FIRST.len())
}

/// How much more than usual an asset moves by itself on a day of this VIX.
fn fear(vix: f64) -> f64 {
    0.6 + 0.4 * vix / 15.0
}

fn rounded(value: f64) -> f64 {
    libm::round(value * 1e6) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_in_its_place_and_no_driver_has_one() {
        for (at, link) in LINKS.iter().enumerate() {
            assert_eq!(place(link.asset), Some(at), "{:?}", link.asset);
            if let Some(driver) = link.driver.and_then(|(asset, _)| place(asset)) {
                assert!(LINKS[driver].driver.is_none(), "{:?}", link.asset);
            }
        }
        assert!(Asset::FIRST.iter().all(|asset| place(*asset).is_none()));
    }
}
