//! What reports say, read from the store in one snapshot.

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::{
    ahead::SessionLine,
    daily::{AccountLine, DailyReport, HeadLine, JobsLine, NextLine, PositionLine},
    parts::{self, TradeLine},
};
use crate::{
    account::{Position, hold::Hold},
    calendar::{Calendar, Exchange, new_york},
    clock::Timestamp,
    config::Rulebook,
    desk::{
        daybook,
        dayend::{self, DayEnd},
        describe,
        latch::level_of,
        read::{closed_positions, decisions, equity, holds, open_positions},
        stage,
        tables::{BREAKERS, BREAKERS_KEY},
    },
    instrument::Instrument,
    market::Provenance,
    money::to_f64,
    risk::breaker::{Line, Standing, line::lines},
    schedule::{
        JobSet,
        ledger::{RUNS, RunStatus, SESSIONS},
        run_id,
        slots::slots,
    },
    store::{Read, StoreError},
};

/// What a report is gathered with.
#[derive(Clone)]
pub struct Gatherer {
    /// Sessions.
    pub calendar: Calendar,
    /// The jobs in force.
    pub jobs: JobSet,
    /// Where prices come from.
    pub prices: Provenance,
    /// The figures in force.
    pub rulebook: Arc<Rulebook>,
}

/// Runs that failed or were missed, listed at most so many.
const EXCEPTIONS_MAX: usize = 20;
/// The first date anything can have happened on.
pub(super) const BEGINNING: NaiveDate = NaiveDate::from_ymd_opt(1990, 1, 1).expect("a date");

impl Gatherer {
    /// The daily report of a session.
    pub fn daily(&self, tx: &impl Read, date: NaiveDate) -> Result<DailyReport, StoreError> {
        let holds = holds(tx)?;
        let open = open_positions(tx)?;
        let closed = closed_positions(tx, date, date)?;
        let close = dayend::of_day(tx, date)?;
        let position = |position| position_line(position, date, close.as_ref());
        let next = self.calendar.next_session(Exchange::Xnys, date);
        Ok(DailyReport {
            date,
            prices: self.prices,
            latch: level_of(&holds),
            breakers: self.breakers(tx, &holds)?,
            holds,
            stage: Some(stage::current(tx)?),
            account: account_line(tx, date)?,
            books: daybook::of_day(tx, date)?,
            trades: closed.iter().filter_map(TradeLine::of).collect(),
            positions: open.iter().map(position).collect(),
            close,
            decisions: decisions(tx, date, date)?,
            jobs: self.jobs_line(tx, date, date)?,
            next_session: next.map(|session| SessionLine::of(&self.calendar, session.date)),
            next: self.next_lines(date),
            ahead: dayend::ahead_of(tx, date)?,
            plan: self.brief(tx, date)?,
            health: Some(self.health(tx, date, date)?),
            journal: head_line(tx)?,
        })
    }

    /// The breakers near their bounds or tripped.
    pub(super) fn breakers(&self, tx: &impl Read, holds: &[Hold]) -> Result<Vec<Line>, StoreError> {
        let state = tx.get(&BREAKERS, BREAKERS_KEY)?.unwrap_or_default();
        let mut found = lines(&self.rulebook, &state, holds);
        found.retain(|line| matches!(line.standing, Standing::Near | Standing::Tripped));
        Ok(found)
    }

    /// How the slots of some days ended, frequent jobs included.
    pub fn jobs_line(
        &self,
        tx: &impl Read,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<JobsLine, StoreError> {
        let (start, end) = (midnight(from), midnight(to + Days::new(1)));
        let mut line = JobsLine::default();
        for job in self.jobs.iter() {
            let keys = (run_id(&job.name, start), run_id(&job.name, end));
            for (id, row) in tx.range(&RUNS, &keys.0, &keys.1)? {
                count(&mut line, row.status, 1);
                let bad = matches!(row.status, RunStatus::Failed | RunStatus::Missed);
                if bad && line.exceptions.len() < EXCEPTIONS_MAX {
                    let reason = row.reason.unwrap_or_default();
                    line.exceptions.push(format!("{id}: {}, {reason}", row.status.name()));
                }
            }
            let keys =
                (format!("{}/{from}", job.name), format!("{}/{}", job.name, to + Days::new(1)));
            for (id, row) in tx.range(&SESSIONS, &keys.0, &keys.1)? {
                line.done += u64::from(row.done);
                line.skipped += u64::from(row.skipped);
                line.failed += u64::from(row.failed);
                line.missed += u64::from(row.missed);
                for exception in &row.exceptions {
                    let bad = matches!(exception.status, RunStatus::Failed | RunStatus::Missed);
                    if bad && line.exceptions.len() < EXCEPTIONS_MAX {
                        line.exceptions.push(format!("{id}: {}", exception.reason));
                    }
                }
            }
        }
        Ok(line)
    }

    /// The slots of the next session, frequent jobs left out.
    fn next_lines(&self, date: NaiveDate) -> Vec<NextLine> {
        let Some(next) = self.calendar.next_session(Exchange::Xnys, date) else {
            return Vec::new();
        };
        let (from, to) = (midnight(next.date), midnight(next.date + Days::new(1)));
        let mut lines = Vec::new();
        for job in self.jobs.iter().filter(|job| job.enabled && !job.frequent) {
            let due = slots(job, &self.calendar, from, to);
            lines.extend(
                due.into_iter().map(|slot| NextLine { job: job.name.clone(), at: slot.at }),
            );
        }
        lines.sort_by(|a, b| (a.at, &a.job).cmp(&(b.at, &b.job)));
        lines
    }

    /// The weekdays of the week after `to`, with what is particular about them.
    pub(super) fn next_week(&self, to: NaiveDate) -> Vec<SessionLine> {
        let monday = to.week(chrono::Weekday::Mon).first_day() + Days::new(7);
        monday.iter_days().take(5).map(|date| SessionLine::of(&self.calendar, date)).collect()
    }
}

fn count(line: &mut JobsLine, status: RunStatus, by: u64) {
    match status {
        RunStatus::Done => line.done += by,
        RunStatus::Skipped => line.skipped += by,
        RunStatus::Failed => line.failed += by,
        RunStatus::Missed => line.missed += by,
    }
}

pub(super) fn trade_lines(positions: &[Position]) -> Vec<TradeLine> {
    positions.iter().filter_map(TradeLine::of).collect()
}

fn account_line(tx: &impl Read, date: NaiveDate) -> Result<Option<AccountLine>, StoreError> {
    let days = equity(tx, date - TimeDelta::days(14), date)?;
    let Some(row) = days.last().filter(|row| row.date == date) else { return Ok(None) };
    let before = days.iter().rev().nth(1);
    let change_gbp = row
        .net_liquidation_gbp
        .zip(before.and_then(|before| before.net_liquidation_gbp))
        .map(|(now, before)| now - before);
    let change_usd = before.map(|before| row.net_liquidation_usd - before.net_liquidation_usd);
    let at_this_rate = change_usd.zip(row.fx).map(|(usd, rate)| rate.to_gbp(usd));
    let currency = change_gbp.zip(at_this_rate).map(|(all, traded)| (all - traded).rounded());
    Ok(Some(AccountLine {
        net_liquidation_usd: row.net_liquidation_usd,
        net_liquidation_gbp: row.net_liquidation_gbp,
        change_usd,
        change_gbp,
        currency_gbp: currency,
        dollars_per_pound: row.fx.map(|fx| to_f64(fx.usd_per_gbp)),
        rate_date: row.fx.map(|fx| fx.date),
        realised_usd: row.realised_usd,
        open_pnl_usd: row.open_pnl_usd,
        fees_usd: row.fees_usd,
        peak_used_percent: row.peak_used_percent.map(to_f64),
        cap_percent: row.cap_percent.map(to_f64),
    }))
}

/// An open position, with what the book before the close said of it.
pub(super) fn position_line(
    position: &Position,
    date: NaiveDate,
    close: Option<&DayEnd>,
) -> PositionLine {
    let seen = close.and_then(|close| close.position(&position.id));
    let expirations = position.legs.iter().filter_map(|leg| match &leg.instrument {
        Instrument::Option(option) => Some(option.series.expiration),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    });
    PositionLine {
        position: position.id.clone(),
        what: describe::position(position),
        opened_at: position.opened_at,
        credit_usd: parts::credit_usd(position),
        days_left: expirations.min().map(|expiration| (expiration - date).num_days()),
        open_pnl_usd: seen.and_then(|seen| seen.pnl_usd),
        greeks: seen.and_then(|seen| seen.greeks),
    }
}

pub(super) fn head_line(tx: &impl Read) -> Result<HeadLine, StoreError> {
    let head = tx.journal_head()?;
    Ok(HeadLine { sequence: head.sequence, hash: head.hash })
}

pub(super) fn midnight(date: NaiveDate) -> Timestamp {
    new_york(date, NaiveTime::MIN)
}
