//! `position-management` and `0dte-flat`: the same round the desk's own loop makes, so that a loop
//! that died is noticed by nothing worse than a minute's delay; and the second tries of entries that
//! an event refused.

use std::sync::Arc;

use async_trait::async_trait;

use super::{entry::retries, failed};
use crate::{
    desk::Desk,
    schedule::{JobBody, JobContext, JobError, JobReport},
};

/// `position-management`: every minute of the session.
pub(super) struct PositionManagement(pub(super) Arc<Desk>);

/// `0dte-flat`: the time exit.
pub(super) struct Flat0dte(pub(super) Arc<Desk>);

#[async_trait]
impl JobBody for PositionManagement {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let open = self.0.open_count();
        if open > 0 {
            self.0.manage(context.slot).await.map_err(|error| failed(&error))?;
        }
        if let Some(entry) = retries(&self.0, context).await? {
            return Ok(entry);
        }
        Ok(JobReport::done(if open == 0 { "nothing open".into() } else { format!("{open} open") }))
    }
}

#[async_trait]
impl JobBody for Flat0dte {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let open = self.0.open_count();
        if open == 0 {
            return Ok(JobReport::done("flat already"));
        }
        self.0.manage(context.slot).await.map_err(|error| failed(&error))?;
        let mut report = JobReport::done(format!("closing: {open} open"));
        report.acted = true;
        Ok(report)
    }
}
