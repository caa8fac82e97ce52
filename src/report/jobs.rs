//! The job bodies `daily-report` and `weekly-review`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::Serialize;

use super::{KeptReport, Period, REPORTS, gather::Gatherer, page::Page, report_key};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    notice::{Notice, raise},
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Store, StoreError, WriteTx},
};

/// Writes a report of the slot's date.
pub struct ReportBody {
    period: Period,
    store: Store,
    gatherer: Arc<Gatherer>,
}

impl ReportBody {
    /// The body of `daily-report` or `weekly-review`.
    pub fn new(period: Period, store: Store, gatherer: Arc<Gatherer>) -> Self {
        Self { period, store, gatherer }
    }

    fn write(&self, date: NaiveDate, at: Timestamp) -> Result<KeptReport, StoreError> {
        match self.period {
            Period::Daily => {
                let report = self.store.read(|tx| self.gatherer.daily(tx, date))?;
                kept(self.period, date, at, &report.page(), &report)
            }
            Period::Weekly => {
                let review = self.store.read(|tx| self.gatherer.weekly(tx, date))?;
                kept(self.period, date, at, &review.page(), &review)
            }
        }
    }
}

fn kept(
    period: Period,
    date: NaiveDate,
    at: Timestamp,
    page: &Page,
    document: &impl Serialize,
) -> Result<KeptReport, StoreError> {
    let document = serde_json::to_value(document)
        .map_err(|error| StoreError::Refused(format!("the {period} report: {error}")))?;
    Ok(KeptReport {
        period,
        date,
        at,
        headline: page.headline.clone(),
        text: page.text(),
        html: page.html(),
        document,
    })
}

#[async_trait]
impl JobBody for ReportBody {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let (date, at) = (new_york_date(context.slot), context.rt.now());
        let report = self.write(date, at).map_err(|error| JobError(error.to_string()))?;
        let summary = format!("{} report of {date}: {}", self.period, report.headline);
        let cause = context.run_id();
        Ok(JobReport::done(summary).with(move |tx| keep(tx, &report, &cause)))
    }
}

fn keep(tx: &mut WriteTx, report: &KeptReport, cause: &str) -> Result<(), StoreError> {
    let KeptReport { period, date, at, headline, .. } = report;
    tx.put(&REPORTS, &report_key(*period, *date), report)?;
    tx.journal(*at, cause, "report", &(period, date, headline))?;
    let period = period.name().to_owned();
    raise(tx, *at, Notice::Report { period, date: *date, headline: headline.clone() })
}
