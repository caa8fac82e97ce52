//! One product's filters, its legs, and the candidate when they could be had.

use std::cmp::Reverse;

use rust_decimal::Decimal;

use super::{LT112, LT112_DEFINED, pick};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::{
        lt112::{ContractDays, Lt112Form},
        stages::StageId,
    },
    instrument::{Product, Right},
    market::{Chain, OptionQuote, history::YearHigh},
    money::{round_half_up, to_f64},
    strategy::{
        Candidate, Ladder, ProductData, SeriesChain, Snapshot,
        choose::{Chosen, Order, book, delta_filter, put_below},
        closing::worth,
        moment::{Moment, underlying},
        sheet::Sheet,
        ticks::order_tick,
    },
};

/// Writes a product's filters down; a candidate when its legs could be chosen. Whether everything
/// passed is on the sheet.
pub(super) fn consider(
    snapshot: &Snapshot,
    contract: &ContractDays,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let data = snapshot.products.get(&contract.product);
    underlying(&snapshot.rulebook, snapshot.now, data, sheet);
    let data = data?;
    year_high(snapshot, data, sheet);
    let moment = Moment::of_entry(snapshot)?;
    let seen = moment.chain(data, "series", &pick(contract.days), sheet)?;
    candidate(snapshot, contract.product, seen, sheet)
}

/// The candidate on a given series whatever the day's filters say: what a book is seeded with. The
/// filters of its legs must pass.
pub fn candidate_on(
    snapshot: &Snapshot,
    product: Product,
    seen: &SeriesChain,
) -> Option<Candidate> {
    let mut sheet = Sheet::default();
    candidate(snapshot, product, seen, &mut sheet).filter(|_| sheet.passed())
}

/// The index whose bars these are is more than 1 % below the highest print of 252 sessions.
fn year_high(snapshot: &Snapshot, data: &ProductData, sheet: &mut Sheet) {
    let percent = snapshot.rulebook.lt112.year_high_percent;
    let bound = format!("more than {} % below the 52-week high", percent.normalize());
    let high = match snapshot.previous_session {
        Some(session) => YearHigh::of(&data.bars, session),
        None => YearHigh::of(&[], chrono::NaiveDate::MIN),
    };
    let (value, passed) = match (&high, data.index_last) {
        (YearHigh::Known { high: points, date }, Some(last)) => {
            let below = (*points - last) / *points * Decimal::ONE_HUNDRED;
            let below = round_half_up(below, 2).normalize();
            let text =
                format!("{}, {below} % below {} of {date}", last.normalize(), points.normalize());
            (text, high.is_near(last, percent) == Some(false))
        }
        (YearHigh::Unknown { reason }, _) => (reason.to_string(), false),
        (_, None) => ("no price of the index".to_owned(), false),
    };
    sheet.check("year_high", value, bound, passed);
}

/// The legs by delta and distance, with their filters.
fn candidate(
    snapshot: &Snapshot,
    product: Product,
    seen: &SeriesChain,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let rules = &snapshot.rulebook.lt112;
    let defined = snapshot.stage == StageId::Two;
    let form = if defined { &rules.stage_2 } else { &rules.usual };
    let legs = choose(form, &seen.chain, sheet)?;
    let moment = Moment::of_entry(snapshot)?;
    for (name, leg) in names().zip(&legs) {
        moment.leg(name, leg.quote, rules.spread, sheet);
    }
    for (place, range) in [(0, form.long_delta), (2, form.naked_delta)] {
        let name = names().nth(place).unwrap_or_default();
        delta_filter(name, legs[place].quote, (range.from, range.to), sheet);
    }
    let mid = book(&legs).mid.0;
    let least = order_tick(product) * Decimal::from(rules.minimum_credit_ticks);
    let bound = format!(">= {} (a credit of 0 or more)", least.normalize());
    sheet.check("credit", mid.normalize(), bound, mid >= least);
    let order = Order {
        strategy: StrategyId::Lt112,
        product,
        structure: if defined { LT112_DEFINED } else { LT112 },
        units: 1,
        seen: &[seen],
        minimum: NetPrice(least),
        ladder: Ladder::Entry,
        width: None,
        loss: None,
        now: snapshot.now,
    };
    let candidate = order.candidate(&legs)?;
    if form.wing_points.is_some() {
        with_risk(candidate, form, mid, sheet)
    } else {
        Some(candidate)
    }
}

/// The names of the legs, in the order they are chosen.
fn names() -> impl Iterator<Item = &'static str> {
    ["long_put", "short_put", "naked_put", "wing_put"].into_iter()
}

/// The put bought is the one nearest to its delta of those that have one to sell below it; the two
/// sold are the nearest to theirs below that one, of those that have a wing where one is asked for.
fn choose<'a>(form: &Lt112Form, chain: &'a Chain, sheet: &mut Sheet) -> Option<Vec<Chosen<'a>>> {
    let off = form.strike_off_points;
    let below =
        |quote: &OptionQuote, points: Decimal| put_below(chain, quote.contract.strike, points, off);
    let spread = nearest(chain, form.long_delta.middle(), |long| below(long, form.spread_points));
    let (long, short) = of(sheet, "spread", form.long_delta.middle(), spread)?;
    let beneath = |quote: &OptionQuote| quote.contract.strike < short.contract.strike;
    let mut legs = vec![Chosen::open(long, Side::Buy, 1), Chosen::open(short, Side::Sell, 1)];
    let Some(points) = form.wing_points else {
        let naked =
            nearest(chain, form.naked_delta.middle(), |naked| beneath(naked).then_some(naked));
        let (naked, _) = of(sheet, "naked", form.naked_delta.middle(), naked)?;
        legs.push(Chosen::open(naked, Side::Sell, 2));
        return Some(legs);
    };
    let pair = |naked: &'a OptionQuote| below(naked, points).filter(|_| beneath(naked));
    let delta = form.naked_delta.middle();
    let (naked, wing) = of(sheet, "naked", delta, nearest(chain, delta, pair))?;
    legs.push(Chosen::open(naked, Side::Sell, 2));
    legs.push(Chosen::open(wing, Side::Buy, 2));
    Some(legs)
}

/// Writes down that no pair of strikes was found.
fn of<'a>(
    sheet: &mut Sheet,
    name: &str,
    delta: Decimal,
    pair: Option<(&'a OptionQuote, &'a OptionQuote)>,
) -> Option<(&'a OptionQuote, &'a OptionQuote)> {
    if pair.is_none() {
        let bound = format!("strikes near a put of {delta} delta");
        sheet.check(format_args!("{name}.strikes"), "none quoted", bound, false);
    }
    pair
}

/// Of the puts that have a partner, the one whose |delta| is nearest, with it; of two as near the
/// one farther out of the money.
fn nearest<'a>(
    chain: &'a Chain,
    delta: Decimal,
    partner: impl Fn(&'a OptionQuote) -> Option<&'a OptionQuote>,
) -> Option<(&'a OptionQuote, &'a OptionQuote)> {
    let target = to_f64(delta);
    let far = |quote: &OptionQuote| (quote.delta.abs() - target).abs();
    let usable = |quote: &&OptionQuote| {
        quote.contract.right == Right::Put && quote.delta.is_finite() && !quote.is_broken()
    };
    let mut puts: Vec<&OptionQuote> = chain.quotes.iter().filter(usable).collect();
    puts.sort_by(|a, b| {
        let strike = |quote: &OptionQuote| Reverse(quote.contract.strike);
        far(a).total_cmp(&far(b)).then_with(|| strike(b).cmp(&strike(a)))
    });
    puts.into_iter().find_map(|put| Some((put, partner(put)?)))
}

/// The risk of a form that defines it: the worst at expiry, at most so many points.
fn with_risk(
    candidate: Candidate,
    form: &Lt112Form,
    mid: Decimal,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let (least, _) = worth(&closing_legs(&candidate))?;
    let width = -least;
    let loss = width - mid;
    let most = form.loss_points.unwrap_or_default();
    let value = format!("{} points", loss.normalize());
    sheet.check("loss", value, format_args!("<= {} points", most.normalize()), loss <= most);
    let at_risk = loss * candidate.product.multiplier() * Decimal::from(candidate.units);
    let max_loss_usd = crate::money::Usd(at_risk);
    Some(Candidate { width: Some(width), max_loss_usd, ..candidate })
}

/// The order that would close what a candidate opens.
fn closing_legs(candidate: &Candidate) -> Vec<crate::account::Leg> {
    let turned = candidate.legs.iter().cloned();
    turned.map(|leg| crate::account::Leg { side: leg.side.opposite(), ..leg }).collect()
}
