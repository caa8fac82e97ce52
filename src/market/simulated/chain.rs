//! The days: opens and closes of the first assets, drawn one from the other since the anchor.
//!
//! The index has the volatility VIX showed the day before (times what implied exceeds realised
//! by), VIX reverts to its mean, moves against the index, and leaps when it jumps. The other
//! assets follow the index in part. All are pulled weakly to a long trend, so that a level stays
//! plausible for decades.

use chrono::NaiveDate;

use super::{early, links::Levels};
use crate::{
    calendar::{Calendar, Exchange},
    market::{
        noise::{Noise, Stream},
        tape::Asset,
        window::day_key,
    },
};

const ASSETS: usize = Asset::FIRST.len();

/// Part of a day's variance that falls in the night before it.
pub(super) const NIGHT: f64 = 0.25;
/// Realised volatility over implied.
const REALISED: f64 = 0.82;
/// Trading days a year.
pub(super) const YEAR: f64 = 252.0;

/// VIX: mean of its logarithm as a level, reversion a day, deviation a day, with the index.
const VIX_MEAN: f64 = 14.8;
const VIX_REVERSION: f64 = 0.04;
const VIX_VOL: f64 = 0.068;
const VIX_WITH_INDEX: f64 = -0.78;
/// VIX never closes below this, and never prints below the floor.
const VIX_LOWEST_CLOSE: f64 = 9.2;
const VIX_FLOOR: f64 = 9.0;
/// Log points of VIX for a log point the index jumps down.
const VIX_AGAINST_JUMP: f64 = 10.0;
/// Log points of VIX for a log point the index moves down inside a day.
const VIX_AGAINST_INDEX: f64 = 4.0;

/// Chance of a jump a day, its least size and mean excess, and the part of jumps at night.
const JUMP_CHANCE: f64 = 0.015;
const JUMP_LEAST: f64 = 0.012;
const JUMP_EXCESS: f64 = 0.014;
const JUMPS_AT_NIGHT: f64 = 0.4;

/// A price's trend and its place among the others.
pub(super) struct Trend {
    /// Level at the start of 2010.
    level: f64,
    /// Log growth a year.
    growth: f64,
    /// Moves with a log point of the index.
    beta: f64,
    /// Deviation a day of its own, as part of the index's.
    own: f64,
    /// Deviation a day of its own, whatever the index does.
    own_fixed: f64,
}

/// Pull to the trend a day: half of a departure is gone in two years.
pub(super) const PULL: f64 = 0.0014;

pub(super) const PRICES: [(Asset, Trend); 4] = [
    (
        Asset::Spx,
        Trend { level: 1115.0, growth: INDEX_GROWTH, beta: 1.0, own: 0.0, own_fixed: 0.0 },
    ),
    (Asset::Qqq, Trend { level: 46.0, growth: 0.153, beta: 1.15, own: 0.35, own_fixed: 0.0 }),
    (Asset::Gld, Trend { level: 107.0, growth: 0.066, beta: 0.05, own: 0.15, own_fixed: 0.0075 }),
    (Asset::Tlt, Trend { level: 90.0, growth: 0.0, beta: -0.2, own: 0.2, own_fixed: 0.006 }),
];

/// Log growth of the index a year.
pub(super) const INDEX_GROWTH: f64 = 0.11;

/// One day of the first assets, by `Asset as usize`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Day {
    date: NaiveDate,
    pub(super) open: [f64; ASSETS],
    pub(super) close: [f64; ASSETS],
    /// Deviation of the index over the session, in log points.
    deviation: f64,
    /// Log points the index jumps inside the session.
    jump: f64,
}

/// How an asset moves inside a day, in log points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    /// With a unit bridge of the index.
    pub(super) with_index: f64,
    /// With a unit bridge of its own.
    pub(super) own: f64,
    /// With the day's jump.
    pub(super) jump: f64,
    /// Never below, in points.
    pub(super) floor: f64,
}

impl Day {
    /// How an asset moves inside the day.
    fn moves(&self, asset: Asset) -> Moves {
        let trend = PRICES.iter().find(|(a, _)| *a == asset).map(|(_, trend)| trend);
        match trend {
            Some(trend) => Moves {
                with_index: trend.beta * self.deviation,
                own: trend.own * self.deviation + trend.own_fixed * libm::sqrt(1.0 - NIGHT),
                jump: trend.beta * self.jump,
                floor: 0.01,
            },
            None => Moves {
                with_index: -VIX_AGAINST_INDEX * self.deviation,
                own: 0.02,
                jump: -VIX_AGAINST_JUMP * self.jump,
                floor: VIX_FLOOR,
            },
        }
    }
}

/// Every day from 2003 to the start of 2036. The chain begins at its anchor in 2009; what is before
/// leads up to it.
#[derive(Debug)]
pub(super) struct Chain {
    days: Vec<Day>,
    /// How many days are before the anchor.
    early: usize,
}

/// Logarithms as they stand.
pub(super) struct State {
    pub(super) prices: [f64; 4],
    pub(super) vix: f64,
    /// Sessions since the anchor.
    count: f64,
}

/// A part of a day: the night or the session.
struct Part {
    share: f64,
    jump: f64,
    draw: u64,
}

impl Chain {
    /// Draws the chain.
    pub(super) fn draw(seed: u64, calendar: &Calendar) -> Self {
        let anchor = NaiveDate::from_ymd_opt(2009, 1, 2).unwrap_or_default();
        let end = NaiveDate::from_ymd_opt(2036, 1, 31).unwrap_or_default();
        let mut days = early::draw(seed, calendar, anchor);
        let early = days.len();
        let mut state = State::at_anchor();
        let sessions = calendar.sessions(Exchange::Xnys, anchor, end);
        days.extend(sessions.iter().map(|session| state.day(seed, session.date)));
        Self { days, early }
    }

    /// Years from the start of 2010 to a place, below zero before it.
    pub(super) fn years(&self, place: usize) -> f64 {
        (place as f64 - self.early as f64) / YEAR - 1.0
    }

    /// The place of a day; `None` outside the chain or on a day without a session.
    pub(super) fn place(&self, date: NaiveDate) -> Option<usize> {
        self.days.binary_search_by_key(&date, |day| day.date).ok()
    }

    /// How many days there are.
    pub(super) fn len(&self) -> usize {
        self.days.len()
    }

    /// The date of a place.
    pub(super) fn date(&self, place: usize) -> NaiveDate {
        self.days.get(place).map_or(NaiveDate::MIN, |day| day.date)
    }

    /// VIX at the close of a place.
    pub(super) fn vix(&self, place: usize) -> f64 {
        self.days.get(place).map_or(VIX_MEAN, |day| day.close[Asset::Vix as usize])
    }

    /// Open and close of one of the first assets; `None` for another.
    pub(super) fn first(&self, asset: Asset, place: usize) -> Option<Levels> {
        let day = self.days.get(place)?;
        let (open, close) = (*day.open.get(asset as usize)?, *day.close.get(asset as usize)?);
        Some(Levels { open, close })
    }

    /// How one of the first assets moves inside a day; `None` for another.
    pub(super) fn moves(&self, asset: Asset, place: usize) -> Option<Moves> {
        let day = self.days.get(place).filter(|_| Asset::FIRST.contains(&asset))?;
        Some(day.moves(asset))
    }

    /// The last `count` dates before a date, oldest first.
    pub(super) fn dates_before(
        &self,
        before: NaiveDate,
        count: usize,
    ) -> impl Iterator<Item = NaiveDate> {
        let end = self.days.partition_point(|day| day.date < before);
        self.days[end.saturating_sub(count)..end].iter().map(|day| day.date)
    }
}

impl State {
    /// Where the chain begins, a year before 2010.
    pub(super) fn at_anchor() -> Self {
        Self::years_before_anchor(0.0)
    }

    /// On every trend, so many years before the anchor.
    pub(super) fn years_before_anchor(years: f64) -> Self {
        let back = 1.0 + years;
        Self {
            prices: PRICES.each_ref().map(|(_, t)| libm::log(t.level) - t.growth * back),
            vix: libm::log(VIX_MEAN),
            count: -YEAR * back,
        }
    }

    pub(super) fn day(&mut self, seed: u64, date: NaiveDate) -> Day {
        let noise = Noise::new(seed, Stream::Day).of(day_key(date));
        let sigma = REALISED * libm::exp(self.vix) / 100.0 / libm::sqrt(YEAR);
        let size = JUMP_LEAST - JUMP_EXCESS * libm::log(noise.uniform(1));
        let jump = if noise.uniform(0) < JUMP_CHANCE { -size } else { 0.0 };
        let at_night = noise.uniform(2) < JUMPS_AT_NIGHT;
        let (night, inside) = if at_night { (jump, 0.0) } else { (0.0, jump) };
        self.count += 1.0;
        self.step(noise, sigma, &Part { share: NIGHT, jump: night, draw: 10 });
        let open = self.levels();
        self.step(noise, sigma, &Part { share: 1.0 - NIGHT, jump: inside, draw: 20 });
        let close = self.levels();
        let deviation = sigma * libm::sqrt(1.0 - NIGHT);
        Day { date, open, close, deviation, jump: inside }
    }

    fn step(&mut self, noise: Noise, sigma: f64, part: &Part) {
        let root = libm::sqrt(part.share);
        let z = noise.normal(part.draw);
        let index = sigma * root * z + part.jump;
        // What jumps take on average is given back, or the index would trail its trend.
        let mean_jump = JUMP_CHANCE * (JUMP_LEAST + JUMP_EXCESS);
        for (i, (_, trend)) in PRICES.iter().enumerate() {
            let expected = libm::log(trend.level) + trend.growth * self.count / YEAR;
            let growth = trend.growth / YEAR + trend.beta * mean_jump;
            let drift = growth + PULL * (expected - self.prices[i]);
            let own = (trend.own * sigma + trend.own_fixed) * root;
            let drawn = noise.normal(part.draw + 1 + i as u64);
            self.prices[i] += part.share * drift + trend.beta * index + own * drawn;
        }
        let own = libm::sqrt(1.0 - VIX_WITH_INDEX * VIX_WITH_INDEX);
        let shock = VIX_WITH_INDEX * z + own * noise.normal(part.draw + 6);
        let reverting = VIX_REVERSION * part.share * (libm::log(VIX_MEAN) - self.vix);
        self.vix += reverting + VIX_VOL * root * shock - VIX_AGAINST_JUMP * part.jump;
        self.vix = self.vix.max(libm::log(VIX_LOWEST_CLOSE));
    }

    /// Levels to the cent, by `Asset as usize`.
    fn levels(&self) -> [f64; ASSETS] {
        let mut levels = [0.0; ASSETS];
        for ((asset, _), log) in PRICES.iter().zip(self.prices) {
            levels[*asset as usize] = cent(libm::exp(log));
        }
        levels[Asset::Vix as usize] = cent(libm::exp(self.vix));
        levels
    }
}

pub(super) fn cent(value: f64) -> f64 {
    libm::round(value * 100.0) / 100.0
}
