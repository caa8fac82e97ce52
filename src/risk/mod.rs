//! The gate: no order leaves without passing it, and the type says so.

use serde::{Deserialize, Serialize};

use crate::money::Usd;

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
