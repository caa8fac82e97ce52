//! The diagonal (rulebook §4.6): below VIX 15 a put is bought two months ahead and a lower one sold
//! a month ahead. Puts: volatility is cheap then, and what closes the trade, a rise of VIX above 18,
//! comes with a fall, in which the put bought gains most. The debit is the most it can lose, for the
//! put bought is the higher and lives longer.

mod entry;
mod exit;
#[cfg(test)]
mod tests;

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

/// Strikes are read so far below the price, percent of it.
const REACH: u32 = 15;
/// And above it.
const ABOVE: u32 = 2;

/// The rule.
#[derive(Debug)]
pub struct Diagonal;

impl Rule for Diagonal {
    fn id(&self) -> StrategyId {
        StrategyId::Diagonal
    }

    fn job(&self) -> &'static str {
        "diagonal-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.diagonal;
        entry_until(rulebook, session, rules.entry_at, rules.last_entry_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.diagonal
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.diagonal;
        let need = |product: &Product| Need {
            product: *product,
            days: rules.far_days.to,
            bars: 0,
            volatilities: 0,
            picks: vec![pick(rules.far_days), pick(rules.near_days)],
            reach: Reach::Percent { below: REACH.into(), above: ABOVE.into() },
        };
        rules.products.iter().map(need).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        entry::decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        exit::manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        Some(Bounds::target(position, rulebook.diagonal.profit_target_percent))
    }
}

fn pick(days: DaysRules) -> Pick {
    Pick::Nearest { target: days.target, from: days.from, to: days.to }
}
