//! Friday 0DTE (rulebook §4.1): a spread or condor sold at 10:30 on Fridays, flat the same day.

mod day;
mod entry;
mod exit;
mod legs;
mod product;
mod series;
mod strikes;
mod times;

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod exit_tests;
#[cfg(test)]
pub(crate) mod fixture;

pub use self::{
    entry::decide,
    exit::{manage, stop_loss, urgency},
    series::pick_series,
    times::{ZdteTimes, times},
};
use rust_decimal::{Decimal, dec};

use super::{
    Candidate, Decision, Need, Pick, Reach, Rule, Snapshot,
    bounds::Bounds,
    ladder::Urgency,
    manage::{ExitMemory, Managed, Watched},
    rule::FeesBound,
};
use crate::{
    account::{ExitReason, Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{
        Rulebook,
        rulebook::{ContractRules, Friday0dteRules, Phase},
    },
    instrument::Product,
    money::Usd,
};

/// Daily bars to gather: enough that Wilder's seed no longer shows ((13/14)^235 < 1e-7).
pub const ATR_BARS: usize = 250;

/// The strikes lie within so many times their distance from the last price, and a wing beyond.
const WINDOW_FACTOR: Decimal = dec!(1.5);

/// The rule.
#[derive(Debug)]
pub struct Friday0dte;

impl Rule for Friday0dte {
    fn id(&self) -> StrategyId {
        StrategyId::Friday0dte
    }

    fn job(&self) -> &'static str {
        "friday-0dte-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let times = times(rulebook, session);
        (times.entry, times.last_entry)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.friday_0dte
    }

    fn income_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.friday_0dte.profit_target_percent)
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.friday_0dte;
        rules.products.iter().map(|product| need(rules, *product)).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        let rules = &rulebook.friday_0dte;
        Some(Bounds {
            stop: Some(stop_loss(rules, position.credit, position.width)),
            ..Bounds::target(position, rules.profit_target_percent)
        })
    }

    fn is_same_day(&self) -> bool {
        true
    }

    fn closes_from(&self, rulebook: &Rulebook, session: &Session) -> Option<Timestamp> {
        Some(times(rulebook, session).exit)
    }

    fn flat_by(&self, rulebook: &Rulebook, session: &Session) -> Option<Timestamp> {
        Some(times(rulebook, session).critical)
    }

    fn urgency(
        &self,
        rulebook: &Rulebook,
        session: &Session,
        reason: ExitReason,
        now: Timestamp,
    ) -> Urgency {
        urgency(&times(rulebook, session), reason, now)
    }

    /// Round-trip fees are at most 25 % of the profit target at the mid credit (§4.1).
    fn most_fees(&self, rulebook: &Rulebook, candidate: &Candidate) -> Option<FeesBound> {
        let rules = &rulebook.friday_0dte;
        let multiplier = candidate.product.multiplier() * Decimal::from(candidate.units);
        let share = rules.profit_target_percent / Decimal::ONE_HUNDRED;
        let of = Usd(candidate.mid.0 * multiplier * share);
        Some(FeesBound { of, percent: rules.fees_percent_of_target })
    }
}

fn need(rules: &Friday0dteRules, product: Product) -> Need {
    let beyond = |contract: &ContractRules| contract.wing + contract.grid;
    let contract = rules.contracts.iter().find(|contract| contract.product == product);
    Need {
        product,
        days: 1,
        bars: ATR_BARS,
        volatilities: 0,
        picks: if contract.is_some() { vec![Pick::SameDay] } else { Vec::new() },
        reach: Reach::Atr {
            multiple: rules.directional_atr.max(rules.condor_atr) * WINDOW_FACTOR,
            days: rules.atr_days,
            plus: contract.map_or(Decimal::ZERO, beyond),
        },
    }
}
