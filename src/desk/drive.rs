//! What the watch wants is brought about at the broker: one close of a position at a time, the
//! former cancelled and confirmed before the next exists.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{
    Desk,
    adjust::is_held_back,
    intent::{IntentRecord, IntentState},
    read, record,
    tables::BROKER_ORDERS,
    watch::elapsed,
    wish::current_legs,
};
use crate::{
    account::{ExitReason, Leg, NetPrice, Position, hold::Level},
    clock::Timestamp,
    instrument::{Instrument, tick},
    market::OptionQuote,
    money::Usd,
    store::{Read, StoreError},
    strategy::{
        Intent, Ladder, Purpose,
        closing::{Closing, Scope, closing, open_legs, quote_of},
        ladder::Urgency,
        manage::ExitAction,
    },
};

/// Most tries of a profit order that the broker rejects; stop, evaluation and time exit remain.
const RESTING_TRIES: usize = 5;

/// What a round wants of a position.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) action: ExitAction,
    /// Longs nobody bids for: left behind (rulebook §5).
    pub(super) leave: Vec<Instrument>,
}

impl Desk {
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
            if level != Level::Flattening && is_held_back(position) {
                continue;
            }
            if self.close_delivered(position, self.now()).await? {
                continue;
            }
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
        let held = self.held()?;
        let own = |r: &&IntentRecord| match r.intent.purpose.position() {
            None => r.intent.id.0 == position.id.0,
            Some(of) => *of == position.id,
        };
        let working = held.intents.iter().find(own);
        let Wanted { action, leave } = wanted;
        match (action, working) {
            (ExitAction::RestProfit { limit, scope }, None) if level != Level::Halted => {
                self.rest(position, limit, scope, now).await
            }
            (ExitAction::RestProfit { limit, scope }, Some(record))
                if record.is_resting() && !rests_for(record, position, limit, scope) =>
            {
                self.want_cancel(record, "the profit target moved").await
            }
            (ExitAction::Adjust { reason }, None) if level < Level::Flattening => {
                self.adjust(position, reason, now).await
            }
            (ExitAction::Adjust { .. }, Some(record))
                if record.is_resting() && level < Level::Flattening =>
            {
                self.want_cancel(record, "the position is changed").await
            }
            (ExitAction::Close { reason, scope, .. }, None) => {
                self.close(position, reason, scope, leave, now).await
            }
            (ExitAction::Close { reason, scope, .. }, Some(record))
                if self.gives_way(record, position, scope, &leave, now) =>
            {
                self.want_cancel(record, &format!("closing: {}", reason.words())).await
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
        scope: Scope,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let closes = self.parts.store.read(|tx| read::closes(tx, &position.id))?;
        let resting: Vec<&IntentRecord> = closes.iter().filter(|r| r.is_resting()).collect();
        // One that rested to the end of its session is no failed try, nor one that filled: the week's
        // calls of a covered call are bought back again and again.
        let failed = |r: &&&IntentRecord| {
            r.cancel.is_none() && !matches!(r.state, IntentState::Expired | IntentState::Filled)
        };
        let ended = resting.iter().filter(failed).count();
        if ended >= RESTING_TRIES || self.rejected_lately(&closes, now) {
            return Ok(());
        }
        let Some(tick) = self.tick_of(position)? else { return Ok(()) };
        let make = move |position: &Position| {
            let whole = close_intent(position, ExitReason::ProfitTarget, scope, &[], tick, now)?;
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
        if self.rejected_lately(&closes, now) {
            return Ok(());
        }
        let tick = self.tick_of(position)?;
        let Some(tick) = tick else { return Ok(()) };
        let make =
            move |position: &Position| close_intent(position, reason, scope, &leave, tick, now);
        self.create_close(position, make, now).await
    }

    pub(super) async fn create_close(
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

    pub(super) async fn want_cancel(
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
        let held = self.held()?;
        let open = &held.intents;
        for record in open.iter().filter(|r| r.intent.ladder != Ladder::Exit) {
            self.want_cancel(record, "flatten").await?;
        }
        let nothing_held = self.hot().open.is_empty();
        if open.is_empty() && nothing_held && self.is_reconciled() {
            return self.end_flatten().await;
        }
        let Ok(orders) = self.ask(self.parts.broker.orders_today()).await else { return Ok(()) };
        for order in orders.iter().filter(|order| !order.status.is_terminal()) {
            let ours = self.parts.store.read(|tx| tx.get(&BROKER_ORDERS, &order.id.0))?;
            if ours.is_none()
                && let Err(error) = self.ask(self.parts.broker.cancel(&order.id)).await
            {
                tracing::warn!(order = %order.id, %error, "flatten: a cancel was not taken");
            }
        }
        Ok(())
    }

    /// A rejection backs off 5, 15, then 30 s (rulebook §5).
    pub(super) fn rejected_lately(&self, closes: &[IntentRecord], now: Timestamp) -> bool {
        let rejected = closes.iter().rev().take_while(|r| r.state == IntentState::Rejected);
        let rejected = rejected.count();
        let Some(last) = closes.last().filter(|_| rejected > 0) else { return false };
        elapsed(last.updated_at, now) < self.rules().backoff(rejected)
    }

    /// The tick of a position's net price: that of the order which opened it, or of the one
    /// instrument that was adopted.
    pub(super) fn tick_of(&self, position: &Position) -> Result<Option<Decimal>, StoreError> {
        let known = self.held()?.ticks.get(&position.id).copied();
        Ok(known.or_else(|| single_tick(position)))
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

/// True where a resting order asks for what should rest now: at this price, for what is open.
fn rests_for(record: &IntentRecord, position: &Position, limit: NetPrice, scope: Scope) -> bool {
    let same = |order: &Closing| order.legs == record.intent.legs;
    record.intent.limit == limit && closing(position, scope).as_ref().is_some_and(same)
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
        // What is worth nothing against us as a whole bounds no part of it.
        width: position.width.filter(|width| *width > Decimal::ZERO),
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
    let scope = if scope == Scope::ShortsOnly { Scope::All } else { scope };
    let mut rest = position.clone();
    rest.legs.retain(|leg| !leave.contains(&leg.instrument));
    closing(&rest, scope)
}

/// The longs a close leaves behind: those with a quote and no bid. A time exit keeps them in its
/// order until the shorts alone are asked for (rulebook §4.1, 15:10).
pub(super) fn left_behind(
    position: &Position,
    action: ExitAction,
    quotes: &[OptionQuote],
) -> Vec<Instrument> {
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
