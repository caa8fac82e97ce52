//! Prices out of a seed. The price at an instant is a function of (seed, instant): the days hang
//! together in a chain drawn once from its anchor, the minutes of a day are a bridge between its
//! open and close, the seconds one between minutes. Nothing remembers what was asked before.

mod chain;
mod early;
mod events;
mod links;
mod pound;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use self::{
    chain::Chain,
    links::{Levels, Links},
    pound::Pound,
};
use super::{
    DailyBar, EventDay, EventKind, Provenance, book,
    noise::{Noise, Stream},
    path::{DayPath, node_count},
    tape::{Asset, Tape, TermRatios},
    window::day_key,
};
use crate::{
    calendar::{Calendar, Exchange, Session},
    money::{FxRate, round_half_up},
};

/// A market that never was.
pub struct SimulatedTape {
    seed: u64,
    calendar: Calendar,
    chain: Chain,
    links: Links,
    pound: Pound,
    /// Daily bars already worked out: their extremes need the whole path.
    bars: Mutex<BTreeMap<(Asset, NaiveDate), DailyBar>>,
}

impl SimulatedTape {
    /// The market of a seed on the sessions of a calendar, 2005 to 2035.
    pub fn new(seed: u64, calendar: &Calendar) -> Self {
        Self {
            seed,
            calendar: calendar.clone(),
            chain: Chain::draw(seed, calendar),
            links: Links::new(seed),
            pound: Pound::draw(seed),
            bars: Mutex::default(),
        }
    }

    fn levels(&self, asset: Asset, day: usize) -> Option<Levels> {
        let first = self.chain.first(asset, day);
        first.or_else(|| self.links.levels(&self.chain, asset, day))
    }

    fn daily_bar(&self, asset: Asset, date: NaiveDate) -> Option<DailyBar> {
        let known = |bars: &BTreeMap<_, DailyBar>| bars.get(&(asset, date)).copied();
        if let Some(bar) = known(&self.bars.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Some(bar);
        }
        let session = self.calendar.session(Exchange::Xnys, date)?;
        let path = self.path(asset, &session)?;
        let places = if Asset::FIRST.contains(&asset) { 2 } else { 6 };
        let rounded = |value| book::to_multiple(value, Decimal::new(1, places));
        let [open, high, low, close] =
            [path.first(), path.high, path.low, path.last()].map(rounded);
        let bar = DailyBar { date, open, high, low, close };
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        bars.insert((asset, date), bar);
        Some(bar)
    }
}

/// The shape of a day's activity: busy at both ends. Cumulated steps of a walk, and the share of
/// the variance spent, at each node.
struct Shape {
    spent: Vec<f64>,
}

impl Shape {
    fn new(nodes: usize) -> Self {
        let last = (nodes.max(2) - 1) as f64;
        let weight = |i: usize| {
            let x = 2.0 * (i as f64 + 0.5) / last - 1.0;
            0.6 + 1.2 * x * x
        };
        let total: f64 = (0..nodes - 1).map(weight).sum();
        let mut sum = 0.0;
        let mut spent = Vec::with_capacity(nodes);
        for i in 0..nodes {
            spent.push(sum / total);
            sum += weight(i);
        }
        Self { spent }
    }

    /// A bridge from nought to nought whose deviation over the whole day would be one.
    fn bridge(&self, noise: Noise) -> Vec<f64> {
        let mut sum = 0.0;
        let mut walk = vec![0.0];
        for (i, pair) in self.spent.windows(2).enumerate() {
            sum += libm::sqrt(pair[1] - pair[0]) * noise.rough(i as u64);
            walk.push(sum);
        }
        walk.iter().zip(&self.spent).map(|(w, t)| w - t * sum).collect()
    }
}

/// The seed stands for all that follows from it.
impl fmt::Debug for SimulatedTape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedTape").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Tape for SimulatedTape {
    fn provenance(&self) -> Provenance {
        Provenance::Simulated
    }

    fn carries(&self, _asset: Asset) -> bool {
        true
    }

    fn path(&self, asset: Asset, session: &Session) -> Option<DayPath> {
        let day = self.chain.place(session.date)?;
        let place = |asset: Asset, stream| {
            Noise::new(self.seed, stream).of(asset as u64).of(day_key(session.date))
        };
        let shape = Shape::new(node_count(session));
        let index = shape.bridge(place(Asset::Spx, Stream::Minute));
        let own = match asset {
            Asset::Spx => vec![0.0; index.len()],
            _ => shape.bridge(place(asset, Stream::Minute)),
        };
        let (moves, driver) = match self.chain.moves(asset, day) {
            Some(moves) => (moves, None),
            None => links::moves(&self.chain, asset, day)?,
        };
        let driver = driver.map(|own| {
            let bridge = shape.bridge(place(own.asset, Stream::Minute));
            bridge.into_iter().map(|step| own.deviation * step).collect::<Vec<f64>>()
        });
        let Levels { open, close } = self.levels(asset, day)?;
        let drift = libm::log(close / open) - moves.jump;
        let last = index.len() - 1;
        let jump_at = place(Asset::Spx, Stream::Extreme).uniform(0) * last as f64 * 0.9;
        let node = |i: usize| {
            // A jump takes ten minutes.
            let jumped = ((i as f64 - jump_at) / 10.0).clamp(0.0, 1.0);
            let log = drift * shape.spent[i]
                + moves.jump * jumped
                + moves.with_index * index[i]
                + moves.own * own[i]
                + driver.as_ref().map_or(0.0, |bridge| bridge[i]);
            (open * libm::exp(log)).max(moves.floor)
        };
        let mut nodes: Vec<f64> = (0..=last).map(node).collect();
        (nodes[0], nodes[last]) = (open, close);
        Some(DayPath::new(session, nodes, place(asset, Stream::Second)))
    }

    fn open(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        self.levels(asset, self.chain.place(date)?).map(|levels| levels.open)
    }

    fn close(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        self.levels(asset, self.chain.place(date)?).map(|levels| levels.close)
    }

    fn daily_bars(&self, asset: Asset, before: NaiveDate, count: usize) -> Vec<DailyBar> {
        let dates = self.chain.dates_before(before, count);
        dates.filter_map(|date| self.daily_bar(asset, date)).collect()
    }

    fn term(&self, _date: NaiveDate) -> TermRatios {
        TermRatios::default()
    }

    fn fx(&self, date: NaiveDate) -> Option<FxRate> {
        let (known, rate) = self.pound.before(date)?;
        let rate = Decimal::try_from(rate).ok()?;
        FxRate::new(known, round_half_up(rate, 6))
    }

    fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        EventDay::Known(events::around(kind, date))
    }
}
