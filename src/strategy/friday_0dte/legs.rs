//! The legs of one product's order: their quotes' filters, and the candidate.

use rust_decimal::Decimal;

use super::strikes::{Direction, Strike};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::rulebook::{ContractRules, Friday0dteRules},
    instrument::Right,
    market::{Chain, OptionQuote},
    strategy::{
        Candidate, Ladder, SeriesChain, Snapshot,
        choose::{Chosen, Order, book, delta_filter, quote_filter, spread_filter},
        sheet::Sheet,
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
    for Quoted { strike, quote } in quoted {
        let name = strike.name();
        quote_filter(snapshot, name, quote, sheet);
        if strike.side == Side::Sell {
            delta_filter(name, quote, (rules.delta_min, rules.delta_max), sheet);
        }
        spread_filter(name, quote, rules.spread_percent_of_mid, rules.spread_ticks, sheet);
    }
    for right in [Right::Put, Right::Call] {
        credit_filter(contract, right, quoted, sheet);
    }
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
    seen: &SeriesChain,
    quoted: &[Quoted<'_>],
    snapshot: &Snapshot,
) -> Option<Candidate> {
    let chosen: Vec<Chosen<'_>> =
        quoted.iter().map(|leg| Chosen::open(leg.quote, leg.strike.side, 1)).collect();
    let sides = Decimal::from(direction.rights().len());
    let order = Order {
        strategy: StrategyId::Friday0dte,
        product: contract.product,
        structure: direction.structure(),
        units: 1,
        seen: &[seen],
        minimum: NetPrice(contract.minimum_credit * sides),
        ladder: Ladder::Entry,
        width: Some(contract.wing),
        loss: Some(contract.wing - book(&chosen).mid.0),
        now: snapshot.now,
    };
    order.candidate(&chosen)
}
