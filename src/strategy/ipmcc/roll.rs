//! The long call's roll: sold, and one a year ahead bought, in one order.

use rust_decimal::Decimal;

use super::{exit, long, long_pick};
use crate::{
    account::{Side, StrategyId},
    strategy::{
        Candidate, Decision, Ladder, ProductData,
        choose::{Chosen, Order, book},
        closing::{Scope, quote_of},
        manage::Watched,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides, with every filter written down.
pub(super) fn decide(watched: &Watched<'_>, data: Option<&ProductData>) -> Decision {
    let mut sheet = Sheet::of("roll");
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
    let (_, new) = long::long(&moment, data?, &long_pick(rules), last, sheet)?;
    let (held, _) = exit::long(watched)?;
    let Some(old) = quote_of(&held.instrument, watched.quotes) else {
        sheet.check("held.quote", "none", "a quote of the call held", false);
        return None;
    };
    moment.quote("held", old, sheet);
    if let Some((_, sold)) = exit::short(watched) {
        let (bought, sold) = (new.contract.strike, sold.strike);
        let bound = format!("< {}, the call sold", sold.normalize());
        sheet.check("covered", bought.normalize(), bound, bought < sold);
    }
    let chosen = [Chosen::close(old, Side::Sell, 1), Chosen::open(new, Side::Buy, 1)];
    let days = watched.days_left(Scope::LongsOnly);
    let natural = days.is_some_and(|days| days < i64::from(rules.roll_natural_below_days));
    let order = Order {
        strategy: StrategyId::Ipmcc,
        product: watched.position.product,
        structure: "rolled long call",
        units: u32::try_from(held.quantity).unwrap_or_default(),
        seen: &[],
        minimum: book(&chosen).natural,
        ladder: if natural { Ladder::Exit } else { Ladder::Entry },
        width: None,
        loss: Some(Decimal::ZERO),
        now: watched.now,
    };
    Some(order.change(&chosen))
}
