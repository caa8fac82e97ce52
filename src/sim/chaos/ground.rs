//! What every seed of a run shares: settings, jobs, the tape.

use std::sync::Arc;

use crate::{
    alert::heartbeat, calendar::Calendar, config::Settings, market::SimulatedTape, schedule::JobSet,
};

/// The channels of a run, by place.
pub const CHANNELS: [&str; 2] = ["phone", "mail"];

/// What a run stands on.
pub struct Ground {
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// Jobs in force.
    pub jobs: JobSet,
    /// Sessions.
    pub calendar: Calendar,
    /// Prices: one market for all seeds, of which each sees its own weeks.
    pub tape: Arc<SimulatedTape>,
    /// The names of the channels.
    pub channels: Vec<String>,
}

impl Ground {
    /// The ground of these settings and jobs.
    pub fn new(settings: Settings, jobs: JobSet) -> Arc<Self> {
        let calendar = Calendar::new(settings.calendar_override.clone());
        let tape = Arc::new(SimulatedTape::new(settings.market.seed, &calendar));
        let channels = CHANNELS.iter().map(|name| (*name).to_owned()).collect();
        let jobs = jobs.disabled(heartbeat::JOB);
        Arc::new(Self { settings: Arc::new(settings), jobs, calendar, tape, channels })
    }

    /// The same, with caches of its own: threads then do not wait for each other.
    #[must_use]
    pub fn apart(&self) -> Arc<Self> {
        Arc::new(Self {
            settings: Arc::clone(&self.settings),
            jobs: self.jobs.clone(),
            calendar: Calendar::new(self.settings.calendar_override.clone()),
            tape: Arc::clone(&self.tape),
            channels: self.channels.clone(),
        })
    }
}
