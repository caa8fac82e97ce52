//! Average true range by Wilder.

use rust_decimal::Decimal;

use crate::market::DailyBar;

/// Wilder's ATR over `days`: the mean of the first `days` true ranges, then each day
/// (previous × (days − 1) + true range) / days. A true range needs the close before it, so at least
/// `days` + 1 bars; `None` with fewer. Points of the index.
///
/// Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
pub fn wilder_atr(bars: &[DailyBar], days: u32) -> Option<Decimal> {
    let count = usize::try_from(days).ok().filter(|count| *count > 0)?;
    let ranges: Vec<Decimal> = bars.windows(2).map(|pair| true_range(pair[0], pair[1])).collect();
    let (first, rest) = ranges.split_at_checked(count)?;
    let days = Decimal::from(days);
    let seed = first.iter().sum::<Decimal>() / days;
    Some(rest.iter().fold(seed, |atr, range| (atr * (days - Decimal::ONE) + range) / days))
}

fn true_range(before: DailyBar, day: DailyBar) -> Decimal {
    day.high.max(before.close) - day.low.min(before.close)
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};
    use rust_decimal::dec;

    use super::*;

    fn bars(rows: &[(Decimal, Decimal, Decimal)]) -> Vec<DailyBar> {
        let start = NaiveDate::from_ymd_opt(2024, 7, 1).unwrap();
        let bar = |(i, (high, low, close)): (usize, &(Decimal, Decimal, Decimal))| DailyBar {
            date: start + Days::new(i as u64),
            open: *close,
            high: *high,
            low: *low,
            close: *close,
        };
        rows.iter().enumerate().map(bar).collect()
    }

    #[test]
    fn the_first_value_is_a_mean_and_the_rest_are_smoothed() {
        // True ranges 2, 4 (gap up from 11 to 14-15), 3 (gap down from 15 to 12-13), 1.
        let rows = [
            (dec!(11), dec!(9), dec!(10)),
            (dec!(12), dec!(10), dec!(11)),
            (dec!(15), dec!(14), dec!(15)),
            (dec!(13), dec!(12), dec!(12)),
            (dec!(13), dec!(12), dec!(13)),
        ];
        let cases = [
            (5, 2, Some(dec!(2))),   // seed 3, then (3 + 3)/2 = 3, then (3 + 1)/2 = 2
            (4, 2, Some(dec!(3))),   // seed (2 + 4)/2, then (3 + 3)/2
            (3, 2, Some(dec!(3))),   // the seed alone
            (2, 2, None),            // one true range only
            (5, 4, Some(dec!(2.5))), // (2 + 4 + 3 + 1)/4
            (0, 14, None),
            (5, 0, None),
        ];
        for (count, days, expected) in cases {
            assert_eq!(wilder_atr(&bars(&rows[..count]), days), expected, "{count} bars, {days}");
        }
    }
}
