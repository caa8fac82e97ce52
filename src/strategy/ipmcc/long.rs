//! Which long call is bought: of those from 80 to 90 deltas the first whose extrinsic value is
//! below 5 % of its strike.

use rust_decimal::Decimal;

use super::share;
use crate::{
    config::ipmcc::IpmccRules,
    instrument::Right,
    market::{Chain, OptionQuote},
    money::{round_half_up, to_f64},
    strategy::{
        Pick, ProductData, SeriesChain, choose::delta_filter, moment::Moment, sheet::Sheet,
    },
};

/// The long call with its chain; every filter of it is written down. `None` when there is none to
/// look at.
pub(super) fn long<'a>(
    moment: &Moment<'_>,
    data: &'a ProductData,
    pick: &Pick,
    last: Decimal,
    sheet: &mut Sheet,
) -> Option<(&'a SeriesChain, &'a OptionQuote)> {
    let rules = &moment.rulebook.ipmcc;
    let seen = moment.chain(data, "long.series", pick, sheet)?;
    let Some(call) = choose(rules, &seen.chain, last) else {
        let bound = format!("a call of {} to {}", rules.long_delta.from, rules.long_delta.to);
        sheet.check("long.call", "none usable", bound, false);
        return None;
    };
    delta_filter("long", call, (rules.long_delta.from, rules.long_delta.to), sheet);
    let (found, most) =
        (extrinsic(call, last), share(call.contract.strike, rules.extrinsic_percent));
    let bound = format!("< {} ({} % of strike)", round_half_up(most, 2), rules.extrinsic_percent);
    let strike = call.contract.strike.normalize();
    let value = format!("{} at {strike}", round_half_up(found, 2));
    sheet.check("long.extrinsic", value, bound, found < most);
    moment.leg("long", call, rules.long_spread, sheet);
    Some((seen, call))
}

/// From the lowest delta allowed upwards, that is from the highest strike down, the first call whose
/// extrinsic value is small enough; the one nearest to it where none is.
fn choose<'a>(rules: &IpmccRules, chain: &'a Chain, last: Decimal) -> Option<&'a OptionQuote> {
    let (from, to) = (to_f64(rules.long_delta.from), to_f64(rules.long_delta.to));
    let usable = |quote: &&OptionQuote| {
        quote.contract.right == Right::Call
            && !quote.is_broken()
            && (from..=to).contains(&quote.delta)
    };
    let mut calls: Vec<&OptionQuote> = chain.quotes.iter().filter(usable).collect();
    calls.sort_by_key(|quote| std::cmp::Reverse(quote.contract.strike));
    let over = |quote: &&OptionQuote| {
        extrinsic(quote, last) - share(quote.contract.strike, rules.extrinsic_percent)
    };
    let small = calls.iter().copied().find(|quote| over(quote) < Decimal::ZERO);
    small.or_else(|| calls.into_iter().min_by_key(over))
}

/// What a call costs at mid beyond its intrinsic value, points.
pub(super) fn extrinsic(quote: &OptionQuote, last: Decimal) -> Decimal {
    let contract = &quote.contract;
    quote.mid() - contract.right.intrinsic(last, contract.strike)
}
