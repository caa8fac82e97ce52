//! Rulebook §1: above the last VIX bound only short puts, at most one position a session, or
//! nothing at all.

use rust_decimal::Decimal;

use super::{
    cap::{VixMode, vix_cap},
    refusal::{Input, Refusal},
};
use crate::{
    account::{Leg, StrategyId},
    calendar::new_york_date,
    instrument::{Instrument, Right},
    strategy::{Candidate, Purpose, Snapshot},
};

/// Most positions opened in one session while only short puts are.
const MOST_A_SESSION: u32 = 1;

/// What the VIX mode lets a strategy open.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let vix = snapshot.vix.ok_or(Refusal::Missing { what: Input::Vix })?;
    let cap = vix_cap(&snapshot.rulebook.vix, vix.level);
    match cap.mode {
        VixMode::NoStrangles if candidate.strategy == StrategyId::Strangle => {
            Err(Refusal::NoStrangles { band: cap.band })
        }
        VixMode::Normal | VixMode::NoStrangles => Ok(()),
        VixMode::ManageOnly => Err(Refusal::ManageOnly { band: cap.band }),
        VixMode::PutsOnly if !sells_puts_only(candidate) => {
            Err(Refusal::PutsOnly { structure: candidate.structure, band: cap.band })
        }
        VixMode::PutsOnly => {
            let opened = opened_today(snapshot) + 1;
            if opened <= MOST_A_SESSION {
                return Ok(());
            }
            Err(Refusal::CrisisCount { opened, most: MOST_A_SESSION, band: cap.band })
        }
    }
}

/// Every leg is a put, and the whole brings a credit.
fn sells_puts_only(candidate: &Candidate) -> bool {
    let put = |leg: &Leg| match &leg.instrument {
        Instrument::Option(contract) => contract.right == Right::Put,
        _ => false,
    };
    candidate.legs.iter().all(put) && candidate.mid.0 > Decimal::ZERO
}

/// Positions opened today by any strategy, working entries included.
fn opened_today(snapshot: &Snapshot) -> u32 {
    let today = new_york_date(snapshot.now);
    let held = snapshot.positions.iter().chain(&snapshot.closed_today);
    let ours = held.filter(|p| p.strategy != StrategyId::External);
    let opened = ours.filter(|p| new_york_date(p.opened_at) == today).count();
    let entries = snapshot.open_intents.iter().filter(|intent| {
        let filled = snapshot.positions.iter().any(|p| p.id.0 == intent.id.0);
        intent.purpose == Purpose::Entry && !filled
    });
    u32::try_from(opened + entries.count()).unwrap_or(u32::MAX)
}
