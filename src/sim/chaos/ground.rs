//! What every seed of a run shares: settings, jobs, the tape.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::plan::Plan;
use crate::{
    alert::heartbeat, calendar::Calendar, config::Settings, market::SimulatedTape, schedule::JobSet,
};

/// Every so many seeds the account is a large one, which may trade the whole rulebook.
const LARGE_EVERY: u64 = 4;
/// Its starting pounds: phase 4, with room for a position of most strategies.
const LARGE_GBP: Decimal = dec!(250000);

/// The channels of a run, by place.
pub const CHANNELS: [&str; 2] = ["phone", "mail"];

/// What a run stands on.
#[derive(Clone)]
pub struct Ground {
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// The same with a large account.
    large: Arc<Settings>,
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
        let mut large = settings.clone();
        large.paper.starting_balance_gbp = large.paper.starting_balance_gbp.max(LARGE_GBP);
        let (settings, large) = (Arc::new(settings), Arc::new(large));
        Arc::new(Self { settings, large, jobs, calendar, tape, channels })
    }

    /// The ground of one plan: every fourth seed has a large account.
    #[must_use]
    pub fn of(&self, plan: &Plan) -> Arc<Self> {
        let large = plan.seed.is_multiple_of(LARGE_EVERY);
        let settings = if large { &self.large } else { &self.settings };
        Arc::new(Self { settings: Arc::clone(settings), ..self.clone() })
    }

    /// The same, with caches of its own: threads then do not wait for each other.
    #[must_use]
    pub fn apart(&self) -> Arc<Self> {
        Arc::new(Self {
            calendar: Calendar::new(self.settings.calendar_override.clone()),
            ..self.clone()
        })
    }
}
