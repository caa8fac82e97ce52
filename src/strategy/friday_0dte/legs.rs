//! The legs of one product's order: their quotes' filters, and the candidate.

use rust_decimal::Decimal;

use super::{
    model::model_value,
    strikes::{Direction, Strike},
};
use crate::{
    account::{Effect, Leg, NetPrice, Side, StrategyId},
    config::rulebook::{ContractRules, Friday0dteRules},
    instrument::{Instrument, Right},
    market::{Chain, OptionQuote},
    money::{Usd, to_f64},
    strategy::{
        Candidate, Snapshot,
        ladder::Book,
        sheet::Sheet,
        ticks::{leg_tick, order_tick},
    },
};

/// A leg with its quote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    /// The leg.
    pub(super) strike: Strike,
    /// Its quote.
    pub(super) quote: &'a OptionQuote,
}

/// The chain's quotes of the strikes; `None`, with the missing ones on the sheet, when any lacks.
pub(super) fn quoted<'a>(
    chain: &'a Chain,
    strikes: &[Strike],
    sheet: &mut Sheet,
) -> Option<Vec<Quoted<'a>>> {
    let found = strikes.iter().filter_map(|&strike| {
        let quote = chain.quote(strike.price, strike.right)?;
        Some(Quoted { strike, quote })
    });
    let found: Vec<Quoted<'_>> = found.collect();
    let all = strikes.iter().map(|s| format!("{} {}", s.name(), s.price.normalize()));
    let listed = format!("{} of {} quoted", found.len(), strikes.len());
    let passed = found.len() == strikes.len();
    let bound = all.collect::<Vec<_>>().join(", ");
    sheet.check("strikes", listed, bound, passed).then_some(found)
}

/// Each leg's quote and spread, each short's delta, each side's credit.
pub(super) fn filters(
    snapshot: &Snapshot,
    rules: &Friday0dteRules,
    contract: &ContractRules,
    quoted: &[Quoted<'_>],
    sheet: &mut Sheet,
) {
    for leg in quoted {
        quote_filter(snapshot, leg, sheet);
        if leg.strike.side == Side::Sell {
            delta_filter(rules, leg, sheet);
        }
        spread_filter(rules, leg, sheet);
    }
    for right in [Right::Put, Right::Call] {
        credit_filter(contract, right, quoted, sheet);
    }
}

fn quote_filter(snapshot: &Snapshot, leg: &Quoted<'_>, sheet: &mut Sheet) {
    let Quoted { strike, quote } = leg;
    let most = i64::from(snapshot.rulebook.limits.quote_age_seconds);
    let age = (snapshot.now - quote.at).num_seconds();
    let sane = !quote.is_broken() && age <= most;
    let (bid, ask) = (quote.bid.normalize(), quote.ask.normalize());
    let value = format!("{} at {bid}/{ask}, {age} s old", strike.price.normalize());
    let bound = format!("bid <= ask, ask > 0, <= {most} s old");
    sheet.check(format_args!("{}.quote", strike.name()), value, bound, sane);
}

/// |delta| within the bounds, both included; not a number fails.
fn delta_filter(rules: &Friday0dteRules, leg: &Quoted<'_>, sheet: &mut Sheet) {
    let delta = leg.quote.delta.abs();
    let inside = delta >= to_f64(rules.delta_min) && delta <= to_f64(rules.delta_max);
    let bound = format!("{} to {}", rules.delta_min, rules.delta_max);
    let name = format!("{}.delta", leg.strike.name());
    sheet.check(name, format_args!("{delta:.4}"), bound, inside);
}

/// The leg's spread is at most max(10 % of mid, 3 ticks).
fn spread_filter(rules: &Friday0dteRules, leg: &Quoted<'_>, sheet: &mut Sheet) {
    let quote = leg.quote;
    let share = quote.mid() * rules.spread_percent_of_mid / Decimal::ONE_HUNDRED;
    let most = share.max(leg_tick(quote) * Decimal::from(rules.spread_ticks));
    let name = format!("{}.spread", leg.strike.name());
    let spread = quote.spread();
    let bound = format!("<= {}", most.normalize());
    sheet.check(name, spread.normalize(), bound, spread <= most);
}

/// Short bid less long ask of one side.
fn credit_filter(contract: &ContractRules, right: Right, quoted: &[Quoted<'_>], sheet: &mut Sheet) {
    let side = quoted.iter().filter(|leg| leg.strike.right == right);
    let credit = side.map(|leg| match leg.strike.side {
        Side::Sell => leg.quote.bid,
        Side::Buy => -leg.quote.ask,
    });
    let Some(credit) = credit.reduce(|sum, price| sum + price) else { return };
    let name = match right {
        Right::Put => "put_credit",
        Right::Call => "call_credit",
    };
    let least = contract.minimum_credit;
    sheet.check(name, credit.normalize(), format_args!(">= {least}"), credit >= least);
}

/// The candidate of one unit.
pub(super) fn candidate(
    contract: &ContractRules,
    direction: Direction,
    chain: &Chain,
    quoted: &[Quoted<'_>],
    last: Decimal,
    snapshot: &Snapshot,
) -> Option<Candidate> {
    let units = 1;
    let product = contract.product;
    let quotes: Vec<OptionQuote> = quoted.iter().map(|leg| leg.quote.clone()).collect();
    let legs: Vec<Leg> = quoted.iter().map(leg_of).collect();
    let Book { mid, natural } = Book::of(&legs, &quotes)?;
    let sides = Decimal::from(direction.rights().len());
    let at_risk = (contract.wing - mid.0) * product.multiplier() * Decimal::from(units);
    Some(Candidate {
        strategy: StrategyId::Friday0dte,
        product,
        structure: direction.structure(),
        units,
        mid,
        natural,
        minimum: NetPrice(contract.minimum_credit * sides),
        tick: order_tick(product),
        width: Some(contract.wing),
        max_loss_usd: Usd(at_risk),
        model_value: model_value(chain, &legs, last, snapshot.now)?,
        legs,
        quotes,
    })
}

fn leg_of(leg: &Quoted<'_>) -> Leg {
    Leg {
        instrument: Instrument::Option(leg.quote.contract.clone()),
        side: leg.strike.side,
        ratio: 1,
        effect: Effect::Open,
    }
}
