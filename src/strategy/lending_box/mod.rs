//! The box (rulebook §4.6): money lent through the index's options at an implied rate. A call spread
//! and a put spread on the same two strikes pay their width at expiry whatever happens; less is paid
//! for them today. European and settled in cash, so it is held to the end, and no exit touches it but
//! FLATTEN.

mod entry;
#[cfg(test)]
mod tests;

use super::{
    Decision, Need, Pick, Reach, Rule, Snapshot,
    closing::{Scope, open_legs},
    ladder::Urgency,
    manage::{ExitAction, ExitMemory, Managed, Watched},
    mark::Mark,
    rule::entry_until,
};
use crate::{
    account::StrategyId,
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, lending_box::BoxRules, rulebook::Phase},
};

/// Strikes are read so far round the price, percent of it: half the wide box.
const REACH: u32 = 15;

/// The rule.
#[derive(Debug)]
pub struct LendingBox;

impl Rule for LendingBox {
    fn id(&self) -> StrategyId {
        StrategyId::Box
    }

    fn job(&self) -> &'static str {
        "box-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.lending_box;
        entry_until(rulebook, session, rules.entry_at, rules.last_entry_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.box_spread
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.lending_box;
        vec![Need {
            product: rules.product,
            days: rules.days.to,
            bars: 0,
            volatilities: 0,
            picks: vec![pick(rules)],
            reach: Reach::Percent { below: REACH.into(), above: REACH.into() },
        }]
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        entry::decide(snapshot)
    }

    /// Nothing, to the end; what others began to close is closed.
    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        let open = open_legs(watched.position).next().is_some();
        let close = memory.closing.filter(|_| open).map(|reason| ExitAction::Close {
            reason,
            scope: Scope::All,
            urgency: Urgency::Whole,
        });
        let mark = if open { watched.mark(Scope::All) } else { Mark::Missing };
        Managed { actions: close.into_iter().collect(), memory: memory.clone(), mark }
    }
}

fn pick(rules: &BoxRules) -> Pick {
    let days = rules.days;
    Pick::Nearest { target: days.target, from: days.from, to: days.to }
}
