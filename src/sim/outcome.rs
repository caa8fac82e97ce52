//! What a replay gives: gathered from the store it filled, as one document.

use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use serde::Serialize;

use super::{book::Attempted, operator::Resume, replay::Outside};
use crate::{
    account::{ExitReason, IntentId, Position, Side, StrategyId},
    clock::Timestamp,
    desk::{
        read::{closed_positions, decisions, equity, intent},
        tables::EquityRow,
    },
    instrument::symbol::Symbol,
    market::Provenance,
    money::{Gbp, Usd, to_f64},
    notice::{Notice, OUTBOX},
    report::{
        daily::JobsLine,
        gather::Gatherer,
        held::DayBook,
        history::History,
        parts::{self, TradeLine},
    },
    risk::{
        Figure,
        decision::{DecisionOutcome, DecisionRecord},
    },
    store::{Read, Store, StoreError},
    strategy::Filter,
};

/// Everything a replay gives. The first fields are those other programs rely on.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The journal's head: the same command gives the same digest.
    pub digest: String,
    /// Sessions run.
    pub sessions: usize,
    /// Wall time of the run.
    pub elapsed_ms: u64,
    /// At the last close.
    pub net_liquidation_gbp: Option<Gbp>,
    /// The largest fall of a close from the highest close before it, in dollars, percent.
    pub max_drawdown_percent: f64,
    /// Closed positions, in order of closing.
    pub trades: Vec<Trade>,
    /// What the gate refused.
    pub refusals: Vec<RefusalLine>,
    /// What the entry jobs decided.
    pub decisions: Vec<DecisionLine>,
    /// First date of the range.
    pub from: NaiveDate,
    /// Last date of the range.
    pub to: NaiveDate,
    /// Where prices come from.
    pub prices: Provenance,
    /// Sessions a second of wall time.
    pub sessions_per_second: f64,
    /// Before the first session.
    pub starting_net_liquidation_gbp: Option<Gbp>,
    /// Before the first session.
    pub starting_net_liquidation_usd: Option<Usd>,
    /// At the last close.
    pub net_liquidation_usd: Option<Usd>,
    /// Sum of the trades.
    pub pnl_usd: Usd,
    /// Sum of the trades, each at its closing day's rate.
    pub pnl_gbp: Gbp,
    /// Fees paid.
    pub fees_usd: Usd,
    /// Wins of the trades that won or lost.
    pub win_rate_percent: Option<f64>,
    /// The session that used the most buying power, and the cap of that session.
    pub buying_power: Option<BuyingPowerPeak>,
    /// Changes of the latch.
    pub latch: Vec<LatchLine>,
    /// Positions still open at the end.
    pub open_positions: usize,
    /// How the slots ended.
    pub jobs: JobsLine,
    /// Limits 6 to 11 of the gate were not asked.
    pub limits_off: bool,
    /// What came of the attempts of the book; `null` without one.
    pub attempts: Option<Vec<Attempted>>,
    /// The book a minute before each close; `null` where the replay did not start from one.
    pub day_by_day: Option<Vec<DayBook>>,
    /// What the operator of the replay did, where live a person would have.
    pub operator: Vec<Resume>,
    /// The book at the end of each session in which anything was open; for the report's files.
    #[serde(skip)]
    pub books: Vec<DayBook>,
    /// What the days came to.
    pub history: History,
    /// The rows it was made from; for the report's files.
    #[serde(skip)]
    pub rows: Rows,
}

/// Rows of the ledger, in order.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Closes.
    pub days: Vec<EquityRow>,
    /// Closed trades.
    pub trades: Vec<TradeLine>,
    /// Decisions.
    pub decisions: Vec<DecisionRecord>,
    /// Positions open at the end.
    pub open: Vec<Position>,
}

/// A closed position.
#[derive(Debug, Clone, Serialize)]
pub struct Trade {
    /// Whose.
    pub strategy: StrategyId,
    /// First fill.
    pub opened_at: Timestamp,
    /// Last closing fill or settlement.
    pub closed_at: Timestamp,
    /// Why it was closed.
    pub exit_reason: ExitReason,
    /// Credit received, all units.
    pub credit_usd: Usd,
    /// After fees.
    pub pnl_usd: Usd,
    /// After fees, at the closing day's rate.
    pub pnl_gbp: Option<Gbp>,
    /// What was opened.
    pub legs: Vec<TradeLeg>,
    /// The same in words.
    pub what: String,
}

/// A leg as it was opened.
#[derive(Debug, Clone, Serialize)]
pub struct TradeLeg {
    /// The broker's symbol.
    pub symbol: String,
    /// Bought or sold at the opening.
    pub side: Side,
    /// Contracts.
    pub quantity: u32,
    /// Average opening price.
    pub open_price_points: f64,
}

/// One refusal of the gate.
#[derive(Debug, Clone, Serialize)]
pub struct RefusalLine {
    /// When.
    pub at: Timestamp,
    /// Whose candidate.
    pub strategy: StrategyId,
    /// The limit.
    pub limit: String,
    /// What was found.
    pub value: Figure,
    /// What it is held to.
    pub bound: Figure,
    /// The unit of both.
    pub unit: String,
    /// The sentence a person reads.
    pub text: String,
}

/// One decision.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionLine {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub strategy: StrategyId,
    /// How it came out.
    pub outcome: DecisionOutcome,
    /// The intent, when one was made.
    pub intent: Option<IntentId>,
    /// Every filter.
    pub filters: Vec<Filter>,
}

/// The most buying power in use.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BuyingPowerPeak {
    /// The session.
    pub date: NaiveDate,
    /// Of sizing capital.
    pub used_percent: f64,
    /// Its cap.
    pub cap_percent: Option<f64>,
}

/// A change of the latch.
#[derive(Debug, Clone, Serialize)]
pub struct LatchLine {
    /// When.
    pub at: Timestamp,
    /// The level from then on.
    pub level: String,
    /// Why.
    pub cause: String,
}

/// What the run itself knows.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// First date of the range.
    pub from: NaiveDate,
    /// Last date of the range.
    pub to: NaiveDate,
    /// Sessions run.
    pub sessions: usize,
    /// Wall time of the run.
    pub elapsed: std::time::Duration,
    /// The account before the first session.
    pub starting: Starting,
    /// Limits 6 to 11 were not asked.
    pub limits_off: bool,
    /// It started from a book.
    pub book: bool,
}

/// What the account was worth before the first session; `None` where it was not known.
#[derive(Debug, Clone, Copy)]
pub struct Starting {
    /// In dollars.
    pub usd: Option<Usd>,
    /// In pounds, at the last rate dated before the first day.
    pub gbp: Option<Gbp>,
}

impl Outcome {
    /// Gathers the outcome of a run from its store.
    pub fn gather(
        store: &Store,
        gatherer: &Gatherer,
        frame: Frame,
        outside: &Outside,
    ) -> Result<Self, StoreError> {
        let digest = store.journal_head()?.hash;
        let mut found = store.read(|tx| read(tx, gatherer, frame, digest))?;
        found.operator = taken(&outside.operator);
        found.books = taken(&outside.books);
        if frame.book {
            found.attempts = Some(taken(&outside.attempts));
            found.day_by_day = Some(found.books.clone());
        }
        Ok(found)
    }
}

/// What somebody outside the daemon wrote down.
fn taken<T>(log: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
}

fn read(
    tx: &impl Read,
    gatherer: &Gatherer,
    frame: Frame,
    digest: String,
) -> Result<Outcome, StoreError> {
    let Frame { from, to, sessions, elapsed, starting, limits_off, .. } = frame;
    let positions = closed_positions(tx, from, to)?;
    let lines: Vec<TradeLine> = positions.iter().filter_map(TradeLine::of).collect();
    let days = equity(tx, from, to)?;
    let decisions = decisions(tx, from, to)?;
    let curve = starting.usd.into_iter().chain(days.iter().map(|day| day.net_liquidation_usd));
    let last = days.last().cloned();
    let last = last.as_ref();
    let open = crate::desk::read::open_positions(tx)?;
    Ok(Outcome {
        digest,
        sessions,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        net_liquidation_gbp: last.and_then(|day| day.net_liquidation_gbp),
        max_drawdown_percent: parts::max_drawdown_percent(curve).unwrap_or(0.0),
        trades: positions
            .iter()
            .map(|p| trade(tx, p))
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
        refusals: decisions.iter().flat_map(refusals).collect(),
        decisions: decisions.iter().map(decision).collect(),
        from,
        to,
        prices: gatherer.prices,
        sessions_per_second: sessions as f64 / elapsed.as_secs_f64().max(1e-9),
        starting_net_liquidation_gbp: starting.gbp,
        starting_net_liquidation_usd: starting.usd,
        net_liquidation_usd: last.map(|day| day.net_liquidation_usd),
        pnl_usd: lines.iter().map(|line| line.pnl_usd).sum(),
        pnl_gbp: lines.iter().filter_map(|line| line.pnl_gbp).sum(),
        fees_usd: days.iter().map(|day| day.fees_usd).sum(),
        win_rate_percent: parts::win_rate_percent(&lines),
        buying_power: peak(&days),
        latch: latch_lines(tx)?,
        open_positions: open.len(),
        jobs: gatherer.jobs_line(tx, from, to)?,
        limits_off,
        attempts: None,
        day_by_day: None,
        operator: Vec::new(),
        books: Vec::new(),
        history: History::of(starting.usd, &days, &lines, &decisions),
        rows: Rows { days, trades: lines, decisions, open },
    })
}

fn trade(tx: &impl Read, position: &Position) -> Result<Option<Trade>, StoreError> {
    let Some(line) = TradeLine::of(position) else { return Ok(None) };
    let entry = intent(tx, &IntentId(position.id.0.clone()))?;
    let legs = entry.map(|record| record.intent.legs).unwrap_or_default();
    let leg = |leg: &crate::account::Leg| TradeLeg {
        symbol: Symbol::of(&leg.instrument)
            .map_or_else(|_| leg.instrument.product().to_string(), |s| s.to_string()),
        side: leg.side,
        quantity: leg.ratio * position.units,
        open_price_points: position
            .legs
            .iter()
            .find(|held| held.instrument == leg.instrument)
            .map_or(0.0, |held| to_f64(held.open_price)),
    };
    Ok(Some(Trade {
        strategy: line.strategy,
        opened_at: line.opened_at,
        closed_at: line.closed_at,
        exit_reason: line.exit_reason,
        credit_usd: line.credit_usd,
        pnl_usd: line.pnl_usd,
        pnl_gbp: line.pnl_gbp,
        legs: legs.iter().map(leg).collect(),
        what: line.what,
    }))
}

fn refusals(record: &DecisionRecord) -> impl Iterator<Item = RefusalLine> + '_ {
    record.refusals.iter().map(|row| RefusalLine {
        at: record.at,
        strategy: record.strategy,
        limit: row.limit.clone(),
        value: row.value.clone(),
        bound: row.bound.clone(),
        unit: row.unit.clone(),
        text: row.text.clone(),
    })
}

fn decision(record: &DecisionRecord) -> DecisionLine {
    DecisionLine {
        at: record.at,
        strategy: record.strategy,
        outcome: record.outcome,
        intent: record.intent.clone(),
        filters: record.filters.clone(),
    }
}

fn peak(days: &[EquityRow]) -> Option<BuyingPowerPeak> {
    let used = days.iter().filter_map(|day| Some((day.peak_used_percent?, day)));
    let (used, day) = used.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    Some(BuyingPowerPeak {
        date: day.date,
        used_percent: to_f64(used),
        cap_percent: day.cap_percent.map(to_f64),
    })
}

fn latch_lines(tx: &impl Read) -> Result<Vec<LatchLine>, StoreError> {
    let rows = tx.list(&OUTBOX, "")?;
    let line = |row: crate::notice::OutboxRow| match row.notice {
        Notice::Latch { level, cause } => Some(LatchLine { at: row.at, level, cause }),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(|(_, row)| line(row)).collect())
}
