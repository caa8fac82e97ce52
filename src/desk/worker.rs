//! One task per open intent. It knows nothing that is not in the store or at the broker, so it can
//! be dropped and started again at any point.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    Desk,
    intent::{Attempt, AttemptStatus, IntentRecord},
    pass::Pass,
    record,
    send::Lookup,
    watch::elapsed,
    wish::{End, POLL, Wish},
};
use crate::{
    account::{
        BrokerOrderId, IntentId,
        hold::{Hold, Level},
    },
    broker::{BrokerError, BrokerOrder},
    clock::Timestamp,
    store::StoreError,
};

/// The first wait for a cancel's confirmation.
const POLL_CANCEL: TimeDelta = TimeDelta::milliseconds(250);
/// A cancel that is not confirmed is asked for again.
const CANCEL_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// The wait after a read that failed, and between looks for an unknown order.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(2);
/// An intent unknown for longer halts (rulebook §6).
const UNKNOWN_HALTS_AFTER: TimeDelta = TimeDelta::minutes(15);

/// What a worker remembers between steps; losing it costs one more cancel request.
#[derive(Default)]
struct Memory {
    cancelled: Option<(BrokerOrderId, Timestamp)>,
}

/// When a worker steps again.
enum Next {
    Now,
    At(Timestamp),
}

impl Desk {
    /// Works one intent until it is terminal.
    pub(super) async fn work(self: Arc<Self>, id: IntentId) {
        let leave = Leave { desk: Arc::clone(&self), id: id.clone() };
        let mut memory = Memory::default();
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            let held = match self.held() {
                Ok(held) => held,
                Err(error) => return self.fail("reading an intent", &error),
            };
            let Some(record) = held.intent(&id) else { break };
            match self.step(record, &mut memory).await {
                Ok(Next::Now) => {}
                Ok(Next::At(at)) => {
                    let wait = (at - self.now()).max(TimeDelta::milliseconds(1));
                    let _ = self.parts.rt.timeout(wait, pulse.changed()).await;
                }
                Err(StoreError::Refused(reason)) => {
                    tracing::error!(intent = %id, reason, "a step of the intent was refused");
                    self.parts.rt.sleep(AFTER_FAILURE).await;
                }
                Err(error) => return self.fail("working an intent", &error),
            }
        }
        drop(leave);
        self.beat();
    }

    async fn step(
        self: &Arc<Self>,
        record: &IntentRecord,
        memory: &mut Memory,
    ) -> Result<Next, StoreError> {
        match record.working() {
            None => self.advance(record).await,
            Some(attempt) if attempt.status == AttemptStatus::Working => {
                self.follow(record, attempt, memory).await
            }
            Some(attempt) => self.resolve(record, attempt).await,
        }
    }

    /// A send whose fate is not known: looked up until found or proven absent.
    async fn resolve(
        self: &Arc<Self>,
        record: &IntentRecord,
        attempt: &Attempt,
    ) -> Result<Next, StoreError> {
        match self.look_up(attempt).await? {
            Lookup::Found(order) => {
                let taken = self.take(record.id(), &order).await?;
                Ok(self.after_taking(taken.is_some()))
            }
            Lookup::Absent => {
                let reason = "proven absent at the broker".to_owned();
                self.mark(record.id(), AttemptStatus::NotSent { reason }).await?;
                Ok(Next::Now)
            }
            Lookup::Unclear => {
                if attempt.status == AttemptStatus::Sending {
                    self.mark(record.id(), AttemptStatus::Unknown).await?;
                }
                let now = self.now();
                if now - attempt.at > UNKNOWN_HALTS_AFTER {
                    self.hold(unknown_hold(record.id(), now), &record.id().0).await?;
                }
                Ok(Next::At(now + AFTER_FAILURE))
            }
        }
    }

    /// A working order: takes over its news, and cancels it when it should not work as it does.
    async fn follow(
        self: &Arc<Self>,
        record: &IntentRecord,
        attempt: &Attempt,
        memory: &mut Memory,
    ) -> Result<Next, StoreError> {
        let now = self.now();
        let Some(id) = attempt.order.clone() else { return self.resolve(record, attempt).await };
        let order = match self.ask(self.parts.broker.order(&id)).await {
            Ok(order) => order,
            Err(BrokerError::NoSuchOrder(_)) => return self.resolve(record, attempt).await,
            Err(_) => return Ok(Next::At(now + AFTER_FAILURE)),
        };
        let taken = self.take(record.id(), &order).await?;
        if order.status.is_terminal() {
            return Ok(self.after_taking(taken.is_some()));
        }
        let record = taken.map_or_else(|| record.clone(), |taken| taken.record);
        match self.wish(&record, now).await {
            Wish::Keep(until) => Ok(Next::At(until)),
            Wish::Price(limit, until) if limit == attempt.limit => Ok(Next::At(until)),
            // Under a halt nothing could replace it: what reduces risk stays where it works.
            Wish::Price(_, until) if self.is_held_back(&record, now) => Ok(Next::At(until)),
            Wish::Price(..) | Wish::Gone(_) => self.cancel(&order, memory).await,
        }
    }

    /// At once after news; an answer that changes nothing is no reason to ask again at once.
    fn after_taking(&self, news: bool) -> Next {
        if news { Next::Now } else { Next::At(self.now() + AFTER_FAILURE) }
    }

    async fn cancel(&self, order: &BrokerOrder, memory: &mut Memory) -> Result<Next, StoreError> {
        let now = self.now();
        let asked = memory.cancelled.as_ref().filter(|(id, _)| *id == order.id);
        if asked.is_none_or(|(_, at)| elapsed(*at, now) >= CANCEL_AGAIN) {
            memory.cancelled = Some((order.id.clone(), now));
            match self.ask(self.parts.broker.cancel(&order.id)).await {
                Ok(()) | Err(BrokerError::Ended(_)) => return Ok(Next::Now),
                Err(error) => {
                    tracing::warn!(order = %order.id, %error, "a cancel was not taken");
                    return Ok(Next::At(self.now() + AFTER_FAILURE));
                }
            }
        }
        Ok(Next::At(now + POLL_CANCEL))
    }

    /// Nothing of the intent is at the broker: send the next, wait, or end.
    async fn advance(self: &Arc<Self>, record: &IntentRecord) -> Result<Next, StoreError> {
        let now = self.now();
        let (limit, book) = match self.wish(record, now).await {
            Wish::Keep(until) => return Ok(Next::At(until)),
            Wish::Gone(end) => return self.end(record, end).await,
            Wish::Price(limit, _) => match self.book(record, now).await {
                Some(book) => (limit, book),
                None => return Ok(Next::At(now + POLL)),
            },
        };
        if let Some(until) = after_failed_sends(record, now).filter(|until| *until > now) {
            return Ok(Next::At(until));
        }
        match self.pass(record, limit, now).await? {
            Pass::Leaves(leaving) => self.send(record.id(), limit, book, leaving).await?,
            Pass::Later => return Ok(Next::At(now + POLL)),
            Pass::Never(end) => return self.end(record, end).await,
        }
        Ok(Next::Now)
    }

    async fn end(&self, record: &IntentRecord, end: End) -> Result<Next, StoreError> {
        let (now, id) = (self.now(), record.id().clone());
        let recorded =
            self.write(move |tx| record::end(tx, &id, end.state, &end.reason, now)).await?;
        if let Some(recorded) = &recorded {
            self.keep(recorded);
        }
        Ok(Next::Now)
    }
}

/// Takes the worker off the list when its task ends, in whatever way.
struct Leave {
    desk: Arc<Desk>,
    id: IntentId,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.desk.hot().workers.remove(&self.id);
    }
}

/// Sends that did not leave are repeated at growing distance: they are new sends, each proven not
/// to have left before.
fn after_failed_sends(record: &IntentRecord, now: Timestamp) -> Option<Timestamp> {
    let not_sent = |a: &&Attempt| matches!(a.status, AttemptStatus::NotSent { .. });
    let failed = record.attempts.iter().rev().take_while(not_sent).count();
    let last = record.attempts.last().filter(|last| failed > 0 && last.at <= now)?;
    let seconds = [5, 15, 30][failed.min(3) - 1];
    Some(last.at + TimeDelta::seconds(seconds))
}

fn unknown_hold(id: &IntentId, now: Timestamp) -> Hold {
    Hold {
        name: "unknown-order".to_owned(),
        level: Level::Halted,
        cause: format!("the fate of an order of `{id}` is unknown for more than 15 minutes"),
        since: now,
        until: None,
    }
}
