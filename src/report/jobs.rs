//! The job bodies `daily-report`, `weekly-review`, `monthly-review` and `quarterly-review`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::Serialize;

use super::{
    KeptReport, Period, REPORTS, gather::Gatherer, page::Page, quarterly::QuarterlyReview,
    report_key,
};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    notice::{Notice, raise},
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Read, Store, StoreError, WriteTx},
};

/// Writes a report of the slot's date.
pub struct ReportBody {
    period: Period,
    store: Store,
    gatherer: Arc<Gatherer>,
}

impl ReportBody {
    /// The body of the job that writes a period's reports.
    pub fn new(period: Period, store: Store, gatherer: Arc<Gatherer>) -> Self {
        Self { period, store, gatherer }
    }

    /// The report a slot writes; `None` when there is nothing to tell of, with the reason.
    fn write(
        &self,
        slot: NaiveDate,
        at: Timestamp,
    ) -> Result<Result<KeptReport, String>, StoreError> {
        let (store, gatherer) = (&self.store, &self.gatherer);
        match self.period {
            Period::Daily => {
                let report = store.read(|tx| gatherer.daily(tx, slot))?;
                kept(self.period, slot, at, &report.page(), &report).map(Ok)
            }
            Period::Weekly => {
                let review = store.read(|tx| gatherer.weekly(tx, slot))?;
                kept(self.period, slot, at, &review.page(), &review).map(Ok)
            }
            Period::Monthly => match store.read(|tx| gatherer.monthly(tx, slot))? {
                Some(review) => {
                    let date = review.review.to_date;
                    kept(self.period, date, at, &review.page(), &review).map(Ok)
                }
                None => Ok(Err("no session of the month before was reconciled".to_owned())),
            },
            Period::Quarterly => match store.read(|tx| self.quarterly(tx, slot))? {
                Ok(review) => {
                    let date = review.review.to_date;
                    kept(self.period, date, at, &review.page(), &review).map(Ok)
                }
                Err(reason) => Ok(Err(reason)),
            },
        }
    }

    /// A quarter is reviewed once: the slot of 6 April finds the one of 1 January to 31 March done.
    fn quarterly(
        &self,
        tx: &impl Read,
        slot: NaiveDate,
    ) -> Result<Result<QuarterlyReview, String>, StoreError> {
        let Some(review) = self.gatherer.quarterly(tx, slot)? else {
            return Ok(Err("no session of the quarter before was reconciled".to_owned()));
        };
        let key = report_key(Period::Quarterly, review.review.to_date);
        if tx.get(&REPORTS, &key)?.is_some() {
            return Ok(Err(format!("{} was reviewed before", review.quarter)));
        }
        Ok(Ok(review))
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
        let written = self.write(date, at).map_err(|error| JobError(error.to_string()))?;
        let report = match written {
            Ok(report) => report,
            Err(reason) => return Ok(JobReport::skipped(reason)),
        };
        let summary = format!("{} report of {}: {}", self.period, report.date, report.headline);
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
