//! The entry decision: the day, then each underlying in order of preference.

use chrono::Weekday;
use rust_decimal::Decimal;

use super::{PUT_RATIO, Ratio, pick};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::ranges::DeltaRules,
    instrument::{Product, Right},
    market::OptionQuote,
    money::to_f64,
    strategy::{
        Candidate, Decision, Ladder, Rule, SeriesChain, Snapshot,
        choose::{Chosen, Order, book, by_delta, delta_filter},
        day,
        moment::{Moment, underlying},
        sheet::Sheet,
        ticks::order_tick,
    },
};

/// Decides: each underlying, in order of preference, where it passed all its filters. Every filter
/// that can be computed is, also after one has failed.
pub fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.ratio;
    let mut sheet = Sheet::default();
    let window = |session: &_| Ratio.window(&snapshot.rulebook, session);
    day::filters(snapshot, StrategyId::Ratio, rules.enabled, window, &mut sheet);
    day::nth_weekday(snapshot, Weekday::Mon, 1, &mut sheet);
    sheet
        .decide(rules.products.iter().copied(), |product, sheet| consider(snapshot, product, sheet))
}

/// One underlying's filters, and the candidate when its legs could be chosen.
fn consider(snapshot: &Snapshot, product: Product, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.ratio;
    let data = snapshot.products.get(&product);
    underlying(&snapshot.rulebook, snapshot.now, data, sheet);
    let moment = Moment::of_entry(snapshot)?;
    let seen = moment.chain(data?, "series", &pick(rules.days), sheet)?;
    let long = put(&moment, seen, "long_put", rules.long_delta, sheet);
    let short = put(&moment, seen, "short_put", rules.short_delta, sheet);
    let legs = [Chosen::open(long?, Side::Buy, 1), Chosen::open(short?, Side::Sell, 2)];
    let least = order_tick(product) * Decimal::from(rules.minimum_credit_ticks);
    let mid = book(&legs).mid.0;
    let bound = format!(">= {} (a net credit)", least.normalize());
    sheet.check("credit", mid.normalize(), bound, mid >= least);
    let order = Order {
        strategy: StrategyId::Ratio,
        product,
        structure: PUT_RATIO,
        units: 1,
        seen: &[seen],
        minimum: NetPrice(least),
        ladder: Ladder::Entry,
        width: None,
        loss: None,
        now: snapshot.now,
    };
    order.candidate(&legs)
}

/// The put nearest to the middle of its deltas, with the filters of its leg.
fn put<'a>(
    moment: &Moment<'_>,
    seen: &'a SeriesChain,
    name: &str,
    delta: DeltaRules,
    sheet: &mut Sheet,
) -> Option<&'a OptionQuote> {
    let Some(quote) = by_delta(&seen.chain, Right::Put, to_f64(delta.middle())) else {
        sheet.check(format_args!("{name}.strikes"), "none quoted", "a strike", false);
        return None;
    };
    delta_filter(name, quote, (delta.from, delta.to), sheet);
    moment.leg(name, quote, moment.rulebook.ratio.spread, sheet);
    Some(quote)
}
