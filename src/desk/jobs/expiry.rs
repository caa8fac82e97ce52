//! `expiry-and-assignment-check`: the morning after, what expired is settled from the broker's
//! books, and what is not is told.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::failed;
use crate::{
    account::Position,
    clock::Timestamp,
    desk::{Desk, describe, reconcile::Reconciled},
    instrument::Instrument,
    notice::{self, Notice},
    schedule::{JobBody, JobContext, JobError, JobReport},
};

/// The body.
pub(super) struct ExpiryCheck(pub(super) Arc<Desk>);

#[async_trait]
impl JobBody for ExpiryCheck {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let outcome = self.0.reconcile().await.map_err(|error| failed(&error))?;
        if let Reconciled::Undecided { reason } = outcome {
            return Err(JobError(format!("expiry check: {reason}")));
        }
        let now = context.rt.now();
        let status = self.0.status().map_err(|error| failed(&error))?;
        let left: Vec<String> = status
            .positions
            .iter()
            .filter(|position| has_expired(position, now))
            .map(|position| format!("{}: {}", position.id, describe::open_legs(position)))
            .collect();
        if left.is_empty() {
            return Ok(JobReport::done("nothing expired is left open"));
        }
        let what = format!("expired, but not booked by the broker: {}", left.join("; "));
        let (run, told) = (context.run_id(), what.clone());
        Ok(JobReport::done(what).with(move |tx| {
            tx.journal(now, &run, "expired_unbooked", &json!({ "what": told }))?;
            notice::raise(tx, now, Notice::Difference { what: told })
        }))
    }
}

/// Some option of it has stopped trading and is still held.
fn has_expired(position: &Position, now: Timestamp) -> bool {
    position.legs.iter().any(|leg| match &leg.instrument {
        Instrument::Option(contract) => leg.quantity != 0 && contract.series.last_trade < now,
        _ => false,
    })
}
