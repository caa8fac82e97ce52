//! A recorded day, minute by minute: through the daily open and close, touching the daily high and
//! low, inside the hourly bars where there are any; what the record does not tell is drawn.

use chrono::{NaiveTime, Timelike};

use super::bars::HourBar;
use crate::{
    calendar::{NEW_YORK, Session},
    market::{
        DailyBar,
        noise::{Noise, Stream},
        path::{DayPath, Stretch, fill, node_count, walk},
        tape::Asset,
        window::day_key,
    },
    money::to_f64,
};

/// Minutes an hourly bar covers.
const HOUR: usize = 60;

/// Percent VIX moves against one percent of the index inside a day.
const VIX_AGAINST_INDEX: f64 = 5.0;

/// The index through a session.
pub(super) fn index_path(
    bar: &DailyBar,
    hours: &[HourBar],
    session: &Session,
    seed: u64,
) -> DayPath {
    let day = |stream| Noise::new(seed, stream).of(Asset::Spx as u64).of(day_key(session.date));
    let last = node_count(session) - 1;
    let mut nodes = vec![0.0; last + 1];
    let steps = walk(day(Stream::Minute), nodes.len());
    for stretch in stretches(bar, &starts(hours, session), last) {
        let length = (stretch.to - stretch.from) as f64;
        // A walk of unit steps covers about 1.6 √n: scale it to the range it has to cover.
        let sigma = (stretch.high - stretch.low) / (1.6 * libm::sqrt(length));
        let noise = day(Stream::Extreme).of(stretch.from as u64);
        fill(&mut nodes, &stretch, None, noise, |i| sigma * steps[i]);
    }
    DayPath::new(session, nodes, day(Stream::Second))
}

/// VIX through a session: against the index, highest where that is lowest.
pub(super) fn vix_path(bar: &DailyBar, index: &DayPath, session: &Session, seed: u64) -> DayPath {
    let day = |stream| Noise::new(seed, stream).of(Asset::Vix as u64).of(day_key(session.date));
    let last = node_count(session) - 1;
    let mut nodes = vec![0.0; last + 1];
    let stretch = Stretch {
        from: 0,
        to: last,
        open: to_f64(bar.open),
        high: to_f64(bar.high),
        low: to_f64(bar.low),
        close: to_f64(bar.close),
    };
    let steps = walk(day(Stream::Minute), nodes.len());
    let own = stretch.open * 0.001;
    let against = -VIX_AGAINST_INDEX * stretch.open / index.first();
    let at =
        |wanted: f64| index.nodes.iter().position(|v| v.to_bits() == wanted.to_bits()).unwrap_or(0);
    let extremes = (at(index.low), at(index.high));
    let driver = |i: usize| against * index.nodes[i] + own * steps[i];
    fill(&mut nodes, &stretch, Some(extremes), day(Stream::Extreme), driver);
    DayPath::new(session, nodes, day(Stream::Second))
}

/// Hourly bars with the minute of the session they start at; those before the open are none.
fn starts(hours: &[HourBar], session: &Session) -> Vec<(usize, HourBar)> {
    let open = session.open.with_timezone(&NEW_YORK).time();
    let minute = |time: NaiveTime| {
        let seconds =
            time.num_seconds_from_midnight().checked_sub(open.num_seconds_from_midnight());
        seconds.and_then(|s| usize::try_from(s / 60).ok())
    };
    hours.iter().filter_map(|bar| minute(bar.start).map(|at| (at, *bar))).collect()
}

/// Minutes of a session that no hourly bar covers.
pub(super) fn uncovered(hours: &[HourBar], session: &Session) -> usize {
    let last = node_count(session) - 1;
    let cover = cover(&starts(hours, session), last);
    last - cover.iter().map(|(from, to, _)| to - from).sum::<usize>()
}

/// What each bar covers. One that starts at the close or later (files label the last half hour of
/// an early close so, and print the close once more) covers what is left before it.
fn cover(hours: &[(usize, HourBar)], last: usize) -> Vec<(usize, usize, HourBar)> {
    let mut covered: Vec<(usize, usize, HourBar)> = Vec::new();
    for (i, (start, bar)) in hours.iter().enumerate() {
        let done = covered.last().map_or(0, |(_, to, _)| *to);
        let next = hours.get(i + 1).map_or(last, |(next, _)| *next);
        let from = if *start >= last { done } else { *start };
        let to = if *start >= last { last } else { (start + HOUR).min(next).min(last) };
        let late_and_far = *start >= last && from + HOUR < last;
        if from < to && !late_and_far {
            covered.push((from, to, *bar));
        }
    }
    covered
}

/// The day cut into stretches that join, within the daily range and touching it.
fn stretches(bar: &DailyBar, hours: &[(usize, HourBar)], last: usize) -> Vec<Stretch> {
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(to_f64);
    let inside = |value| to_f64(value).clamp(low, high);
    let mut cut: Vec<Stretch> = Vec::new();
    let mut holes: Vec<usize> = Vec::new();
    let mut hole = |cut: &mut Vec<Stretch>, from: usize, to: usize| {
        let start = cut.last().map_or(open, |s| s.close);
        holes.push(cut.len());
        cut.push(Stretch { from, to, open: start, high: start, low: start, close: start });
    };
    for (from, to, hour) in cover(hours, last) {
        let done = cut.last().map_or(0, |s| s.to);
        if done < from {
            hole(&mut cut, done, from);
        }
        let [open, high, low, close] = [hour.open, hour.high, hour.low, hour.close].map(inside);
        cut.push(Stretch { from, to, open, high, low, close });
    }
    let done = cut.last().map_or(0, |s| s.to);
    if done < last {
        hole(&mut cut, done, last);
    }
    join(&mut cut, open, close);
    let reach = 0.1 * (high - low);
    for at in &holes {
        let stretch = &mut cut[*at];
        stretch.high = (stretch.high + reach).min(high);
        stretch.low = (stretch.low - reach).max(low);
    }
    touch(&mut cut, &holes, high, low);
    cut
}

/// Makes each stretch end where the next begins, and the whole begin and end with the day.
fn join(cut: &mut [Stretch], open: f64, close: f64) {
    for i in 0..cut.len() {
        let next = cut.get(i + 1).map_or(close, |s| s.open);
        let stretch = &mut cut[i];
        if i == 0 {
            stretch.open = open;
        }
        stretch.close = next;
        stretch.high = stretch.high.max(stretch.open).max(stretch.close);
        stretch.low = stretch.low.min(stretch.open).min(stretch.close);
    }
}

/// Gives the daily extremes to the stretches that came nearest, or to the longest hole where no
/// bar came within half a point.
fn touch(cut: &mut [Stretch], holes: &[usize], high: f64, low: f64) {
    let longest = holes.iter().copied().max_by_key(|i| cut[*i].to - cut[*i].from);
    let nearest = |miss: &dyn Fn(&Stretch) -> f64| {
        let all = cut.iter().enumerate().filter(|(_, s)| s.to - s.from > 2);
        let best = all.min_by(|a, b| miss(a.1).total_cmp(&miss(b.1))).map(|(i, _)| i);
        let near = best.filter(|i| longest.is_none() || miss(&cut[*i]) <= 0.5);
        near.or(longest).or(best)
    };
    let (top, bottom) = (nearest(&|s| high - s.high), nearest(&|s| s.low - low));
    if let Some(stretch) = top.and_then(|i| cut.get_mut(i)) {
        stretch.high = high;
    }
    if let Some(stretch) = bottom.and_then(|i| cut.get_mut(i)) {
        stretch.low = low;
    }
}
