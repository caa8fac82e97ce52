//! The entry decision.

use rust_decimal::Decimal;

use super::{Diagonal, pick};
use crate::{
    account::{Side, StrategyId},
    config::ranges::{DaysRules, DeltaRules},
    instrument::{Product, Right},
    market::OptionQuote,
    money::to_f64,
    strategy::{
        Candidate, Decision, Ladder, ProductData, Rule, SeriesChain, Snapshot,
        choose::{Chosen, Order, book, by_delta, delta_filter},
        day,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides. Every filter that can be computed is, also after one has failed; candidates in the order
/// of the rulebook's products.
pub(super) fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.diagonal;
    let window = |session: &_| Diagonal.window(&snapshot.rulebook, session);
    let mut sheet = Sheet::default();
    let vix = day::filters(snapshot, StrategyId::Diagonal, rules.enabled, window, &mut sheet);
    let calm = vix.is_some_and(|vix| vix < rules.below_vix);
    let value = vix.map_or_else(|| "unknown".to_owned(), |vix| vix.to_string());
    sheet.check("vix_calm", value, format_args!("< {}", rules.below_vix), calm);
    sheet
        .decide(rules.products.iter().copied(), |product, sheet| consider(snapshot, product, sheet))
}

fn consider(snapshot: &Snapshot, product: Product, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.diagonal;
    let moment = Moment::of_entry(snapshot)?;
    let data = snapshot.products.get(&product);
    moment.underlying(data, sheet)?;
    let data = data?;
    let far = put(&moment, data, "far", (rules.far_days, rules.far_delta), sheet);
    let near = put(&moment, data, "near", (rules.near_days, rules.near_delta), sheet);
    let ((far, bought), (near, sold)) = (far?, near?);
    let strikes = [bought, sold].map(|quote| quote.contract.strike);
    let bound = format!(">= {}, the one sold", strikes[1].normalize());
    sheet.check("strikes", strikes[0].normalize(), bound, strikes[0] >= strikes[1]);
    let chosen = [Chosen::open(bought, Side::Buy, 1), Chosen::open(sold, Side::Sell, 1)];
    let net = book(&chosen);
    sheet.check("debit", (-net.mid.0).normalize(), "> 0", net.mid.0 < Decimal::ZERO);
    let order = Order {
        strategy: StrategyId::Diagonal,
        product,
        structure: "put diagonal",
        units: 1,
        seen: &[far, near],
        minimum: net.natural,
        ladder: Ladder::Entry,
        width: Some(Decimal::ZERO),
        loss: Some(-net.mid.0),
        now: snapshot.now,
    };
    order.candidate(&chosen)
}

/// The put of a leg with its chain; every filter of it is written down.
fn put<'a>(
    moment: &Moment<'_>,
    data: &'a ProductData,
    name: &str,
    (days, delta): (DaysRules, DeltaRules),
    sheet: &mut Sheet,
) -> Option<(&'a SeriesChain, &'a OptionQuote)> {
    let seen = moment.chain(data, &format!("{name}.series"), &pick(days), sheet)?;
    let Some(put) = by_delta(&seen.chain, Right::Put, to_f64(delta.middle())) else {
        sheet.check(format_args!("{name}.put"), "none usable", "a put", false);
        return None;
    };
    delta_filter(name, put, (delta.from, delta.to), sheet);
    moment.leg(name, put, moment.rulebook.diagonal.spread, sheet);
    Some((seen, put))
}
