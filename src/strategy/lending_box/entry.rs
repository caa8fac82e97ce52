//! The entry decision: four legs, and a debit that brings the least rate.

use rust_decimal::Decimal;

use super::{LendingBox, pick};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::lending_box::BoxRules,
    instrument::{
        Right, Series,
        tick::{round_down, round_nearest},
    },
    market::OptionQuote,
    money::{Gbp, to_f64},
    strategy::{
        Candidate, Decision, Ladder, Rule, SeriesChain, Snapshot,
        choose::{Chosen, Order, book},
        day,
        moment::Moment,
        sheet::Sheet,
        ticks::order_tick,
    },
};

/// Decides. Every filter that can be computed is, also after one has failed.
pub(super) fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.lending_box;
    let window = |session: &_| LendingBox.window(&snapshot.rulebook, session);
    let mut sheet = Sheet::default();
    day::filters(snapshot, StrategyId::Box, rules.enabled, window, &mut sheet);
    let width = width(snapshot, &mut sheet);
    sheet.decide([rules.product], |_, sheet| consider(snapshot, width, sheet))
}

/// 100 points; 500 from £190,000 of net liquidation.
fn width(snapshot: &Snapshot, sheet: &mut Sheet) -> Decimal {
    let BoxRules { width, wide, wide_from_gbp, .. } = snapshot.rulebook.lending_box;
    let bound = format!("{width} wide, {wide} from £{wide_from_gbp}");
    let net = snapshot.balances.zip(snapshot.fx);
    let Some((balances, rate)) = net else {
        sheet.check("width", "net liquidation unknown", bound, false);
        return width;
    };
    let net = balances.net_liquidation_gbp(rate);
    let chosen = if net >= Gbp(wide_from_gbp) { wide } else { width };
    sheet.check("width", format_args!("{chosen} at {net}"), bound, true);
    chosen
}

fn consider(snapshot: &Snapshot, width: Decimal, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.lending_box;
    let moment = Moment::of_entry(snapshot)?;
    let data = snapshot.products.get(&rules.product);
    let last = moment.underlying(data, sheet)?.last;
    let seen = moment.chain(data?, "series", &pick(rules), sheet)?;
    let legs = legs(rules, seen, last, width, sheet)?;
    for (name, quote, _) in legs {
        moment.leg(name, quote, rules.spread, sheet);
    }
    let chosen = legs.map(|(_, quote, side)| Chosen::open(quote, side, 1));
    let net = book(&chosen);
    let tick = order_tick(rules.product);
    let most = dearest(rules, &seen.chain.series, &moment, width).map(|d| round_down(d, tick))?;
    let debit = -net.mid.0;
    let implied = rate(&seen.chain.series, &moment, width, debit);
    let value = format!("{implied:.2} % a year at a debit of {}", debit.normalize());
    let bound =
        format!(">= {} %, a debit of {} at most", rules.least_rate_percent, most.normalize());
    sheet.check("rate", value, bound, debit > Decimal::ZERO && debit <= most);
    let order = Order {
        strategy: StrategyId::Box,
        product: rules.product,
        structure: "box",
        units: 1,
        seen: &[seen],
        minimum: NetPrice(-most),
        ladder: Ladder::Entry,
        width: Some(Decimal::ZERO),
        // What is paid comes back at expiry; only a debit above the width would be lost.
        loss: Some((most - width).max(Decimal::ZERO)),
        now: snapshot.now,
    };
    order.candidate(&chosen)
}

type Leg<'a> = (&'static str, &'a OptionQuote, Side);

/// The call spread bought and the put spread bought, on strikes either side of the price.
fn legs<'a>(
    rules: &BoxRules,
    seen: &'a SeriesChain,
    last: Decimal,
    width: Decimal,
    sheet: &mut Sheet,
) -> Option<[Leg<'a>; 4]> {
    let low = round_nearest(last - width / Decimal::TWO, rules.grid);
    let high = low + width;
    let quote = |strike, right| seen.chain.quote(strike, right);
    let found = [
        quote(low, Right::Call),
        quote(high, Right::Call),
        quote(low, Right::Put),
        quote(high, Right::Put),
    ];
    let quoted = found.iter().flatten().count();
    let bound = format!("{} and {}, calls and puts", low.normalize(), high.normalize());
    sheet.check("strikes", format_args!("{quoted} of 4 quoted"), bound, quoted == 4);
    let [low_call, high_call, low_put, high_put] = found;
    Some([
        ("low_call", low_call?, Side::Buy),
        ("high_call", high_call?, Side::Sell),
        ("low_put", low_put?, Side::Sell),
        ("high_put", high_put?, Side::Buy),
    ])
}

fn years(series: &Series, moment: &Moment<'_>) -> f64 {
    (series.expiration - moment.session.date).num_days() as f64 / 365.0
}

/// The debit that brings the least rate: width / (1 + rate)^years.
fn dearest(
    rules: &BoxRules,
    series: &Series,
    moment: &Moment<'_>,
    width: Decimal,
) -> Option<Decimal> {
    let growth = libm::pow(1.0 + to_f64(rules.least_rate_percent) / 100.0, years(series, moment));
    Decimal::try_from(to_f64(width) / growth).ok()
}

/// The rate a debit brings, percent a year, compounded.
fn rate(series: &Series, moment: &Moment<'_>, width: Decimal, debit: Decimal) -> f64 {
    let (years, debit) = (years(series, moment), to_f64(debit));
    if years <= 0.0 || debit <= 0.0 {
        return 0.0;
    }
    (libm::pow(to_f64(width) / debit, 1.0 / years) - 1.0) * 100.0
}
