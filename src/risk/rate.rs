//! Limit 13: orders a minute and a day, and rejections.

use super::refusal::Refusal;
use crate::strategy::Snapshot;

/// This order would be one more; ten rejections in a day stop entries.
pub(super) fn check(snapshot: &Snapshot) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.limits;
    let orders = snapshot.orders_last_minute.saturating_add(1);
    if orders > rules.orders_a_minute {
        return Err(Refusal::OrdersAMinute { orders, bound: rules.orders_a_minute });
    }
    let orders = snapshot.orders_today.saturating_add(1);
    if orders > rules.orders_a_day {
        return Err(Refusal::OrdersADay { orders, bound: rules.orders_a_day });
    }
    let (rejections, bound) = (snapshot.rejections_today, rules.rejections_a_day);
    if rejections >= bound {
        return Err(Refusal::Rejections { rejections, bound });
    }
    Ok(())
}
