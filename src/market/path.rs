//! One session's price path: a value a minute, and between minutes a bridge to the second.

use chrono::TimeDelta;

use super::noise::Noise;
use crate::{calendar::Session, clock::Timestamp};

/// A path through one regular session: from the open at the first instant to the close at the last.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPath {
    /// The first instant.
    pub open: Timestamp,
    /// The last instant: the close is reached here and stays.
    pub close: Timestamp,
    /// A value at each minute from the open; the last at the close.
    pub nodes: Vec<f64>,
    /// The lowest value the path takes.
    pub low: f64,
    /// The highest.
    pub high: f64,
    seconds: Noise,
    /// Standard deviation of a minute's move, in points.
    sigma: f64,
}

/// Minute nodes of a session: one a minute, and the close.
pub fn node_count(session: &Session) -> usize {
    usize::try_from((session.length().num_seconds() + 59) / 60).unwrap_or(0) + 1
}

impl DayPath {
    /// A path through `nodes` (at least two), with second-by-second noise from `seconds`.
    pub fn new(session: &Session, nodes: Vec<f64>, seconds: Noise) -> Self {
        let low = nodes.iter().copied().fold(f64::INFINITY, f64::min);
        let high = nodes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let squares: f64 = nodes.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0])).sum();
        let sigma = libm::sqrt(squares / (nodes.len().max(2) - 1) as f64);
        Self { open: session.open, close: session.close, nodes, low, high, seconds, sigma }
    }

    /// The opening value.
    pub fn first(&self) -> f64 {
        self.nodes[0]
    }

    /// The closing value.
    pub fn last(&self) -> f64 {
        self.nodes[self.nodes.len() - 1]
    }

    /// The value at an instant, to the second; the open before the session, the close after it.
    pub fn at(&self, instant: Timestamp) -> f64 {
        if instant >= self.close {
            return self.last();
        }
        let Ok(second) = usize::try_from((instant - self.open).num_seconds()) else {
            return self.first();
        };
        let (minute, offset) = (second / 60, second % 60);
        let (Some(&from), Some(&to)) = (self.nodes.get(minute), self.nodes.get(minute + 1)) else {
            return self.last();
        };
        if offset == 0 { from } else { self.inside(minute, offset as u64, from, to) }
    }

    fn inside(&self, minute: usize, offset: u64, from: f64, to: f64) -> f64 {
        let noise = self.seconds.of(minute as u64);
        refine(noise, 60, offset, (from, to), self.sigma).clamp(self.low, self.high)
    }

    /// The instant of a node.
    pub fn instant(&self, node: usize) -> Timestamp {
        let minutes = i64::try_from(node).unwrap_or(i64::MAX / 60_000_000);
        (self.open + TimeDelta::minutes(minutes)).min(self.close)
    }
}

/// The value at `offset` of a walk of `length` steps between two ends, by midpoint displacement:
/// the same whatever was asked before. `sigma` is the deviation over the whole length.
pub fn refine(noise: Noise, length: u64, offset: u64, ends: (f64, f64), sigma: f64) -> f64 {
    let (mut left, mut right, (mut a, mut b)) = (0, length, ends);
    while left < offset && offset < right {
        let middle = u64::midpoint(left, right);
        let weight = (middle - left) as f64 / (right - left) as f64;
        let spread = (right - left) as f64 / length as f64 * weight * (1.0 - weight);
        let drawn = sigma * libm::sqrt(spread) * noise.rough(middle);
        let value = a + (b - a) * weight + drawn;
        if offset < middle {
            (right, b) = (middle, value);
        } else {
            (left, a) = (middle, value);
        }
    }
    if offset <= left { a } else { b }
}

/// What a stretch of minutes must do: begin, end, and touch its extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Node of the beginning.
    pub from: usize,
    /// Node of the end, after `from`.
    pub to: usize,
    /// Value at `from`.
    pub open: f64,
    /// Highest value, touched.
    pub high: f64,
    /// Lowest value, touched.
    pub low: f64,
    /// Value at `to`.
    pub close: f64,
}

/// Fills the nodes of a stretch, `from` to `to` included, touching high and low at the given
/// nodes, or at drawn ones. `driver` moves the path between its fixed points: a random walk, or
/// another index's path.
pub fn fill(
    nodes: &mut [f64],
    stretch: &Stretch,
    extremes: Option<(usize, usize)>,
    noise: Noise,
    driver: impl Fn(usize) -> f64,
) {
    let (high_at, low_at) = place(stretch, extremes, noise);
    let mut fixed = vec![(stretch.from, stretch.open), (stretch.to, stretch.close)];
    fixed.extend(high_at.map(|at| (at, stretch.high)));
    fixed.extend(low_at.map(|at| (at, stretch.low)));
    fixed.sort_by_key(|(at, _)| *at);
    for (at, value) in &fixed {
        nodes[*at] = *value;
    }
    for pair in fixed.windows(2) {
        bridge(nodes, pair[0], pair[1], (stretch.low, stretch.high), &driver);
    }
}

/// The nodes where high and low are touched; `None` where an end of the stretch already does.
fn place(
    stretch: &Stretch,
    wanted: Option<(usize, usize)>,
    noise: Noise,
) -> (Option<usize>, Option<usize>) {
    // The ends are copies of the extremes or they are not: equality is exact.
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
    let touched = |extreme: f64| same(stretch.open, extreme) || same(stretch.close, extreme);
    let inner = (stretch.to - stretch.from).saturating_sub(1);
    let inside = |at: usize| at.clamp(stretch.from + 1, stretch.to.max(stretch.from + 2) - 1);
    let (early, late) = if inner >= 2 {
        let half = inner / 2;
        let first = below(noise.bits(0), half);
        let second = half + below(noise.bits(1), inner - half);
        (stretch.from + 1 + first, stretch.from + 1 + second)
    } else {
        (stretch.from + 1, stretch.from + 1)
    };
    // A rising stretch usually makes its low first.
    let low_first = (noise.uniform(2) < 0.75) == (stretch.close >= stretch.open);
    let (mut high, mut low) = if low_first { (late, early) } else { (early, late) };
    if let Some((high_wanted, low_wanted)) = wanted
        && inside(high_wanted) != inside(low_wanted)
    {
        (high, low) = (inside(high_wanted), inside(low_wanted));
    }
    let free = |at: usize| stretch.from < at && at < stretch.to;
    let high = (!touched(stretch.high) && free(high)).then_some(high);
    let low = (!touched(stretch.low) && free(low) && Some(low) != high).then_some(low);
    (high, low)
}

fn below(bits: u64, bound: usize) -> usize {
    // The bound is a count of minutes in a day: it fits, and the bias of the remainder is nil.
    usize::try_from(bits % bound.max(1) as u64).unwrap_or(0)
}

/// The line between two fixed points, plus the driver's departure from its own line, folded back
/// into the range.
fn bridge(
    nodes: &mut [f64],
    (from, open): (usize, f64),
    (to, close): (usize, f64),
    (low, high): (f64, f64),
    driver: impl Fn(usize) -> f64,
) {
    let (start, end) = (driver(from), driver(to));
    for (at, node) in nodes.iter_mut().enumerate().take(to).skip(from + 1) {
        let weight = (at - from) as f64 / (to - from) as f64;
        let departure = driver(at) - (start + (end - start) * weight);
        *node = fold(open + (close - open) * weight + departure, low, high);
    }
}

/// Reflects a value at the ends of a range until it is inside.
fn fold(value: f64, low: f64, high: f64) -> f64 {
    if low <= value && value <= high {
        return value;
    }
    let width = high - low;
    if width <= 0.0 {
        return low;
    }
    let turns = libm::fmod(value - low, 2.0 * width);
    let turns = if turns < 0.0 { turns + 2.0 * width } else { turns };
    (if turns > width { high - (turns - width) } else { low + turns }).clamp(low, high)
}

/// A random walk of unit steps: `walk[i]` is the sum of the first `i`.
pub fn walk(noise: Noise, count: usize) -> Vec<f64> {
    let steps = (0..count as u64).scan(0.0, |sum, i| {
        let here = *sum;
        *sum += noise.rough(i);
        Some(here)
    });
    steps.collect()
}

#[cfg(test)]
mod tests;
