//! What the ledger shows of the stage in force, for `risk::promotion`: read from the rows and the
//! journal, never from anybody's word.

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    difference::Difference,
    latch::BY_FILE,
    read, stage,
    tables::{EQUITY, EQUITY_POINTS, EquityRow},
};
use crate::{
    account::{
        Position, StrategyId,
        hold::{Hold, Level},
    },
    calendar::new_york_date,
    clock::Timestamp,
    config::stages::StagesRules,
    money::Usd,
    risk::{
        breaker,
        promotion::{Evidence, LedgerTrades, Validated},
    },
    schedule::{
        ledger::{RUNS, RunStatus, SESSIONS},
        run_id,
    },
    store::{Read, StoreError, Table},
};

/// How `tomking validate` ended last, by the stage it was run for.
pub const VALIDATIONS: Table<Validated> = Table::new("validations", 1);
/// The first date anything can have happened on, and the last.
const DATES: (NaiveDate, NaiveDate) = (
    NaiveDate::from_ymd_opt(1990, 1, 1).expect("a date"),
    NaiveDate::from_ymd_opt(9990, 1, 1).expect("a date"),
);
/// Journal entries read in one go.
const CHUNK: usize = 1_000;
/// This ledger, among those whose trades count.
const THIS: &str = "this ledger";

/// The evidence of the stage in force; failures, buying power and results are those of its last
/// `window_days`. `others` are the trades of further paper ledgers.
pub fn evidence(
    tx: &impl Read,
    rules: &StagesRules,
    others: &[LedgerTrades],
    now: Timestamp,
) -> Result<Evidence, StoreError> {
    let row = stage::current(tx)?;
    let next = row.stage.next().unwrap_or(row.stage);
    let mut seen = Evidence {
        since: row.since,
        ledgers: others.to_vec(),
        validated: tx.get(&VALIDATIONS, next.words())?,
        ..Evidence::default()
    };
    // A live ledger is no paper ledger: its trades are not the ones that count.
    if rules.paper_opens {
        seen.ledgers.insert(0, trades(tx)?);
    }
    let Some(since) = row.since else { return Ok(seen) };
    let since = since.max(now - TimeDelta::days(rules.window_days.into()));
    seen.failed_runs = failed_runs(tx, since)?;
    failures(tx, since, &mut seen)?;
    equity(tx, since, &mut seen)?;
    Ok(seen)
}

/// The closed trades of this ledger; what the owner traded by hand is not among them.
pub fn trades(tx: &impl Read) -> Result<LedgerTrades, StoreError> {
    let closed = read::closed_positions(tx, DATES.0, DATES.1)?;
    let mine = closed.iter().filter(|position| position.strategy != StrategyId::External);
    let mut found = LedgerTrades { ledger: THIS.to_owned(), ..LedgerTrades::default() };
    for position in mine {
        found.closed += 1;
        found.won += u64::from(Position::pnl_usd(position).is_positive());
    }
    Ok(found)
}

/// Runs that failed or that a crash ended, since an instant.
fn failed_runs(tx: &impl Read, since: Timestamp) -> Result<u64, StoreError> {
    let mut found = 0;
    let mut after = String::new();
    while let Some((key, _)) = tx.first_after(&RUNS, &after)? {
        let (job, end) = of_job(&key);
        for (_, run) in tx.range(&RUNS, &run_id(job, since), &end)? {
            let crashed = run.reason.as_deref().is_some_and(|reason| reason.starts_with("crashed"));
            let bad = match run.status {
                RunStatus::Failed => true,
                RunStatus::Missed => crashed,
                RunStatus::Done | RunStatus::Skipped => false,
            };
            found += u64::from(bad && run.slot >= since);
        }
        after = end;
    }
    let (day, mut after) = (new_york_date(since), String::new());
    while let Some((key, _)) = tx.first_after(&SESSIONS, &after)? {
        let (job, end) = of_job(&key);
        for (_, session) in tx.range(&SESSIONS, &format!("{job}/{day}"), &end)? {
            found += u64::from(session.failed);
        }
        after = end;
    }
    Ok(found)
}

/// The job of a key `job/…`, and the first key after all of its own.
fn of_job(key: &str) -> (&str, String) {
    let job = key.split_once('/').map_or(key, |(job, _)| job);
    (job, format!("{job}0")) // the sign after the slash
}

/// Halts of the program and differences that stopped entries, as the journal tells them.
fn failures(tx: &impl Read, since: Timestamp, seen: &mut Evidence) -> Result<(), StoreError> {
    let mut from = first_since(tx, since)?;
    loop {
        let entries = tx.journal_entries(from, CHUNK)?;
        for entry in entries.iter().filter(|entry| entry.at >= since) {
            match entry.kind.as_str() {
                "hold" => {
                    let hold = Hold::deserialize(&entry.data).ok();
                    seen.halts.extend(hold.filter(own_halt).map(|hold| hold.cause));
                }
                "difference" => {
                    let row = Difference::deserialize(&entry.data).ok();
                    seen.differences += u64::from(row.is_some_and(|row| row.stops));
                }
                _ => {}
            }
        }
        match entries.last() {
            Some(last) if entries.len() == CHUNK => from = last.sequence + 1,
            _ => return Ok(()),
        }
    }
}

/// A halt that the program set for a fault of its own or of its broker's: the exchange's halts and
/// the owner's are none.
pub(super) fn own_halt(hold: &Hold) -> bool {
    matches!(hold.level, Level::Halted | Level::Flattening)
        && ![BY_FILE, breaker::exchange::NAME].contains(&hold.name.as_str())
}

/// The first entry at or after an instant; entries are in the order of their times.
pub fn first_since(tx: &impl Read, since: Timestamp) -> Result<u64, StoreError> {
    let (mut low, mut high) = (1, tx.journal_head()?.sequence + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let before = tx.journal_entries(middle, 1)?.first().is_none_or(|entry| entry.at < since);
        if before { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Points above their cap, and the days' results: realised plus the change of what is open.
fn equity(tx: &impl Read, since: Timestamp, seen: &mut Evidence) -> Result<(), StoreError> {
    let first = new_york_date(since);
    for (_, points) in tx.range(&EQUITY_POINTS, &first.to_string(), &DATES.1.to_string())? {
        for point in points.iter().filter(|point| point.at >= since) {
            if let Some((used, cap)) = point.used_percent.zip(point.cap_percent) {
                seen.points += 1;
                seen.over += u64::from(used > cap);
            }
        }
    }
    let rows = tx.list(&EQUITY, "")?;
    let mut open = Usd::ZERO;
    for (_, row) in rows {
        if row.date >= first {
            day(&row, open, seen);
        }
        open = row.open_pnl_usd;
    }
    Ok(())
}

fn day(row: &EquityRow, open_before: Usd, seen: &mut Evidence) {
    let result = (row.realised_usd + row.open_pnl_usd - open_before).rounded();
    seen.days += u64::from(result.0 != Decimal::ZERO);
    seen.positive_days += u64::from(result.is_positive());
}
