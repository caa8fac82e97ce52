//! The monthly review: income and compounding, each strategy's statistics, and proposals.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{gather::Gatherer, page::Page, pictures, planning, review::Review, review_page};
use crate::{
    plan::{Income, Month},
    store::{Read, StoreError},
};

/// Months of income told.
const MONTHS: usize = 6;

/// Everything a monthly review says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthlyReview {
    /// `2026-10`.
    pub month: String,
    /// The income of the last months up to this one, each that had a session and a rate.
    #[serde(default)]
    pub incomes: Vec<Income>,
    /// The month.
    #[serde(flatten)]
    pub review: Review,
}

impl Gatherer {
    /// The review of the month before the one a date is in; `None` when nothing was kept of it.
    pub fn monthly(
        &self,
        tx: &impl Read,
        date: NaiveDate,
    ) -> Result<Option<MonthlyReview>, StoreError> {
        let month = Month::of(date).before();
        let Some(review) = self.review(tx, month.first(), month.last())? else { return Ok(None) };
        let mut months = vec![month];
        while months.len() < MONTHS {
            months.insert(0, months[0].before());
        }
        let incomes = planning::of_months(tx, &self.rulebook, &months)?;
        Ok(Some(MonthlyReview { month: month.to_string(), incomes, review }))
    }
}

impl MonthlyReview {
    /// The figure that matters.
    pub fn headline(&self) -> String {
        let income = self.review.plan.income.as_ref().map(against_target);
        review_page::headline(&self.review, income)
    }

    /// The page.
    pub fn page(&self) -> Page {
        let mut sections = self.review.plan.sections();
        if let Some(drawn) = pictures::income(&self.incomes) {
            sections.insert(0, pictures::section("Income", drawn));
        }
        review_page::page(
            format!("Monthly review, {}", self.month),
            self.headline(),
            &self.review,
            sections,
        )
    }
}

/// `£175.80 of £3,000.00 closed`.
fn against_target(income: &Income) -> String {
    let target = income.target_gbp.map(|target| format!(" of {target}")).unwrap_or_default();
    format!("{}{target} closed", income.realised_gbp)
}
