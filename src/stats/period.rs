use serde::{Deserialize, Serialize};

use super::{
    Factor, Returns, SESSIONS_A_YEAR,
    drawdown::{UnderWater, max_drawdown, under_water},
    tail::Tail,
};

/// Figures of a series of daily returns; 252 days a year, a riskless rate of zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeriodStats {
    /// Returns in the series.
    pub period_count: usize,
    /// What one unit gained over all of them.
    pub period_total_return: Option<f64>,
    /// The same a year: `(1 + total)^(252 / n) - 1`.
    pub period_cagr: Option<f64>,
    /// The mean return of a day.
    pub period_mean: Option<f64>,
    /// The sample deviation (n - 1) a year; from two returns on.
    pub period_volatility: Option<f64>,
    /// Mean over sample deviation, a year; `None` where nothing varies.
    pub period_sharpe: Option<f64>,
    /// Mean over downside deviation about zero over all periods, a year; `None` without a loss.
    pub period_sortino: Option<f64>,
    /// The deepest fall from a peak, the start being one; at or below zero.
    pub period_max_drawdown: Option<f64>,
    /// CAGR over the size of that fall; `None` without one.
    pub period_calmar: Option<f64>,
    /// Gains over losses (the omega ratio at zero); `None` without returns.
    pub period_profit_factor: Option<Factor>,
    /// Days with a gain, of those with a gain or a loss.
    pub period_win_rate: Option<f64>,
    /// The mean gain over the mean loss; `None` without one of them.
    pub period_payoff: Option<f64>,
    /// The best return.
    pub period_best: Option<f64>,
    /// The worst return.
    pub period_worst: Option<f64>,
    /// Value at risk and expected shortfall.
    #[serde(flatten)]
    pub tail: Tail,
    /// Days under water.
    #[serde(flatten)]
    pub under_water: UnderWater,
}

impl PeriodStats {
    /// Of some daily returns.
    pub fn of(returns: &Returns) -> Self {
        let values = returns.values();
        let sides = Sides::of(values);
        let drawdown = max_drawdown(returns);
        let cagr = cagr(returns);
        Self {
            period_count: values.len(),
            period_total_return: total_return(returns),
            period_cagr: cagr,
            period_mean: mean(returns),
            period_volatility: volatility(returns),
            period_sharpe: sharpe(returns),
            period_sortino: sortino(returns),
            period_max_drawdown: drawdown,
            period_calmar: ratio(cagr, drawdown.map(f64::abs)),
            period_profit_factor: (!values.is_empty())
                .then(|| Factor::of(sides.gained, sides.lost)),
            period_win_rate: sides.win_rate(),
            period_payoff: sides.payoff(),
            period_best: values.iter().copied().reduce(f64::max),
            period_worst: values.iter().copied().reduce(f64::min),
            tail: Tail::of(returns),
            under_water: under_water(returns),
        }
    }
}

/// A figure, where it is a number.
fn number(figure: f64) -> Option<f64> {
    Some(figure).filter(|figure| figure.is_finite())
}

/// One over the other, where that is a number.
fn ratio(over: Option<f64>, under: Option<f64>) -> Option<f64> {
    let under = under.filter(|under| *under > 0.0)?;
    number(over? / under)
}

/// What one unit gained over all periods; `None` without any.
pub fn total_return(returns: &Returns) -> Option<f64> {
    let values = returns.values();
    let growth: f64 = values.iter().map(|value| 1.0 + value).product();
    number(growth - 1.0).filter(|_| !values.is_empty())
}

/// The total return a year, n being the count of returns; `None` where more than all was lost, or
/// the figure is beyond all numbers.
pub fn cagr(returns: &Returns) -> Option<f64> {
    let growth = 1.0 + total_return(returns)?;
    let years = returns.values().len() as f64 / SESSIONS_A_YEAR;
    if growth < 0.0 { None } else { number(growth.powf(1.0 / years) - 1.0) }
}

/// The mean return of a period; `None` without any.
pub fn mean(returns: &Returns) -> Option<f64> {
    let values = returns.values();
    number(values.iter().sum::<f64>() / values.len() as f64).filter(|_| !values.is_empty())
}

/// The sample deviation (n - 1) a year; `None` below two returns.
pub fn volatility(returns: &Returns) -> Option<f64> {
    deviation(returns.values()).and_then(|sd| number(sd * SESSIONS_A_YEAR.sqrt()))
}

/// The sample deviation of a period: exactly zero where nothing varies.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    if values.len() < 2 {
        return None;
    }
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        return Some(0.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    number((squares / (count - 1.0)).sqrt())
}

pub(super) fn sharpe(returns: &Returns) -> Option<f64> {
    let yearly = ratio(mean(returns), deviation(returns.values()))?;
    number(yearly * SESSIONS_A_YEAR.sqrt())
}

fn sortino(returns: &Returns) -> Option<f64> {
    let values = returns.values();
    let squares: f64 = values.iter().map(|value| value.min(0.0) * value.min(0.0)).sum();
    let downside = (squares / values.len() as f64).sqrt();
    number(ratio(mean(returns), Some(downside))? * SESSIONS_A_YEAR.sqrt())
}

/// Gains and losses, kept apart.
struct Sides {
    wins: usize,
    losses: usize,
    gained: f64,
    lost: f64,
}

impl Sides {
    fn of(values: &[f64]) -> Self {
        let (gains, losses) = (|v: &&f64| **v > 0.0, |v: &&f64| **v < 0.0);
        Self {
            wins: values.iter().filter(gains).count(),
            losses: values.iter().filter(losses).count(),
            gained: values.iter().filter(gains).sum(),
            lost: values.iter().filter(losses).sum::<f64>().abs(),
        }
    }

    fn win_rate(&self) -> Option<f64> {
        ratio(Some(self.wins as f64), Some((self.wins + self.losses) as f64))
    }

    fn payoff(&self) -> Option<f64> {
        if self.wins == 0 || self.losses == 0 {
            return None;
        }
        ratio(Some(self.gained / self.wins as f64), Some(self.lost / self.losses as f64))
    }
}
