//! The gate: no order leaves without passing it, and the type says so.
//!
//! One file per limit of rulebook §5. Each check is a pure function that either passes or gives the
//! `Refusal` with its figures; `gate` runs them in the rulebook's order and stops at the first
//! that refuses.

/// The breakers (rulebook §6).
pub mod breaker;
/// Limit 9: buying power after the order.
pub mod buying_power;
/// The VIX table (rulebook §1).
pub mod cap;
/// The two capital bases (rulebook §1).
pub mod capital;
/// What an entry decided, as it is kept.
pub mod decision;
/// Account phases (rulebook §2).
pub mod phase;
/// What a promotion to the next stage asks for (rulebook §3).
pub mod promotion;
/// Which positions a breaker closes.
pub mod reduction;
/// Deployment stages (rulebook §3).
pub mod stage;
/// Every limit with its use.
pub mod standing;
/// Stress scenarios (rulebook §6).
pub mod stress;

/// Limit 11: concentration by underlying.
pub mod concentration;
/// Limit 6: correlation groups.
pub mod groups;
/// What is held and works, as items.
pub mod held;

mod adjust;
mod counts;
mod crisis;
mod data;
mod desk;
mod duplicate;
mod events;
mod expiration;
mod fees;
mod gate;
mod liquidity;
mod price;
mod rate;
mod reduce;
mod refusal;
mod session;
mod size;
mod trade_loss;
mod warnings;

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod reduce_tests;

use serde::{Deserialize, Serialize};

pub use self::{
    adjust::adjust_gate,
    gate::{Checked, LIMIT_NAMES, every_limit, gate},
    reduce::{Reducing, reduce_gate},
    refusal::{AccountFlag, Figure, Input, Refusal, RefusalRow},
    trade_loss::{LossWarning, loss_warning},
    warnings::{Warning, bullish, warnings},
};
use crate::{money::Usd, strategy::Intent};

/// Something the gate let pass. Made only here; the desk takes nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, by value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Something the gate refused, with the first limit it broke.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused<T, R> {
    /// What was refused.
    pub what: T,
    /// Why.
    pub why: R,
}

/// What a gate says of an intent.
pub type Verdict = Result<Approved<Intent>, Box<Refused<Intent, Refusal>>>;

/// Where a buying-power figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuyingPowerSource {
    /// The broker's dry run.
    DryRun,
    /// The margin model.
    Model,
}

/// What an order would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyingPower {
    /// Change of the requirement, dollars.
    pub requirement_usd: Usd,
    /// Fees of opening and closing, dollars.
    pub round_trip_fees_usd: Usd,
    /// Dry run or model.
    pub source: BuyingPowerSource,
}
