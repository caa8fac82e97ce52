//! One product's filters, and the candidate when it has one.

use chrono::Days;
use rust_decimal::Decimal;

use super::{
    legs, pick_series,
    strikes::{Direction, strikes},
};
use crate::{
    calendar::Session,
    config::rulebook::{ContractRules, Friday0dteRules},
    instrument::{Product, Series},
    market::UnderlyingQuote,
    money::round_half_up,
    strategy::{
        Candidate, PUT_SPREAD, ProductData, SeriesChain, Snapshot, day::clock, moment::underlying,
        sheet::Sheet, wilder_atr,
    },
};

/// Bars may end so many days before the session: more than any run of holidays.
const BARS_AGE_DAYS: u64 = 7;

/// Writes a product's filters down; a candidate when its legs could be built. Whether everything
/// passed is on the sheet.
pub(super) fn consider(
    snapshot: &Snapshot,
    product: Product,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let rules = &snapshot.rulebook.friday_0dte;
    let contract = contract(rules, product, sheet)?;
    let data = snapshot.products.get(&product);
    let underlying = underlying(&snapshot.rulebook, snapshot.now, data, sheet);
    let chain = chain(snapshot.session.as_ref(), data, underlying, sheet);
    let (underlying, data) = (underlying?, data?);
    let direction = direction(snapshot, rules, underlying, sheet);
    let atr = atr(snapshot, data, underlying, sheet);
    let (chain, direction, atr) = (chain?, direction?, atr?);
    let distance = atr * direction.distance(rules);
    let strikes = strikes(contract, direction, underlying.last, distance);
    let quoted = legs::quoted(&chain.chain, &strikes, sheet)?;
    legs::filters(snapshot, rules, contract, &quoted, sheet);
    legs::candidate(contract, direction, chain, &quoted, snapshot)
}

fn contract<'a>(
    rules: &'a Friday0dteRules,
    product: Product,
    sheet: &mut Sheet,
) -> Option<&'a ContractRules> {
    let contract = rules.contracts.iter().find(|c| c.product == product);
    if contract.is_none() {
        sheet.check("contract", "no wing, grid and credit", "set in the rulebook", false);
    }
    contract
}

/// Today's PM series and its chain; the underlying must be the one it exercises into.
fn chain<'a>(
    session: Option<&Session>,
    data: Option<&'a ProductData>,
    underlying: Option<&UnderlyingQuote>,
    sheet: &mut Sheet,
) -> Option<&'a SeriesChain> {
    let (session, data) = (session?, data?);
    let bound = "PM-settled, last trade today";
    let Some(series) = pick_series(&data.series, session) else {
        sheet.check("series", format_args!("none of {}", data.series.len()), bound, false);
        return None;
    };
    let last_trade = clock(series.last_trade);
    sheet.check("series", format_args!("{}, last trade {last_trade}", series.root), bound, true);
    if let Some(underlying) = underlying {
        exercises_into(series, underlying, sheet);
    }
    let chain = data.chain_of(series);
    let value = chain.map_or(0, |of| of.chain.quotes.len());
    sheet.check("chain", format_args!("{value} quotes"), "a chain of that series", value > 0);
    chain
}

/// On a quarterly Friday the PM option's underlying is the next future: last and open must come
/// from that one.
fn exercises_into(series: &Series, underlying: &UnderlyingQuote, sheet: &mut Sheet) {
    if let (Some(wanted), found) = (&series.future, &underlying.future) {
        let value = found.as_deref().unwrap_or("unknown");
        sheet.check("underlying", value, wanted, found.as_ref() == Some(wanted));
    }
}

fn direction(
    snapshot: &Snapshot,
    rules: &Friday0dteRules,
    underlying: &UnderlyingQuote,
    sheet: &mut Sheet,
) -> Option<Direction> {
    let open = underlying.open.filter(|open| *open > Decimal::ZERO);
    let Some(open) = open else {
        sheet.check("open", "none", "first trade at or after 09:30:00", false);
        return None;
    };
    sheet.check("open", open.normalize(), "first trade at or after 09:30:00", true);
    let direction = Direction::of(rules, open, underlying.last);
    let moved = (underlying.last - open) / open * Decimal::ONE_HUNDRED;
    let value = format!("{:+.3} %, {}", round_half_up(moved, 3), direction.structure());
    let bound = format!(
        "> +{0} % call spread, < -{0} % put spread, else iron condor",
        rules.move_percent.normalize()
    );
    sheet.check("move", value, bound, true);
    let crisis = snapshot.vix.filter(|vix| vix.level > rules.puts_only_above_vix);
    if let Some(vix) = crisis {
        let bound =
            format!("{PUT_SPREAD} only (VIX {} > {})", vix.level, rules.puts_only_above_vix);
        let structure = direction.structure();
        sheet.check("structure", structure, bound, direction == Direction::FadeDown);
    }
    Some(direction)
}

/// The index's ATR through yesterday, scaled to the traded price.
fn atr(
    snapshot: &Snapshot,
    data: &ProductData,
    underlying: &UnderlyingQuote,
    sheet: &mut Sheet,
) -> Option<Decimal> {
    let rules = &snapshot.rulebook.friday_0dte;
    let today = snapshot.session?.date;
    let oldest = today.checked_sub_days(Days::new(BARS_AGE_DAYS)).unwrap_or(today);
    let last = data.bars.last().map(|bar| bar.date);
    let through_yesterday = last.is_some_and(|last| oldest <= last && last < today);
    let value = last.map_or_else(
        || "none".to_owned(),
        |last| format!("{} sessions to {last}", data.bars.len()),
    );
    let bound = format!("> {} sessions to the one before {today}", rules.atr_days);
    let atr = wilder_atr(&data.bars, rules.atr_days).filter(|_| through_yesterday);
    sheet.check("bars", value, bound, atr.is_some());
    let index = data.index_last.filter(|index| *index > Decimal::ZERO);
    let Some(index) = index else {
        sheet.check("index", "none", "a price, to scale ATR", false);
        return None;
    };
    let scaled = atr? * underlying.last / index;
    let points = round_half_up(scaled, 2);
    let passed = sheet.check("atr", format_args!("{points} points"), "> 0", scaled > Decimal::ZERO);
    passed.then_some(scaled)
}
