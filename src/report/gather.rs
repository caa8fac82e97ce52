//! What reports say, read from the store in one snapshot.

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::{
    daily::{AccountLine, DailyReport, HeadLine, JobsLine, NextLine, PositionLine},
    parts::{self, TradeLine},
    weekly::{DayLine, SessionLine, WeeklyReview},
};
use crate::{
    account::{Position, hold::Hold},
    calendar::{Calendar, Exchange, Session, new_york},
    clock::Timestamp,
    config::Rulebook,
    desk::{
        daybook, describe,
        latch::level_of,
        read::{closed_positions, decisions, equity, holds, open_positions},
        stage,
        tables::{BREAKERS, BREAKERS_KEY, EquityRow},
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
            positions: open.iter().map(|position| position_line(position, date)).collect(),
            decisions: decisions(tx, date, date)?,
            jobs: self.jobs_line(tx, date, date)?,
            next: self.next_lines(date),
            journal: head_line(tx)?,
        })
    }

    /// The breakers near their bounds or tripped.
    fn breakers(&self, tx: &impl Read, holds: &[Hold]) -> Result<Vec<Line>, StoreError> {
        let state = tx.get(&BREAKERS, BREAKERS_KEY)?.unwrap_or_default();
        let mut found = lines(&self.rulebook, &state, holds);
        found.retain(|line| matches!(line.standing, Standing::Near | Standing::Tripped));
        Ok(found)
    }

    /// The review of the week whose last session is `to`.
    pub fn weekly(&self, tx: &impl Read, to: NaiveDate) -> Result<WeeklyReview, StoreError> {
        let week = to.week(chrono::Weekday::Mon);
        let sessions = self.calendar.sessions(Exchange::Xnys, week.first_day(), to);
        let from = sessions.first().map_or(to, |session| session.date);
        let holds = holds(tx)?;
        let days = equity(tx, BEGINNING, to)?;
        let (before, week_days): (Vec<_>, Vec<_>) = days.iter().partition(|row| row.date < from);
        let open = open_positions(tx)?;
        let ever = trade_lines(&closed_positions(tx, BEGINNING, to)?);
        let curve = days.iter().map(|row| row.net_liquidation_usd);
        Ok(WeeklyReview {
            from,
            to,
            prices: self.prices,
            latch: level_of(&holds),
            holds,
            stage: Some(stage::current(tx)?),
            days: week_days.into_iter().map(day_line).collect(),
            before_usd: before.last().map(|row| row.net_liquidation_usd),
            before_gbp: before.last().and_then(|row| row.net_liquidation_gbp),
            max_drawdown_percent: parts::max_drawdown_percent(curve),
            trades: trade_lines(&closed_positions(tx, from, to)?),
            positions: open.iter().map(|position| position_line(position, to)).collect(),
            win_rate_percent: parts::win_rate_percent(&ever),
            trades_ever: ever.len(),
            decisions: decisions(tx, from, to)?,
            jobs: self.jobs_line(tx, from, to)?,
            next_week: self.next_week(to),
            journal: head_line(tx)?,
        })
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

    /// The sessions of the week after `to`, with what is particular about them.
    fn next_week(&self, to: NaiveDate) -> Vec<SessionLine> {
        let monday = to.week(chrono::Weekday::Mon).first_day() + Days::new(7);
        let weekdays = monday.iter_days().take(5);
        let note = |session: Option<Session>| match session {
            None => "closed".to_owned(),
            Some(session) if session.early_close => {
                format!("closes early, {}", parts::clock(session.close))
            }
            Some(_) => String::new(),
        };
        let line =
            |date| SessionLine { date, note: note(self.calendar.session(Exchange::Xnys, date)) };
        weekdays.map(line).collect()
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

fn trade_lines(positions: &[Position]) -> Vec<TradeLine> {
    positions.iter().filter_map(TradeLine::of).collect()
}

fn day_line(row: &EquityRow) -> DayLine {
    DayLine {
        date: row.date,
        net_liquidation_usd: row.net_liquidation_usd,
        net_liquidation_gbp: row.net_liquidation_gbp,
        realised_usd: row.realised_usd,
        peak_used_percent: row.peak_used_percent.map(to_f64),
        cap_percent: row.cap_percent.map(to_f64),
    }
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

fn position_line(position: &Position, date: NaiveDate) -> PositionLine {
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
    }
}

pub(super) fn head_line(tx: &impl Read) -> Result<HeadLine, StoreError> {
    let head = tx.journal_head()?;
    Ok(HeadLine { sequence: head.sequence, hash: head.hash })
}

fn midnight(date: NaiveDate) -> Timestamp {
    new_york(date, NaiveTime::MIN)
}
