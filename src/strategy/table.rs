//! The strategies in force: one line each.

use super::{
    butterfly::Butterfly, diagonal::Diagonal, friday_0dte::Friday0dte, ipmcc::Ipmcc,
    leap_ladder::LeapLadder, lending_box::LendingBox, lt112::Lt112, ratio::Ratio, rule::Rule,
    strangle::Strangle,
};
use crate::account::StrategyId;

/// Every strategy that can be traded.
pub const RULES: &[&dyn Rule] = &[
    &Friday0dte,
    &Lt112,
    &Strangle,
    &Ipmcc,
    &LeapLadder,
    &Ratio,
    &Butterfly,
    &Diagonal,
    &LendingBox,
];

/// The rule of a strategy; `None` for what no rule trades.
pub fn rule(id: StrategyId) -> Option<&'static dyn Rule> {
    RULES.iter().find(|rule| rule.id() == id).copied()
}
