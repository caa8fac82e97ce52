//! A position the owner wants closed: by the exit ladder, as any other exit, once.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Desk,
    adjust::is_held_back,
    intent::IntentRecord,
    read, record,
    watch::{EXIT_MEMORIES, close_from_now},
};
use crate::{
    account::{ExitReason, IntentId, Position, PositionId, StrategyId, hold::Level},
    clock::Timestamp,
    store::{Read as _, StoreError},
    strategy::Purpose,
};

/// The answer waits so long for the close to be written.
const CLOSE_WAIT: TimeDelta = TimeDelta::milliseconds(400);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseAnswer {
    /// The position.
    pub position: PositionId,
    /// In words.
    pub what: String,
    /// The close that works, or the one that comes once what works now is cancelled.
    pub intent: IntentId,
    /// The close is written; until then what works at the broker is being cancelled, or the session
    /// is awaited.
    pub begun: bool,
    /// Why it is being closed: an earlier reason stands.
    pub reason: ExitReason,
    /// It was being closed already.
    pub already: bool,
    /// When the session opens that it waits for; `None` while one is open.
    pub waits_until: Option<Timestamp>,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// No such open position, or not one that may be closed so.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Closes a position by the exit ladder. Asked again while it is being closed, it changes
    /// nothing and says what stands.
    pub async fn close_by_owner(
        self: &Arc<Self>,
        id: &PositionId,
        why: &str,
        by: &str,
    ) -> Result<CloseAnswer, CloseError> {
        let position = self.parts.store.read(|tx| read::position(tx, id))?;
        let position = self.may_close(position, id)?;
        let (now, key, by, why) = (self.now(), id.clone(), by.to_owned(), why.to_owned());
        let (news, reason) = self
            .write(move |tx| {
                let news = close_from_now(tx, &key, ExitReason::Owner)?;
                if news {
                    let data = json!({ "reason": ExitReason::Owner, "why": why });
                    tx.journal(now, &by, "closing", &data)?;
                }
                let memory = tx.get(&EXIT_MEMORIES, &key.0)?.unwrap_or_default();
                Ok((news, memory.closing.unwrap_or(ExitReason::Owner)))
            })
            .await?;
        self.must_close(id, reason);
        self.beat();
        let waits_until = if self.in_session(now) { None } else { self.next_open(now) };
        let begun = match waits_until {
            None => self.closing_now(id).await?,
            Some(_) => self.close_of(id)?,
        };
        let intent = match &begun {
            Some(close) => close.clone(),
            None => self
                .parts
                .store
                .read(|tx| read::position(tx, id))?
                .map_or_else(|| record::close_id(&position), |row| record::close_id(&row)),
        };
        Ok(CloseAnswer {
            position: id.clone(),
            what: super::describe::position(&position),
            intent,
            begun: begun.is_some(),
            reason,
            already: !news,
            waits_until,
        })
    }

    /// The position, where the rules let the owner close it so.
    fn may_close(
        &self,
        position: Option<Position>,
        id: &PositionId,
    ) -> Result<Position, CloseError> {
        let refused = |why: String| Err(CloseError::Refused(why));
        let Some(position) = position else {
            return refused(format!("there is no position `{id}`; /positions lists what is open"));
        };
        if !position.is_open() {
            return refused(format!("`{id}` is closed already"));
        }
        if position.strategy == StrategyId::External {
            return refused(format!(
                "`{id}` was opened outside; only /flatten touches it, or close it at the broker"
            ));
        }
        if is_held_back(&position) {
            return refused(format!(
                "`{id}` holds an adjusted contract, which only a person trades; close it at the \
                 broker"
            ));
        }
        match self.latch.level() {
            Level::Halted => {
                let holds = self.latch.ruling(self.now());
                let hold = holds.into_iter().find(|hold| hold.level == Level::Halted);
                let cause = hold.map_or_else(String::new, |hold| format!(" ({})", hold.cause));
                refused(format!(
                    "the latch is HALTED{cause}: only cancels leave. /resume first, or /flatten"
                ))
            }
            Level::Flattening => refused("everything is being closed already".to_owned()),
            Level::Active | Level::Reducing => Ok(position),
        }
    }

    /// The close that works for a position, once it is written; `None` when that takes longer.
    async fn closing_now(
        self: &Arc<Self>,
        id: &PositionId,
    ) -> Result<Option<IntentId>, StoreError> {
        let until = self.now() + CLOSE_WAIT;
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            let found = self.close_of(id)?;
            let left = until - self.now();
            if found.is_some() || left <= TimeDelta::zero() {
                return Ok(found);
            }
            let _ = self.parts.rt.timeout(left.min(LOOK), pulse.changed()).await;
        }
    }

    fn close_of(&self, id: &PositionId) -> Result<Option<IntentId>, StoreError> {
        let closes = |record: &IntentRecord| {
            !record.is_resting()
                && matches!(&record.intent.purpose, Purpose::Exit { position, .. } if position == id)
        };
        let open = self.parts.store.read(read::open_intents)?;
        Ok(open.into_iter().find(closes).map(|record| record.intent.id))
    }
}

/// Between two looks for the close.
const LOOK: TimeDelta = TimeDelta::milliseconds(20);
