//! The plan (rulebook §7): income and compounding against target, and the figures the program is
//! held to. It tells; it never sizes an order, and nothing that does imports it.

/// The path from the start to the target, and where the account stands on it.
mod compounding;
/// What a month is to bring, has brought, and may still bring.
mod income;
/// Figures measured against the targets.
mod measures;

pub use self::{
    compounding::{Compounding, Deployed, PathRow, Standing, compounding},
    income::{Income, IncomeLine, Month, OpenLine, Realised, income},
    measures::{
        Calls, Disaster, Measure, UseStep, api_reliability, buying_power_efficiency,
        correlation_disaster, long_term, mean_over, response,
    },
};
