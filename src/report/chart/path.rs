//! Points to the `d` of a path, no finer than can be seen.

use std::fmt::Write as _;

use super::{frame::Canvas, place};

/// Columns of points kept apart: two for each unit of the view box.
const COLUMNS: f64 = 2.0;

/// A line through the points, broken where one is not finite.
pub(super) fn line_path(canvas: &Canvas, points: &[(f64, f64)]) -> String {
    runs(points).map(|run| stroke(&thinned(&placed(canvas, run)))).collect()
}

/// The space between the points and `base`, run by run.
pub(super) fn area_path(canvas: &Canvas, points: &[(f64, f64)], base: f64) -> String {
    let base = place(canvas.y.at(base));
    let close = |run: &[(f64, f64)]| {
        let points = thinned(&placed(canvas, run));
        let ends = points.first().zip(points.last());
        ends.map_or_else(String::new, |(first, last)| {
            let (left, right) = (place(first.0), place(last.0));
            format!("{}L{right} {base}L{left} {base}Z", stroke(&points))
        })
    };
    runs(points).map(close).collect()
}

/// The finite stretches.
fn runs(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    let broken = |(x, y): &(f64, f64)| !x.is_finite() || !y.is_finite();
    points.split(broken).filter(|run| !run.is_empty())
}

fn placed(canvas: &Canvas, run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    run.iter().map(|(x, y)| (canvas.x.at(*x), canvas.y.at(*y))).collect()
}

/// Of each column the first, lowest, highest and last point: what is dropped could not be seen.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    #[allow(clippy::cast_possible_truncation)] // places lie on the canvas
    let column = |point: &(f64, f64)| (point.0 * COLUMNS) as i64;
    let mut kept = Vec::new();
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        let by = |pick: fn(f64, f64) -> bool| {
            (0..run.len())
                .reduce(|best, next| if pick(run[next].1, run[best].1) { next } else { best })
        };
        let mut chosen: Vec<usize> =
            [Some(0), by(|a, b| a < b), by(|a, b| a > b), run.len().checked_sub(1)]
                .into_iter()
                .flatten()
                .collect();
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|index| run[index]));
    }
    kept
}

fn stroke(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        write!(path, "{letter}{} {}", place(*x), place(*y)).expect("a string takes every write");
    }
    if points.len() == 1 {
        path.push_str("h1"); // a point by itself shows
    }
    path
}
