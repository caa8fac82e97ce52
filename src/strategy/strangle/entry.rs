//! The entry decision: the day, then each underlying in order of preference. One position a run: the
//! first candidate that the gate passes.

use chrono::{NaiveDate, Weekday};
use rust_decimal::Decimal;

use super::{STRANGLE, open_to, pick};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::{ranges::DeltaRules, strangle::StrangleRules},
    instrument::{Product, ProductKind, Right, tick::round_up},
    market::{OptionQuote, history::IvRank},
    money::{round_half_up, to_f64},
    strategy::{
        Candidate, Decision, Ladder, ProductData, Rule, SeriesChain, Snapshot,
        choose::{Chosen, Order, book, by_delta, delta_filter},
        day,
        moment::{Moment, underlying},
        sheet::Sheet,
        strangle::Strangle,
        ticks::order_tick,
    },
};

/// Decides: every underlying that is open to the account, in order of preference, where it passed
/// all its filters. Every filter that can be computed is, also after one has failed.
pub fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.strangle;
    let mut sheet = Sheet::default();
    let window = |session: &_| Strangle.window(&snapshot.rulebook, session);
    let vix = day::filters(snapshot, StrategyId::Strangle, rules.enabled, window, &mut sheet);
    day::nth_weekday(snapshot, Weekday::Tue, 2, &mut sheet);
    vix_band(rules, vix, &mut sheet);
    sheet.decide(open_to(snapshot), |product, sheet| consider(snapshot, product, sheet))
}

/// None below VIX 13 or above 30.
fn vix_band(rules: &StrangleRules, vix: Option<Decimal>, sheet: &mut Sheet) {
    let Some(vix) = vix else { return };
    let (from, to) = (rules.vix_from, rules.vix_to);
    let bound = format!("{from} to {to}");
    sheet.check("vix_band", vix, bound, from <= vix && vix <= to);
}

/// One underlying's filters, and the candidate when its legs could be chosen.
fn consider(snapshot: &Snapshot, product: Product, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.strangle;
    let data = snapshot.products.get(&product);
    underlying(&snapshot.rulebook, snapshot.now, data, sheet);
    let data = data?;
    iv_rank(snapshot, product, data, sheet);
    let moment = Moment::of_entry(snapshot)?;
    let seen = moment.chain(data, "series", &pick(rules.days), sheet)?;
    let put = short(&moment, seen, Right::Put, rules.put_delta, sheet);
    let call = short(&moment, seen, Right::Call, rules.call_delta, sheet);
    let legs = [put?, call?].map(|quote| Chosen::open(quote, Side::Sell, 1));
    let least = least_credit(rules, product);
    let mid = book(&legs).mid.0;
    let dollars = round_half_up(mid * product.multiplier(), 2);
    let bound = format!(">= ${} ({} points)", rules.credit_usd, least.normalize());
    sheet.check("credit", format_args!("${dollars}"), bound, mid >= least);
    let order = Order {
        strategy: StrategyId::Strangle,
        product,
        structure: STRANGLE,
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

/// The least credit in points, on the tick and never nothing.
fn least_credit(rules: &StrangleRules, product: Product) -> Decimal {
    let tick = order_tick(product);
    round_up(rules.credit_usd / product.multiplier(), tick).max(tick)
}

/// The option of one side nearest to the middle of its deltas, with the filters of its leg.
fn short<'a>(
    moment: &Moment<'_>,
    seen: &'a SeriesChain,
    right: Right,
    delta: DeltaRules,
    sheet: &mut Sheet,
) -> Option<&'a OptionQuote> {
    let name = match right {
        Right::Put => "short_put",
        Right::Call => "short_call",
    };
    let Some(quote) = by_delta(&seen.chain, right, to_f64(delta.middle())) else {
        sheet.check(format_args!("{name}.strikes"), "none quoted", "a strike", false);
        return None;
    };
    delta_filter(name, quote, (delta.from, delta.to), sheet);
    moment.leg(name, quote, moment.rulebook.strangle.spread, sheet);
    let limits = &moment.rulebook.limits;
    let least = match quote.contract.series.product.kind() {
        ProductKind::Future => limits.open_interest_futures,
        ProductKind::Index | ProductKind::Etf => limits.open_interest,
    };
    let (interest, bound) = (quote.open_interest, format!(">= {least}"));
    sheet.check(format_args!("{name}.open_interest"), interest, bound, interest >= least);
    Some(quote)
}

/// The rank of the underlying's 30-day implied volatility in the closes of 252 sessions: of VIX now
/// where it is the S&P 500's, else of the last close.
fn iv_rank(snapshot: &Snapshot, product: Product, data: &ProductData, sheet: &mut Sheet) {
    let least = snapshot.rulebook.strangle.iv_rank_percent;
    let decimal = |(date, level): &(NaiveDate, f64)| Some((*date, Decimal::try_from(*level).ok()?));
    let closes: Vec<(NaiveDate, Decimal)> = data.volatilities.iter().filter_map(decimal).collect();
    let last = closes.last().map(|(_, level)| *level);
    let now = if is_of_vix(product) { snapshot.vix.map(|vix| vix.level) } else { last };
    let session = snapshot.previous_session.unwrap_or(NaiveDate::MIN);
    let rank = IvRank::of(&closes, now.unwrap_or_default(), session);
    let (value, passed) = match rank {
        IvRank::Known { rank_percent, low, high } => {
            let range = format!("of {} to {}", round_half_up(low, 2), round_half_up(high, 2));
            (format!("{rank_percent:.1} % {range}"), rank_percent > to_f64(least))
        }
        IvRank::Unknown { reason } => (reason.to_string(), false),
    };
    sheet.check("iv_rank", value, format_args!("> {least} %"), passed);
}

/// VIX is this product's own implied volatility.
fn is_of_vix(product: Product) -> bool {
    matches!(product, Product::Es | Product::Mes | Product::Spx | Product::Xsp | Product::Spy)
}
