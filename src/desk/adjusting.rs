//! Changing an open position by one order: rolls and defence (rulebook §4.2 to §4.6). The strategy
//! says that it is time; what it needs to see is gathered, it decides, and the order is made in one
//! transaction with the decision.

use std::sync::Arc;

use serde_json::json;

use super::{Desk, describe, record, tables::DECISIONS, tables::instant, watch::EXIT_MEMORIES};
use crate::{
    account::{Position, PositionId},
    clock::Timestamp,
    market::{UnderlyingQuote, VixQuote},
    notice::{self, Notice},
    risk::decision::{DecisionOutcome, DecisionRecord},
    store::{Read, StoreError, WriteTx},
    strategy::{
        AdjustReason, Candidate, Intent, Purpose, closing::open_legs, manage::Watched, rule,
    },
};

/// What a strategy that is not flat by the end of the day sees beside the quotes of its legs.
pub(super) struct Around {
    pub(super) underlying: Option<UnderlyingQuote>,
    pub(super) vix: Option<VixQuote>,
}

impl Desk {
    /// The underlying of a position's nearest expiration, and VIX.
    pub(super) async fn around(&self, position: &Position) -> Around {
        let market = &self.parts.market;
        let series = open_legs(position).filter_map(|leg| match &leg.instrument {
            crate::instrument::Instrument::Option(contract) => Some(&contract.series),
            _ => None,
        });
        let nearest = series.min_by_key(|series| series.expiration);
        let underlying = self.within(market.underlying(position.product, nearest)).await;
        Around {
            underlying: underlying.and_then(Result::ok),
            vix: self.within(market.vix()).await.and_then(Result::ok),
        }
    }

    /// Asks the strategy for the order that changes a position, and makes it.
    pub(super) async fn adjust(
        self: &Arc<Self>,
        position: &Position,
        reason: AdjustReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((rule, session)) = rule(position.strategy).zip(self.session(now)) else {
            return Ok(());
        };
        let closes = self.parts.store.read(|tx| super::read::closes(tx, &position.id))?;
        let Some(tick) = self.tick_of(position)? else { return Ok(()) };
        if self.rejected_lately(&closes, now) {
            return Ok(());
        }
        let quotes = self.position_quotes(position).await;
        let around = self.around(position).await;
        let watched = Watched {
            rulebook: &self.parts.rulebook,
            session: &session,
            position,
            quotes: &quotes,
            underlying: around.underlying.as_ref(),
            vix: around.vix,
            tick,
            now,
        };
        let seen = self.seen(&rule.adjust_needs(&watched, reason), &session).await;
        let decision = rule.adjust(&watched, &seen, reason);
        let candidate = decision.candidates.into_iter().next();
        let outcome = match candidate {
            Some(_) => DecisionOutcome::Adjusted,
            None => DecisionOutcome::NoTrade,
        };
        let made = DecisionRecord {
            at: now,
            slot: now,
            strategy: position.strategy,
            outcome,
            filters: decision.filters,
            refusals: Vec::new(),
            intent: None,
            ended: None,
        };
        let id = position.id.clone();
        let written = self.write(move |tx| commit(tx, &id, candidate, made, reason, now)).await?;
        let mut hot = self.hot();
        if let Some(memory) = hot.memories.get_mut(&position.id) {
            memory.adjust_tried_at = Some(now);
            memory.adjusts += u32::from(written.is_some());
        }
        // The strategy says anew at its next round what is wanted.
        hot.wanted.remove(&position.id);
        drop(hot);
        if let Some(changed) = written {
            self.keep_position(&changed);
            self.wake();
        }
        Ok(())
    }
}

/// The try, the decision, and its order where there is one.
fn commit(
    tx: &mut WriteTx,
    id: &PositionId,
    candidate: Option<Candidate>,
    mut made: DecisionRecord,
    reason: AdjustReason,
    now: Timestamp,
) -> Result<Option<Position>, StoreError> {
    let mut changed = None;
    if let Some(candidate) = candidate {
        let make = |position: &Position| Some(intent(position, candidate, reason, now));
        let Some(recorded) = record::create_close(tx, id, make, &id.0, now)? else {
            return Ok(None);
        };
        made.intent = Some(recorded.record.id().clone());
        let order = &recorded.record.intent;
        let what = describe::order(order.product, &order.legs, order.units);
        let summary = format!("{id}, {}: {what}", reason.words());
        notice::raise(tx, now, Notice::Decided { strategy: made.strategy, summary })?;
        changed = recorded.position;
    }
    let mut memory = tx.get(&EXIT_MEMORIES, &id.0)?.unwrap_or_default();
    memory.adjust_tried_at = Some(now);
    memory.adjusts += u32::from(changed.is_some());
    tx.put(&EXIT_MEMORIES, &id.0, &memory)?;
    let data = json!({
        "strategy": made.strategy, "outcome": made.outcome, "intent": made.intent,
        "position": id, "reason": reason,
        "failed": made.filters.iter().filter(|f| !f.passed).collect::<Vec<_>>(),
    });
    tx.journal(now, &id.0, "decision", &data)?;
    tx.put(&DECISIONS, &format!("{}/{}", made.key(), instant(now)), &made)?;
    Ok(changed)
}

fn intent(
    position: &Position,
    candidate: Candidate,
    reason: AdjustReason,
    now: Timestamp,
) -> Intent {
    Intent {
        id: record::close_id(position),
        strategy: position.strategy,
        product: candidate.product,
        purpose: Purpose::Adjust { position: position.id.clone(), reason },
        slot: now,
        legs: candidate.legs,
        units: candidate.units,
        ladder: candidate.ladder,
        limit: candidate.minimum,
        tick: candidate.tick,
        width: candidate.width,
        max_loss_usd: crate::money::Usd::ZERO,
        requirement_usd: crate::money::Usd::ZERO,
    }
}
