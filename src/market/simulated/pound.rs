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
        let days = anchor.iter_days().take_while(|day| day.year() <= 2036);
        let weekdays = days.filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun));
        let mut log = 0.0;
        let rates = weekdays.map(|day| {
            log += DEVIATION * noise.normal(day_key(day)) - REVERSION * log;
            (day, MEAN * libm::exp(log))
        });
        Self { rates: rates.collect() }
    }

    /// The last rate dated strictly before a date.
    pub(super) fn before(&self, date: NaiveDate) -> Option<(NaiveDate, f64)> {
        let end = self.rates.partition_point(|(day, _)| *day < date);
        self.rates.get(end.checked_sub(1)?).copied()
    }
}
