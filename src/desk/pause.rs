//! Strategies the owner has paused: they make no entries; what they hold is managed.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Desk, intent::IntentRecord, read, record};
use crate::{
    account::StrategyId,
    clock::Timestamp,
    store::{Read, StoreError, Table, WriteTx},
    strategy::{Decision, Filter},
};

/// Paused strategies, by name.
pub const PAUSED: Table<StrategyPause> = Table::new("strategies_paused", 1);

/// Why an entry that was under way is cancelled.
const CAUSE: &str = "the strategy is paused by the owner";

/// A strategy that makes no entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyPause {
    /// The strategy.
    pub strategy: StrategyId,
    /// Since when.
    pub since: Timestamp,
    /// Who paused it.
    pub by: String,
}

/// What a pause or a resume came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseAnswer {
    /// The strategy.
    pub strategy: StrategyId,
    /// It is paused now.
    pub paused: bool,
    /// This changed it.
    pub changed: bool,
    /// Its entries under way that are being cancelled.
    pub cancelling: Vec<String>,
}

/// Every paused strategy, by name.
pub fn paused(tx: &impl Read) -> Result<Vec<StrategyPause>, StoreError> {
    Ok(tx.list(&PAUSED, "")?.into_iter().map(|(_, row)| row).collect())
}

/// Pauses a strategy; its entries under way are cancelled.
pub fn pause(
    tx: &mut WriteTx,
    strategy: StrategyId,
    by: &str,
    now: Timestamp,
) -> Result<PauseAnswer, StoreError> {
    let changed = tx.get(&PAUSED, strategy.name())?.is_none();
    if changed {
        let row = StrategyPause { strategy, since: now, by: by.to_owned() };
        tx.journal(now, by, "strategy.paused", &row)?;
        tx.put(&PAUSED, strategy.name(), &row)?;
    }
    let mut cancelling = Vec::new();
    let own = |record: &IntentRecord| record.is_entry() && record.intent.strategy == strategy;
    for record in read::open_intents(tx)?.into_iter().filter(own) {
        record::want_cancel(tx, record.id(), CAUSE, now)?;
        cancelling.push(record.intent.id.0);
    }
    Ok(PauseAnswer { strategy, paused: true, changed, cancelling })
}

/// Lets a strategy enter again.
pub fn resume(
    tx: &mut WriteTx,
    strategy: StrategyId,
    by: &str,
    now: Timestamp,
) -> Result<PauseAnswer, StoreError> {
    let changed = tx.remove(&PAUSED, strategy.name())?;
    if changed {
        tx.journal(now, by, "strategy.resumed", &json!({ "strategy": strategy }))?;
    }
    Ok(PauseAnswer { strategy, paused: false, changed, cancelling: Vec::new() })
}

/// The filter that stops a paused strategy; `None` where it is not paused.
pub(super) fn filter(tx: &impl Read, strategy: StrategyId) -> Result<Option<Filter>, StoreError> {
    let row = tx.get(&PAUSED, strategy.name())?;
    Ok(row.map(|row| Filter {
        name: "paused".to_owned(),
        value: format!(
            "paused by the owner ({}) since {}",
            row.by,
            row.since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        ),
        bound: "not paused".to_owned(),
        passed: false,
    }))
}

/// The decision of a strategy that is paused: its filters stand as they came out, behind the pause.
pub(super) fn stopped(decision: Decision, filter: Filter) -> Decision {
    let mut filters = vec![filter];
    filters.extend(decision.filters);
    Decision { candidates: Vec::new(), filters }
}

impl Desk {
    /// Pauses a strategy.
    pub async fn pause_strategy(
        self: &std::sync::Arc<Self>,
        strategy: StrategyId,
        by: &str,
    ) -> Result<PauseAnswer, StoreError> {
        let (now, by) = (self.now(), by.to_owned());
        let done = self.write(move |tx| pause(tx, strategy, &by, now)).await?;
        self.wake();
        Ok(done)
    }

    /// Lets a strategy enter again.
    pub async fn resume_strategy(
        &self,
        strategy: StrategyId,
        by: &str,
    ) -> Result<PauseAnswer, StoreError> {
        let (now, by) = (self.now(), by.to_owned());
        self.write(move |tx| resume(tx, strategy, &by, now)).await
    }
}
