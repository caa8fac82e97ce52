//! Strangles (rulebook §4.3): a put and a call sold far out of the money about 90 days ahead, one a
//! month, on the first underlying in order of preference that passes.

mod defence;
mod entry;
mod exit;

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod exit_tests;

use std::collections::BTreeMap;

use rust_decimal::{Decimal, dec};

pub use self::{entry::decide, exit::manage};
use super::{
    AdjustReason, Candidate, Decision, Need, Pick, ProductData, Reach, Rule, Snapshot,
    bounds::Bounds,
    closing::open_legs,
    manage::{ExitMemory, Managed, Watched},
    rule::{FeesBound, entry_until},
};
use crate::{
    account::{Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, ranges::DaysRules, rulebook::Phase},
    instrument::{Instrument, Product, Series},
    market::history::YEAR_SESSIONS,
    money::Usd,
};

/// What it is called.
pub const STRANGLE: &str = "strangle";

/// The strikes are read so far below and above the last price, percent: at a volatility of 60 % a
/// call of 5 delta 90 days ahead lies some 60 % above.
const REACH: Reach = Reach::Percent { below: dec!(45), above: dec!(70) };

/// The rule.
#[derive(Debug)]
pub struct Strangle;

impl Rule for Strangle {
    fn id(&self) -> StrategyId {
        StrategyId::Strangle
    }

    fn job(&self) -> &'static str {
        "strangle-entry"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.strangle;
        entry_until(rulebook, session, rules.entry_at, rules.last_entry_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.strangle
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.strangle;
        let products = open_to(account).into_iter();
        products.map(|product| need(product, rules.days.to, pick(rules.days))).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        let rules = &rulebook.strangle;
        let (stop, target) = (rules.stop_credits, rules.profit_target_percent);
        Some(Bounds::of_credit(position, exit::held(position), stop, target))
    }

    fn adjust_needs(&self, watched: &Watched<'_>, _reason: AdjustReason) -> Vec<Need> {
        let Some(series) = series(watched) else { return Vec::new() };
        let held = Pick::Held(series.clone());
        vec![Need { volatilities: 0, ..need(watched.position.product, 0, held) }]
    }

    fn adjust(
        &self,
        watched: &Watched<'_>,
        seen: &BTreeMap<Product, ProductData>,
        _reason: AdjustReason,
    ) -> Decision {
        defence::roll(watched, seen)
    }

    fn income_percent(&self, rulebook: &Rulebook) -> Option<Decimal> {
        Some(rulebook.strangle.profit_target_percent)
    }

    /// The credit is at least five times the round-trip fees (§4.3).
    fn most_fees(&self, rulebook: &Rulebook, candidate: &Candidate) -> Option<FeesBound> {
        let multiplier = candidate.product.multiplier() * Decimal::from(candidate.units);
        let of = Usd(candidate.mid.0 * multiplier);
        Some(FeesBound { of, percent: Decimal::ONE_HUNDRED / rulebook.strangle.credit_fees })
    }
}

/// The products of the rulebook's list that the account's phase may trade, as far as net liquidation
/// or the phase in force says: which it is the gate decides, and refuses the others by name.
fn open_to(account: &Snapshot) -> Vec<Product> {
    let net = account.balances.zip(account.fx).map(|(b, fx)| b.net_liquidation_gbp(fx).0);
    let phases = &account.rulebook.phases.phases;
    let reached = phases.iter().take_while(|phase| net.is_some_and(|net| net >= phase.from_gbp));
    let reached = reached.count().max(account.previous_phase.unwrap_or(1).into());
    let listed = |product: &&Product| {
        let mut symbols = phases.iter().take(reached).flat_map(|phase| &phase.underlyings);
        symbols.any(|symbol| symbol == product.symbol())
    };
    account.rulebook.strangle.products.iter().filter(listed).copied().collect()
}

fn need(product: Product, days: u32, pick: Pick) -> Need {
    let picks = vec![pick];
    Need { product, days, bars: 0, volatilities: YEAR_SESSIONS, picks, reach: REACH }
}

/// The expiration of an entry.
fn pick(DaysRules { target, from, to }: DaysRules) -> Pick {
    Pick::Nearest { target, from, to }
}

/// The series a position is on.
fn series<'a>(watched: &Watched<'a>) -> Option<&'a Series> {
    open_legs(watched.position).find_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some(&contract.series),
        _ => None,
    })
}
