//! Ranges that several strategies are told in: days to expiry, deltas, spreads.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// Calendar days to an expiration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaysRules {
    /// Wanted.
    pub target: u32,
    /// At least.
    pub from: u32,
    /// At most.
    pub to: u32,
}

/// |delta|, both bounds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaRules {
    /// At least.
    pub from: Decimal,
    /// At most.
    pub to: Decimal,
}

/// The widest market of a leg: the larger of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadRules {
    /// Percent of its mid.
    pub percent_of_mid: Decimal,
    /// Ticks.
    pub ticks: u32,
}

impl DaysRules {
    pub(super) fn check(&self, check: &mut Check, key: &str) {
        let Self { target, from, to } = *self;
        let right = |fine: &str| format!("must be {fine}");
        check.that(from >= 1, &format!("{key}.from"), from, "must be 1 or more");
        let fine = from <= target && target <= to;
        check.that(
            fine,
            &format!("{key}.target"),
            target,
            &right(&format!("{from} to {to}, its own bounds")),
        );
        check.that(to <= 1100, &format!("{key}.to"), to, "must be 1100 (three years) or less");
    }
}

impl DeltaRules {
    /// Halfway between its bounds.
    pub fn middle(&self) -> Decimal {
        (self.from + self.to) / Decimal::TWO
    }

    pub(super) fn check(&self, check: &mut Check, key: &str) {
        for (name, found) in [("from", self.from), ("to", self.to)] {
            let fine = found > Decimal::ZERO && found < Decimal::ONE;
            check.that(fine, &format!("{key}.{name}"), found, "must be above 0 and below 1");
        }
        let right = format!("must not be above {key}.to ({})", self.to);
        check.that(self.from <= self.to, &format!("{key}.from"), self.from, &right);
    }
}

impl SpreadRules {
    pub(super) fn check(&self, check: &mut Check, key: &str) {
        check.percent(&format!("{key}.percent_of_mid"), self.percent_of_mid);
        check.above_zero(&format!("{key}.ticks"), self.ticks);
    }
}
