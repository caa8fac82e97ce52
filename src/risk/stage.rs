//! Deployment stages (rulebook §3): a capital ramp, a different thing from account phases.

use crate::money::Gbp;

/// What a stage allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// The stage's name.
    pub name: &'static str,
    /// Its capital; `None` where the account's whole balance is deployed.
    pub capital_gbp: Option<Gbp>,
    /// Its buying-power cap, percent; `None` where the phase alone rules.
    pub cap_percent: Option<rust_decimal::Decimal>,
}

/// Paper, weeks 1 and 2: the simulated balance, every strategy, caps and counts as the phase.
pub const PAPER: Stage = Stage { name: "paper", capital_gbp: None, cap_percent: None };
