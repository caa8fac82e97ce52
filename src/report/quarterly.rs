//! The quarterly review: the same as a month's, over its three months.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    gather::Gatherer,
    page::{Body, Page, Section},
    pictures, planning,
    review::Review,
    review_page,
};
use crate::{
    plan::{Income, Month},
    store::{Read, StoreError},
};

/// Everything a quarterly review says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuarterlyReview {
    /// `2026-Q4`.
    pub quarter: String,
    /// The income of each month that had a session and a rate.
    pub incomes: Vec<Income>,
    /// The quarter.
    #[serde(flatten)]
    pub review: Review,
}

impl Gatherer {
    /// The review of the quarter before the one a date is in; `None` when nothing was kept of it.
    pub fn quarterly(
        &self,
        tx: &impl Read,
        date: NaiveDate,
    ) -> Result<Option<QuarterlyReview>, StoreError> {
        let mut last = Month::of(date).before();
        while !last.first().month().is_multiple_of(3) {
            last = last.before();
        }
        let months = [last.before().before(), last.before(), last];
        let (from, to) = (months[0].first(), last.last());
        let Some(review) = self.review(tx, from, to)? else { return Ok(None) };
        let incomes = planning::of_months(tx, &self.rulebook, &months)?;
        let quarter = format!("{}-Q{}", to.year(), to.month0() / 3 + 1);
        Ok(Some(QuarterlyReview { quarter, incomes, review }))
    }
}

impl QuarterlyReview {
    /// The figure that matters.
    pub fn headline(&self) -> String {
        review_page::headline(&self.review, None)
    }

    /// The page.
    pub fn page(&self) -> Page {
        let mut sections = vec![self.income_section()];
        let drawn = pictures::income(&self.incomes);
        sections.extend(drawn.map(|drawn| pictures::section("", drawn)));
        // The plan's own income is of the last month alone, which stands in the table above.
        let plan = planning::PlanStands { income: None, ..self.review.plan.clone() };
        sections.extend(plan.sections());
        review_page::page(
            format!("Quarterly review, {}", self.quarter),
            self.headline(),
            &self.review,
            sections,
        )
    }

    fn income_section(&self) -> Section {
        let head = ["Month", "Target", "Closed", "Expected", "Missing"];
        let or_dash = |gbp: Option<crate::money::Gbp>| {
            gbp.map_or_else(|| "-".to_owned(), |gbp| gbp.to_string())
        };
        let row = |income: &Income| {
            vec![
                income.month.clone(),
                or_dash(income.target_gbp),
                income.realised_gbp.to_string(),
                income.expected_gbp.to_string(),
                or_dash(income.shortfall_gbp),
            ]
        };
        let rows = self.incomes.iter().map(row).collect();
        let body = Body::Rows(head.map(str::to_owned).to_vec(), rows);
        Section { title: "Income".to_owned(), body }
    }
}
