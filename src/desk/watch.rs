//! The watch over open positions: a round each ten seconds of the session, and what follows from
//! it. Asleep when nothing is open.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DurationRound, TimeDelta};
use rust_decimal::Decimal;
use tokio::sync::watch;

use super::{
    Desk, READ_WAIT, describe,
    intent::{IntentRecord, IntentState},
    read, record,
    wish::current_legs,
};
use crate::{
    account::{ExitReason, Leg, NetPrice, Position, PositionId, StrategyId, hold::Level},
    calendar::Session,
    clock::Timestamp,
    instrument::{Instrument, OptionContract, tick},
    market::OptionQuote,
    money::Usd,
    notice::{self, Notice},
    store::{Read, StoreError, Table},
    strategy::{
        Intent, Ladder, Purpose,
        closing::{Closing, Scope, closing, open_legs, quote_of},
        friday_0dte::{self, ExitAction, ExitMemory, Managed, Watched},
        ladder::Urgency,
    },
};

/// What is remembered of each open position between rounds.
const EXIT_MEMORIES: Table<ExitMemory> = Table::new("exit_memories", 1);

/// Between two rounds (rulebook §8: 0DTE stops every 10 s).
const ROUND: TimeDelta = TimeDelta::seconds(10);
/// Between two reconciliations while something is open.
const RECONCILE: TimeDelta = TimeDelta::seconds(30);
/// After the broker's hint of a change, before the next is listened for.
const HINT_GAP: TimeDelta = TimeDelta::milliseconds(20);
/// Most tries of a profit order that the broker rejects; the watch closes at the target then.
const RESTING_TRIES: usize = 5;

/// What a round wants of a position.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    action: ExitAction,
    /// Longs nobody bids for: left behind (rulebook §5).
    leave: Vec<Instrument>,
}

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

    /// The desk's loop over its books: a reconciliation whenever one is due.
    pub(super) async fn keep_books(self: Arc<Self>) {
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            if self.reconciliation_is_due(self.now())
                && let Err(error) = self.reconcile().await
            {
                tracing::error!(%error, "a reconciliation failed");
            }
            self.wait(self.next_tick(), &mut pulse).await;
        }
    }

    /// Waits for an instant, where there is one, or for the next change.
    async fn wait(&self, until: Option<Timestamp>, pulse: &mut watch::Receiver<u64>) {
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

    fn reconciliation_is_due(&self, now: Timestamp) -> bool {
        let last = self.hot().reconciled_tried_at;
        let since = last.map_or(TimeDelta::MAX, |last| now - last);
        if !self.is_reconciled() {
            return since >= ROUND;
        }
        let watching = self.in_session(now) && !self.hot().open.is_empty();
        let holds = self.latch.holds();
        let ending = holds.iter().any(|hold| hold.until.is_some_and(|until| until <= now));
        (watching && since >= RECONCILE) || (ending && since >= ROUND)
    }

    /// When the loop turns next without being woken; `None` when only a change can matter.
    fn next_tick(&self) -> Option<Timestamp> {
        let now = self.now();
        let next = grid(now) + ROUND;
        let flattening = self.latch.level() == Level::Flattening;
        if self.parts.data_dir.is_some() || !self.is_reconciled() || flattening {
            return Some(next);
        }
        let opening = (!self.hot().open.is_empty())
            .then(|| if self.in_session(now) { next } else { self.next_open(now).unwrap_or(next) });
        let ending = self.latch.holds().iter().filter_map(|hold| hold.until).min();
        opening.into_iter().chain(ending.map(|until| until.max(next))).min()
    }

    fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.session(now).map(|session| session.open).filter(|open| *open > now);
        today.or_else(|| {
            let date = crate::calendar::new_york_date(now);
            let exchange = crate::calendar::Exchange::Xnys;
            self.parts.calendar.next_session(exchange, date).map(|session| session.open)
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
        if self.hot().last_round.is_some_and(|last| last >= due) {
            return Ok(());
        }
        self.hot().last_round = Some(now);
        let positions: Vec<Position> = self.hot().open.values().cloned().collect();
        for position in positions.iter().filter(|p| p.strategy == StrategyId::Friday0dte) {
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
        let quotes = self.position_quotes(position).await;
        let times = friday_0dte::times(&self.parts.rulebook, session);
        let before = self.hot().memories.get(&position.id).cloned().unwrap_or_default();
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
        let order = managed.actions.into_iter().find(|action| {
            matches!(action, ExitAction::RestProfit { .. } | ExitAction::Close { .. })
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

    async fn position_quotes(&self, position: &Position) -> Vec<OptionQuote> {
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

    /// Brings what works at the broker in line with what the last round wants, one close at a time.
    pub(super) async fn drive(self: &Arc<Self>) -> Result<(), StoreError> {
        let level = self.latch.level();
        if level == Level::Flattening {
            self.flatten_all().await?;
        }
        let positions: Vec<Position> = self.hot().open.values().cloned().collect();
        for position in &positions {
            let wanted = if level == Level::Flattening {
                let (reason, scope) = (ExitReason::Flatten, Scope::All);
                let action = ExitAction::Close { reason, scope, urgency: Urgency::Whole };
                let quotes = self.position_quotes(position).await;
                Some(Wanted { action, leave: left_behind(position, action, &quotes) })
            } else {
                self.hot().wanted.get(&position.id).cloned()
            };
            if let Some(wanted) = wanted {
                self.drive_one(position, wanted, level).await?;
            }
        }
        Ok(())
    }

    async fn drive_one(
        self: &Arc<Self>,
        position: &Position,
        wanted: Wanted,
        level: Level,
    ) -> Result<(), StoreError> {
        let now = self.now();
        if !self.in_session(now) {
            return Ok(());
        }
        let open = self.parts.store.read(read::open_intents)?;
        let own = |r: &&IntentRecord| match &r.intent.purpose {
            Purpose::Entry => r.intent.id.0 == position.id.0,
            Purpose::Exit { position: of, .. } => *of == position.id,
        };
        let working = open.iter().find(own);
        let Wanted { action, leave } = wanted;
        match (action, working) {
            (ExitAction::RestProfit { limit }, None) if level != Level::Halted => {
                self.rest(position, limit, now).await
            }
            (ExitAction::RestProfit { limit }, Some(record))
                if record.is_resting() && record.intent.limit != limit =>
            {
                self.want_cancel(record, "the profit target moved").await
            }
            (ExitAction::Close { reason, scope, .. }, None) => {
                self.close(position, reason, scope, leave, now).await
            }
            (ExitAction::Close { reason, scope, .. }, Some(record))
                if self.gives_way(record, position, scope, &leave, now) =>
            {
                self.want_cancel(record, &format!("closing: {}", word(reason))).await
            }
            _ => Ok(()),
        }
    }

    /// True when a working order must end before the close goes: the entry, the profit order, or a
    /// close of all legs when only the shorts can be closed. Under a halt the profit order stays
    /// until the close itself may leave.
    fn gives_way(
        &self,
        record: &IntentRecord,
        position: &Position,
        scope: Scope,
        leave: &[Instrument],
        now: Timestamp,
    ) -> bool {
        if record.cancel.is_some() {
            return false;
        }
        let tick = record.intent.tick;
        let close = close_intent(position, ExitReason::TimeExit, scope, leave, tick, now);
        if record.intent.ladder != Ladder::Exit {
            let may_leave = self.latch.level() != Level::Halted
                || close.is_some_and(|intent| {
                    let probe = IntentRecord::new(intent, IntentState::Planned, now);
                    self.closes_today_on_schedule(&probe, now)
                });
            return may_leave;
        }
        close.is_some_and(|close| {
            let kept =
                |leg: &Leg| close.legs.iter().any(|other| other.instrument == leg.instrument);
            !current_legs(record).iter().all(kept)
        })
    }

    /// Places the profit order, unless the broker has rejected it too often or too recently.
    async fn rest(
        self: &Arc<Self>,
        position: &Position,
        limit: NetPrice,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let closes = self.parts.store.read(|tx| read::closes(tx, &position.id))?;
        let resting: Vec<&IntentRecord> = closes.iter().filter(|r| r.is_resting()).collect();
        let ended = resting.iter().filter(|r| r.cancel.is_none()).count();
        if ended >= RESTING_TRIES || rejected_lately(&closes, now) {
            return Ok(());
        }
        let Some(tick) = self.tick_of(position)? else { return Ok(()) };
        let make = move |position: &Position| {
            let whole =
                close_intent(position, ExitReason::ProfitTarget, Scope::All, &[], tick, now)?;
            Some(Intent { ladder: Ladder::Resting, limit, ..whole })
        };
        self.create_close(position, make, now).await
    }

    /// Starts a close, unless one was rejected too recently.
    async fn close(
        self: &Arc<Self>,
        position: &Position,
        reason: ExitReason,
        scope: Scope,
        leave: Vec<Instrument>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let closes = self.parts.store.read(|tx| read::closes(tx, &position.id))?;
        if rejected_lately(&closes, now) {
            return Ok(());
        }
        let tick = self.tick_of(position)?;
        let Some(tick) = tick else { return Ok(()) };
        let make =
            move |position: &Position| close_intent(position, reason, scope, &leave, tick, now);
        self.create_close(position, make, now).await
    }

    async fn create_close(
        self: &Arc<Self>,
        position: &Position,
        make: impl FnOnce(&Position) -> Option<Intent> + Send + 'static,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = position.id.clone();
        let created = self.write(move |tx| record::create_close(tx, &id, make, &id.0, now)).await?;
        if let Some(created) = created {
            if let Some(position) = &created.position {
                self.keep_position(position);
            }
            self.wake();
        }
        Ok(())
    }

    async fn want_cancel(
        self: &Arc<Self>,
        record: &IntentRecord,
        reason: &str,
    ) -> Result<(), StoreError> {
        if record.cancel.is_some() {
            return Ok(());
        }
        let (id, reason, now) = (record.id().clone(), reason.to_owned(), self.now());
        self.write(move |tx| record::want_cancel(tx, &id, &reason, now)).await?;
        self.wake();
        Ok(())
    }

    /// FLATTEN: everything that works is cancelled, orders made by hand included; when nothing is
    /// left it ends as HALTED.
    async fn flatten_all(self: &Arc<Self>) -> Result<(), StoreError> {
        let open = self.parts.store.read(read::open_intents)?;
        for record in open.iter().filter(|r| r.intent.ladder != Ladder::Exit) {
            self.want_cancel(record, "flatten").await?;
        }
        let nothing_held = self.hot().open.is_empty();
        if open.is_empty() && nothing_held && self.is_reconciled() {
            return self.end_flatten().await;
        }
        let Ok(orders) = self.ask(self.parts.broker.orders_today()).await else { return Ok(()) };
        for order in orders.iter().filter(|order| !order.status.is_terminal()) {
            let ours =
                self.parts.store.read(|tx| tx.get(&super::tables::BROKER_ORDERS, &order.id.0))?;
            if ours.is_none()
                && let Err(error) = self.ask(self.parts.broker.cancel(&order.id)).await
            {
                tracing::warn!(order = %order.id, %error, "flatten: a cancel was not taken");
            }
        }
        Ok(())
    }

    /// The tick of a position's net price: that of the order which opened it, or of the one
    /// instrument that was adopted.
    fn tick_of(&self, position: &Position) -> Result<Option<Decimal>, StoreError> {
        let id = crate::account::IntentId(position.id.0.clone());
        let entry = self.parts.store.read(|tx| read::intent(tx, &id))?;
        Ok(entry.map(|record| record.intent.tick).or_else(|| single_tick(position)))
    }
}

/// The tick of an order for what an adopted position holds, valid at any price.
fn single_tick(position: &Position) -> Option<Decimal> {
    let leg = open_legs(position).next()?;
    Some(match &leg.instrument {
        Instrument::Option(contract) => {
            tick::option_ticks(contract.series.product).tick_at(Decimal::ONE_THOUSAND)
        }
        other => tick::underlying_tick(other.product()),
    })
}

/// The intent that closes what a position still holds.
fn close_intent(
    position: &Position,
    reason: ExitReason,
    scope: Scope,
    leave: &[Instrument],
    tick: Decimal,
    now: Timestamp,
) -> Option<Intent> {
    let order = closing_order(position, scope, leave)?;
    let worst = position.width.map_or(NetPrice::default(), |width| NetPrice(-width));
    Some(Intent {
        id: record::close_id(position),
        strategy: position.strategy,
        product: position.product,
        purpose: Purpose::Exit { position: position.id.clone(), reason },
        slot: now,
        legs: order.legs,
        units: order.units,
        ladder: Ladder::Exit,
        limit: worst,
        tick,
        width: position.width,
        max_loss_usd: Usd::ZERO,
        requirement_usd: Usd::ZERO,
    })
}

/// The closing order: only the shorts where that is asked and some are left, else everything but
/// what is left behind.
fn closing_order(position: &Position, scope: Scope, leave: &[Instrument]) -> Option<Closing> {
    if scope == Scope::ShortsOnly
        && let Some(shorts) = closing(position, scope)
    {
        return Some(shorts);
    }
    let mut rest = position.clone();
    rest.legs.retain(|leg| !leave.contains(&leg.instrument));
    closing(&rest, Scope::All)
}

/// The longs a close leaves behind: those with a quote and no bid. A time exit keeps them in its
/// order until the shorts alone are asked for (rulebook §4.1, 15:10).
fn left_behind(position: &Position, action: ExitAction, quotes: &[OptionQuote]) -> Vec<Instrument> {
    let ExitAction::Close { reason, scope, .. } = action else { return Vec::new() };
    if reason == ExitReason::TimeExit && scope == Scope::All {
        return Vec::new();
    }
    let unbid = |instrument: &Instrument| {
        quote_of(instrument, quotes).is_some_and(|quote| quote.bid <= Decimal::ZERO)
    };
    let longs = open_legs(position).filter(|leg| leg.quantity > 0 && unbid(&leg.instrument));
    longs.map(|leg| leg.instrument.clone()).collect()
}

/// A rejection backs off 5, 15, then 30 s (rulebook §5).
fn rejected_lately(closes: &[IntentRecord], now: Timestamp) -> bool {
    let rejected = closes.iter().rev().take_while(|r| r.state == IntentState::Rejected).count();
    let Some(last) = closes.last().filter(|_| rejected > 0) else { return false };
    now - last.updated_at < TimeDelta::seconds([5, 15, 30][rejected.min(3) - 1])
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

fn word(reason: ExitReason) -> &'static str {
    match reason {
        ExitReason::ProfitTarget => "profit target",
        ExitReason::Stop => "stop",
        ExitReason::Evaluation => "evaluation",
        ExitReason::TimeExit => "time exit",
        ExitReason::Expired => "expired",
        ExitReason::Flatten => "flatten",
        ExitReason::External => "external",
    }
}

/// The last full ten seconds.
fn grid(now: Timestamp) -> Timestamp {
    now.duration_trunc(ROUND).unwrap_or(now)
}
