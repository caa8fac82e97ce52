//! A position's life: the loss of the long call, the week's roll, the target of the week's call.

use chrono::{Datelike, Weekday};
use rust_decimal::Decimal;

use super::{natural_from, share};
use crate::{
    account::{ExitReason, NetPrice, PositionLeg},
    instrument::{Instrument, OptionContract, tick::round_down},
    strategy::{
        AdjustReason,
        closing::{Scope, open_legs, quote_of},
        ladder::Urgency,
        manage::{ExitAction, ExitMemory, Managed, SoldCall, Watched},
        mark::Mark,
        rule::instant,
    },
};

/// Tries for the week's roll in its last minutes follow each other so closely, minutes.
const LAST_RETRY_MINUTES: i64 = 1;

/// One round of watching a position.
pub(super) fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    let rules = &watched.rulebook.ipmcc;
    let long = open_legs(watched.position).find(|leg| leg.quantity > 0);
    let bound = long.map_or(Decimal::ZERO, |leg| share(leg.open_price, rules.loss_percent));
    let before = memory.last_mark_at;
    let mark = watched.observe(Scope::LongsOnly, bound, &mut memory);
    // A second round at one instant is no second observation.
    let seen = before != memory.last_mark_at;
    if memory.closing.is_none() && watched.is_stopped(&memory) {
        memory.closing = Some(ExitReason::LeapLoss);
    }
    sold_call(watched, &mut memory);
    let mut actions = Vec::new();
    actions.extend(order(watched, mark, seen, &mut memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    Managed { actions, memory, mark }
}

/// The one order that should work.
fn order(
    watched: &Watched<'_>,
    mark: Mark,
    seen: bool,
    memory: &mut ExitMemory,
) -> Option<ExitAction> {
    if let Some(reason) = memory.closing {
        return Some(ExitAction::Close { reason, scope: Scope::All, urgency: Urgency::Whole });
    }
    if !watched.holds(Scope::Sold) {
        memory.closing_part = None;
    }
    if let Some((reason, scope)) = memory.closing_part {
        return Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole });
    }
    if is_week_over(watched) {
        return weekly_is_due(watched, memory)
            .then_some(ExitAction::Adjust { reason: AdjustReason::Weekly });
    }
    let rules = &watched.rulebook.ipmcc;
    let days = watched.days_left(Scope::LongsOnly);
    let rolls = days.is_some_and(|days| days < i64::from(rules.roll_below_days));
    let retry = i64::from(rules.retry_minutes);
    if rolls && mark.cost().is_some() && memory.may_adjust(watched.now, retry) {
        return Some(ExitAction::Adjust { reason: AdjustReason::Roll });
    }
    target(watched, seen, memory)
}

/// From 09:35 on: the call sold expires today, or there is none and it is a Friday.
fn is_week_over(watched: &Watched<'_>) -> bool {
    let Watched { rulebook, session, now, .. } = *watched;
    if now < instant(session, rulebook.ipmcc.weekly_at) || !watched.holds(Scope::LongsOnly) {
        return false;
    }
    match short(watched) {
        Some((_, contract)) => contract.series.expiration <= session.date,
        None => session.date.weekday() == Weekday::Fri,
    }
}

fn weekly_is_due(watched: &Watched<'_>, memory: &ExitMemory) -> bool {
    let rules = &watched.rulebook.ipmcc;
    let last_call = watched.now >= natural_from(rules, watched.session);
    let retry = if last_call { LAST_RETRY_MINUTES } else { i64::from(rules.retry_minutes) };
    memory.may_adjust(watched.now, retry)
}

/// What the call brought beyond its intrinsic value, worked out at the first look after its sale:
/// the ledger keeps its price, not where the underlying stood.
fn sold_call(watched: &Watched<'_>, memory: &mut ExitMemory) {
    let Some((leg, contract)) = short(watched) else {
        memory.sold_call = None;
        return;
    };
    let (expiration, strike) = (contract.series.expiration, contract.strike);
    let known = |call: &SoldCall| (call.expiration, call.strike) == (expiration, strike);
    if memory.sold_call.as_ref().is_some_and(known) {
        return;
    }
    memory.sold_call = watched.underlying.map(|underlying| {
        let intrinsic = contract.right.intrinsic(underlying.last, strike);
        let extrinsic = (leg.open_price - intrinsic).max(watched.tick);
        SoldCall { expiration, strike, extrinsic, earned_observations: 0 }
    });
}

/// 90 % of the extrinsic value earned. Out of the money the whole price is extrinsic: an order rests
/// at what may be left of it. In the money no resting price says so, and the call is bought back
/// when two marks in a row do.
fn target(watched: &Watched<'_>, seen: bool, memory: &mut ExitMemory) -> Option<ExitAction> {
    let rules = &watched.rulebook.ipmcc;
    let sold = memory.sold_call.as_ref()?;
    let left = share(sold.extrinsic, Decimal::ONE_HUNDRED - rules.take_percent);
    if seen && is_earned(watched, left, memory) {
        memory.closing_part = Some((ExitReason::ProfitTarget, Scope::Sold));
        let (reason, scope) = (ExitReason::ProfitTarget, Scope::Sold);
        return Some(ExitAction::Close { reason, scope, urgency: Urgency::Whole });
    }
    let limit = round_down(left, watched.tick);
    let limit = NetPrice(-limit);
    (limit < NetPrice::default()).then_some(ExitAction::RestProfit { limit, scope: Scope::Sold })
}

/// Counts usable marks of the call in the money whose extrinsic value is at most `left`.
fn is_earned(watched: &Watched<'_>, left: Decimal, memory: &mut ExitMemory) -> bool {
    let Some((leg, contract)) = short(watched) else { return false };
    let usable = watched.mark(Scope::Sold).cost().is_some();
    let quote = quote_of(&leg.instrument, watched.quotes).filter(|_| usable);
    let Some(((quote, underlying), sold)) =
        quote.zip(watched.underlying).zip(memory.sold_call.as_mut())
    else {
        return false;
    };
    let intrinsic = contract.right.intrinsic(underlying.last, contract.strike);
    let earned = intrinsic > Decimal::ZERO && quote.mid() - intrinsic <= left;
    sold.earned_observations = if earned { sold.earned_observations + 1 } else { 0 };
    sold.earned_observations >= watched.rulebook.common.marks.observations.max(1)
}

/// The call that is sold.
pub(super) fn short<'a>(watched: &Watched<'a>) -> Option<(&'a PositionLeg, &'a OptionContract)> {
    option_leg(watched, |leg| leg.quantity < 0)
}

/// The call that is held.
pub(super) fn long<'a>(watched: &Watched<'a>) -> Option<(&'a PositionLeg, &'a OptionContract)> {
    option_leg(watched, |leg| leg.quantity > 0)
}

fn option_leg<'a>(
    watched: &Watched<'a>,
    wanted: impl Fn(&PositionLeg) -> bool,
) -> Option<(&'a PositionLeg, &'a OptionContract)> {
    open_legs(watched.position).filter(|leg| wanted(leg)).find_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some((leg, contract)),
        _ => None,
    })
}
