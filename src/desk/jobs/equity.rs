//! `risk-snapshot` and `end-of-day-reconciliation`: the equity curve, inside the session and by day.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde_json::json;

use super::failed;
use crate::{
    account::{Position, StrategyId},
    calendar::new_york_date,
    desk::{
        Desk,
        daybook::{self, DAY_BOOKS},
        dayend::{DAY_ENDS, DAYS_AHEAD, DayEnd},
        read,
        reconcile::Reconciled,
        tables::{CashBook, EQUITY, EQUITY_POINTS, EquityPoint, EquityRow},
    },
    money::{Usd, round_half_up},
    risk::{
        buying_power::{effective_cap, utilisation},
        capital::capital,
    },
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Read, StoreError},
    strategy::Snapshot,
};

/// The last snapshot so long before a close, or later, is the book the day's report tells of.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(4);

/// `risk-snapshot`: every five minutes of the session.
pub(super) struct RiskSnapshot(pub(super) Arc<Desk>);

/// `end-of-day-reconciliation`: close + 15 minutes.
pub(super) struct EndOfDay(pub(super) Arc<Desk>);

#[async_trait]
impl JobBody for RiskSnapshot {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let date = new_york_date(context.slot);
        self.0.look_at_breakers().await.map_err(|error| failed(&error))?;
        let idle = self.0.is_idle().map_err(|error| failed(&error))?;
        let store = &self.0.parts.store;
        let mut points =
            store.read(|tx| read::equity_points(tx, date)).map_err(|error| failed(&error))?;
        if idle && points.last().is_some_and(|last| last.requirement_usd == Usd::ZERO) {
            let report = JobReport::done("nothing open, nothing changed");
            return self.0.with_health(report, date).map_err(|error| failed(&error));
        }
        let mut snapshot = self.0.account_snapshot(context.slot).await.map_err(|e| failed(&e))?;
        let Some(point) = point(&snapshot) else {
            return Ok(JobReport::skipped("the broker gave no balances"));
        };
        if let (Some(used), Some(cap)) = (point.used_percent, point.cap_percent) {
            let looked = self.0.reduce_to_cap(&snapshot, used, cap).await;
            looked.map_err(|error| failed(&error))?;
        }
        let summary = format!(
            "net liquidation {}, requirement {}",
            point.net_liquidation_usd, point.requirement_usd
        );
        points.push(point);
        let mut report = JobReport::done(summary)
            .with(move |tx| tx.put(&EQUITY_POINTS, &date.to_string(), &points));
        let close = self.0.session(context.slot).map(|session| session.close);
        if close.is_some_and(|close| context.slot >= close - BEFORE_CLOSE) {
            snapshot.book = Some(self.0.held_book(&snapshot).await);
            let end = DayEnd::of(&snapshot, date);
            report = report.with(move |tx| tx.put(&DAY_ENDS, &date.to_string(), &end));
        }
        report.acted = false; // figures kept, not an act
        self.0.with_health(report, date).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl JobBody for EndOfDay {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let date = new_york_date(context.slot);
        let store = &self.0.parts.store;
        let known = store.read(|tx| tx.get(&EQUITY, &date.to_string()));
        if known.map_err(|error| failed(&error))?.is_some() {
            return Ok(JobReport::done(format!("{date} was reconciled before")));
        }
        let outcome = self.0.reconcile_to_the_cent().await.map_err(|error| failed(&error))?;
        if let Reconciled::Undecided { reason } = &outcome {
            return Err(JobError(format!("end of day {date}: {reason}")));
        }
        let mut snapshot = self.0.account_snapshot(context.slot).await.map_err(|e| failed(&e))?;
        let row = store.read(|tx| day_row(tx, date, &snapshot)).map_err(|error| failed(&error))?;
        let Some((row, balances)) = row.zip(snapshot.balances) else {
            return Err(JobError(format!("end of day {date}: the broker gave no balances")));
        };
        let (run, now) = (context.run_id(), context.rt.now());
        let book = store.read(|tx| daybook::day_book(tx, date, &balances, now));
        let book = book.map_err(|error| failed(&error))?;
        let differences = match outcome {
            Reconciled::Differs { differences } => differences,
            _ => Vec::new(),
        };
        // The book before the close, or what there is of it now.
        let seen = store.read(|tx| tx.get(&DAY_ENDS, &date.to_string()));
        let end = if let Some(end) = seen.map_err(|error| failed(&error))? {
            end
        } else {
            snapshot.book = Some(self.0.held_book(&snapshot).await);
            DayEnd::of(&snapshot, date)
        };
        let ahead = self.0.ahead(date).await;
        let verdict = if differences.is_empty() { "clean" } else { "differs" };
        let summary = format!(
            "{date}: {verdict}; net liquidation {}, realised {}, fees {}, {} closed",
            row.net_liquidation_usd, row.realised_usd, row.fees_usd, row.trades
        );
        let report = JobReport::done(summary).with(move |tx| {
            tx.journal(
                now,
                &run,
                "end_of_day",
                &json!({ "row": row, "differences": differences, "books": book }),
            )?;
            tx.put(&DAY_BOOKS, &date.to_string(), &book)?;
            tx.put(&DAY_ENDS, &date.to_string(), &end)?;
            tx.put(&DAYS_AHEAD, &date.to_string(), &ahead)?;
            tx.put(&EQUITY, &row.date.to_string(), &row)
        });
        self.0.with_health(report, date).map_err(|error| failed(&error))
    }
}

fn point(snapshot: &Snapshot) -> Option<EquityPoint> {
    let balances = snapshot.balances?;
    let (cap_percent, used_percent) = use_of(snapshot);
    Some(EquityPoint {
        at: balances.at,
        net_liquidation_usd: balances.net_liquidation_usd,
        requirement_usd: balances.requirement_usd,
        cap_percent,
        used_percent,
    })
}

/// The cap in force and what of it is used, percent of sizing capital.
fn use_of(snapshot: &Snapshot) -> (Option<Decimal>, Option<Decimal>) {
    let Ok(capital) = capital(snapshot) else { return (None, None) };
    let cap = effective_cap(snapshot, &capital).ok().map(|cap| cap.percent);
    let used = snapshot
        .balances
        .map(|balances| round_half_up(utilisation(balances.requirement_usd, &capital), 4));
    (cap, used)
}

fn day_row(
    tx: &impl Read,
    date: NaiveDate,
    snapshot: &Snapshot,
) -> Result<Option<EquityRow>, StoreError> {
    let Some(balances) = snapshot.balances else { return Ok(None) };
    let closed = read::closed_positions(tx, date, date)?;
    let points = read::equity_points(tx, date)?;
    let book = read::cash(tx)?;
    let fees_total_usd = book.as_ref().map_or(Usd::ZERO, |book: &CashBook| book.fees_usd);
    let before = read::last_equity(tx)?.map_or(Usd::ZERO, |row| row.fees_total_usd);
    let (cap_percent, used) = use_of(snapshot);
    let peak = points.iter().filter_map(|point| point.used_percent).chain(used).max();
    let held = balances.net_liquidation_usd - balances.cash_usd;
    let phase = capital(snapshot).ok().map(|capital| capital.phase.number);
    Ok(Some(EquityRow {
        date,
        net_liquidation_usd: balances.net_liquidation_usd,
        net_liquidation_gbp: snapshot.fx.map(|rate| balances.net_liquidation_gbp(rate)),
        fx: snapshot.fx,
        phase,
        requirement_usd: balances.requirement_usd,
        cap_percent,
        peak_used_percent: peak,
        realised_usd: closed.iter().map(Position::pnl_usd).sum(),
        open_pnl_usd: held + snapshot.positions.iter().map(paid).sum(),
        fees_usd: fees_total_usd - before,
        fees_total_usd,
        transfers_total_usd: book.map(|book| book.transfers_usd),
        trades: u32::try_from(closed.len()).unwrap_or(u32::MAX),
    }))
}

/// What an open position has brought so far; what the owner holds cost its opening price.
fn paid(position: &Position) -> Usd {
    if position.strategy != StrategyId::External {
        return position.pnl_usd();
    }
    let cost = position
        .legs
        .iter()
        .map(|leg| Usd(Decimal::from(leg.quantity) * leg.open_price * leg.instrument.multiplier()));
    -cost.sum::<Usd>()
}
