//! Limit 7: no second position of one strategy and underlying on one expiration.

use chrono::NaiveDate;

use super::refusal::Refusal;
use crate::{
    account::StrategyId,
    instrument::{Instrument, Product},
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
    let taken: Vec<(Product, NaiveDate)> = taken.filter_map(|i| expiration(i)).collect();
    let wanted = candidate.legs.iter().filter_map(|leg| expiration(&leg.instrument));
    match wanted.into_iter().find(|key| taken.contains(key)) {
        Some((_, expiration)) => Err(Refusal::Expiration { strategy, product, expiration }),
        None => Ok(()),
    }
}

fn expiration(instrument: &Instrument) -> Option<(Product, NaiveDate)> {
    match instrument {
        Instrument::Option(contract) => Some((contract.series.product, contract.series.expiration)),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}
