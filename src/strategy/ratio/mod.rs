//! The put ratio (rulebook §4.6): one put bought, two sold farther below for a net credit, about 45
//! days ahead. The rulebook gives it no day: the first Monday of the month, between the LT112 of a
//! Wednesday and the strangles of a Tuesday. Nor an underlying: the largest that passes of ES, SPY
//! and MES.

mod entry;
mod exit;

#[cfg(test)]
mod tests;

use rust_decimal::{Decimal, dec};

pub use self::{entry::decide, exit::manage};
use super::{
    Decision, Need, Pick, Reach, Rule, Snapshot,
    bounds::Bounds,
    manage::{ExitMemory, Managed, Watched},
    rule::entry_until,
};
use crate::{
    account::{Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, ranges::DaysRules, rulebook::Phase},
    instrument::Product,
};

/// What it is called.
pub const PUT_RATIO: &str = "put ratio";

/// The strikes are read so far below and above the last price, percent.
const REACH: Reach = Reach::Percent { below: dec!(30), above: dec!(1) };

/// The rule.
#[derive(Debug)]
pub struct Ratio;

impl Rule for Ratio {
    fn id(&self) -> StrategyId {
        StrategyId::Ratio
    }

    fn job(&self) -> &'static str {
        "ratio-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.ratio;
        entry_until(rulebook, session, rules.entry_at, rules.last_entry_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.ratio
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.ratio;
        let need = |product: &Product| Need {
            product: *product,
            days: rules.days.to,
            bars: 0,
            volatilities: 0,
            picks: vec![pick(rules.days)],
            reach: REACH,
        };
        rules.products.iter().map(need).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        Some(Bounds::target(position, rulebook.ratio.profit_target_percent))
    }

    fn income_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.ratio.profit_target_percent)
    }
}

/// The expiration of an entry.
fn pick(DaysRules { target, from, to }: DaysRules) -> Pick {
    Pick::Nearest { target, from, to }
}
