//! Statistics of returns and of trades, never mixed: what is of periods (days, mostly) has names
//! that begin with `period_`, what is of closed trades has names that begin with `trade_`.
//!
//! Ratios are f64, money is decimal and its sums are exact. A figure that its input does not give
//! (a Sharpe ratio of one day, a win rate without a decided trade) is `None`; nothing here returns
//! NaN or an infinity, but for `Factor::Infinite`, which says so. Oracles are
//! `reference_tests.rs`: figures of the libraries empyrical and quantstats.

/// Falls from a peak: how deep, how long, and when they were made good.
mod drawdown;
/// Gains over losses.
mod factor;
/// Returns over money that came and went: time-weighted, and modified Dietz.
mod flows;
/// Returns by year and month.
mod months;
/// Figures of a series of returns.
mod period;
/// Returns that are numbers, with their dates where they have some.
mod returns;
/// Figures over a moving window.
mod rolling;
/// Value at risk and expected shortfall: of history, and of a normal distribution.
mod tail;
/// Figures of closed trades.
mod trade;

#[cfg(test)]
mod reference_tests;

pub use self::{
    drawdown::{Drawdown, UnderWater, drawdowns, max_drawdown, under_water},
    factor::Factor,
    flows::{DatedFlow, FlowError, SubPeriod, modified_dietz, time_weighted},
    months::{YearRow, months},
    period::{PeriodStats, cagr, mean, total_return, volatility},
    returns::{DatedReturn, NotFinite, Point, Returns, Series, SeriesError},
    rolling::{Rolling, rolling},
    tail::{TAIL, Tail},
    trade::{Run, Streaks, TradeStats},
};

/// Sessions of a year, by which daily figures become yearly ones.
pub const SESSIONS_A_YEAR: f64 = 252.0;
