use std::collections::BTreeMap;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::{Returns, Series, total_return};

/// A year of the monthly table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct YearRow {
    /// The year.
    pub year: i32,
    /// January to December, each the compounded return of its days; `None` without a day.
    pub period_months: Vec<Option<f64>>,
    /// The compounded return of the year's days.
    pub period_year: f64,
}

/// Returns by year and month, compounded; years without a day are left out.
pub fn months(series: &Series) -> Vec<YearRow> {
    let mut years: BTreeMap<i32, [Vec<f64>; 12]> = BTreeMap::new();
    for day in series.days() {
        let months = years.entry(day.date.year()).or_default();
        months[day.date.month0() as usize].push(day.value);
    }
    let row = |(year, months): (i32, [Vec<f64>; 12])| YearRow {
        year,
        period_year: compounded(&months.concat()).unwrap_or_default(),
        period_months: months.iter().map(|days| compounded(days)).collect(),
    };
    years.into_iter().map(row).collect()
}

fn compounded(days: &[f64]) -> Option<f64> {
    // The days of a series are numbers; so nothing is lost here.
    total_return(&Returns::new(days.iter().copied()).ok()?)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::stats::DatedReturn;

    fn series(days: &[(&str, f64)]) -> Series {
        let days: Vec<DatedReturn> = days
            .iter()
            .map(|(date, value)| DatedReturn { date: date.parse().unwrap(), value: *value })
            .collect();
        Series::dated(NaiveDate::from_ymd_opt(2000, 1, 1).unwrap(), &days).unwrap()
    }

    #[test]
    fn days_compound_into_their_month_and_their_year() {
        let table = months(&series(&[
            ("2024-12-30", 0.1),
            ("2024-12-31", 0.1),
            ("2026-01-02", -0.5),
            ("2026-03-02", 0.5),
        ]));
        assert_eq!(table.iter().map(|row| row.year).collect::<Vec<_>>(), [2024, 2026]);
        assert!((table[0].period_months[11].unwrap() - 0.21).abs() < 1e-12);
        assert!((table[0].period_year - 0.21).abs() < 1e-12);
        assert_eq!(table[1].period_months[0], Some(-0.5));
        assert_eq!(table[1].period_months[1], None, "February has no day");
        assert!((table[1].period_year - -0.25).abs() < 1e-12);
        assert!(months(&series(&[])).is_empty());
    }

    proptest! {
        #[test]
        fn the_months_make_the_whole(
            values in proptest::collection::vec(-0.05_f64..0.06, 0..400),
        ) {
            let first = NaiveDate::from_ymd_opt(2023, 11, 20).unwrap();
            let days: Vec<DatedReturn> = first
                .iter_days()
                .skip(1)
                .zip(&values)
                .map(|(date, value)| DatedReturn { date, value: *value })
                .collect();
            let series = Series::dated(first, &days).unwrap();
            let table = months(&series);
            let all: f64 =
                table.iter().flat_map(|row| &row.period_months).flatten().map(|m| 1.0 + m).product();
            let years: f64 = table.iter().map(|row| 1.0 + row.period_year).product();
            let whole = 1.0 + total_return(series.returns()).unwrap_or(0.0);
            prop_assert!((all / whole - 1.0).abs() < 1e-9 && (years / whole - 1.0).abs() < 1e-9);
        }
    }
}
