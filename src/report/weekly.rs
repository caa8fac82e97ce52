//! The weekly review: gathered once from the store, then shown.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    daily::{HeadLine, JobsLine, PositionLine, holds, jobs, positions, prices_note},
    decisions,
    page::{Body, Page, Section},
    parts::{self, TradeLine},
};
use crate::{
    account::hold::{Hold, Level},
    desk::stage::StageRow,
    market::Provenance,
    money::{Gbp, Usd},
    risk::decision::DecisionRecord,
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
    /// The account at each close.
    pub days: Vec<DayLine>,
    /// Net liquidation at the last close before the week, dollars.
    pub before_usd: Option<Usd>,
    /// The same in pounds.
    pub before_gbp: Option<Gbp>,
    /// The largest fall from the peak since the account began, percent of the peak.
    pub max_drawdown_percent: Option<f64>,
    /// Positions closed in the week.
    pub trades: Vec<TradeLine>,
    /// Positions still open.
    pub positions: Vec<PositionLine>,
    /// Wins of all trades that won or lost since the account began, percent.
    pub win_rate_percent: Option<f64>,
    /// Closed trades since the account began.
    pub trades_ever: usize,
    /// What the entry jobs decided.
    pub decisions: Vec<DecisionRecord>,
    /// How the week's slots ended.
    pub jobs: JobsLine,
    /// The next week's sessions.
    pub next_week: Vec<SessionLine>,
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

/// One session to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// The date.
    pub date: NaiveDate,
    /// What is particular about it; empty for a usual session.
    pub note: String,
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
        sections.extend(self.stage.as_ref().and_then(parts::stage));
        sections.push(self.day_section());
        sections.push(parts::trades(&self.trades));
        if !self.positions.is_empty() {
            sections.push(positions(&self.positions));
        }
        sections.push(self.record_section());
        if !self.decisions.is_empty() {
            sections.push(decisions::section(&self.decisions, &self.trades, &self.positions));
        }
        sections.push(jobs(&self.jobs));
        sections.push(self.next_section());
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

    fn day_section(&self) -> Section {
        let head = ["Session", "Net liq £", "Net liq $", "Realised", "Use / cap"];
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let row = |day: &DayLine| {
            vec![
                day.date.format("%a %-d %b").to_string(),
                or_dash(day.net_liquidation_gbp.map(|gbp| gbp.to_string())),
                day.net_liquidation_usd.to_string(),
                day.realised_usd.to_string(),
                use_of_cap(day),
            ]
        };
        let body = if self.days.is_empty() {
            Body::Lines(vec!["No session was reconciled.".to_owned()])
        } else {
            let rows = self.days.iter().map(row).collect();
            Body::Rows(head.map(str::to_owned).to_vec(), rows)
        };
        Section { title: "The week".to_owned(), body }
    }

    fn record_section(&self) -> Section {
        let rate = self.win_rate_percent.map_or_else(
            || "no trade has won or lost yet".to_owned(),
            |rate| format!("{rate:.1} % of {}", parts::counted(self.trades_ever, "trade")),
        );
        let drawdown = self.max_drawdown_percent.map_or_else(
            || "not known".to_owned(),
            |percent| format!("{percent:.2} % from the peak, in dollars"),
        );
        let facts = [
            ("Win rate", rate),
            ("The rulebook claims", format!("{CLAIMED_WIN_RATE_PERCENT} % for Friday 0DTE")),
            ("Largest drawdown", drawdown),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Section { title: "Since the account began".to_owned(), body: Body::Facts(facts) }
    }

    fn next_section(&self) -> Section {
        let line = |session: &SessionLine| {
            let date = session.date.format("%a %-d %b");
            if session.note.is_empty() {
                date.to_string()
            } else {
                format!("{date}: {}", session.note)
            }
        };
        let lines = self.next_week.iter().map(line).collect();
        Section { title: "Next week".to_owned(), body: Body::Lines(lines) }
    }
}

/// The most buying power used and its cap: `2.5 / 50 %`.
fn use_of_cap(day: &DayLine) -> String {
    let used = day.peak_used_percent.map_or_else(|| "-".to_owned(), |used| format!("{used:.1}"));
    let cap = day.cap_percent.map_or_else(|| "-".to_owned(), |cap| cap.to_string());
    format!("{used} / {cap} %")
}
