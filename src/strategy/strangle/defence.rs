//! Defence by the |delta| of a short (rulebook §4.3): told at 0.16; at 0.20 the untested side is
//! rolled nearer, once; at 0.25 the tested side is closed, at 0.30 all.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::STRANGLE;
use crate::{
    account::{NetPrice, PositionLeg, Side, StrategyId},
    instrument::{Instrument, OptionContract, Product, Right, tick::round_up},
    market::OptionQuote,
    money::to_f64,
    strategy::{
        Candidate, Decision, Ladder, Pick, ProductData,
        choose::{Chosen, Order, book, delta_filter},
        closing::{Scope, open_legs, quote_of},
        manage::{ExitMemory, Watched},
        mark::Mark,
        moment::Moment,
        sheet::Sheet,
    },
};

/// What the greater |delta| calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is told.
    Watch,
    /// The untested side is rolled.
    Roll,
    /// The tested side is closed.
    CloseSide(Scope),
    /// All is closed.
    CloseAll,
}

/// The step of this round, at the hours of marks and on fresh quotes however wide they are: a delta
/// is no price. What closes or rolls needs two observations in a row from the roll's line on; a
/// second round at one instant is none.
pub(super) fn step(watched: &Watched<'_>, mark: Mark, memory: &mut ExitMemory) -> Option<Step> {
    let rules = &watched.rulebook.strangle.defence;
    let tested = if mark.is_expected() { tested(watched) } else { None };
    let Some((contract, delta)) = tested else {
        memory.near_observations = 0;
        return None;
    };
    let at = |line: Decimal| delta >= to_f64(line);
    if memory.near_at != Some(watched.now) {
        memory.near_at = Some(watched.now);
        let acts = at(rules.roll_delta);
        memory.near_observations = if acts { memory.near_observations + 1 } else { 0 };
    }
    let enough = watched.rulebook.common.marks.observations.max(1);
    if memory.near_observations < enough {
        return at(rules.watch_delta).then_some(Step::Watch);
    }
    Some(if at(rules.close_all_delta) {
        Step::CloseAll
    } else if at(rules.close_side_delta) {
        Step::CloseSide(side(contract.right))
    } else if may_roll(watched) {
        Step::Roll
    } else {
        Step::Watch
    })
}

/// The short with the greater |delta|, of those with a fresh quote.
fn tested<'a>(watched: &Watched<'a>) -> Option<(&'a OptionContract, f64)> {
    let age = TimeDelta::seconds(i64::from(watched.rulebook.limits.quote_age_seconds));
    let fresh = |quote: &&OptionQuote| !quote.is_broken() && watched.now - quote.at <= age;
    let shorts = open_legs(watched.position).filter(|leg| leg.quantity < 0);
    let deltas = shorts.filter_map(|leg| {
        let Instrument::Option(contract) = &leg.instrument else { return None };
        let quote = quote_of(&leg.instrument, watched.quotes).filter(fresh)?;
        Some((contract, quote.delta.abs())).filter(|(_, delta)| delta.is_finite())
    });
    deltas.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn side(right: Right) -> Scope {
    match right {
        Right::Put => Scope::Puts,
        Right::Call => Scope::Calls,
    }
}

/// Both sides are held, and none was rolled yet: a roll leaves its old leg behind in the position.
fn may_roll(watched: &Watched<'_>) -> bool {
    watched.position.legs.len() == 2 && open_legs(watched.position).count() == 2
}

/// The roll: the untested option bought back and one of 0.10 to 0.16 delta of the same series sold,
/// for at least twice the fees, in one order, never inverted. Nothing where that cannot be had.
pub(super) fn roll(watched: &Watched<'_>, seen: &BTreeMap<Product, ProductData>) -> Decision {
    let mut sheet = Sheet::of("defence");
    let candidate = consider(watched, seen, &mut sheet);
    sheet.decide_one(candidate)
}

fn consider(
    watched: &Watched<'_>,
    seen: &BTreeMap<Product, ProductData>,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let rules = &watched.rulebook.strangle.defence;
    let position = watched.position;
    let once = may_roll(watched);
    let value = if once { "not rolled" } else { "rolled, or one side left" };
    sheet.check("once", value, "both sides held, not rolled yet", once);
    let (tested, delta) = tested(watched)?;
    let old = untested(watched, tested.right)?;
    let Instrument::Option(contract) = &old.instrument else { return None };
    let bound = format!(">= {}", rules.roll_delta);
    sheet.check(
        "tested.delta",
        format_args!("{delta:.4}"),
        bound,
        delta >= to_f64(rules.roll_delta),
    );
    let moment = Moment::of_change(watched);
    let data = seen.get(&position.product);
    moment.underlying(data, sheet);
    let chain = moment.chain(data?, "series", &Pick::Held(contract.series.clone()), sheet)?;
    let new = target(watched, tested, contract, &chain.chain.quotes, sheet)?;
    let old_quote = quote_of(&old.instrument, watched.quotes)?;
    moment.quote("held", old_quote, sheet);
    let legs = [Chosen::close(old_quote, Side::Buy, 1), Chosen::open(new, Side::Sell, 1)];
    let least = least(watched);
    let mid = book(&legs).mid;
    let bound = format!("at mid >= {} ({} x fees)", least.0.normalize(), rules.roll_fees);
    sheet.check("credit", mid.0.normalize(), bound, mid >= least);
    let order = Order {
        strategy: StrategyId::Strangle,
        product: position.product,
        structure: STRANGLE,
        units: u32::try_from(old.quantity.unsigned_abs()).unwrap_or(u32::MAX),
        seen: &[],
        minimum: least,
        ladder: Ladder::Entry,
        width: None,
        loss: None,
        now: watched.now,
    };
    Some(order.change(&legs))
}

/// The short of the other side.
fn untested<'a>(watched: &Watched<'a>, tested: Right) -> Option<&'a PositionLeg> {
    open_legs(watched.position).find(|leg| match &leg.instrument {
        Instrument::Option(contract) => leg.quantity < 0 && contract.right != tested,
        _ => false,
    })
}

/// The option to sell: of those that do not invert the strangle the one nearest to the middle of the
/// deltas asked for; with the filters of its leg.
fn target<'a>(
    watched: &Watched<'_>,
    tested: &OptionContract,
    old: &OptionContract,
    quotes: &'a [OptionQuote],
    sheet: &mut Sheet,
) -> Option<&'a OptionQuote> {
    let rules = &watched.rulebook.strangle;
    let range = rules.defence.roll_to;
    let apart = |strike: Decimal| match old.right {
        Right::Put => strike < tested.strike,
        Right::Call => strike > tested.strike,
    };
    let usable = |quote: &&OptionQuote| {
        let contract = &quote.contract;
        contract.right == old.right
            && apart(contract.strike)
            && contract.strike != old.strike
            && quote.delta.is_finite()
            && !quote.is_broken()
    };
    let far = |quote: &OptionQuote| (quote.delta.abs() - to_f64(range.middle())).abs();
    let found = quotes.iter().filter(usable).min_by(|a, b| far(a).total_cmp(&far(b)));
    let Some(quote) = found else {
        let bound = format!("not inverted with {}", tested.strike.normalize());
        sheet.check("target.strikes", "none quoted", bound, false);
        return None;
    };
    delta_filter("target", quote, (range.from, range.to), sheet);
    Moment::of_change(watched).leg("target", quote, rules.spread, sheet);
    Some(quote)
}

/// The least credit of a roll, points on the tick: so many times the fees of two contracts.
fn least(watched: &Watched<'_>) -> NetPrice {
    let rules = &watched.rulebook.strangle.defence;
    let fees = rules.roll_fee_usd * Decimal::TWO * rules.roll_fees;
    let points = fees / watched.position.product.multiplier();
    NetPrice(round_up(points, watched.tick).max(watched.tick))
}
