//! Exponential moving average.

use rust_decimal::Decimal;

/// The exponential moving average of `values`, oldest first, over `days`: the mean of the first
/// `days` values, then each value weighted 2 / (days + 1). `None` with fewer than `days`, or none.
pub(super) fn ema(values: &[Decimal], days: u32) -> Option<Decimal> {
    let count = usize::try_from(days).ok().filter(|count| *count > 0)?;
    let (first, rest) = values.split_at_checked(count)?;
    let weight = Decimal::TWO / Decimal::from(days + 1);
    let seed = first.iter().sum::<Decimal>() / Decimal::from(days);
    Some(rest.iter().fold(seed, |average, value| average + (value - average) * weight))
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn the_mean_of_the_first_days_is_carried_on() {
        let values = [dec!(10), dec!(12), dec!(14), dec!(20), dec!(8)];
        let cases = [
            (5, 3, Some(dec!(12))), // mean 12, then 12 + 8/2 = 16, then 16 − 8/2 = 12
            (4, 3, Some(dec!(16))),
            (3, 3, Some(dec!(12))), // the mean alone
            (2, 3, None),
            (5, 1, Some(dec!(8))), // weight 1: the last value
            (0, 3, None),
            (5, 0, None),
        ];
        for (count, days, wanted) in cases {
            assert_eq!(ema(&values[..count], days), wanted, "{count} values, {days} days");
        }
    }
}
