//! Exits (rulebook §4.6, §4.7): half the credit, 21 days, and out when the long strike is touched.

use rust_decimal::Decimal;

use crate::{
    account::{ExitReason, Position},
    instrument::Instrument,
    strategy::{
        closing::{Scope, open_legs},
        ladder::profit_target,
        manage::{ExitAction, ExitMemory, Managed, Watched},
        mark::Mark,
        universal,
    },
};

/// One round of watching a position.
pub fn manage(watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
    let mut memory = memory.clone();
    if open_legs(watched.position).next().is_none() {
        return Managed { actions: Vec::new(), memory, mark: Mark::Missing };
    }
    // The rulebook gives no stop in credits: a bound of zero only keeps the time of the last mark.
    let mark = watched.observe(Scope::All, Decimal::ZERO, &mut memory);
    let touched = is_touched(watched, &mut memory);
    if memory.closing.is_none() {
        memory.closing = if touched {
            Some(ExitReason::NearStrike)
        } else {
            universal::days_exit(watched, Scope::All, mark)
        };
    }
    let mut actions = Vec::new();
    actions.extend(order(watched, &memory));
    actions.extend(watched.no_mark_alert(mark, &mut memory));
    Managed { actions, memory, mark }
}

/// Two observations in a row find the underlying at the long strike or below it.
fn is_touched(watched: &Watched<'_>, memory: &mut ExitMemory) -> bool {
    let distance = long_strike(watched.position).and_then(|strike| watched.distance(strike));
    watched.is_near(distance, Decimal::ZERO, memory)
}

/// The put bought has the highest strike.
fn long_strike(position: &Position) -> Option<Decimal> {
    let strikes = position.legs.iter().filter_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some(contract.strike),
        _ => None,
    });
    strikes.max()
}

/// The one order that should work: the close, or the profit order.
fn order(watched: &Watched<'_>, memory: &ExitMemory) -> Option<ExitAction> {
    if let Some(reason) = memory.closing {
        return watched.close_all(reason);
    }
    let percent = watched.rulebook.ratio.profit_target_percent;
    let limit = profit_target(watched.position.credit, percent, watched.tick)?;
    Some(ExitAction::RestProfit { limit, scope: Scope::All })
}
