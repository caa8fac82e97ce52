//! The job bodies `daily-report`, `weekly-review`, `monthly-review` and `quarterly-review`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::Serialize;

use super::{
    KeptReport, Period, REPORTS,
    brief::{PROGRESS, PROGRESS_KEY, Progress},
    gather::Gatherer,
    page::Page,
    quarterly::QuarterlyReview,
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
                let review = store.read(|tx| gatherer.weekly(tx, slot, at))?;
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
    if let (Period::Weekly, Some(criteria)) = (period, report.document["criteria"].as_array()) {
        let holding = criteria.iter().filter(|criterion| criterion["holds"] == true).count();
        let progress = Progress { date: *date, holding, criteria: criteria.len() };
        tx.put(&PROGRESS, PROGRESS_KEY, &progress)?;
    }
    tx.journal(*at, cause, "report", &(period, date, headline))?;
    let period = period.name().to_owned();
    raise(tx, *at, Notice::Report { period, date: *date, headline: headline.clone() })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use rust_decimal::dec;

    use super::*;
    use crate::{
        calendar::Calendar, config::Rulebook, desk::tables::EQUITY, market::Provenance,
        report::fixture::closed, schedule::JobSet,
    };

    fn body(period: Period, store: &Store) -> ReportBody {
        let gatherer = Gatherer {
            calendar: Calendar::default(),
            jobs: JobSet::embedded().unwrap(),
            prices: Provenance::Simulated,
            rulebook: Arc::new(Rulebook::embedded()),
        };
        ReportBody::new(period, store.clone(), Arc::new(gatherer))
    }

    fn close(store: &Store, date: &str) {
        let row = closed(date.parse().unwrap(), dec!(45000));
        let key = date.to_owned();
        block_on(store.write(move |tx| tx.put(&EQUITY, &key, &row))).unwrap();
    }

    #[test]
    fn a_quarter_is_reviewed_once_and_the_slot_of_the_tax_year_finds_it_done() {
        let store = Store::in_memory().unwrap();
        let body = body(Period::Quarterly, &store);
        let at: Timestamp = "2026-04-01T12:45:00Z".parse().unwrap();
        let on = |day: &str| body.write(day.parse().unwrap(), at).unwrap();
        let nothing = "no session of the quarter before was reconciled";
        assert_eq!(on("2026-04-01").unwrap_err(), nothing);
        close(&store, "2025-12-31");
        assert_eq!(on("2026-04-01").unwrap_err(), nothing);
        close(&store, "2026-03-31");
        let report = on("2026-04-01").unwrap();
        assert_eq!(report.date.to_string(), "2026-03-31");
        assert_eq!(report.document["quarter"], "2026-Q1");
        assert_eq!(report.document["account"]["before_usd"], "45000.00");
        block_on(store.write(move |tx| keep(tx, &report, "a test"))).unwrap();
        assert_eq!(on("2026-04-06").unwrap_err(), "2026-Q1 was reviewed before");
    }

    #[test]
    fn a_month_is_that_before_the_slot() {
        let store = Store::in_memory().unwrap();
        let body = body(Period::Monthly, &store);
        let at: Timestamp = "2026-01-02T13:30:00Z".parse().unwrap();
        close(&store, "2025-12-31");
        let report = body.write("2026-01-02".parse().unwrap(), at).unwrap().unwrap();
        assert_eq!(report.document["month"], "2025-12");
        assert_eq!(report.document["account"]["sessions"], 1);
        assert!(body.write("2026-02-02".parse().unwrap(), at).unwrap().is_err());
    }
}
