//! One order to the wire and back: durable before it leaves, never sent twice, and looked up when
//! its fate is not known.

use std::sync::Arc;

use super::{
    Desk,
    intent::{Attempt, AttemptStatus, IntentRecord, IntentState},
    latch::{Leaving, Stopped},
    read, record,
    record::Recorded,
};
use crate::{
    account::{
        IntentId, NetPrice,
        hold::{Hold, Level},
    },
    broker::{BrokerOrder, OrderRequest, SubmitError},
    calendar::{Exchange, new_york_date},
    clock::Timestamp,
    config::execution::span,
    planted::{self, Bug},
    store::StoreError,
    strategy::ladder::Book,
};

impl Desk {
    /// Sends what an intent still lacks, once.
    ///
    /// The send is committed as `Sending` first. The latch is the last thing looked at before the
    /// wire. Whatever is not a definite answer leaves the intent `Unknown`.
    pub(super) async fn send(
        self: &Arc<Self>,
        id: &IntentId,
        limit: NetPrice,
        start: Book,
        leaving: Leaving,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let wanted = id.clone();
        let begun = self.write(move |tx| begin(tx, &wanted, limit, start, now)).await?;
        let Some((record, attempt)) = begun else { return Ok(()) };
        let units = attempt.units * if planted::on(Bug::OversizedOrder) { 3 } else { 1 };
        let tail = if planted::on(Bug::SendUnderAnotherName) { "0" } else { "" };
        let request = OrderRequest {
            external_id: format!("{}{tail}", attempt.external_id),
            legs: record.legs_of(&attempt).to_vec(),
            units,
            limit: attempt.limit,
            strict_effect: !record.is_entry(),
        };
        if let Err(stopped) = self.last_look(&record, leaving) {
            let status = AttemptStatus::NotSent { reason: stopped.to_string() };
            return self.mark(id, status).await;
        }
        if !record.is_entry() {
            self.count_reducing(now);
        }
        let wait = span(self.rules().submit_wait_seconds);
        let submit = || self.parts.rt.timeout(wait, self.parts.broker.submit(&request));
        let mut answer = submit().await;
        if answer.is_none() && planted::on(Bug::ResendOnTimeout) {
            answer = submit().await;
        }
        if planted::on(Bug::SkipDurableWrite) {
            self.parts.rt.sleep(wait).await; // else it would send for ever within one instant
        }
        match answer {
            Some(Ok(order)) => self.take(id, &order).await.map(drop),
            Some(Err(SubmitError::NotSent(reason))) => {
                self.mark(id, AttemptStatus::NotSent { reason }).await
            }
            Some(Err(SubmitError::Rejected { code, message })) => {
                let reason = format!("{code}: {message}");
                self.mark(id, AttemptStatus::Rejected { reason }).await
            }
            Some(Err(SubmitError::Unknown(_))) | None => {
                self.mark(id, AttemptStatus::Unknown).await
            }
        }
    }

    /// Takes over what the broker says of an order of ours; writes only what is new.
    pub(super) async fn take(
        &self,
        id: &IntentId,
        order: &BrokerOrder,
    ) -> Result<Option<Recorded>, StoreError> {
        let now = self.now();
        let held = self.held()?;
        let ended = match held.intent(id) {
            Some(_) => None,
            None => self.parts.store.read(|tx| read::intent(tx, id))?,
        };
        let Some(record) = held.intent(id).or(ended.as_ref()) else { return Ok(None) };
        if !record.sent(order) {
            return Ok(None);
        }
        let mut after = record.clone();
        let fresh = after.apply(order, now);
        if after == *record {
            return Ok(None);
        }
        let denied = record.attempt_of(order).map(|attempt| &attempt.status).filter(|status| {
            matches!(status, AttemptStatus::NotSent { .. } | AttemptStatus::Rejected { .. })
        });
        if denied.is_some() && !fresh.is_empty() {
            self.unconfirmed(order, "a send that was rejected, or proven not to have left").await?;
        }
        let rate = match fresh.last() {
            Some(fill) => self.rate(fill.at).await,
            None => None,
        };
        let (id, order) = (id.clone(), order.clone());
        let recorded = self.write(move |tx| record::report(tx, &id, &order, rate, now)).await?;
        if let Some(recorded) = &recorded {
            self.keep(recorded);
            self.heed_rejections(recorded).await?;
        }
        Ok(recorded)
    }

    pub(super) async fn mark(
        &self,
        id: &IntentId,
        status: AttemptStatus,
    ) -> Result<(), StoreError> {
        let (now, id) = (self.now(), id.clone());
        let recorded = self.write(move |tx| record::mark(tx, &id, status, now)).await?;
        if let Some(recorded) = &recorded {
            self.keep(recorded);
            self.heed_rejections(recorded).await?;
        }
        Ok(())
    }

    /// Too many rejected entries in a day stop entries until the next session (rulebook §5, 13).
    async fn heed_rejections(&self, recorded: &Recorded) -> Result<(), StoreError> {
        let record = &recorded.record;
        if record.state != IntentState::Rejected || !record.is_entry() {
            return Ok(());
        }
        let now = self.now();
        let date = new_york_date(now);
        let count = self.parts.store.read(|tx| read::day_counts(tx, date))?.rejections;
        if count < self.parts.rulebook.limits.rejections_a_day {
            return Ok(());
        }
        let next = self.parts.calendar.next_session(Exchange::Xnys, date);
        let hold = Hold {
            name: "rejections".to_owned(),
            level: Level::Reducing,
            cause: format!("{count} entries were rejected on {date}"),
            since: now,
            until: next.map(|session| session.open),
        };
        self.hold(hold, &record.id().0).await
    }

    /// The last statements before the wire: the session is open and the latch lets it pass.
    fn last_look(&self, record: &IntentRecord, leaving: Leaving) -> Result<(), Stopped> {
        let now: Timestamp = self.now();
        if !self.in_session(now) {
            let cause = format!("the session is closed; `{}` stays here", record.id());
            return Err(Stopped { level: self.latch.level(), cause });
        }
        self.latch.check(leaving, now)
    }
}

/// Writes the send down; `None` when there is nothing to send any more.
fn begin(
    tx: &mut crate::store::WriteTx,
    id: &IntentId,
    limit: NetPrice,
    start: Book,
    now: Timestamp,
) -> Result<Option<(IntentRecord, Attempt)>, StoreError> {
    let Some(mut record) = read::intent(tx, id)? else { return Ok(None) };
    if record.state.is_terminal() || record.cancel.is_some() {
        return Ok(None);
    }
    record.start.get_or_insert(start);
    let after = read::cash(tx)?.map_or(0, |book| book.last_transaction);
    let Some(attempt) = record.begin_attempt(limit, after, now) else { return Ok(None) };
    record::sending(tx, &record, now)?;
    Ok(Some((record, attempt)))
}
