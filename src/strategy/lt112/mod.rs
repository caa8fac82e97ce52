//! LT112, "1-1-2" (rulebook §4.2): a put spread bought about 120 days ahead and paid for by two puts
//! sold far below it. The naked puts are taken off early; the spread stays as a hedge.

mod entry;
mod exit;
mod legs;

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod exit_tests;

use rust_decimal::{Decimal, dec};

pub use self::{
    entry::{attempt, decide},
    exit::manage,
    legs::candidate_on,
};
use super::{
    Decision, Need, Pick, Reach, Rule, Snapshot,
    bounds::Bounds,
    closing::{Scope, closing},
    manage::{ExitMemory, Managed, Watched},
    rule::entry_window,
};
use crate::{
    account::{Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, lt112::ContractDays, ranges::DaysRules, rulebook::Phase},
    instrument::Instrument,
    market::history::YEAR_SESSIONS,
};

/// What it is called.
pub const LT112: &str = "LT112";
/// The same with its risk defined (deployment stage 2).
pub const LT112_DEFINED: &str = "LT112, defined risk";

/// The strikes are read so far below and above the last price, percent: at VIX 50 a put of 5 delta
/// 120 days ahead lies some 40 % below.
const REACH: Reach = Reach::Percent { below: dec!(45), above: dec!(1) };

/// The rule.
#[derive(Debug)]
pub struct Lt112;

impl Rule for Lt112 {
    fn id(&self) -> StrategyId {
        StrategyId::Lt112
    }

    fn job(&self) -> &'static str {
        "lt112-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.lt112;
        entry_window(rulebook, session, rules.entry_at, rules.window_minutes)
    }

    /// In P1 from deployment stage 2 on one unit of MES: limit 5 sees to that.
    fn most(&self, phase: &Phase) -> u32 {
        phase.lt112
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let need = |contract: &ContractDays| Need {
            product: contract.product,
            days: contract.days.to,
            bars: YEAR_SESSIONS,
            volatilities: 0,
            picks: vec![pick(contract.days)],
            reach: REACH,
        };
        account.rulebook.lt112.contracts.iter().map(need).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        decide(snapshot)
    }

    fn attempt(&self, snapshot: &Snapshot) -> Decision {
        attempt(snapshot)
    }

    fn income_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.lt112.profit_target_percent)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        let naked = Parts::of(position)?.naked();
        let rules = &rulebook.lt112;
        let (stop, target) = (rules.stop_credits, rules.profit_target_percent);
        closing(position, naked)?;
        Some(Bounds::of_credit(position, naked, stop, target))
    }
}

/// The expiration of an entry.
fn pick(DaysRules { target, from, to }: DaysRules) -> Pick {
    Pick::Nearest { target, from, to }
}

/// What a position is made of: its hedge, and the puts sold below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    /// The strike of the hedge's own short put.
    hedge: Decimal,
    /// The strike of the two puts sold; `None` where none was ever held.
    naked: Option<Decimal>,
}

impl Parts {
    /// By strike: the put bought is the highest, the one sold against it the second, the two sold
    /// below are the third. Legs that are closed still count. `None` where no spread was opened.
    fn of(position: &Position) -> Option<Self> {
        let strike = |instrument: &Instrument| match instrument {
            Instrument::Option(contract) => Some(contract.strike),
            _ => None,
        };
        let mut strikes: Vec<Decimal> =
            position.legs.iter().filter_map(|leg| strike(&leg.instrument)).collect();
        strikes.sort_unstable_by(|a, b| b.cmp(a));
        strikes.dedup();
        Some(Self { hedge: *strikes.get(1)?, naked: strikes.get(2).copied() })
    }

    /// The puts sold, with what covers them where their risk is defined.
    fn naked(self) -> Scope {
        Scope::Beneath(self.hedge)
    }
}

/// Only the hedge is left of a position: it counts nothing in its group (§4.2).
pub fn is_hedge(position: &Position) -> bool {
    position.strategy == StrategyId::Lt112
        && Parts::of(position).is_some_and(|parts| closing(position, parts.naked()).is_none())
}
