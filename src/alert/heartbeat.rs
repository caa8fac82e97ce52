//! The job body `heartbeat`: pings the dead-man's switch, so that its service tells when it stops.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{dead_man::DeadMan, lifeline::Health};
use crate::{
    clock::Timestamp,
    notice::{Notice, raise},
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Read, Store, StoreError, Table, WriteTx},
};

/// The job's name.
pub const JOB: &str = "heartbeat";
/// Pings that fail in a row before anyone is told: one lost packet is no outage.
const TOLD_AFTER: u32 = 3;

/// Pings that failed since the last that did not; one row, `switch`, only while there are any.
pub const OUTAGE: Table<Outage> = Table::new("heartbeat_outage", 1);
/// The one key of [`OUTAGE`].
const SWITCH: &str = "switch";

/// The switch has not answered for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The slot of the first ping that failed.
    pub since: Timestamp,
    /// Pings that failed.
    pub failed: u32,
}

/// What is pinged, and what keeps it from being pinged.
#[derive(Clone)]
pub struct Line {
    /// The switch.
    pub switch: Arc<DeadMan>,
    /// Whether the desk lives: one that hangs is never told as healthy.
    pub health: Arc<Health>,
}

/// Pings the switch once a slot, while the desk lives. A switch that does not answer is told of once, and once more when
/// it answers again; its slots are skipped with the reason.
pub struct Heartbeat {
    line: Line,
    store: Store,
}

impl Heartbeat {
    /// A heartbeat of the given switch.
    pub fn new(line: Line, store: Store) -> Self {
        Self { line, store }
    }
}

#[async_trait]
impl JobBody for Heartbeat {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        if let Some(ill) = self.line.health.unwell() {
            let mut report = JobReport::skipped(format!("not pinged: {ill}"));
            report.acted = false; // the hang itself is told
            return Ok(report);
        }
        let pinged = self.line.switch.ping().await;
        let outage = self.store.read(|tx| tx.get(&OUTAGE, SWITCH));
        let outage = outage.map_err(|error| JobError(error.to_string()))?;
        let (slot, now) = (context.slot, context.rt.now());
        Ok(match (pinged, outage) {
            (Ok(()), None) => JobReport::done("pinged"),
            (Ok(()), Some(outage)) => {
                JobReport::done("pinged again").with(move |tx| over(tx, &outage, now))
            }
            (Err(error), outage) => {
                let reason = format!("the dead-man's switch could not be pinged: {error}");
                let outage = Outage {
                    since: outage.as_ref().map_or(slot, |outage| outage.since),
                    failed: outage.map_or(0, |outage| outage.failed).saturating_add(1),
                };
                let mut report = JobReport::skipped(reason)
                    .with(move |tx| goes_on(tx, &outage, &error.to_string(), now));
                report.acted = false; // the journal would have an entry a minute
                report
            }
        })
    }
}

fn goes_on(
    tx: &mut WriteTx,
    outage: &Outage,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.put(&OUTAGE, SWITCH, outage)?;
    if outage.failed != TOLD_AFTER {
        return Ok(());
    }
    raise(tx, now, Notice::HeartbeatFailed { since: outage.since, reason: error.to_owned() })
}

fn over(tx: &mut WriteTx, outage: &Outage, now: Timestamp) -> Result<(), StoreError> {
    tx.remove(&OUTAGE, SWITCH)?;
    if outage.failed < TOLD_AFTER {
        return Ok(());
    }
    raise(tx, now, Notice::HeartbeatBack { since: outage.since })
}

#[cfg(test)]
mod tests;
