//! Invariant 11: nothing is open past its flat-by time without a CRITICAL alert a minute.
//!
//! From a minute and a half after the session's flat-by time (rulebook §4.1: 15:30, or the close
//! less 60 min on an early close) until the close, at every instant: a position of a
//! same-day strategy of which the venue still holds a short has a notice that it is not flat, raised in the last
//! [`EVERY`].
//!
//! The lag: positions are looked at every ten seconds and told of once a minute. A life counts once
//! it has been healthy for [`SETTLED`]: while its machine sleeps nobody can tell anybody anything. A
//! long that nobody bids for is left behind on purpose, so only shorts count.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};

use super::{Broken, Invariant, Moment, Scene, eyes::Eyes};
use crate::{
    account::{PositionId, StrategyId},
    calendar::{Exchange, NEW_YORK, Session, new_york_date},
    clock::Timestamp,
    instrument::Instrument,
    notice::{Notice, OUTBOX},
    store::Read as _,
    strategy::{Rule, rule},
};

/// The longest between two alerts: a minute, and a round.
const EVERY: TimeDelta = TimeDelta::seconds(75);
/// How long a life must have been healthy.
const SETTLED: TimeDelta = TimeDelta::seconds(90);
/// Notices looked back over.
const LOOK_BACK: usize = 200;

/// The invariant.
pub(super) struct Flat(pub(super) Eyes);

impl Invariant for Flat {
    fn number(&self) -> u8 {
        11
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        if !matches!(moment, Moment::Step) {
            return Ok(());
        }
        let date = new_york_date(scene.now);
        let Some(session) = scene.calendar.session(Exchange::Xnys, date) else { return Ok(()) };
        let healthy = scene.healthy_since().is_some_and(|since| scene.now - since >= SETTLED);
        if !healthy || scene.now >= session.close {
            return Ok(());
        }
        let due =
            |strategy| flat_by(scene, &session, strategy).filter(|by| scene.now >= *by + SETTLED);
        let Some((position, of, by)) = self.open(scene, due)? else { return Ok(()) };
        let newest = scene.store.read(|tx| tx.last(&OUTBOX, "", LOOK_BACK))?;
        let told = newest.iter().map(|(_, row)| row).find(
            |row| matches!(&row.notice, Notice::NotFlat { position: of, .. } if *of == position),
        );
        if told.is_some_and(|row| scene.now - row.at <= EVERY) {
            return Ok(());
        }
        let last = told.map_or_else(|| "never".to_owned(), |row| row.at.to_string());
        Err(Broken(format!(
            "`{position}` is short {of:?} at {} and was to be flat by {by}; last told: {last}",
            scene.now
        )))
    }
}

fn flat_by(
    scene: &Scene<'_>,
    session: &Session,
    strategy: Option<StrategyId>,
) -> Option<Timestamp> {
    let rules = &scene.settings.rulebook;
    if !strategy.and_then(rule).is_none_or(Rule::is_same_day) {
        return None;
    }
    if session.early_close {
        let before = i64::from(rules.common.early_close.flat_minutes_before);
        return Some(session.close - TimeDelta::minutes(before));
    }
    let time: NaiveTime = match strategy {
        Some(StrategyId::Butterfly) => rules.butterfly.flat_at,
        _ => rules.friday_0dte.critical_at,
    };
    let local = session.date.and_time(time).and_local_timezone(NEW_YORK).earliest()?;
    Some(local.to_utc())
}

impl Flat {
    /// A position of which our orders' fills leave a short that the venue still holds, of those that
    /// are due.
    fn open(
        &self,
        scene: &Scene<'_>,
        due: impl Fn(Option<StrategyId>) -> Option<Timestamp>,
    ) -> Result<Option<(PositionId, Instrument, Timestamp)>, Broken> {
        let ledger = self.0.ledger(scene)?;
        let Some(venue) = self.0.venue(scene)? else { return Ok(None) };
        let mut held: BTreeMap<(PositionId, &Instrument), i64> = BTreeMap::new();
        for (external, _, fills) in venue.ours() {
            let Some(position) = ledger.position_of(external) else { continue };
            for fill in fills {
                let sum = held.entry((position.clone(), &fill.instrument)).or_default();
                *sum += fill.side.sign() * i64::from(fill.quantity);
            }
        }
        let due = |id: &PositionId| due(ledger.positions.get(id).map(|position| position.strategy));
        let open = held.into_iter().filter(|((_, of), sum)| *sum < 0 && venue.state.held(of) < 0);
        Ok(open.into_iter().find_map(|((id, of), _)| Some((id.clone(), of.clone(), due(&id)?))))
    }
}
