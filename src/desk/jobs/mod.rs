//! The job bodies of the desk (rulebook §8).

mod checks;
mod entry;
mod equity;
mod expiry;
mod management;

use std::sync::Arc;

pub use self::entry::attempt;

use super::Desk;
use crate::{
    schedule::JobBody,
    strategy::{RULES, Rule},
};

/// Every body the desk has, by the name of its job.
pub fn bodies(desk: &Arc<Desk>) -> Vec<(&'static str, Arc<dyn JobBody>)> {
    let entry = |rule: &&'static dyn Rule| {
        let body = entry::Entry { desk: Arc::clone(desk), rule: *rule, ordinal: 1 };
        (rule.job(), Arc::new(body) as Arc<dyn JobBody>)
    };
    let mut bodies: Vec<(&'static str, Arc<dyn JobBody>)> = RULES.iter().map(entry).collect();
    bodies.extend([
        ("pre-market-check", Arc::new(checks::PreMarket(Arc::clone(desk)))),
        ("market-open-check", Arc::new(checks::MarketOpen(Arc::clone(desk)))),
        ("position-management", Arc::new(management::PositionManagement(Arc::clone(desk)))),
        ("0dte-flat", Arc::new(management::Flat0dte(Arc::clone(desk)))),
        ("risk-snapshot", Arc::new(equity::RiskSnapshot(Arc::clone(desk)))),
        ("end-of-day-reconciliation", Arc::new(equity::EndOfDay(Arc::clone(desk)))),
        ("expiry-and-assignment-check", Arc::new(expiry::ExpiryCheck(Arc::clone(desk)))),
    ] as [(&str, Arc<dyn JobBody>); 7]);
    bodies
}

/// An error of the store or the like, as a job's failure.
fn failed(error: &impl std::fmt::Display) -> crate::schedule::JobError {
    crate::schedule::JobError(error.to_string())
}
