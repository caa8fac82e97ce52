//! The pound: a slow walk around 1.27 dollars, one rate a weekday.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::market::{
    noise::{Noise, Stream},
    window::day_key,
};

const MEAN: f64 = 1.27;
const REVERSION: f64 = 0.01;
const DEVIATION: f64 = 0.005;

/// Rates by weekday.
#[derive(Debug)]
pub(super) struct Pound {
    rates: Vec<(NaiveDate, f64)>,
}

impl Pound {
    /// Draws them.
    pub(super) fn draw(seed: u64) -> Self {
        let noise = Noise::new(seed, Stream::Fx);
        let anchor = NaiveDate::from_ymd_opt(2009, 1, 2).unwrap_or_default();
        let first = NaiveDate::from_ymd_opt(2004, 1, 2).unwrap_or_default();
        let mut rates = walk(noise, weekdays(first).take_while(|day| *day < anchor));
        // What is before the anchor is bent such that it arrives where the chain begins.
        let (count, end) = (rates.len() as f64, rates.last().map_or(0.0, |(_, log)| *log));
        for (at, (_, log)) in rates.iter_mut().enumerate() {
            *log -= end * (at + 1) as f64 / count;
        }
        rates.extend(walk(noise, weekdays(anchor).take_while(|day| day.year() <= 2036)));
        let rate = |(day, log): (NaiveDate, f64)| (day, MEAN * libm::exp(log));
        Self { rates: rates.into_iter().map(rate).collect() }
    }

    /// The last rate dated strictly before a date.
    pub(super) fn before(&self, date: NaiveDate) -> Option<(NaiveDate, f64)> {
        let end = self.rates.partition_point(|(day, _)| *day < date);
        self.rates.get(end.checked_sub(1)?).copied()
    }
}

/// Logarithms over the mean, from nought before the first day.
fn walk(noise: Noise, days: impl Iterator<Item = NaiveDate>) -> Vec<(NaiveDate, f64)> {
    let mut log = 0.0;
    let steps = days.map(|day| {
        log += DEVIATION * noise.normal(day_key(day)) - REVERSION * log;
        (day, log)
    });
    steps.collect()
}

fn weekdays(from: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
}
