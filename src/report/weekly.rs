//! The weekly review: gathered once from the store, then shown.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    ahead::{SessionLine, next_week},
    closing,
    curve::{self, Close},
    daily::{HeadLine, JobsLine, PositionLine, holds, jobs, positions, prices_note},
    gather::{BEGINNING, Gatherer, head_line, position_line, trade_lines},
    health::HealthLine,
    incidents::{self, Incident, incidents},
    page::Page,
    parts::{self, TradeLine},
    performance::{Curves, Returns, by_strategy, of_trades},
    proposals::claim_percent,
    review::{DecisionCount, counts},
    weekly_page,
};
use crate::{
    account::hold::{Hold, Level},
    calendar::Exchange,
    clock::Timestamp,
    config::Rulebook,
    desk::{
        dayend::{self, Ahead, DayEnd},
        evidence::evidence,
        latch,
        read::{self, closed_positions, decisions, equity, open_positions},
        stage::{self, StageRow},
        tables::EquityRow,
    },
    market::Provenance,
    money::{Gbp, Usd, to_f64},
    risk::{
        breaker::Line,
        decision::DecisionRecord,
        promotion::{Criterion, criteria},
    },
    stats::TradeStats,
    store::{Read, StoreError},
};

/// Everything a weekly review says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeeklyReview {
    /// First session of the week.
    pub from: NaiveDate,
    /// Last session of the week.
    pub to: NaiveDate,
    /// Where prices come from.
    pub prices: Provenance,
    /// The latch at the time of writing.
    pub latch: Level,
    /// Active holds.
    pub holds: Vec<Hold>,
    /// The deployment stage, with every override it was ever promoted by.
    #[serde(default)]
    pub stage: Option<StageRow>,
    /// Breakers near their bounds or tripped.
    #[serde(default)]
    pub breakers: Vec<Line>,
    /// The account at each close.
    pub days: Vec<DayLine>,
    /// Net liquidation at the last close before the week, dollars.
    pub before_usd: Option<Usd>,
    /// The same in pounds.
    pub before_gbp: Option<Gbp>,
    /// The account at each close of about the last year.
    #[serde(default)]
    pub closes: Vec<Close>,
    /// The largest fall from the peak since the account began, percent of the peak.
    pub max_drawdown_percent: Option<f64>,
    /// Each strategy that has closed a trade, in the week and since the account began.
    #[serde(default)]
    pub strategies: Vec<StrategyWeek>,
    /// Statistics of the daily returns since the account began, in dollars.
    #[serde(default)]
    pub usd_returns_ever: Option<Returns>,
    /// Statistics of the trades closed since the account began.
    #[serde(default)]
    pub trades_stats_ever: Option<TradeStats>,
    /// Positions closed in the week.
    pub trades: Vec<TradeLine>,
    /// Positions still open.
    pub positions: Vec<PositionLine>,
    /// The book before the last close: Greeks, limits, stress, groups.
    #[serde(default)]
    pub close: Option<DayEnd>,
    /// Wins of all trades that won or lost since the account began, percent.
    pub win_rate_percent: Option<f64>,
    /// Closed trades since the account began.
    pub trades_ever: usize,
    /// What the entry jobs decided.
    pub decisions: Vec<DecisionRecord>,
    /// The same, counted by strategy.
    #[serde(default)]
    pub decisions_by_strategy: Vec<DecisionCount>,
    /// Holds and differences of the week.
    #[serde(default)]
    pub incidents: Vec<Incident>,
    /// What the next stage asks for, by this ledger alone.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// How the week's slots ended.
    pub jobs: JobsLine,
    /// The next week's sessions.
    pub next_week: Vec<SessionLine>,
    /// Events ahead; `None` when they were not asked for.
    #[serde(default)]
    pub ahead: Option<Ahead>,
    /// How the program ran.
    #[serde(default)]
    pub health: Option<HealthLine>,
    /// The journal's head.
    pub journal: HeadLine,
}

/// One day of the week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayLine {
    /// The session.
    pub date: NaiveDate,
    /// At the close.
    pub net_liquidation_usd: Usd,
    /// At the close.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Closed positions, after fees.
    pub realised_usd: Usd,
    /// The most buying power in use, percent of sizing capital.
    pub peak_used_percent: Option<f64>,
    /// Its cap.
    pub cap_percent: Option<f64>,
}

impl DayLine {
    fn of(row: &EquityRow) -> Self {
        Self {
            date: row.date,
            net_liquidation_usd: row.net_liquidation_usd,
            net_liquidation_gbp: row.net_liquidation_gbp,
            realised_usd: row.realised_usd,
            peak_used_percent: row.peak_used_percent.map(to_f64),
            cap_percent: row.cap_percent.map(to_f64),
        }
    }
}

/// One strategy, in the week and ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategyWeek {
    /// The strategy.
    pub strategy: String,
    /// Trades closed in the week.
    pub week_trades: usize,
    /// What they made after fees.
    pub week_pnl_usd: Usd,
    /// Trades closed since the account began.
    pub trades: usize,
    /// What they made after fees.
    pub pnl_usd: Usd,
    /// Wins of those that won or lost, percent.
    pub win_rate_percent: Option<f64>,
    /// What it is held to (rulebook §4.1, §7), percent.
    pub target_percent: f64,
}

/// The win rate the rulebook claims for Friday 0DTE (§4.1): to be measured, never asserted.
pub(super) const CLAIMED_WIN_RATE_PERCENT: u32 = 88;

impl WeeklyReview {
    /// The week's change in pounds.
    pub fn change_gbp(&self) -> Option<Gbp> {
        let last = self.days.last()?.net_liquidation_gbp?;
        Some(last - self.before_gbp?)
    }

    /// The figure that matters.
    pub fn headline(&self) -> String {
        let last = self.days.last().and_then(|day| day.net_liquidation_gbp);
        let worth = last.map_or_else(|| "Net liquidation not known".to_owned(), |g| g.to_string());
        let change = self.change_gbp().map(|gbp| format!(" ({})", parts::signed(gbp)));
        let wins = self.trades.iter().filter(|trade| trade.is_win()).count();
        let trades = match self.trades.len() {
            0 => "no trades".to_owned(),
            n => format!("{wins} of {} won", parts::counted(n, "trade")),
        };
        format!("{worth}{}, {trades}", change.unwrap_or_default())
    }

    /// The page.
    pub fn page(&self) -> Page {
        let mut sections = Vec::new();
        if !self.holds.is_empty() {
            sections.push(holds(&self.holds));
        }
        sections.push(weekly_page::days(self));
        sections.extend(curve::sections(&self.closes));
        sections.extend(weekly_page::strategies(&self.strategies));
        sections.push(weekly_page::statistics(self));
        sections.push(parts::trades(&self.trades));
        if !self.positions.is_empty() {
            sections.push(positions(&self.positions, self.close.as_ref()));
        }
        if let Some(close) = &self.close {
            sections.extend(closing::greeks(close));
            sections.push(closing::stress(close));
            sections.push(closing::groups(close));
        }
        sections.extend(closing::near(&self.breakers, self.close.as_ref()));
        sections.push(incidents::section(&self.incidents));
        sections.extend(weekly_page::decisions(&self.decisions_by_strategy));
        sections.extend(weekly_page::promotion(self));
        sections.extend(self.stage.as_ref().and_then(parts::stage));
        sections.push(next_week(&self.next_week, self.ahead.as_ref()));
        sections.push(jobs(&self.jobs));
        sections.extend(self.health.as_ref().map(HealthLine::section));
        Page {
            title: format!("Weekly review, {} to {}", self.from, self.to),
            headline: self.headline(),
            sections,
            notes: vec![
                format!("{} Times are New York.", prices_note(self.prices)),
                format!("Journal: entry {}, {}", self.journal.sequence, self.journal.hash),
            ],
        }
    }
}

impl Gatherer {
    /// The review of the week whose last session is `to`, written at `now`.
    pub fn weekly(
        &self,
        tx: &impl Read,
        to: NaiveDate,
        now: Timestamp,
    ) -> Result<WeeklyReview, StoreError> {
        let week = to.week(chrono::Weekday::Mon);
        let sessions = self.calendar.sessions(Exchange::Xnys, week.first_day(), to);
        let from = sessions.first().map_or(to, |session| session.date);
        let holds = read::holds(tx)?;
        let rows = equity(tx, BEGINNING, to)?;
        let (before, days): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.date < from);
        let curves = Curves::of(read::cash(tx)?.as_ref(), &rows);
        let ever = trade_lines(&closed_positions(tx, BEGINNING, to)?);
        let trades = trade_lines(&closed_positions(tx, from, to)?);
        let decided = decisions(tx, from, to)?;
        let close = dayend::of_day(tx, to)?;
        let position = |position| position_line(position, to, close.as_ref());
        Ok(WeeklyReview {
            from,
            to,
            prices: self.prices,
            latch: latch::level_of(&holds),
            breakers: self.breakers(tx, &holds)?,
            holds,
            stage: Some(stage::current(tx)?),
            days: days.into_iter().map(DayLine::of).collect(),
            before_usd: before.last().map(|row| row.net_liquidation_usd),
            before_gbp: before.last().and_then(|row| row.net_liquidation_gbp),
            closes: curve::closes(&rows, &curves),
            max_drawdown_percent: parts::max_drawdown_percent(
                rows.iter().map(|row| row.net_liquidation_usd),
            ),
            strategies: strategies(&self.rulebook, &trades, &ever),
            usd_returns_ever: Returns::of(curves.usd.as_ref()),
            trades_stats_ever: (!ever.is_empty()).then(|| of_trades(&ever)),
            trades,
            positions: open_positions(tx)?.iter().map(position).collect(),
            close,
            win_rate_percent: parts::win_rate_percent(&ever),
            trades_ever: ever.len(),
            decisions_by_strategy: counts(&decided),
            decisions: decided,
            incidents: incidents(tx, from, to)?,
            criteria: self.criteria(tx, now)?,
            jobs: self.jobs_line(tx, from, to)?,
            next_week: self.next_week(to),
            ahead: dayend::ahead_of(tx, to)?,
            health: Some(self.health(tx, from, to)?),
            journal: head_line(tx)?,
        })
    }

    /// What the next stage asks for; of further paper ledgers nothing is known here.
    fn criteria(&self, tx: &impl Read, now: Timestamp) -> Result<Vec<Criterion>, StoreError> {
        let (rules, stage) = (&self.rulebook.stages, stage::current(tx)?.stage);
        let seen = evidence(tx, rules, &[], now)?;
        Ok(criteria(rules, stage, &seen, now))
    }
}

fn strategies(rulebook: &Rulebook, week: &[TradeLine], ever: &[TradeLine]) -> Vec<StrategyWeek> {
    let week = by_strategy(week);
    let line = |found: super::performance::StrategyStats| {
        let own = week.iter().find(|line| line.strategy == found.strategy).map(|line| &line.stats);
        StrategyWeek {
            week_trades: own.map_or(0, |stats| stats.trade_count),
            week_pnl_usd: own.map_or(Usd::ZERO, |stats| stats.trade_pnl_usd),
            trades: found.stats.trade_count,
            pnl_usd: found.stats.trade_pnl_usd,
            win_rate_percent: found.stats.trade_win_rate.map(|rate| rate * 100.0),
            target_percent: claim_percent(rulebook, &found.strategy),
            strategy: found.strategy,
        }
    };
    by_strategy(ever).into_iter().map(line).collect()
}
