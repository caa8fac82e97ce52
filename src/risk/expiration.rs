//! Limit 7: no second position of one strategy and underlying on one expiration. Contracts on one
//! thing (ES, MES) are one underlying, as in limit 11.

use chrono::NaiveDate;

use super::{concentration::underlying_of, refusal::Refusal};
use crate::{
    account::StrategyId,
    config::rulebook::LimitRules,
    instrument::Instrument,
    strategy::{Candidate, Purpose, Snapshot},
};

/// Open positions and working entries of the strategy, against the candidate's expirations.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let Candidate { strategy, product, .. } = *candidate;
    let held = snapshot.positions.iter().filter(|p| p.is_open());
    let held = held.map(|p| (p.strategy, p.legs.iter().map(|leg| &leg.instrument).collect()));
    let working = snapshot.open_intents.iter().filter(|i| i.purpose == Purpose::Entry);
    let working = working.map(|i| (i.strategy, i.legs.iter().map(|leg| &leg.instrument).collect()));
    let taken: Vec<(StrategyId, Vec<&Instrument>)> = held.chain(working).collect();
    let taken = taken.iter().filter(|(of, _)| *of == strategy).flat_map(|(_, held)| held);
    let rules = &snapshot.rulebook.limits;
    let taken: Vec<(String, NaiveDate)> = taken.filter_map(|i| expiration(rules, i)).collect();
    let wanted = candidate.legs.iter().filter_map(|leg| expiration(rules, &leg.instrument));
    match wanted.into_iter().find(|key| taken.contains(key)) {
        Some((_, expiration)) => Err(Refusal::Expiration { strategy, product, expiration }),
        None => Ok(()),
    }
}

fn expiration(rules: &LimitRules, instrument: &Instrument) -> Option<(String, NaiveDate)> {
    match instrument {
        Instrument::Option(contract) => {
            let series = &contract.series;
            Some((underlying_of(rules, series.product), series.expiration))
        }
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}
