//! The Friday butterfly (rulebook §4.6): after a move of more than 1 % a butterfly 10 points wide is
//! bought on the way back, for a small debit that is the most it can lose; flat by 15:00.

mod entry;
mod exit;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::{
    Decision, Need, Pick, Reach, Rule, Snapshot,
    manage::{ExitMemory, Managed, Watched},
    rule::{entry_window, instant},
};
use crate::{
    account::StrategyId,
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, rulebook::Phase},
    instrument::Product,
};

/// Strikes are read so far round the price, percent of it: half of the largest moves, and a wing.
const REACH: u32 = 6;

/// The rule.
#[derive(Debug)]
pub struct Butterfly;

impl Rule for Butterfly {
    fn id(&self) -> StrategyId {
        StrategyId::Butterfly
    }

    fn job(&self) -> &'static str {
        "butterfly-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.butterfly;
        entry_window(rulebook, session, rules.entry_at, rules.window_minutes)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.butterfly
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let reach = Reach::Percent { below: REACH.into(), above: REACH.into() };
        let need = |product: &Product| Need {
            product: *product,
            days: 1,
            bars: 0,
            volatilities: 0,
            picks: vec![Pick::SameDay],
            reach,
        };
        account.rulebook.butterfly.products.iter().map(need).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        entry::decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        exit::manage(watched, memory)
    }

    fn is_same_day(&self) -> bool {
        true
    }

    fn closes_from(&self, rulebook: &Rulebook, session: &Session) -> Option<Timestamp> {
        let minutes = rulebook.common.early_close.exit_minutes_before;
        Some(shifted(session, instant(session, rulebook.butterfly.exit_at), minutes))
    }

    fn flat_by(&self, rulebook: &Rulebook, session: &Session) -> Option<Timestamp> {
        let minutes = rulebook.common.early_close.flat_minutes_before;
        Some(shifted(session, instant(session, rulebook.butterfly.flat_at), minutes))
    }

    /// The debit is the most it can lose.
    fn most_loss_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.butterfly.debit_percent)
    }
}

/// A clock of the session; on an early close no later than so many minutes before it.
fn shifted(session: &Session, at: Timestamp, minutes_before: u32) -> Timestamp {
    if session.early_close {
        at.min(session.close - TimeDelta::minutes(i64::from(minutes_before)))
    } else {
        at
    }
}
