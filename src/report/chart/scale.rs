//! From values to places, and where an axis has its marks.

use chrono::{Datelike as _, Months, NaiveDate};

use super::day_number;

/// A span of values laid out between two places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) start: f64,
    pub(super) end: f64,
}

impl Scale {
    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Whether a value lies inside.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }
}

/// Round values from `from` to `to`, at most `room + 1` of them, in steps of 1, 2 or 5 times a power
/// of ten; none when the span is empty or not finite.
pub fn ticks(from: f64, to: f64, room: usize) -> Vec<f64> {
    let span = to - from;
    if !span.is_finite() || span <= 0.0 || room == 0 {
        return Vec::new();
    }
    let rough = span / room as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|s| *s >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (from / step).ceil();
    let places = (0..=room).map(|n| (first + n as f64) * step);
    // A sum of steps is seldom zero itself; nothing below a millionth of a step is meant.
    let clean = places.map(|at| if at.abs() < step * 1e-6 { 0.0 } else { at });
    clean.take_while(|at| *at <= to + step * 1e-9).collect()
}

/// Beginnings of years, quarters, months or weeks, whichever leaves at most `room` of them, with
/// their names.
pub(super) fn date_ticks(from: f64, to: f64, room: usize) -> Vec<(f64, String)> {
    #[allow(clippy::cast_possible_truncation)] // a cast bounds it, and what is no day gives none
    let date = |at: f64| NaiveDate::from_num_days_from_ce_opt(at as i32);
    let Some((first, last)) = date(from.ceil()).zip(date(to.floor())) else { return Vec::new() };
    if (last - first).num_days() < 50 {
        return weeks(first, last, room);
    }
    let months = i64::from(last.year() - first.year()) * 12 + i64::from(last.month())
        - i64::from(first.month());
    let fits = |step: &u32| months / i64::from(*step) <= i64::try_from(room).unwrap_or(8);
    let step = [1, 2, 3, 6, 12, 24, 36, 60, 120].into_iter().find(fits).unwrap_or(240);
    let mut at = NaiveDate::from_ymd_opt(first.year(), 1, 1).unwrap_or(first);
    let mut found = Vec::new();
    while at <= last {
        if at >= first {
            let name = if step >= 12 { "%Y" } else { "%b %Y" };
            found.push((day_number(at), at.format(name).to_string()));
        }
        let Some(next) = at.checked_add_months(Months::new(step)) else { break };
        at = next;
    }
    found
}

/// The weekdays of a few days, the Mondays of a few weeks; no more than there is room for.
fn weeks(first: NaiveDate, last: NaiveDate, room: usize) -> Vec<(f64, String)> {
    let short = (last - first).num_days() < 9;
    let wanted = |day: chrono::Weekday| {
        if short { day.num_days_from_monday() < 5 } else { day == chrono::Weekday::Mon }
    };
    let days: Vec<NaiveDate> = first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter(|day| wanted(day.weekday()))
        .collect();
    let every = days.len().div_ceil(room.max(1) + 1).max(1);
    let name = |day: NaiveDate| (day_number(day), day.format("%-d %b").to_string());
    days.into_iter().step_by(every).map(name).collect()
}

/// A figure at or above zero with its thousands set apart.
pub(super) fn grouped(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
