//! The equity curve and the closed trades as statistics: dollars and pounds apart, since the pound's
//! own moves are no trading. What was paid in or out makes no return.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::parts::TradeLine;
use crate::{
    calendar::new_york_date,
    desk::{
        read,
        tables::{CashBook, EquityRow},
    },
    money::Usd,
    stats::{DatedReturn, Drawdown, PeriodStats, Point, Series, TradeStats},
    store::{Read, StoreError},
};

/// Falls shown, the deepest first.
const FALLS_SHOWN: usize = 5;
/// Worst sessions shown.
const WORST_SHOWN: usize = 5;

/// The account's daily returns in both currencies; a currency without any is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Dollars: what was traded.
    pub usd: Option<Series>,
    /// Pounds, each close at its own day's rate.
    pub gbp: Option<Series>,
}

/// A fall with its dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// Its depth, percent below the peak; below zero.
    pub depth_percent: f64,
    /// The close of the peak.
    pub peak_date: NaiveDate,
    /// The deepest close.
    pub trough_date: NaiveDate,
    /// The first close at or above the peak again; `None` while there is none.
    pub recovery_date: Option<NaiveDate>,
}

/// Statistics of the returns of one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returns {
    /// Figures of the daily returns, as fractions.
    #[serde(flatten)]
    pub stats: PeriodStats,
    /// The worst sessions, the worst first.
    pub worst_sessions: Vec<DatedReturn>,
    /// Falls from a peak, the deepest first.
    pub drawdowns: Vec<Fall>,
}

/// Closed trades of one strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategyStats {
    /// The strategy.
    pub strategy: String,
    /// Figures of its closed trades.
    #[serde(flatten)]
    pub stats: TradeStats,
}

impl Curves {
    /// Every session from the ledger's beginning to `to`, from what was there at its start.
    pub fn read(tx: &impl Read, to: NaiveDate) -> Result<Self, StoreError> {
        let rows = read::equity(tx, super::gather::BEGINNING, to)?;
        Ok(Self::of(read::cash(tx)?.as_ref(), &rows))
    }

    /// The same from the rows, in order.
    pub(super) fn of(book: Option<&CashBook>, rows: &[EquityRow]) -> Self {
        let Some(first) = rows.first() else { return Self::default() };
        // The ledger begins before the first close: on its morning, or a day earlier.
        let before = first.date.pred_opt().unwrap_or(first.date);
        let began = book.map_or(before, |book| new_york_date(book.since).min(before));
        let opening = book.map_or(first.net_liquidation_usd, |book| book.opening_usd);
        let flows = flows(rows);
        let usd: Vec<Point> = rows
            .iter()
            .zip(&flows)
            .map(|(row, flow)| point(row.date, row.net_liquidation_usd.0, flow.0))
            .collect();
        let start = point(began, opening.0, Decimal::ZERO);
        let in_pounds = |row: &EquityRow, flow: Usd| {
            let (rate, worth) = row.fx.zip(row.net_liquidation_gbp)?;
            Some(point(row.date, worth.0, rate.to_gbp(flow).0))
        };
        let gbp: Option<Vec<Point>> =
            rows.iter().zip(&flows).map(|(row, flow)| in_pounds(row, *flow)).collect();
        let gbp_start = first.fx.map(|rate| point(began, rate.to_gbp(opening).0, Decimal::ZERO));
        Self {
            usd: Series::of(start, &usd).ok(),
            gbp: gbp.zip(gbp_start).and_then(|(points, start)| Series::of(start, &points).ok()),
        }
    }

    /// The same from the first session of `from` on.
    #[must_use]
    pub fn since(&self, from: NaiveDate) -> Self {
        let cut = |series: &Option<Series>| {
            let series = series.as_ref()?;
            let days: Vec<DatedReturn> = series.days().filter(|day| day.date >= from).collect();
            let before = series.days().map(|day| day.date).filter(|date| *date < from).last();
            Series::dated(before.unwrap_or(series.start()), &days).ok()
        };
        Self { usd: cut(&self.usd), gbp: cut(&self.gbp) }
    }
}

fn point(date: NaiveDate, value: Decimal, flow: Decimal) -> Point {
    Point { date, value, flow }
}

/// What was paid in during each session, less what was paid out; rows of older versions know none.
fn flows(rows: &[EquityRow]) -> Vec<Usd> {
    let mut known = Some(Usd::ZERO);
    let flow = |row: &EquityRow| {
        let total = row.transfers_total_usd;
        let flow = total.zip(known).map_or(Usd::ZERO, |(total, before)| total - before);
        known = total;
        flow
    };
    rows.iter().map(flow).collect()
}

impl Returns {
    /// The statistics of a series; `None` without a session.
    pub fn of(series: Option<&Series>) -> Option<Self> {
        let series = series.filter(|series| !series.returns().values().is_empty())?;
        let mut falls = crate::stats::drawdowns(series.returns());
        falls.sort_by(|a, b| a.depth.total_cmp(&b.depth).then(a.peak.cmp(&b.peak)));
        falls.truncate(FALLS_SHOWN);
        let fall = |fall: &Drawdown| Fall {
            depth_percent: fall.depth * 100.0,
            peak_date: series.date_of(fall.peak),
            trough_date: series.date_of(fall.trough),
            recovery_date: fall.recovery.map(|point| series.date_of(point)),
        };
        Some(Self {
            stats: PeriodStats::of(series.returns()),
            worst_sessions: series.worst(WORST_SHOWN),
            drawdowns: falls.iter().map(fall).collect(),
        })
    }
}

/// The statistics of all closed trades, in order of closing.
pub fn of_trades(trades: &[TradeLine]) -> TradeStats {
    TradeStats::of(&trades.iter().map(|trade| trade.pnl_usd).collect::<Vec<_>>())
}

/// The statistics of each strategy that closed a trade, in the strategies' own order.
pub fn by_strategy(trades: &[TradeLine]) -> Vec<StrategyStats> {
    let mut found: std::collections::BTreeMap<_, Vec<Usd>> = std::collections::BTreeMap::new();
    for trade in trades {
        found.entry(trade.strategy).or_default().push(trade.pnl_usd);
    }
    let line = |(strategy, pnl): (crate::account::StrategyId, Vec<Usd>)| StrategyStats {
        strategy: strategy.name().to_owned(),
        stats: TradeStats::of(&pnl),
    };
    found.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{money::Gbp, report::fixture::closed_at};

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, day).unwrap()
    }

    fn row(day: u32, usd: Decimal, rate: Decimal, paid_in: Option<Decimal>) -> EquityRow {
        EquityRow { transfers_total_usd: paid_in.map(Usd), ..closed_at(date(day), usd, rate) }
    }

    fn book(opening: Decimal) -> CashBook {
        CashBook {
            opening_usd: Usd(opening),
            since: "2026-10-01T12:00:00Z".parse().unwrap(),
            traded_usd: Usd::ZERO,
            fees_usd: Usd::ZERO,
            foreign_usd: Usd::ZERO,
            transfers_usd: Usd::ZERO,
            last_transaction: 0,
        }
    }

    fn near(found: &Series, wanted: &[f64]) {
        let values = found.returns().values();
        assert_eq!(values.len(), wanted.len());
        for (found, wanted) in values.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-12, "{values:?}, not {wanted}");
        }
    }

    #[test]
    fn pounds_and_dollars_have_returns_of_their_own() {
        let rows = [
            row(2, dec!(110), dec!(1.25), Some(dec!(0))),
            row(5, dec!(99), dec!(1.32), Some(dec!(0))),
        ];
        let curves = Curves::of(Some(&book(dec!(100))), &rows);
        near(curves.usd.as_ref().unwrap(), &[0.1, -0.1]);
        near(curves.gbp.as_ref().unwrap(), &[0.1, 0.9 * 1.25 / 1.32 - 1.0]);
        assert_eq!(curves.usd.unwrap().start(), date(1));
    }

    #[test]
    fn a_transfer_is_no_return_and_older_rows_know_none() {
        let rows = [
            row(2, dec!(100), dec!(1.25), None),
            row(5, dec!(150), dec!(1.25), Some(dec!(50))),
            row(6, dec!(220), dec!(1.25), Some(dec!(100))),
            row(7, dec!(110), dec!(1.25), Some(dec!(-10))),
        ];
        let curves = Curves::of(Some(&book(dec!(100))), &rows);
        let wanted = [0.0, 0.5, 0.1, 0.0];
        near(curves.usd.as_ref().unwrap(), &wanted);
        near(curves.gbp.as_ref().unwrap(), &wanted);
    }

    #[test]
    fn a_day_without_a_rate_leaves_pounds_unknown_and_dollars_known() {
        let mut rows = [row(2, dec!(100), dec!(1.25), None), row(5, dec!(110), dec!(1.25), None)];
        (rows[1].fx, rows[1].net_liquidation_gbp) = (None, None::<Gbp>);
        let curves = Curves::of(Some(&book(dec!(100))), &rows);
        assert!(curves.gbp.is_none() && curves.usd.is_some());
        assert_eq!(Curves::of(None, &[]), Curves::default());
        assert_eq!(Returns::of(None), None);
    }

    #[test]
    fn a_month_starts_from_the_close_before_it() {
        let rows: Vec<EquityRow> = [(2, dec!(110)), (5, dec!(99)), (6, dec!(108.9))]
            .map(|(day, usd)| row(day, usd, dec!(1.25), None))
            .to_vec();
        let curves = Curves::of(Some(&book(dec!(100))), &rows);
        let since = curves.since(date(3));
        near(since.usd.as_ref().unwrap(), &[-0.1, 0.1]);
        assert_eq!(since.usd.as_ref().unwrap().start(), date(2));
        let found = Returns::of(since.usd.as_ref()).unwrap();
        assert_eq!(found.stats.period_count, 2);
        assert_eq!(found.worst_sessions[0].date, date(5));
        let fall = &found.drawdowns[0];
        assert_eq!(
            (fall.peak_date, fall.trough_date, fall.recovery_date),
            (date(2), date(5), None)
        );
        assert!((fall.depth_percent + 10.0).abs() < 1e-9);
        assert!(Returns::of(curves.since(date(9)).usd.as_ref()).is_none());
    }
}
