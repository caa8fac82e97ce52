//! Which put is sold: for a new rung and for one that is rolled.

use crate::{
    instrument::Right,
    market::OptionQuote,
    money::to_f64,
    strategy::{
        Pick, ProductData, SeriesChain,
        choose::{by_delta, delta_filter},
        moment::Moment,
        sheet::Sheet,
    },
};

/// The put of 12 to 14 deltas on the series picked, with its chain; every filter of it is written
/// down. `None` when there is none to look at.
pub(super) fn put<'a>(
    moment: &Moment<'_>,
    data: Option<&'a ProductData>,
    pick: &Pick,
    sheet: &mut Sheet,
) -> Option<(&'a SeriesChain, &'a OptionQuote)> {
    let rules = &moment.rulebook.leap_ladder;
    moment.underlying(data, sheet);
    let seen = moment.chain(data?, "series", pick, sheet)?;
    let put = by_delta(&seen.chain, Right::Put, to_f64(rules.delta.middle()));
    let Some(put) = put else {
        sheet.check("put", "none usable", "a put to sell", false);
        return None;
    };
    delta_filter("put", put, (rules.delta.from, rules.delta.to), sheet);
    moment.leg("put", put, rules.spread, sheet);
    Some((seen, put))
}
