use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::money::to_f64;

/// A stretch between two external flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubPeriod {
    /// Worth at its start, what flowed in then included.
    pub start: Decimal,
    /// Worth at its end, before the next flow.
    pub end: Decimal,
}

/// Money paid in (above zero) or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedFlow {
    /// When it came.
    pub date: NaiveDate,
    /// How much.
    pub amount: Decimal,
}

/// Why a return over flows cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Nothing was invested.
    #[error("the capital invested is {capital}, not above 0")]
    NoCapital {
        /// What was.
        capital: Decimal,
    },
    /// The end does not come after the start.
    #[error("the end {end} does not come after the start {start}")]
    NoTime {
        /// The start.
        start: NaiveDate,
        /// The end.
        end: NaiveDate,
    },
    /// A flow outside the time.
    #[error("a flow of {date} lies outside {start} to {end}")]
    Outside {
        /// The flow.
        date: NaiveDate,
        /// The start.
        start: NaiveDate,
        /// The end.
        end: NaiveDate,
    },
}

/// The time-weighted return: stretches chained at each external flow, so that what was paid in or
/// out makes no return. Zero without stretches.
///
/// ```
/// use rust_decimal::Decimal;
/// use tomking::stats::{SubPeriod, time_weighted};
///
/// let stretch = |start: i64, end: i64| SubPeriod { start: start.into(), end: end.into() };
/// // 100,000 grew to 104,000; then 20,000 were paid in, and 121,000 were left.
/// let found = time_weighted(&[stretch(100_000, 104_000), stretch(124_000, 121_000)])?;
/// assert!((found - 0.014_838_709_677_419_35).abs() < 1e-12);
/// # Ok::<(), tomking::stats::FlowError>(())
/// ```
pub fn time_weighted(stretches: &[SubPeriod]) -> Result<f64, FlowError> {
    let mut growth = 1.0;
    for stretch in stretches {
        if stretch.start <= Decimal::ZERO {
            return Err(FlowError::NoCapital { capital: stretch.start });
        }
        growth *= to_f64(stretch.end) / to_f64(stretch.start);
    }
    Ok(growth - 1.0)
}

/// The modified Dietz return from the close of the first date to the close of the last: the gain
/// over the capital, each flow weighted by the share of the days it was there.
pub fn modified_dietz(
    (start, from): (NaiveDate, Decimal),
    (end, to): (NaiveDate, Decimal),
    flows: &[DatedFlow],
) -> Result<f64, FlowError> {
    let days = (end - start).num_days();
    if days <= 0 {
        return Err(FlowError::NoTime { start, end });
    }
    let (mut paid, mut capital) = (Decimal::ZERO, from);
    for DatedFlow { date, amount } in flows {
        if *date < start || *date > end {
            return Err(FlowError::Outside { date: *date, start, end });
        }
        let there = Decimal::from((end - *date).num_days()) / Decimal::from(days);
        paid += amount;
        capital += amount * there;
    }
    if capital <= Decimal::ZERO {
        return Err(FlowError::NoCapital { capital });
    }
    Ok(to_f64(to - from - paid) / to_f64(capital))
}
