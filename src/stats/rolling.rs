use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    Returns, Series,
    period::{sharpe, total_return, volatility},
};

/// Figures of the last so many days, at a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    /// The last day.
    pub date: NaiveDate,
    /// Return over the window.
    pub period_total_return: Option<f64>,
    /// Its deviation a year.
    pub period_volatility: Option<f64>,
    /// Its Sharpe ratio.
    pub period_sharpe: Option<f64>,
}

/// The figures over each window of `days` returns, at its last day; nothing where the series is
/// shorter, or the window empty.
pub fn rolling(series: &Series, days: usize) -> Vec<Rolling> {
    if days == 0 {
        return Vec::new();
    }
    let windows = series.returns().values().windows(days).enumerate();
    let figures = windows.filter_map(|(index, window)| {
        let window = Returns::new(window.iter().copied()).ok()?;
        Some(Rolling {
            date: series.date_of(index + days),
            period_total_return: total_return(&window),
            period_volatility: volatility(&window),
            period_sharpe: sharpe(&window),
        })
    });
    figures.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{DatedReturn, PeriodStats};

    fn series(values: &[f64]) -> Series {
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let dates = start.iter_days().skip(1);
        let days: Vec<DatedReturn> =
            dates.zip(values).map(|(date, value)| DatedReturn { date, value: *value }).collect();
        Series::dated(start, &days).unwrap()
    }

    #[test]
    fn a_window_has_the_figures_of_its_own_days() {
        let values = [0.01, -0.02, 0.015, 0.0, 0.0];
        let found = rolling(&series(&values), 3);
        assert_eq!(found.len(), 3);
        for (index, figures) in found.iter().enumerate() {
            let own = PeriodStats::of(&Returns::new(values[index..index + 3].to_vec()).unwrap());
            assert_eq!(figures.period_sharpe, own.period_sharpe);
            assert_eq!(figures.period_volatility, own.period_volatility);
            assert_eq!(figures.period_total_return, own.period_total_return);
        }
        assert_eq!(found[0].date.to_string(), "2026-01-04");
        assert_eq!(found[2].date.to_string(), "2026-01-06");
    }

    #[test]
    fn a_series_shorter_than_its_window_has_none() {
        assert_eq!(rolling(&series(&[0.1, 0.2]), 3), []);
        assert_eq!(rolling(&series(&[0.1]), 0), []);
        let one = rolling(&series(&[0.1]), 1);
        assert_eq!((one[0].period_volatility, one[0].period_sharpe), (None, None));
    }
}
