//! Limit 12: open interest of each leg, and the order's size against it. How wide a leg's market may
//! be is each strategy's own filter.

use rust_decimal::Decimal;

use super::{data::contract_name, refusal::Refusal, size};
use crate::{
    config::rulebook::LimitRules,
    instrument::ProductKind,
    market::OptionQuote,
    strategy::{Candidate, Snapshot, closing::quote_of},
};

/// Every leg that is an option.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.limits;
    let units = size::units(snapshot, candidate);
    candidate.legs.iter().try_for_each(|leg| {
        let quote = quote_of(&leg.instrument, &candidate.quotes);
        quote.map_or(Ok(()), |quote| liquid(rules, quote, leg.ratio.saturating_mul(units)))
    })
}

fn liquid(rules: &LimitRules, quote: &OptionQuote, contracts: u32) -> Result<(), Refusal> {
    let bound = match quote.contract.series.product.kind() {
        ProductKind::Future => rules.open_interest_futures,
        ProductKind::Index | ProductKind::Etf => rules.open_interest,
    };
    let (open_interest, leg) = (quote.open_interest, contract_name(&quote.contract));
    if open_interest < bound {
        return Err(Refusal::OpenInterest { leg, open_interest, bound });
    }
    let share = rules.size_percent_of_open_interest;
    if Decimal::from(contracts) * Decimal::ONE_HUNDRED <= Decimal::from(open_interest) * share {
        return Ok(());
    }
    Err(Refusal::SizeOfInterest { leg, contracts, open_interest, percent: share })
}
