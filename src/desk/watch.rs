//! The watch over open positions: a round each ten seconds of the session, and what follows from
//! it. Asleep when nothing is open.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DurationRound, TimeDelta};

use super::{Desk, adjust::is_held_back, describe, drive::Wanted};
use crate::{
    account::{ExitReason, Position, PositionId, StrategyId, hold::Level},
    calendar::{Exchange, new_york_date},
    clock::Timestamp,
    config::execution::span,
    instrument::{Instrument, OptionContract},
    market::OptionQuote,
    notice::{self, Notice},
    signal as watch,
    store::{Read, StoreError, Table, WriteTx},
    strategy::{
        Rule,
        closing::open_legs,
        manage::{ExitAction, ExitMemory},
        rule,
    },
};

/// What is remembered of each open position between rounds.
pub(super) const EXIT_MEMORIES: Table<ExitMemory> = Table::new("exit_memories", 1);

/// After the broker's hint of a change, before the next is listened for.
const HINT_GAP: TimeDelta = TimeDelta::milliseconds(20);

/// Between two looks at a position that does not expire today (rulebook §8).
const A_MINUTE: TimeDelta = TimeDelta::minutes(1);

/// The memories of open positions.
pub(super) fn memories(
    tx: &impl Read,
    open: &[Position],
) -> Result<BTreeMap<PositionId, ExitMemory>, StoreError> {
    let mut kept = BTreeMap::new();
    for position in open {
        if let Some(memory) = tx.get(&EXIT_MEMORIES, &position.id.0)? {
            kept.insert(position.id.clone(), memory);
        }
    }
    Ok(kept)
}

/// Writes down that a position is to be closed, unless it is being closed already. Returns true
/// when that is news.
pub(super) fn close_from_now(
    tx: &mut WriteTx,
    position: &PositionId,
    reason: ExitReason,
) -> Result<bool, StoreError> {
    let mut memory = tx.get(&EXIT_MEMORIES, &position.0)?.unwrap_or_default();
    if memory.closing.is_some() {
        return Ok(false);
    }
    memory.closing = Some(reason);
    tx.put(&EXIT_MEMORIES, &position.0, &memory)?;
    Ok(true)
}

impl Desk {
    /// Takes into memory that a position is to be closed, and has it looked at without delay.
    pub(super) fn must_close(&self, position: &PositionId, reason: ExitReason) {
        let mut hot = self.hot();
        if hot.open.contains_key(position) {
            let memory = hot.memories.entry(position.clone()).or_default();
            memory.closing.get_or_insert(reason);
            hot.last_round = None;
        }
    }

    /// Turns the broker's hints into beats of the pulse.
    pub(super) async fn follow_changes(self: Arc<Self>) {
        loop {
            self.parts.broker.changed().await;
            self.beat();
            self.parts.rt.sleep(HINT_GAP).await;
        }
    }

    /// The desk's loop over positions.
    pub(super) async fn watch_positions(self: Arc<Self>) {
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            if let Err(error) = self.tick().await {
                tracing::error!(%error, "a round of the desk failed");
            }
            self.loops.positions.turned();
            self.wait(self.next_tick(), &mut pulse).await;
        }
    }

    /// Waits for an instant, where there is one, or for the next change.
    pub(super) async fn wait(&self, until: Option<Timestamp>, pulse: &mut watch::Receiver<u64>) {
        let Some(until) = until else {
            let _ = pulse.changed().await;
            return;
        };
        let wait = (until - self.now()).max(TimeDelta::milliseconds(1));
        let _ = self.parts.rt.timeout(wait, pulse.changed()).await;
    }

    /// One turn of the loop: the file, the workers, the positions, in that order.
    async fn tick(self: &Arc<Self>) -> Result<(), StoreError> {
        self.heed_file().await?;
        self.staff();
        self.round(self.grid(self.now())).await?;
        self.drive().await
    }

    /// Between two rounds, and two tries of what is not to wait.
    fn between_rounds(&self) -> TimeDelta {
        span(self.rules().round_seconds)
    }

    /// The last full round of the clock.
    fn grid(&self, now: Timestamp) -> Timestamp {
        now.duration_trunc(self.between_rounds()).unwrap_or(now)
    }

    /// When the loop turns next without being woken; `None` when only a change can matter.
    fn next_tick(&self) -> Option<Timestamp> {
        let now = self.now();
        let next = self.grid(now) + self.between_rounds();
        let flattening = self.latch.level() == Level::Flattening;
        if self.parts.data_dir.is_some()
            || !self.is_reconciled()
            || flattening
            || self.is_overdue(now)
        {
            return Some(next);
        }
        if self.hot().open.is_empty() {
            return None;
        }
        if !self.in_session(now) {
            return Some(self.next_open(now).unwrap_or(next));
        }
        let minute = now.duration_trunc(A_MINUTE).unwrap_or(now) + A_MINUTE;
        Some(if self.looks_often() { next } else { minute })
    }

    /// Something open expires today, or is to be closed or changed: each round counts.
    fn looks_often(&self) -> bool {
        let hot = self.hot();
        let same_day = |p: &Position| rule(p.strategy).is_some_and(Rule::is_same_day);
        let resting = |wanted: &Wanted| matches!(wanted.action, ExitAction::RestProfit { .. });
        hot.last_round.is_none()
            || hot.open.values().any(same_day)
            || hot.wanted.values().any(|wanted| !resting(wanted))
    }

    /// A same-day position is past its flat-by time, and a short of it still stands: that is told
    /// until the books say that it is gone, also after the close.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        let open: Vec<(StrategyId, Timestamp)> =
            self.hot().open.values().filter_map(short_until).collect();
        open.into_iter().any(|short| self.is_past_flat_by(short, now))
    }

    fn is_past_flat_by(&self, (of, last_trade): (StrategyId, Timestamp), now: Timestamp) -> bool {
        let session = self.parts.calendar.session(Exchange::Xnys, new_york_date(last_trade));
        let by = rule(of)
            .zip(session)
            .and_then(|(rule, session)| rule.flat_by(&self.parts.rulebook, &session));
        by.is_some_and(|by| now >= by)
    }

    /// Outside the session nothing is traded; what should be flat by now is still told of, each
    /// minute.
    pub(super) async fn tell_overdue(&self) -> Result<(), StoreError> {
        let now = self.now();
        let open: Vec<Position> = self.hot().open.values().cloned().collect();
        for position in open {
            let overdue = short_until(&position).is_some_and(|at| self.is_past_flat_by(at, now));
            let last = self.hot().memories.get(&position.id).and_then(|memory| memory.critical_at);
            let lately = last.is_some_and(|last| elapsed(last, now) < TimeDelta::minutes(1));
            if !overdue || lately {
                continue;
            }
            let told = not_flat(&position);
            let id = position.id.clone();
            // Only this field: the owner's close may be written meanwhile.
            self.write(move |tx| {
                let mut row = tx.get(&EXIT_MEMORIES, &id.0)?.unwrap_or_default();
                row.critical_at = Some(now);
                tx.put(&EXIT_MEMORIES, &id.0, &row)?;
                notice::raise(tx, now, told)
            })
            .await?;
            self.hot().memories.entry(position.id.clone()).or_default().critical_at = Some(now);
        }
        Ok(())
    }

    pub(super) fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.session(now).map(|session| session.open).filter(|open| *open > now);
        today.or_else(|| {
            let next = self.parts.calendar.next_session(Exchange::Xnys, new_york_date(now));
            next.map(|session| session.open)
        })
    }

    /// A round for a slot and what follows from it: the body of the management jobs.
    pub async fn manage(self: &Arc<Self>, slot: Timestamp) -> Result<(), StoreError> {
        self.round(slot).await?;
        self.drive().await
    }

    /// Looks at every open position of a strategy once, unless a round was made at or after `due`.
    pub async fn round(self: &Arc<Self>, due: Timestamp) -> Result<(), StoreError> {
        let now = self.now();
        if self.hot().open.is_empty() {
            return Ok(());
        }
        let Some(session) = self.session(now).filter(|session| session.contains(now)) else {
            return self.tell_overdue().await;
        };
        let _turn = self.turn.lock().await;
        // After a step back of the clock the last round lies ahead of now: it counts for nothing.
        if self.hot().last_round.is_some_and(|last| (due..=now).contains(&last)) {
            return Ok(());
        }
        let forced = self.hot().last_round.replace(now).is_none();
        let minute = now.duration_trunc(A_MINUTE).unwrap_or(now);
        let positions: Vec<Position> = {
            let mut hot = self.hot();
            let slow = forced || hot.slow_round != Some(minute);
            hot.slow_round = Some(minute);
            let due = |p: &&Position| {
                rule(p.strategy).is_some_and(|rule| slow || rule.is_same_day()) && !is_held_back(p)
            };
            hot.open.values().filter(due).cloned().collect()
        };
        for position in &positions {
            self.look(position, &session, now).await?;
        }
        Ok(())
    }

    pub(super) async fn position_quotes(&self, position: &Position) -> Vec<OptionQuote> {
        let contracts: Vec<OptionContract> = open_legs(position)
            .filter_map(|leg| match &leg.instrument {
                Instrument::Option(contract) => Some(contract.clone()),
                _ => None,
            })
            .collect();
        let asked = self.parts.market.quotes(&contracts);
        match self.parts.rt.timeout(self.read_wait(), asked).await {
            Some(Ok(quotes)) => quotes,
            _ => Vec::new(),
        }
    }
}

/// The last trade of a same-day position's short, and whose it is; `None` for any other position.
fn short_until(position: &Position) -> Option<(StrategyId, Timestamp)> {
    let strategy = position.strategy;
    if !rule(strategy).is_some_and(Rule::is_same_day) {
        return None;
    }
    open_legs(position).filter(|leg| leg.quantity < 0).find_map(|leg| match &leg.instrument {
        Instrument::Option(contract) => Some((strategy, contract.series.last_trade)),
        _ => None,
    })
}

pub(super) fn not_flat(position: &Position) -> Notice {
    let (what, open) = (describe::position(position), describe::open_legs(position));
    Notice::NotFlat { position: position.id.clone(), what: format!("{what}; open: {open}") }
}

/// How long ago something was; "long ago" when the clock has stepped back behind it.
pub(super) fn elapsed(at: Timestamp, now: Timestamp) -> TimeDelta {
    if at > now { TimeDelta::MAX } else { now - at }
}
