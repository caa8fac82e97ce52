//! Limit 14: credit below the width, the right sign, near the model's value.

use rust_decimal::Decimal;

use super::refusal::Refusal;
use crate::{
    config::rulebook::LimitRules,
    strategy::{Candidate, ladder::Sign},
};

/// Mid, and the least the ladder may take, have the model's sign; a credit is below the width; mid
/// is within 20 % of the model's value or 3 ticks.
pub(super) fn check(rules: &LimitRules, candidate: &Candidate) -> Result<(), Refusal> {
    let Candidate { mid, minimum, model_value, width, tick, .. } = *candidate;
    let wanted = Sign::of(model_value).ok_or(Refusal::Sign { price: model_value })?;
    if let Some(price) = [mid, minimum].into_iter().find(|price| !wanted.holds(price.0)) {
        return Err(Refusal::Sign { price });
    }
    if let Some(width) = width.filter(|width| mid.0 >= *width) {
        return Err(Refusal::CreditWidth { credit: mid.0, width });
    }
    let distance = (mid.0 - model_value.0).abs();
    let share = model_value.0.abs() * rules.model_value_percent / Decimal::ONE_HUNDRED;
    let bound = share.max(tick * Decimal::from(rules.model_value_ticks));
    if distance <= bound {
        return Ok(());
    }
    Err(Refusal::ModelValue { mid, model: model_value, distance, bound })
}
