//! The job body `heartbeat`: pings the dead-man's switch, so that its service tells when it stops.

use std::sync::Arc;

use async_trait::async_trait;

use super::webhook::DeadMan;
use crate::schedule::{JobBody, JobContext, JobError, JobReport};

/// Pings the switch once a slot.
pub struct Heartbeat {
    switch: Arc<DeadMan>,
}

impl Heartbeat {
    /// A heartbeat of the given switch.
    pub fn new(switch: Arc<DeadMan>) -> Self {
        Self { switch }
    }
}

#[async_trait]
impl JobBody for Heartbeat {
    async fn run(&self, _: &JobContext) -> Result<JobReport, JobError> {
        match self.switch.ping().await {
            Ok(()) => Ok(JobReport::done("pinged")),
            Err(error) => Err(JobError(error.to_string())),
        }
    }
}
