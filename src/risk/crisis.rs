//! Rulebook §1: above the last VIX bound only short puts, at most one position a session, or
//! nothing at all.

use super::{
    cap::{VixMode, vix_cap},
    refusal::{Input, Refusal},
};
use crate::{
    account::StrategyId,
    calendar::new_york_date,
    strategy::{Candidate, PUT_SPREAD, Purpose, Snapshot},
};

/// Most positions opened in one session while only short puts are.
const MOST_A_SESSION: u32 = 1;

/// What the VIX mode lets a strategy open.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let vix = snapshot.vix.ok_or(Refusal::Missing { what: Input::Vix })?;
    let cap = vix_cap(&snapshot.rulebook.vix, vix.level);
    match cap.mode {
        VixMode::Normal | VixMode::NoStrangles => Ok(()),
        VixMode::ManageOnly => Err(Refusal::ManageOnly { band: cap.band }),
        VixMode::PutsOnly if candidate.structure != PUT_SPREAD => {
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
