//! A channel: what it takes is on the log with its outbox number and the true instant, whatever it
//! answers.

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::future::pending;

use crate::{
    alert::{Alert, Channel, Outgoing, SendError},
    notice::Severity,
    sim::chaos::{
        board::{Crossing, Gate},
        plan::ChannelFault,
    },
};

/// A channel as one life sees it.
pub struct ChannelSeam {
    name: String,
    place: u32,
    least: Severity,
    gate: Gate,
}

impl ChannelSeam {
    /// The way of a life to the channel at `place` of the run, which takes `least` and above.
    pub fn new(name: &str, place: u32, least: Severity, gate: Gate) -> Self {
        Self { name: name.to_owned(), place, least, gate }
    }

    async fn troubled(&self, out: &Outgoing) -> Result<(), SendError> {
        match self.gate.channel_fault(self.place) {
            None => {}
            Some(ChannelFault::Down) => {
                return Err(SendError::Retry("503: service unavailable".to_owned()));
            }
            Some(ChannelFault::Hang) => return pending().await,
            Some(ChannelFault::Slow { ms }) => {
                self.gate.rt().sleep(TimeDelta::milliseconds(i64::from(ms))).await;
            }
            Some(ChannelFault::Duplicate) => {
                out.alerts.iter().for_each(|alert| self.gate.delivered(&self.name, alert));
                return Err(SendError::Retry("the connection broke before the answer".to_owned()));
            }
        }
        if self.gate.is_over() {
            return pending().await;
        }
        out.alerts.iter().for_each(|alert| self.gate.delivered(&self.name, alert));
        Ok(())
    }
}

#[async_trait]
impl Channel for ChannelSeam {
    fn name(&self) -> &str {
        &self.name
    }

    fn takes(&self, alert: &Alert) -> bool {
        alert.severity >= self.least
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        self.gate.cross(Crossing::Channel).await;
        let taken = self.troubled(out).await;
        self.gate.cross(Crossing::Channel).await;
        taken
    }
}
