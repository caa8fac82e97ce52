//! `pnl`: what was won and lost, by day, by strategy, and so far this week, month and year.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::{
    account::{Position, StrategyId},
    calendar::new_york_date,
    clock::Timestamp,
    control::status::AccountLine,
    desk::{read, tables::EquityRow},
    money::{Gbp, Usd},
    store::{Read, StoreError},
};

/// Most calendar days a week of sessions may take, to read back far enough.
const DAYS_A_WEEK: u64 = 8;

/// Won and lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PnlView {
    /// This moment.
    pub at: Timestamp,
    /// What the account is worth; `None` before the first session's end without a daemon.
    pub net_liquidation_usd: Option<Usd>,
    /// The same in pounds.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Of the day, the week, the month and the year so far, in this order.
    pub totals: Vec<TotalLine>,
    /// Sessions that are over, the oldest first.
    pub days: Vec<DayLine>,
    /// Trades closed since the first of these days, by strategy.
    pub strategies: Vec<StrategyLine>,
    /// The first day they are counted from.
    pub from_date: NaiveDate,
}

/// A stretch of time up to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalLine {
    /// `today`, `week`, `month` or `year`.
    pub period: String,
    /// Its first day.
    pub from_date: NaiveDate,
    /// Of positions closed in it, after their fees.
    pub realised_usd: Usd,
    /// The same in pounds, each at its closing day's rate; `None` where a rate lacks.
    pub realised_gbp: Option<Gbp>,
    /// Fees of these positions.
    pub fees_usd: Usd,
    /// Change of net liquidation, transfers left out; `None` without a close before it.
    pub change_usd: Option<Usd>,
    /// Positions closed.
    pub trades: usize,
    /// Of these, with a profit.
    pub wins: usize,
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayLine {
    /// The session.
    pub date: NaiveDate,
    /// At its close.
    pub net_liquidation_usd: Usd,
    /// The same in pounds.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Change since the close before, transfers left out.
    pub change_usd: Option<Usd>,
    /// Of positions closed in it, after fees.
    pub realised_usd: Usd,
    /// Of what was open at its close.
    pub open_usd: Usd,
    /// Its fees.
    pub fees_usd: Usd,
    /// Positions closed.
    pub trades: u32,
}

/// What one strategy closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyLine {
    /// The strategy.
    pub strategy: StrategyId,
    /// Positions closed.
    pub trades: usize,
    /// Of these, with a profit.
    pub wins: usize,
    /// After fees.
    pub realised_usd: Usd,
    /// The same in pounds; `None` where a rate lacks.
    pub realised_gbp: Option<Gbp>,
    /// Their fees.
    pub fees_usd: Usd,
}

/// Sums over closed positions.
#[derive(Clone)]
struct Sum {
    realised: Usd,
    pounds: Option<Gbp>,
    fees: Usd,
    trades: usize,
    wins: usize,
}

impl Sum {
    const NOTHING: Self =
        Self { realised: Usd::ZERO, pounds: Some(Gbp::ZERO), fees: Usd::ZERO, trades: 0, wins: 0 };

    fn add(&mut self, position: &Position) {
        let pnl = position.pnl_usd();
        self.realised += pnl;
        self.pounds = self.pounds.zip(position.pnl_gbp()).map(|(sum, pnl)| sum + pnl);
        self.fees += position.fees_usd;
        self.trades += 1;
        self.wins += usize::from(pnl.rounded().is_positive());
    }
}

/// Won and lost over the last `sessions` sessions that are over, and up to now.
pub fn of(
    tx: &impl Read,
    now: Timestamp,
    account: Option<&AccountLine>,
    sessions: usize,
) -> Result<PnlView, StoreError> {
    let today = new_york_date(now);
    let weeks = u64::try_from(sessions).unwrap_or(u64::MAX).min(10_000) / 4 + 2;
    let year = today.with_ordinal(1).unwrap_or(today);
    let first = today.checked_sub_days(Days::new(weeks * DAYS_A_WEEK)).unwrap_or(year);
    let rows = read::equity(tx, first.min(year - Days::new(14)), today)?;
    let shown = &rows[rows.len().saturating_sub(sessions)..];
    let from = shown.first().map_or(today, |row| row.date);
    let closed = read::closed_positions(tx, from.min(year), today)?;
    let worth = account.map(|account| account.net_liquidation_usd);
    let transfers = read::cash(tx)?.map(|book| book.transfers_usd);
    let totals = [
        ("today", today),
        ("week", today.week(chrono::Weekday::Mon).first_day()),
        ("month", today.with_day(1).unwrap_or(today)),
        ("year", year),
    ];
    let total = |(period, from)| {
        let change = worth.and_then(|worth| change(&rows, from, worth, transfers));
        total(period, from, &closed, change)
    };
    Ok(PnlView {
        at: now,
        net_liquidation_usd: worth,
        net_liquidation_gbp: account.and_then(|account| account.net_liquidation_gbp),
        totals: totals.into_iter().map(total).collect(),
        days: days(&rows, shown.len()),
        strategies: by_strategy(&closed, from),
        from_date: from,
    })
}

/// The change since the last close before a day.
fn change(rows: &[EquityRow], from: NaiveDate, worth: Usd, transfers: Option<Usd>) -> Option<Usd> {
    let before = rows.iter().rev().find(|row| row.date < from)?;
    Some((worth - before.net_liquidation_usd - paid_in(before, transfers)).rounded())
}

/// What was paid in since a close; nothing where its row does not know.
fn paid_in(before: &EquityRow, now: Option<Usd>) -> Usd {
    before.transfers_total_usd.zip(now).map_or(Usd::ZERO, |(before, now)| now - before)
}

fn closed_on(position: &Position) -> Option<NaiveDate> {
    position.closed_at.map(new_york_date)
}

fn total(period: &str, from: NaiveDate, closed: &[Position], change_usd: Option<Usd>) -> TotalLine {
    let mut sum = Sum::NOTHING;
    let inside = |position: &&Position| closed_on(position).is_some_and(|date| date >= from);
    closed.iter().filter(inside).for_each(|position| sum.add(position));
    TotalLine {
        period: period.to_owned(),
        from_date: from,
        realised_usd: sum.realised.rounded(),
        realised_gbp: sum.pounds.map(Gbp::rounded),
        fees_usd: sum.fees.rounded(),
        change_usd,
        trades: sum.trades,
        wins: sum.wins,
    }
}

fn days(rows: &[EquityRow], shown: usize) -> Vec<DayLine> {
    let skipped = rows.len() - shown;
    let line = |(place, row): (usize, &EquityRow)| {
        let before = (skipped + place).checked_sub(1).map(|before| &rows[before]);
        let change = before.map(|before| {
            let paid_in = paid_in(before, row.transfers_total_usd);
            (row.net_liquidation_usd - before.net_liquidation_usd - paid_in).rounded()
        });
        DayLine {
            date: row.date,
            net_liquidation_usd: row.net_liquidation_usd,
            net_liquidation_gbp: row.net_liquidation_gbp,
            change_usd: change,
            realised_usd: row.realised_usd.rounded(),
            open_usd: row.open_pnl_usd.rounded(),
            fees_usd: row.fees_usd.rounded(),
            trades: row.trades,
        }
    };
    rows[skipped..].iter().enumerate().map(line).collect()
}

fn by_strategy(closed: &[Position], from: NaiveDate) -> Vec<StrategyLine> {
    let mut sums: BTreeMap<StrategyId, Sum> = BTreeMap::new();
    for position in closed.iter().filter(|position| closed_on(position) >= Some(from)) {
        sums.entry(position.strategy).or_insert(Sum::NOTHING).add(position);
    }
    let line = |(strategy, sum): (StrategyId, Sum)| StrategyLine {
        strategy,
        trades: sum.trades,
        wins: sum.wins,
        realised_usd: sum.realised.rounded(),
        realised_gbp: sum.pounds.map(Gbp::rounded),
        fees_usd: sum.fees.rounded(),
    };
    sums.into_iter().map(line).collect()
}
