use serde::{Deserialize, Serialize};

use super::Returns;

/// A fall from a peak of the curve that starts with 1 before the first return. Points count from 0,
/// the start; 1 is the end of the first period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drawdown {
    /// The fall at its deepest, as a fraction below zero.
    pub depth: f64,
    /// The point of the peak.
    pub peak: usize,
    /// The deepest point.
    pub trough: usize,
    /// The first point at or above the peak again; `None` while it is not made good.
    pub recovery: Option<usize>,
}

/// How long a curve was below its peak, in periods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWater {
    /// Periods that ended below the peak before them.
    #[serde(rename = "period_under_water")]
    pub periods: usize,
    /// The most of them in a row.
    #[serde(rename = "period_under_water_longest")]
    pub longest: usize,
    /// Those in a row up to the end; zero at a peak.
    #[serde(rename = "period_under_water_current")]
    pub current: usize,
}

/// What one unit grew to: the curve's points, the first of them 1.
fn curve(returns: &Returns) -> impl Iterator<Item = f64> {
    let mut worth = 1.0;
    std::iter::once(1.0).chain(returns.values().iter().map(move |value| {
        worth *= 1.0 + value;
        worth
    }))
}

/// Every fall from a peak, in order of time.
pub fn drawdowns(returns: &Returns) -> Vec<Drawdown> {
    let mut found: Vec<Drawdown> = Vec::new();
    let mut open: Option<Drawdown> = None;
    let (mut peak, mut peak_at) = (1.0, 0);
    for (point, worth) in curve(returns).enumerate() {
        if worth >= peak {
            found.extend(open.take().map(|fall| Drawdown { recovery: Some(point), ..fall }));
            (peak, peak_at) = (worth, point);
            continue;
        }
        let depth = worth / peak - 1.0;
        let fall =
            open.get_or_insert(Drawdown { depth, peak: peak_at, trough: point, recovery: None });
        if depth < fall.depth {
            (fall.depth, fall.trough) = (depth, point);
        }
    }
    found.extend(open);
    found
}

/// The deepest fall, at or below zero; a loss of the first period counts. `None` without periods.
pub fn max_drawdown(returns: &Returns) -> Option<f64> {
    if returns.values().is_empty() {
        return None;
    }
    Some(drawdowns(returns).iter().map(|fall| fall.depth).fold(0.0, f64::min))
}

/// Time under water.
pub fn under_water(returns: &Returns) -> UnderWater {
    let mut found = UnderWater::default();
    let mut peak = 1.0;
    for worth in curve(returns).skip(1) {
        if worth < peak {
            found.periods += 1;
            found.current += 1;
            found.longest = found.longest.max(found.current);
        } else {
            (peak, found.current) = (worth, 0);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn returns(values: &[f64]) -> Returns {
        Returns::new(values.iter().copied()).unwrap()
    }

    #[test]
    fn a_fall_has_its_peak_its_trough_and_its_recovery() {
        let found = drawdowns(&returns(&[-0.5, 1.5, 0.1, -0.2, 0.1, -0.2]));
        assert_eq!(found.len(), 2);
        let Drawdown { depth, peak, trough, recovery } = found[0];
        assert_eq!((depth, peak, trough, recovery), (-0.5, 0, 1, Some(2)));
        let Drawdown { depth, peak, trough, recovery } = found[1];
        assert!((depth - (0.8 * 1.1 * 0.8 - 1.0)).abs() < 1e-12, "{depth}");
        assert_eq!((peak, trough, recovery), (3, 6, None));
    }

    #[test]
    fn nothing_falls_in_a_curve_that_does_not() {
        for values in [&[][..], &[0.0, 0.0], &[0.01, 0.0, 0.02]] {
            assert_eq!(drawdowns(&returns(values)), []);
            assert_eq!(under_water(&returns(values)), UnderWater::default());
        }
        assert_eq!(max_drawdown(&returns(&[])), None);
        assert_eq!(max_drawdown(&returns(&[0.0])), Some(0.0));
    }

    #[test]
    fn a_loss_of_everything_is_a_fall_by_all_of_it_for_ever() {
        let lost = returns(&[0.1, -1.0, 0.5, 0.0]);
        assert_eq!(max_drawdown(&lost), Some(-1.0));
        assert_eq!(under_water(&lost), UnderWater { periods: 3, longest: 3, current: 3 });
        assert_eq!(drawdowns(&lost)[0].recovery, None);
    }

    proptest! {
        #[test]
        fn falls_and_the_time_under_water_agree(
            values in proptest::collection::vec(-0.2_f64..0.25, 0..60),
        ) {
            let returns = returns(&values);
            let falls = drawdowns(&returns);
            let water = under_water(&returns);
            let end = |fall: &Drawdown| fall.recovery.unwrap_or(values.len() + 1);
            let lengths: Vec<usize> = falls.iter().map(|f| end(f) - f.peak - 1).collect();
            prop_assert_eq!(lengths.iter().sum::<usize>(), water.periods);
            prop_assert_eq!(lengths.iter().copied().max().unwrap_or(0), water.longest);
            let points: Vec<f64> = curve(&returns).collect();
            for fall in &falls {
                prop_assert!(fall.peak < fall.trough && fall.trough < end(fall));
                prop_assert!(fall.depth < 0.0 && fall.depth > -1.0);
                let depth = points[fall.trough] / points[fall.peak] - 1.0;
                prop_assert!((fall.depth - depth).abs() < 1e-15);
            }
            prop_assert!(falls.windows(2).all(|two| end(&two[0]) <= two[1].peak));
            let deepest = falls.iter().map(|f| f.depth).fold(0.0, f64::min);
            prop_assert_eq!(max_drawdown(&returns), (!values.is_empty()).then_some(deepest));
        }
    }
}
