//! The week's roll: the old call bought back and the new one sold in one order; after a call was
//! bought back for its target, the sale alone.

use rust_decimal::Decimal;

use super::{
    entry::covers,
    exit::{long, short},
    natural_from, strike, weekly_pick,
};
use crate::{
    account::{Side, StrategyId},
    strategy::{
        Candidate, Decision, Ladder, ProductData,
        choose::{Chosen, Order, book},
        closing::quote_of,
        manage::Watched,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides, with every filter written down.
pub(super) fn decide(watched: &Watched<'_>, data: Option<&ProductData>) -> Decision {
    let mut sheet = Sheet::of("weekly");
    let candidate = consider(watched, data, &mut sheet);
    sheet.decide_one(candidate)
}

fn consider(
    watched: &Watched<'_>,
    data: Option<&ProductData>,
    sheet: &mut Sheet,
) -> Option<Candidate> {
    let rules = &watched.rulebook.ipmcc;
    let moment = Moment::of_change(watched);
    let last = moment.underlying(data, sheet)?.last;
    let pick = weekly_pick(rules, watched.session.date);
    let (_, new) = strike::short(&moment, data?, &pick, last, sheet)?;
    let (held, _) = long(watched)?;
    if let Some(bought) = quote_of(&held.instrument, watched.quotes) {
        covers(bought, new, sheet);
    }
    let mut chosen = Vec::new();
    let mut units = held.quantity;
    if let Some((old, _)) = short(watched) {
        let Some(quote) = quote_of(&old.instrument, watched.quotes) else {
            sheet.check("held.quote", "none", "a quote of the call to buy back", false);
            return None;
        };
        moment.quote("held", quote, sheet);
        let kept = quote.contract != new.contract;
        let value = new.contract.strike.normalize();
        sheet.check("new_call", value, "another contract than the one held", kept);
        chosen.push(Chosen::close(quote, Side::Buy, 1));
        units = units.min(-old.quantity);
    }
    chosen.push(Chosen::open(new, Side::Sell, 1));
    let natural = watched.now >= natural_from(rules, watched.session);
    let order = Order {
        strategy: StrategyId::Ipmcc,
        product: watched.position.product,
        structure: "weekly call",
        units: u32::try_from(units).unwrap_or_default(),
        seen: &[],
        minimum: book(&chosen).natural,
        ladder: if natural { Ladder::Exit } else { Ladder::Entry },
        width: None,
        loss: Some(Decimal::ZERO),
        now: watched.now,
    };
    Some(order.change(&chosen))
}
