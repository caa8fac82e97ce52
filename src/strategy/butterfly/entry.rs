//! The entry decision: which way the day has moved, and a butterfly on the way back.

use rust_decimal::Decimal;

use super::Butterfly;
use crate::{
    account::{Side, StrategyId},
    config::butterfly::{ButterflyContract, ButterflyRules},
    instrument::{Product, Right, tick::round_nearest},
    market::{OptionQuote, UnderlyingQuote},
    money::round_half_up,
    strategy::{
        Candidate, Decision, Ladder, Pick, Rule, SeriesChain, Snapshot,
        choose::{Chosen, Order, book},
        day,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides. Every filter that can be computed is, also after one has failed; candidates in the order
/// of the rulebook's products.
pub(super) fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.butterfly;
    let window = |session: &_| Butterfly.window(&snapshot.rulebook, session);
    let mut sheet = Sheet::default();
    day::filters(snapshot, StrategyId::Butterfly, rules.enabled, window, &mut sheet);
    sheet
        .decide(rules.products.iter().copied(), |product, sheet| consider(snapshot, product, sheet))
}

fn consider(snapshot: &Snapshot, product: Product, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.butterfly;
    let contract = rules.contracts.iter().find(|row| row.product == product);
    let contract = contract.filter(|row| row.grid > Decimal::ZERO);
    if contract.is_none() {
        sheet.check("contract", "no wing and grid", "set in the rulebook", false);
    }
    let moment = Moment::of_entry(snapshot)?;
    let data = snapshot.products.get(&product);
    let underlying = moment.underlying(data, sheet)?;
    let moved = moved(rules, underlying, sheet);
    let seen = moment.chain(data?, "series", &Pick::SameDay, sheet);
    let (contract, moved, seen) = (contract?, moved?, seen?);
    let [low, centre, high] = legs(rules, contract, underlying.last, moved, seen, sheet)?;
    for (name, quote) in [("low", low), ("centre", centre), ("high", high)] {
        moment.leg(name, quote, rules.spread, sheet);
    }
    let chosen = [
        Chosen::open(low, Side::Buy, 1),
        Chosen::open(centre, Side::Sell, 2),
        Chosen::open(high, Side::Buy, 1),
    ];
    let net = book(&chosen);
    let debit = -net.mid.0;
    let bound = format!("> 0 and < {}, the wing", contract.wing.normalize());
    let sane = debit > Decimal::ZERO && debit < contract.wing;
    sheet.check("debit", debit.normalize(), bound, sane);
    let order = Order {
        strategy: StrategyId::Butterfly,
        product,
        structure: "butterfly",
        units: 1,
        seen: &[seen],
        minimum: net.natural,
        ladder: Ladder::Entry,
        width: Some(Decimal::ZERO),
        loss: Some(debit.max(Decimal::ZERO)),
        now: snapshot.now,
    };
    order.candidate(&chosen)
}

/// How far the day has moved from its open, points; only a move of more than 1 % is faded.
fn moved(
    rules: &ButterflyRules,
    underlying: &UnderlyingQuote,
    sheet: &mut Sheet,
) -> Option<Decimal> {
    let open = underlying.open.filter(|open| *open > Decimal::ZERO);
    let Some(open) = open else {
        sheet.check("open", "none", "first trade at or after 09:30:00", false);
        return None;
    };
    sheet.check("open", open.normalize(), "first trade at or after 09:30:00", true);
    let moved = underlying.last - open;
    let percent = moved / open * Decimal::ONE_HUNDRED;
    let bound = format!("beyond {0} % either way", rules.faded_move_percent.normalize());
    let value = format!("{:+.3} %", round_half_up(percent, 3));
    sheet.check("move", value, bound, percent.abs() > rules.faded_move_percent);
    Some(moved)
}

/// The wings and the centre, half of the move back from the price, on its grid: puts below the
/// price, calls above it.
fn legs<'a>(
    rules: &ButterflyRules,
    contract: &ButterflyContract,
    last: Decimal,
    moved: Decimal,
    seen: &'a SeriesChain,
    sheet: &mut Sheet,
) -> Option<[&'a OptionQuote; 3]> {
    let back = moved * rules.fade_percent / Decimal::ONE_HUNDRED;
    let centre = round_nearest(last - back, contract.grid);
    let right = if moved > Decimal::ZERO { Right::Put } else { Right::Call };
    let strikes = [centre - contract.wing, centre, centre + contract.wing];
    let found = strikes.map(|strike| seen.chain.quote(strike, right));
    let [low, middle, high] = strikes.map(|strike| strike.normalize());
    let quoted = found.iter().flatten().count();
    let bound = format!("{low}/{middle}/{high} {}", right.letter());
    sheet.check("strikes", format_args!("{quoted} of 3 quoted"), bound, quoted == 3);
    let [low, middle, high] = found;
    Some([low?, middle?, high?])
}
