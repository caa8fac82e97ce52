//! What a range of sessions came to: months, strategies, falls, worst days, what was refused and
//! decided. Computed once from the ledger's rows; figures of days and of trades are kept apart.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::parts::TradeLine;
use crate::{
    account::StrategyId,
    desk::tables::EquityRow,
    money::Usd,
    risk::decision::{DecisionOutcome, DecisionRecord},
    stats::{PeriodStats, Point, Series, TradeStats, YearRow, drawdowns, months},
};

/// Falls told, the deepest first.
const FALLS_MAX: usize = 10;
/// Worst days told.
const WORST_MAX: usize = 10;

/// The whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Figures of the daily returns of net liquidation in dollars; `None` where there are none.
    pub period: Option<PeriodStats>,
    /// The same by year and month, as fractions.
    pub months: Vec<YearRow>,
    /// The deepest falls from a peak, the deepest first, at most ten.
    pub drawdowns: Vec<Fall>,
    /// The worst days, the worst first, at most ten.
    pub worst_days: Vec<WorstDay>,
    /// Each strategy that closed a trade or decided anything.
    pub strategies: Vec<StrategyLine>,
    /// What the gate refused, by limit.
    pub refusals_by_limit: Vec<RefusalCount>,
}

/// A fall from a peak and its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// From the peak to the trough, percent, at or above zero.
    pub depth_percent: f64,
    /// The close of the peak.
    pub peak_date: NaiveDate,
    /// The lowest close.
    pub trough_date: NaiveDate,
    /// The first close at the peak or above it again; `None` while there is none.
    pub recovered_date: Option<NaiveDate>,
    /// Sessions from the peak to the recovery, or to the end.
    pub sessions: usize,
}

/// A day that lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstDay {
    /// The session.
    pub date: NaiveDate,
    /// Of net liquidation at the close before.
    pub return_percent: f64,
    /// The same in dollars.
    pub change_usd: Usd,
}

/// What came of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategyLine {
    /// The strategy.
    pub strategy: StrategyId,
    /// Figures of its closed trades.
    pub trades: TradeStats,
    /// Its decisions by outcome.
    pub decisions: DecisionCounts,
    /// The filters that failed most often, with how often: at most three.
    pub failed_filters: Vec<FilterCount>,
}

/// How decisions came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionCounts {
    /// An order was made and filled, in part at least, or still works.
    pub entered: usize,
    /// A filter failed.
    pub no_trade: usize,
    /// The gate refused.
    pub refused: usize,
    /// The order ended without a fill.
    pub missed: usize,
    /// What is open was changed: a roll, a defence.
    pub adjusted: usize,
}

/// A filter and how often it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterCount {
    /// The filter.
    pub name: String,
    /// Decisions in which it failed.
    pub count: usize,
}

/// A limit and how often it refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalCount {
    /// The limit.
    pub limit: String,
    /// Orders it refused.
    pub count: usize,
    /// One of them, in words.
    pub example: String,
}

impl History {
    /// Of the rows of a range, in order; `start` is what there was before the first of them.
    pub fn of(
        start: Option<Usd>,
        days: &[EquityRow],
        trades: &[TradeLine],
        decisions: &[DecisionRecord],
    ) -> Self {
        let series = series(start, days);
        Self {
            period: series.as_ref().map(|series| PeriodStats::of(series.returns())),
            months: series.as_ref().map_or_else(Vec::new, months),
            drawdowns: series.as_ref().map_or_else(Vec::new, falls),
            worst_days: series.as_ref().map_or_else(Vec::new, |series| worst(series, start, days)),
            strategies: strategies(trades, decisions),
            refusals_by_limit: refusals(decisions),
        }
    }
}

/// The returns between closes; `None` without a close, or when the account was worth nothing.
fn series(start: Option<Usd>, days: &[EquityRow]) -> Option<Series> {
    let point = |row: &EquityRow| Point {
        date: row.date,
        value: row.net_liquidation_usd.0,
        flow: Decimal::ZERO,
    };
    let first = days.first()?;
    let (start, rest) = match start.zip(first.date.pred_opt()) {
        Some((usd, date)) => (Point { date, value: usd.0, flow: Decimal::ZERO }, days),
        None => (point(first), &days[1..]),
    };
    let points: Vec<Point> = rest.iter().map(point).collect();
    Series::of(start, &points).ok()
}

fn falls(series: &Series) -> Vec<Fall> {
    let count = series.returns().values().len();
    let mut found = drawdowns(series.returns());
    found.sort_by(|a, b| a.depth.total_cmp(&b.depth).then(a.peak.cmp(&b.peak)));
    let fall = |fall: &crate::stats::Drawdown| Fall {
        depth_percent: -fall.depth * 100.0,
        peak_date: series.date_of(fall.peak),
        trough_date: series.date_of(fall.trough),
        recovered_date: fall.recovery.map(|point| series.date_of(point)),
        sessions: fall.recovery.unwrap_or(count) - fall.peak,
    };
    found.iter().take(FALLS_MAX).map(fall).collect()
}

fn worst(series: &Series, start: Option<Usd>, days: &[EquityRow]) -> Vec<WorstDay> {
    let worth: BTreeMap<NaiveDate, Usd> =
        days.iter().map(|row| (row.date, row.net_liquidation_usd)).collect();
    let lost = series.worst(WORST_MAX).into_iter().filter(|day| day.value < 0.0);
    let line = |day: crate::stats::DatedReturn| {
        let before = worth.range(..day.date).next_back().map(|(_, usd)| *usd).or(start)?;
        Some(WorstDay {
            date: day.date,
            return_percent: day.value * 100.0,
            change_usd: *worth.get(&day.date)? - before,
        })
    };
    lost.filter_map(line).collect()
}

fn strategies(trades: &[TradeLine], decisions: &[DecisionRecord]) -> Vec<StrategyLine> {
    let mut found: BTreeMap<StrategyId, (Vec<Usd>, Vec<&DecisionRecord>)> = BTreeMap::new();
    for trade in trades {
        found.entry(trade.strategy).or_default().0.push(trade.pnl_usd);
    }
    for decision in decisions {
        found.entry(decision.strategy).or_default().1.push(decision);
    }
    let line = |(strategy, (pnl, decisions)): (_, (Vec<Usd>, Vec<&DecisionRecord>))| {
        let mut outcomes = DecisionCounts::default();
        for decision in &decisions {
            *match decision.outcome {
                DecisionOutcome::Entered => &mut outcomes.entered,
                DecisionOutcome::NoTrade => &mut outcomes.no_trade,
                DecisionOutcome::Refused => &mut outcomes.refused,
                DecisionOutcome::Missed => &mut outcomes.missed,
                DecisionOutcome::Adjusted => &mut outcomes.adjusted,
            } += 1;
        }
        let failed_filters = failed(&decisions);
        let trades = TradeStats::of(&pnl);
        StrategyLine { strategy, trades, decisions: outcomes, failed_filters }
    };
    found.into_iter().map(line).collect()
}

/// What kept a strategy from trading, without the product's name before the dot.
fn failed(decisions: &[&DecisionRecord]) -> Vec<FilterCount> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for decision in decisions.iter().filter(|d| d.outcome == DecisionOutcome::NoTrade) {
        let names = decision
            .filters
            .iter()
            .filter(|f| !f.passed)
            .map(|f| f.name.split_once('.').map_or(f.name.as_str(), |(_, rest)| rest));
        // Once a decision, however many products it stopped.
        for name in names.collect::<std::collections::BTreeSet<_>>() {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut counts: Vec<FilterCount> = counts
        .into_iter()
        .map(|(name, count)| FilterCount { name: name.to_owned(), count })
        .collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then(a.name.cmp(&b.name)));
    counts.truncate(3);
    counts
}

fn refusals(decisions: &[DecisionRecord]) -> Vec<RefusalCount> {
    let mut counts: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for row in decisions.iter().flat_map(|decision| &decision.refusals) {
        counts.entry(&row.limit).or_insert((0, &row.text)).0 += 1;
    }
    let mut found: Vec<RefusalCount> = counts
        .into_iter()
        .map(|(limit, (count, example))| RefusalCount {
            limit: limit.to_owned(),
            count,
            example: example.to_owned(),
        })
        .collect();
    found.sort_by(|a, b| b.count.cmp(&a.count).then(a.limit.cmp(&b.limit)));
    found
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::report::fixture::closed;

    fn row(date: &str, usd: Decimal) -> EquityRow {
        closed(date.parse().unwrap(), usd)
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn falls_and_worst_days_carry_their_dates_and_dollars() {
        let days = [
            row("2024-08-01", dec!(1000)),
            row("2024-08-02", dec!(900)),
            row("2024-08-05", dec!(810)),
            row("2024-08-06", dec!(1000)),
            row("2024-08-07", dec!(950)),
        ];
        let found = History::of(Some(Usd(dec!(1000))), &days, &[], &[]);
        let [deep, last] = found.drawdowns.as_slice() else { panic!("{:?}", found.drawdowns) };
        assert!((deep.depth_percent - 19.0).abs() < 1e-9);
        assert_eq!(
            (deep.peak_date, deep.trough_date, deep.recovered_date, deep.sessions),
            (date("2024-08-01"), date("2024-08-05"), Some(date("2024-08-06")), 3)
        );
        assert_eq!((last.recovered_date, last.sessions), (None, 1));
        let worst: Vec<_> = found.worst_days.iter().map(|d| (d.date, d.change_usd)).collect();
        assert_eq!(
            worst,
            [
                (date("2024-08-02"), Usd(dec!(-100))),
                (date("2024-08-05"), Usd(dec!(-90))),
                (date("2024-08-07"), Usd(dec!(-50))),
            ]
        );
        assert_eq!(found.months.len(), 1);
        assert_eq!(found.period.unwrap().under_water.periods, 3);
    }

    #[test]
    fn no_session_is_no_history_and_no_panic() {
        let found = History::of(None, &[], &[], &[]);
        assert_eq!((found.period, found.months.len(), found.drawdowns.len()), (None, 0, 0));
        let one = History::of(None, &[row("2024-08-01", dec!(1000))], &[], &[]);
        assert_eq!(one.worst_days.len(), 0);
        let broke = History::of(Some(Usd::ZERO), &[row("2024-08-01", dec!(1000))], &[], &[]);
        assert_eq!(broke.period, None);
    }
}
