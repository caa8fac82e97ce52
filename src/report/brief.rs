//! How the plan and the stage stand, in the few lines of a daily report: what is read for them does
//! not grow with the ledger.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    gather::Gatherer,
    page::{Body, Section},
    planning::of_month,
};
use crate::{
    calendar::new_york_date,
    desk::{read, stage},
    money::Gbp,
    plan::{Income, compounding},
    store::{Read, StoreError, Table},
};

/// How many criteria of the next stage held at the last weekly review; one row, `last`.
pub const PROGRESS: Table<Progress> = Table::new("stage_progress", 1);
/// The one key of [`PROGRESS`].
pub const PROGRESS_KEY: &str = "last";

/// Criteria of the next stage as a weekly review found them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The review's last session.
    pub date: NaiveDate,
    /// Criteria that held.
    pub holding: usize,
    /// All of them.
    pub criteria: usize,
}

/// The plan and the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanBrief {
    /// The account's phase; `None` below the first.
    pub phase: Option<u8>,
    /// The month's income, without its parts; `None` without a rate.
    pub income: Option<Income>,
    /// What the path asks for on this day.
    pub planned_gbp: Option<Gbp>,
    /// Net liquidation over the path, less one, percent.
    pub gap_percent: Option<f64>,
    /// The stage in force.
    pub stage: String,
    /// Days in it.
    pub stage_days: Option<i64>,
    /// Days the next one asks for.
    pub stage_days_least: u32,
    /// Its criteria at the last weekly review.
    pub progress: Option<Progress>,
}

impl Gatherer {
    /// The plan and the stage on a date; `None` when the day was not reconciled.
    pub(super) fn brief(
        &self,
        tx: &impl Read,
        date: NaiveDate,
    ) -> Result<Option<PlanBrief>, StoreError> {
        let Some(row) = read::equity(tx, date, date)?.pop() else { return Ok(None) };
        let rulebook = &self.rulebook;
        let income =
            row.fx.map(|rate| of_month(tx, rulebook, date, row.phase, rate)).transpose()?;
        let began = read::cash(tx)?.map(|book| new_york_date(book.since));
        let worth = row.net_liquidation_gbp;
        let path = |started| compounding(&rulebook.plan, started, date, worth, None);
        let path = rulebook.plan.started.or(began).map(path);
        let stage = stage::current(tx)?;
        Ok(Some(PlanBrief {
            phase: row.phase,
            income: income.map(|income| Income { strategies: Vec::new(), ..income }),
            planned_gbp: path.as_ref().map(|path| path.planned_gbp),
            gap_percent: path.and_then(|path| path.gap_percent),
            stage: stage.stage.to_string(),
            stage_days: stage.since.map(|since| (date - new_york_date(since)).num_days()),
            stage_days_least: rulebook.stages.days,
            progress: tx.get(&PROGRESS, PROGRESS_KEY)?,
        }))
    }
}

impl PlanBrief {
    /// The section.
    pub fn section(&self) -> Section {
        let mut facts = Vec::new();
        facts.extend(self.income.as_ref().map(|income| (income.month.clone(), month(income))));
        facts.extend(
            self.planned_gbp
                .zip(self.gap_percent)
                .map(|(planned, gap)| ("Path".to_owned(), format!("{gap:+.1} % to {planned}"))),
        );
        let phase = self.phase.map_or_else(|| "below the first".to_owned(), |n| n.to_string());
        facts.push(("Phase".to_owned(), phase));
        facts.push(("Stage".to_owned(), self.stage_words()));
        Section { title: "Plan".to_owned(), body: Body::Facts(facts) }
    }

    fn stage_words(&self) -> String {
        let days = self.stage_days.map_or_else(String::new, |days| {
            format!(", day {days} of at least {}", self.stage_days_least)
        });
        let held = self.progress.as_ref().filter(|progress| progress.criteria > 0);
        let held = held.map_or_else(String::new, |progress| {
            let Progress { holding, criteria, date } = progress;
            format!("; {holding} of {criteria} criteria held on {}", date.format("%-d %b"))
        });
        format!("{}{days}{held}", self.stage)
    }
}

/// `£175.80 of £3,000.00 closed, £5.46 expected, £2,818.74 missing`.
fn month(income: &Income) -> String {
    let Income { target_gbp, realised_gbp, expected_gbp, shortfall_gbp, .. } = income;
    let target = target_gbp.map_or_else(String::new, |target| format!(" of {target}"));
    let missing = shortfall_gbp.filter(|gbp| *gbp > Gbp::ZERO);
    let missing = missing.map_or_else(String::new, |gbp| format!(", {gbp} missing"));
    format!("{realised_gbp}{target} closed, {expected_gbp} expected{missing}")
}
