//! The entry decision: the long call and the week's call in one order.

use rust_decimal::Decimal;

use super::{Ipmcc, long::long, long_pick, share, strike::short, weekly_pick};
use crate::{
    account::{Side, StrategyId},
    instrument::Product,
    market::OptionQuote,
    strategy::{
        Candidate, Decision, Ladder, Rule, Snapshot,
        choose::{Chosen, Order, book},
        day,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides. Every filter that can be computed is, also after one has failed; candidates in the order
/// of the rulebook's products.
pub(super) fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.ipmcc;
    let window = |session: &_| Ipmcc.window(&snapshot.rulebook, session);
    let mut sheet = Sheet::default();
    day::filters(snapshot, StrategyId::Ipmcc, rules.enabled, window, &mut sheet);
    sheet
        .decide(rules.products.iter().copied(), |product, sheet| consider(snapshot, product, sheet))
}

fn consider(snapshot: &Snapshot, product: Product, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.ipmcc;
    let moment = Moment::of_entry(snapshot)?;
    let data = snapshot.products.get(&product);
    let last = moment.underlying(data, sheet)?.last;
    let data = data?;
    let long = long(&moment, data, &long_pick(rules), last, sheet);
    let short = short(&moment, data, &weekly_pick(rules, moment.session.date), last, sheet);
    let ((far, long), (near, short)) = (long?, short?);
    covers(long, short, sheet);
    let chosen = [Chosen::open(long, Side::Buy, 1), Chosen::open(short, Side::Sell, 1)];
    let net = book(&chosen);
    // The long call is closed at a loss of 30 %; the gate reckons with half as much again (§4.4).
    let loss = share(-net.mid.0, rules.loss_percent) * rules.loss_margin;
    let order = Order {
        strategy: StrategyId::Ipmcc,
        product,
        structure: "covered long call",
        units: 1,
        seen: &[far, near],
        minimum: net.natural,
        ladder: Ladder::Entry,
        width: Some(Decimal::ZERO),
        loss: Some(loss),
        now: snapshot.now,
    };
    order.candidate(&chosen)
}

/// Writes down whether the long call covers the one sold at every price: its strike is lower.
pub(super) fn covers(long: &OptionQuote, short: &OptionQuote, sheet: &mut Sheet) -> bool {
    let (bought, sold) = (long.contract.strike, short.contract.strike);
    let bound = format!("> {}, the long call's", bought.normalize());
    sheet.check("covered", sold.normalize(), bound, sold > bought)
}
