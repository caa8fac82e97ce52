//! The watch over open positions: a round each ten seconds of the session, and what follows from
//! it. Asleep when nothing is open.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DurationRound, TimeDelta};
use tokio::sync::watch;

use super::{
    Desk, READ_WAIT,
    adjust::is_held_back,
    deliver::options_of,
    describe,
    drive::{Wanted, left_behind},
};
use crate::{
    account::{ExitReason, Position, PositionId, StrategyId, hold::Level},
    calendar::{Exchange, Session, new_york_date},
    clock::Timestamp,
    instrument::{Instrument, OptionContract},
    market::OptionQuote,
    notice::{self, Notice},
    store::{Read, StoreError, Table},
    strategy::{
        closing::open_legs,
        friday_0dte::{self, ExitAction, ExitMemory, Managed, Watched},
    },
};

/// What is remembered of each open position between rounds.
const EXIT_MEMORIES: Table<ExitMemory> = Table::new("exit_memories", 1);

/// Between two rounds (rulebook §8: 0DTE stops every 10 s).
const ROUND: TimeDelta = TimeDelta::seconds(10);
/// After the broker's hint of a change, before the next is listened for.
const HINT_GAP: TimeDelta = TimeDelta::milliseconds(20);

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

impl Desk {
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
        self.round(grid(self.now())).await?;
        self.drive().await
    }

    /// When the loop turns next without being woken; `None` when only a change can matter.
    fn next_tick(&self) -> Option<Timestamp> {
        let now = self.now();
        let next = grid(now) + ROUND;
        let flattening = self.latch.level() == Level::Flattening;
        if self.parts.data_dir.is_some() || !self.is_reconciled() || flattening {
            return Some(next);
        }
        (!self.hot().open.is_empty())
            .then(|| if self.in_session(now) { next } else { self.next_open(now).unwrap_or(next) })
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
        let Some(session) = self.session(now).filter(|session| session.contains(now)) else {
            return Ok(());
        };
        if self.hot().open.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        // After a step back of the clock the last round lies ahead of now: it counts for nothing.
        if self.hot().last_round.is_some_and(|last| (due..=now).contains(&last)) {
            return Ok(());
        }
        self.hot().last_round = Some(now);
        let positions: Vec<Position> = self.hot().open.values().cloned().collect();
        for position in
            positions.iter().filter(|p| p.strategy == StrategyId::Friday0dte && !is_held_back(p))
        {
            self.look(position, &session, now).await?;
        }
        Ok(())
    }

    /// One position's round: quotes, decision, memory, alerts.
    async fn look(
        &self,
        position: &Position,
        session: &Session,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(tick) = self.tick_of(position)? else { return Ok(()) };
        let Some(options) = options_of(position) else {
            self.hot().wanted.remove(&position.id);
            return Ok(());
        };
        let position = options.as_ref();
        let quotes = self.position_quotes(position).await;
        let times = self.zdte_times(session);
        let mut before = self.hot().memories.get(&position.id).cloned().unwrap_or_default();
        if before.closing.is_none() && self.at_assignment_risk(position, &quotes, now).await? {
            before.closing = Some(ExitReason::AssignmentRisk);
        }
        let managed = friday_0dte::manage(
            &Watched {
                rulebook: &self.parts.rulebook,
                session,
                times: &times,
                position,
                quotes: &quotes,
                tick,
                now,
            },
            &before,
        );
        let notices = alerts(position, &managed);
        let matters = ExitMemory { last_mark_at: before.last_mark_at, ..managed.memory.clone() };
        if matters != before || !notices.is_empty() {
            let (id, memory) = (position.id.clone(), managed.memory.clone());
            let triggered = before.closing.is_none().then_some(memory.closing).flatten();
            let cost = managed.mark.cost();
            self.write(move |tx| {
                tx.put(&EXIT_MEMORIES, &id.0, &memory)?;
                if let Some(reason) = triggered {
                    let data = serde_json::json!({ "reason": reason, "cost": cost });
                    tx.journal(now, &id.0, "closing", &data)?;
                }
                notices.into_iter().try_for_each(|told| notice::raise(tx, now, told))
            })
            .await?;
        }
        // Where assignment took the shorts there is no debit to rest at.
        let shorts = open_legs(position).any(|leg| leg.quantity < 0);
        let order = managed.actions.into_iter().find(|action| match action {
            ExitAction::RestProfit { .. } => shorts,
            ExitAction::Close { .. } => true,
            _ => false,
        });
        let order =
            order.map(|action| Wanted { action, leave: left_behind(position, action, &quotes) });
        let mut hot = self.hot();
        hot.memories.insert(position.id.clone(), managed.memory);
        match order {
            Some(order) => hot.wanted.insert(position.id.clone(), order),
            None => hot.wanted.remove(&position.id),
        };
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
        match self.parts.rt.timeout(READ_WAIT, asked).await {
            Some(Ok(quotes)) => quotes,
            _ => Vec::new(),
        }
    }
}

fn alerts(position: &Position, managed: &Managed) -> Vec<Notice> {
    let id = &position.id;
    let told = managed.actions.iter().filter_map(|action| match action {
        ExitAction::AlertNoMark { seconds } => {
            Some(Notice::NoMark { position: id.clone(), seconds: *seconds })
        }
        ExitAction::AlertNotFlat => Some(Notice::NotFlat {
            position: id.clone(),
            what: format!(
                "{}; open: {}",
                describe::position(position),
                describe::open_legs(position)
            ),
        }),
        _ => None,
    });
    told.collect()
}

/// How long ago something was; "long ago" when the clock has stepped back behind it.
pub(super) fn elapsed(at: Timestamp, now: Timestamp) -> TimeDelta {
    if at > now { TimeDelta::MAX } else { now - at }
}

/// The last full ten seconds.
fn grid(now: Timestamp) -> Timestamp {
    now.duration_trunc(ROUND).unwrap_or(now)
}
