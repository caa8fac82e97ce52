//! What the monthly and the quarterly review share: a span of sessions, gathered once from the
//! store.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    curve::{Close, closes},
    daily::{HeadLine, JobsLine},
    gather::{BEGINNING, Gatherer, head_line},
    parts::TradeLine,
    performance::{Curves, Returns, StrategyStats, by_strategy, of_trades},
    planning::{PlanStands, Worth, plan},
    proposals::{Proposal, proposals},
};
use crate::{
    account::hold::{Hold, Level},
    desk::{
        latch::level_of,
        read::{cash, closed_positions, decisions, equity, holds},
        stage::{self, StageRow},
        tables::EquityRow,
    },
    market::Provenance,
    money::{FxRate, Gbp, Usd},
    risk::decision::{DecisionOutcome, DecisionRecord},
    stats::{TradeStats, YearRow, months},
    store::{Read, StoreError},
};

/// A span of sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// First day.
    pub from_date: NaiveDate,
    /// Last day.
    pub to_date: NaiveDate,
    /// Where prices come from.
    pub prices: Provenance,
    /// The latch at the time of writing.
    pub latch: Level,
    /// Active holds.
    pub holds: Vec<Hold>,
    /// The deployment stage, with every override it was ever promoted by.
    pub stage: StageRow,
    /// The account over the span.
    pub account: AccountSpan,
    /// The account at each close of about the last year.
    #[serde(default)]
    pub closes: Vec<Close>,
    /// The plan at the end of the span.
    pub plan: PlanStands,
    /// Statistics of the span's daily returns in dollars: what was traded.
    pub usd_returns: Option<Returns>,
    /// The same in pounds, each close at its own rate.
    pub gbp_returns: Option<Returns>,
    /// The same in dollars since the ledger began.
    pub usd_returns_ever: Option<Returns>,
    /// Returns in pounds by year and month, since the ledger began.
    pub months: Vec<YearRow>,
    /// Statistics of the trades closed in the span.
    pub trades: TradeStats,
    /// The same of each strategy.
    pub strategies: Vec<StrategyStats>,
    /// The same since the ledger began.
    pub strategies_ever: Vec<StrategyStats>,
    /// What the entry jobs decided, by strategy.
    pub decisions: Vec<DecisionCount>,
    /// What a person may want to change; nothing here changes anything.
    pub proposals: Vec<Proposal>,
    /// How the span's slots ended.
    pub jobs: JobsLine,
    /// The journal's head.
    pub journal: HeadLine,
}

/// The account over a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountSpan {
    /// Sessions reconciled in it.
    pub sessions: usize,
    /// Net liquidation at the close before the span, dollars; `None` when the ledger began in it.
    pub before_usd: Option<Usd>,
    /// The same in pounds.
    pub before_gbp: Option<Gbp>,
    /// Net liquidation at its last close, dollars.
    pub after_usd: Usd,
    /// The same in pounds.
    pub after_gbp: Option<Gbp>,
    /// Closed positions, after fees.
    pub realised_usd: Usd,
    /// Fees.
    pub fees_usd: Usd,
}

/// What the entry jobs decided for one strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionCount {
    /// The strategy.
    pub strategy: String,
    /// Entered.
    pub entered: usize,
    /// No trade by its own filters.
    pub no_trade: usize,
    /// Refused by the gate.
    pub refused: usize,
    /// The order ended without a fill.
    pub missed: usize,
    /// Changed what was open.
    pub adjusted: usize,
    /// Refusals by limit.
    pub refusals: BTreeMap<String, usize>,
}

impl Gatherer {
    /// A span; `None` when no session of it was reconciled.
    pub(super) fn review(
        &self,
        tx: &impl Read,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Option<Review>, StoreError> {
        let rows = equity(tx, BEGINNING, to)?;
        let Some(account) = span(&rows, from) else { return Ok(None) };
        let curves = Curves::of(cash(tx)?.as_ref(), &rows);
        let inside = curves.since(from);
        let ever = trades(tx, BEGINNING, to)?;
        let closed = trades(tx, from, to)?;
        let decided = counts(&decisions(tx, from, to)?);
        let strategies_ever = by_strategy(&ever);
        let holds = holds(tx)?;
        Ok(Some(Review {
            from_date: from,
            to_date: to,
            prices: self.prices,
            latch: level_of(&holds),
            holds,
            stage: stage::current(tx)?,
            plan: plan(tx, &self.rulebook, &self.calendar, to, worth(&rows))?,
            account,
            closes: closes(&rows, &curves),
            usd_returns: Returns::of(inside.usd.as_ref()),
            gbp_returns: Returns::of(inside.gbp.as_ref()),
            usd_returns_ever: Returns::of(curves.usd.as_ref()),
            months: curves.gbp.as_ref().map(months).unwrap_or_default(),
            trades: of_trades(&closed),
            strategies: by_strategy(&closed),
            proposals: proposals(&self.rulebook, &strategies_ever, &ever, &decided),
            strategies_ever,
            decisions: decided,
            jobs: self.jobs_line(tx, from, to)?,
            journal: head_line(tx)?,
        }))
    }
}

/// What the last close was worth.
fn worth(rows: &[EquityRow]) -> Worth {
    let Some(last) = rows.last() else { return Worth::default() };
    let rate: Option<FxRate> = last.fx;
    Worth { net_liquidation_gbp: last.net_liquidation_gbp, rate, phase: last.phase }
}

fn span(rows: &[EquityRow], from: NaiveDate) -> Option<AccountSpan> {
    let (before, inside): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.date < from);
    let (before, last) = (before.last(), inside.last()?);
    Some(AccountSpan {
        sessions: inside.len(),
        before_usd: before.map(|row| row.net_liquidation_usd),
        before_gbp: before.and_then(|row| row.net_liquidation_gbp),
        after_usd: last.net_liquidation_usd,
        after_gbp: last.net_liquidation_gbp,
        realised_usd: inside.iter().map(|row| row.realised_usd).sum(),
        fees_usd: inside.iter().map(|row| row.fees_usd).sum(),
    })
}

fn trades(tx: &impl Read, from: NaiveDate, to: NaiveDate) -> Result<Vec<TradeLine>, StoreError> {
    Ok(closed_positions(tx, from, to)?.iter().filter_map(TradeLine::of).collect())
}

pub(super) fn counts(records: &[DecisionRecord]) -> Vec<DecisionCount> {
    let mut found: BTreeMap<_, DecisionCount> = BTreeMap::new();
    for record in records {
        let count = found.entry(record.strategy).or_insert_with(|| DecisionCount {
            strategy: record.strategy.name().to_owned(),
            entered: 0,
            no_trade: 0,
            refused: 0,
            missed: 0,
            adjusted: 0,
            refusals: BTreeMap::new(),
        });
        *match record.outcome {
            DecisionOutcome::Entered => &mut count.entered,
            DecisionOutcome::NoTrade => &mut count.no_trade,
            DecisionOutcome::Refused => &mut count.refused,
            DecisionOutcome::Missed => &mut count.missed,
            DecisionOutcome::Adjusted => &mut count.adjusted,
        } += 1;
        for row in &record.refusals {
            *count.refusals.entry(row.limit.clone()).or_default() += 1;
        }
    }
    found.into_values().collect()
}
