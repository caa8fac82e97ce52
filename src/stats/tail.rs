use serde::{Deserialize, Serialize};

use super::{
    Returns,
    period::{deviation, mean},
};

/// The share of periods that lie in the tail: the worst 5 %.
pub const TAIL: f64 = 0.05;

/// The standard normal distribution's quantile at [`TAIL`].
const QUANTILE: f64 = -1.644_853_626_951_472_7;

/// What a bad period costs, as fractions below zero in most series. The two are different figures:
/// `historical` is of the returns themselves, `gaussian` of a normal distribution with their mean
/// and deviation, which knows no fat tails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// The 5 % quantile of the returns, interpolated between neighbours.
    pub period_var_historical: Option<f64>,
    /// The mean of the worst 5 % of the returns, of at least one.
    pub period_cvar_historical: Option<f64>,
    /// The same quantile of the normal distribution; from two returns on.
    pub period_var_gaussian: Option<f64>,
    /// The mean of that distribution below its quantile.
    pub period_cvar_gaussian: Option<f64>,
}

impl Tail {
    /// Of some returns.
    pub fn of(returns: &Returns) -> Self {
        let values = returns.values();
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let normal = mean(returns).zip(deviation(values));
        let density = (-QUANTILE * QUANTILE / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let finite = |figure: f64| Some(figure).filter(|figure| figure.is_finite());
        Self {
            period_var_historical: quantile(&sorted),
            period_cvar_historical: shortfall(&sorted),
            period_var_gaussian: normal.and_then(|(mean, sd)| finite(mean + QUANTILE * sd)),
            period_cvar_gaussian: normal.and_then(|(mean, sd)| finite(mean - density / TAIL * sd)),
        }
    }
}

/// How far up the sorted returns the tail reaches: whole places, and the rest.
fn reach(count: usize) -> (usize, f64) {
    let place = (count - 1) as f64 * TAIL;
    // A twentieth of a length in memory is far below 2^52.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = place.floor() as usize;
    (whole, place - place.floor())
}

fn quantile(sorted: &[f64]) -> Option<f64> {
    let (whole, rest) = (!sorted.is_empty()).then(|| reach(sorted.len()))?;
    let low = sorted.get(whole)?;
    let high = sorted.get(whole + 1).unwrap_or(low);
    let between = low + rest * (high - low);
    Some(between).filter(|between| between.is_finite())
}

fn shortfall(sorted: &[f64]) -> Option<f64> {
    let (whole, _) = (!sorted.is_empty()).then(|| reach(sorted.len()))?;
    let worst = sorted.get(..=whole)?;
    let mean = worst.iter().sum::<f64>() / worst.len() as f64;
    Some(mean).filter(|mean| mean.is_finite())
}
