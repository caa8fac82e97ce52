//! A rung's life: its target rests, and at 150 days it is rolled a year ahead in one order.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{choose::put, rung};
use crate::{
    account::{NetPrice, PositionLeg, Side, StrategyId},
    config::leap_ladder::LeapLadderRules,
    instrument::Product,
    strategy::{
        AdjustReason, Candidate, Decision, Ladder, ProductData,
        choose::{Chosen, Order, book},
        closing::{Scope, open_legs, quote_of},
        ladder::{Urgency, profit_target},
        manage::{ExitAction, ExitMemory, Managed, Watched},
        mark::Mark,
        moment::Moment,
        sheet::Sheet,
    },
};

/// One round of watching a rung.
pub(super) fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    // There is no stop: a bound of zero counts nothing, and keeps the time of the last mark.
    let mark = watched.observe(Scope::All, Decimal::ZERO, &mut memory);
    let mut actions = Vec::new();
    actions.extend(order(watched, mark, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    Managed { actions, memory, mark }
}

/// The close, the roll when it is due, or the target of 30 % of the credit so far.
fn order(watched: &Watched<'_>, mark: Mark, memory: &ExitMemory) -> Option<ExitAction> {
    let rules = &watched.rulebook.leap_ladder;
    if let Some(reason) = memory.closing {
        return Some(ExitAction::Close { reason, scope: Scope::All, urgency: Urgency::Whole });
    }
    let days = watched.days_left(Scope::All);
    let due = days.is_some_and(|days| days <= i64::from(rules.roll_at_days));
    let retry = i64::from(rules.retry_minutes);
    if due && mark.cost().is_some() && memory.may_adjust(watched.now, retry) {
        return Some(ExitAction::Adjust { reason: AdjustReason::Roll });
    }
    let credit = watched.position.credit;
    let limit = profit_target(credit, rules.profit_target_percent, watched.tick)?;
    Some(ExitAction::RestProfit { limit, scope: Scope::All })
}

/// The roll: the old put bought back and one of 12 to 14 deltas a year ahead sold, for no less than
/// the bound, in one order.
pub(super) fn roll(watched: &Watched<'_>, seen: &BTreeMap<Product, ProductData>) -> Decision {
    let mut sheet = Sheet::of("roll");
    let candidate = consider(watched, seen, &mut sheet);
    sheet.decide_one(candidate)
}

fn consider(
    watched: &Watched<'_>,
    seen: &BTreeMap<Product, ProductData>,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let rules = &watched.rulebook.leap_ladder;
    let position = watched.position;
    let moment = Moment::of_change(watched);
    let pick = rung(rules, std::slice::from_ref(position));
    let (_, new) = put(&moment, seen.get(&position.product), &pick, sheet)?;
    let old = held(watched, sheet)?;
    let old_quote = quote_of(&old.instrument, watched.quotes)?;
    moment.quote("held", old_quote, sheet);
    let chosen = [Chosen::close(old_quote, Side::Buy, 1), Chosen::open(new, Side::Sell, 1)];
    let net = book(&chosen);
    let least = least(rules, position.credit, watched.tick);
    let bound = format!("at mid >= {}", least.0.normalize());
    sheet.check("price", net.mid.0.normalize(), bound, net.mid >= least);
    let at_natural = watched.days_left(Scope::All).is_some_and(|days| {
        days <= i64::from(rules.roll_at_days) - i64::from(rules.roll_natural_after_days)
    }) && net.natural >= least;
    let order = Order {
        strategy: StrategyId::LeapLadder,
        product: position.product,
        structure: "rolled LEAP put",
        units: u32::try_from(old.quantity.unsigned_abs()).unwrap_or(u32::MAX),
        seen: &[],
        minimum: least,
        ladder: if at_natural { Ladder::Exit } else { Ladder::Entry },
        width: None,
        loss: None,
        now: watched.now,
    };
    Some(order.change(&chosen))
}

/// The least net price of a roll: a tick of credit, or the debit that is allowed.
fn least(rules: &LeapLadderRules, credit: Decimal, tick: Decimal) -> NetPrice {
    let share = credit.max(Decimal::ZERO) * rules.roll_debit_percent / Decimal::ONE_HUNDRED;
    if share.is_zero() { NetPrice(tick) } else { NetPrice(-share) }
}

/// The put that is held; written down where there is none.
fn held<'a>(watched: &Watched<'a>, sheet: &mut Sheet) -> Option<&'a PositionLeg> {
    let held = open_legs(watched.position).find(|leg| leg.quantity < 0);
    if held.is_none() {
        sheet.check("held", "no put sold", "one", false);
    }
    held
}
