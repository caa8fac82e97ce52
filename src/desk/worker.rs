//! One task per open intent. It knows nothing that is not in the store or at the broker, so it can
//! be dropped and started again at any point.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    Desk,
    intent::{Attempt, AttemptStatus, IntentRecord},
    lookup::Lookup,
    pass::Pass,
    patience::Patience,
    record,
    wish::{End, Wish},
};
use crate::{
    account::{
        IntentId,
        hold::{Hold, Level},
    },
    broker::{BrokerError, BrokerOrder, OrderStatus},
    clock::Timestamp,
    config::execution::{ExecutionRules, span},
    notice::{self, Notice},
    planted::{self, Bug},
    store::StoreError,
};

/// The first wait for a cancel's confirmation.
const POLL_CANCEL: TimeDelta = TimeDelta::milliseconds(250);

/// When a worker steps again.
enum Next {
    Now,
    At(Timestamp),
}

impl Desk {
    /// Works one intent until it is terminal.
    pub(super) async fn work(self: Arc<Self>, id: IntentId) {
        let leave = Leave { desk: Arc::clone(&self), id: id.clone() };
        let mut patience = Patience::default();
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            let held = match self.held() {
                Ok(held) => held,
                Err(error) => return self.fail("reading an intent", &error),
            };
            let Some(record) = held.intent(&id) else { break };
            let begun = self.now();
            let next = self.step(record, &mut patience).await;
            patience.stepped(self.now() - begun);
            match next {
                Ok(Next::Now) => {}
                Ok(Next::At(at)) => {
                    let begun = self.now();
                    let wait = (at - begun).max(TimeDelta::milliseconds(1));
                    let woken = self.parts.rt.timeout(wait, pulse.changed()).await.is_some();
                    patience.waited(wait, self.now() - begun, !woken);
                }
                Err(StoreError::Refused(reason)) => {
                    tracing::error!(intent = %id, reason, "a step of the intent was refused");
                    self.parts.rt.sleep(span(self.rules().retry_seconds)).await;
                }
                Err(error) => return self.fail("working an intent", &error),
            }
        }
        drop(leave);
        self.beat();
    }

    /// The desk's waits and polls.
    pub(super) fn rules(&self) -> &ExecutionRules {
        &self.parts.rulebook.execution
    }

    async fn step(
        self: &Arc<Self>,
        record: &IntentRecord,
        patience: &mut Patience,
    ) -> Result<Next, StoreError> {
        match record.working() {
            None => self.advance(record).await,
            Some(attempt) if attempt.status == AttemptStatus::Working => {
                self.follow(record, attempt, patience).await
            }
            Some(attempt) => self.resolve(record, attempt, patience).await,
        }
    }

    /// A send whose fate is not known: looked up until found or proven absent.
    async fn resolve(
        self: &Arc<Self>,
        record: &IntentRecord,
        attempt: &Attempt,
        patience: &mut Patience,
    ) -> Result<Next, StoreError> {
        if attempt.status == AttemptStatus::Unknown && planted::on(Bug::GiveUpOnUnknown) {
            return Ok(self.later());
        }
        let looked = patience.looks_for(attempt.number, attempt.at, self.now());
        let may_be_absent = looked.surely >= span(self.rules().absent_after_seconds);
        match self.look_up(record, attempt, may_be_absent).await? {
            Lookup::Found(order) => {
                let taken = self.take(record.id(), &order).await?;
                Ok(self.after_taking(taken.is_some()))
            }
            Lookup::Absent(status) => {
                self.mark(record.id(), status).await?;
                Ok(Next::Now)
            }
            Lookup::Unclear => {
                // An order that was seen working may be missing from a list for a moment.
                let lost = attempt.status == AttemptStatus::Working && !may_be_absent;
                if attempt.status != AttemptStatus::Unknown && !lost {
                    self.mark(record.id(), AttemptStatus::Unknown).await?;
                }
                let now = self.now();
                if looked.altogether > span(self.rules().unknown_halts_after_seconds) {
                    self.hold(self.unknown_hold(record.id(), now), &record.id().0).await?;
                }
                Ok(self.later())
            }
        }
    }

    /// A working order: takes over its news, and cancels it when it should not work as it does.
    async fn follow(
        self: &Arc<Self>,
        record: &IntentRecord,
        attempt: &Attempt,
        patience: &mut Patience,
    ) -> Result<Next, StoreError> {
        let now = self.now();
        let Some(id) = attempt.order.clone() else {
            return self.resolve(record, attempt, patience).await;
        };
        let order = match self.ask(self.parts.broker.order(&id)).await {
            Ok(order) => order,
            Err(BrokerError::NoSuchOrder(_)) => {
                return self.resolve(record, attempt, patience).await;
            }
            Err(_) => return Ok(self.later()),
        };
        let taken = self.take(record.id(), &order).await?;
        let news = taken.is_some();
        let record = taken.map_or_else(|| record.clone(), |taken| taken.record);
        if order.status.is_terminal() {
            return self.ended_at_broker(&record, &order, news, patience).await;
        }
        match self.wish(&record, now).await {
            Wish::Keep(until) => Ok(Next::At(until)),
            Wish::Price(limit, until)
                if limit == attempt.limit && asks_it_all(&record, attempt) =>
            {
                Ok(Next::At(until))
            }
            // Under a halt nothing could replace it: what reduces risk stays where it works.
            Wish::Price(_, until) if self.is_held_back(&record, now) => Ok(Next::At(until)),
            Wish::Price(..) | Wish::Gone(_) => self.cancel(record.id(), &order, patience).await,
        }
    }

    /// The broker says an order has ended. One told as filled whose fills are not all shown works on
    /// in our view; after a while the broker's books give them.
    async fn ended_at_broker(
        &self,
        record: &IntentRecord,
        order: &BrokerOrder,
        news: bool,
        patience: &mut Patience,
    ) -> Result<Next, StoreError> {
        let waiting = record.attempt_of(order).filter(|attempt| !attempt.status.is_ended());
        let Some(attempt) = waiting.filter(|_| order.status == OrderStatus::Filled) else {
            return Ok(self.after_taking(news));
        };
        let waited = patience.waits_for_fills(attempt.number);
        if waited < span(self.rules().fills_wait_seconds) {
            return Ok(self.later());
        }
        let now = self.now();
        if waited > span(self.rules().unknown_halts_after_seconds) {
            self.hold(self.unknown_hold(record.id(), now), &record.id().0).await?;
        }
        let Some(whole) = self.with_booked_fills(record, attempt, order).await else {
            return Ok(self.later());
        };
        let taken = self.take(record.id(), &whole).await?;
        Ok(self.after_taking(taken.is_some()))
    }

    /// At once after news; an answer that changes nothing is no reason to ask again at once.
    fn after_taking(&self, news: bool) -> Next {
        if news { Next::Now } else { self.later() }
    }

    fn later(&self) -> Next {
        Next::At(self.now() + span(self.rules().retry_seconds))
    }

    /// Asks for a cancel, again while it is not confirmed, and tells when that takes too long. It
    /// is done only when a read says so.
    async fn cancel(
        &self,
        intent: &IntentId,
        order: &BrokerOrder,
        patience: &mut Patience,
    ) -> Result<Next, StoreError> {
        let rules = self.rules();
        if let Some(waited) = patience.tells_of_cancel(&order.id, span(rules.cancel_alert_seconds))
        {
            let (now, intent) = (self.now(), intent.clone());
            let (order, seconds) = (order.id.0.clone(), waited.num_seconds());
            let told = Notice::CancelUnconfirmed { intent, order, seconds };
            self.write(move |tx| notice::raise(tx, now, told)).await?;
        }
        if patience.asks_to_cancel(&order.id, span(rules.cancel_again_seconds)) {
            match self.ask(self.parts.broker.cancel(&order.id)).await {
                Ok(()) | Err(BrokerError::Ended(_)) => return Ok(Next::Now),
                Err(error) => {
                    tracing::warn!(order = %order.id, %error, "a cancel was not taken");
                    return Ok(self.later());
                }
            }
        }
        Ok(Next::At(self.now() + POLL_CANCEL))
    }

    /// Nothing of the intent is at the broker: send the next, wait, or end.
    async fn advance(self: &Arc<Self>, record: &IntentRecord) -> Result<Next, StoreError> {
        let now = self.now();
        let soon = now + span(self.rules().poll_seconds);
        let (limit, until) = match self.wish(record, now).await {
            Wish::Keep(until) => return Ok(Next::At(until)),
            Wish::Gone(end) => return self.end(record, end).await,
            Wish::Price(limit, until) => (limit, until),
        };
        let Some(book) = self.book(record, now).await else { return Ok(Next::At(soon)) };
        if let Some(until) = self.after_failed_sends(record, now).filter(|until| *until > now) {
            return Ok(Next::At(until));
        }
        match self.pass(record, limit, now).await? {
            Pass::Leaves(_) if self.may_have_filled_more(record).await? => {
                return Ok(Next::At(soon));
            }
            // The market was read since, and the clock may have been put otherwise: an entry goes at
            // an instant its price was decided for. A close goes late rather than never.
            Pass::Leaves(_) if record.is_entry() && !(now..until).contains(&self.now()) => {
                return Ok(self.later());
            }
            Pass::Leaves(leaving) => self.send(record.id(), limit, book, leaving).await?,
            Pass::Later => return Ok(Next::At(soon)),
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

    /// Sends that did not leave are repeated at growing distance: they are new sends, each proven
    /// not to have left before.
    fn after_failed_sends(&self, record: &IntentRecord, now: Timestamp) -> Option<Timestamp> {
        let not_sent = |a: &&Attempt| matches!(a.status, AttemptStatus::NotSent { .. });
        let failed = record.attempts.iter().rev().take_while(not_sent).count();
        let last = record.attempts.last().filter(|last| failed > 0 && last.at <= now)?;
        Some(last.at + self.rules().backoff(failed))
    }

    fn unknown_hold(&self, id: &IntentId, now: Timestamp) -> Hold {
        let minutes = self.rules().unknown_halts_after_seconds / 60;
        Hold {
            name: "unknown-order".to_owned(),
            level: Level::Halted,
            cause: format!(
                "the fate of an order of `{id}` is unknown for more than {minutes} minutes"
            ),
            since: now,
            until: None,
        }
    }
}

/// A send asks for everything the intent lacks; after uneven fills it asks for legs that are whole.
fn asks_it_all(record: &IntentRecord, attempt: &Attempt) -> bool {
    record.lacking().is_none_or(|(legs, _)| legs == record.legs_of(attempt))
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
