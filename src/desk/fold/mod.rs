//! The journal folded back: the state its entries imply, and whether the store holds the same.
//!
//! The journal tells every write of holds, intents, positions, cash, runs and pauses, so the tables
//! must follow from it. The fold knows nothing of the code that wrote them: it adds up what the
//! entries say.

mod compare;
mod ledger;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    ack::Ack,
    intent::{AttemptStatus, IntentState},
    pause::StrategyPause,
    stage::StageRow,
    tables::{CashBook, PhaseRow},
};
use crate::{
    account::{BrokerOrderId, ExitReason, Fill, IntentId, PositionId, StrategyId, hold::Hold},
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    schedule::ledger::RunRow,
    store::{JournalEntry, JournalHead, Read, StoreError, Verification},
    strategy::Purpose,
};

/// Entries read in one go.
const CHUNK: usize = 1_000;

/// What the journal implies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folded {
    /// The last entry taken in; 0 for none.
    pub through: u64,
    /// Holds by name.
    pub holds: BTreeMap<String, Hold>,
    /// Every intent.
    pub intents: BTreeMap<IntentId, FoldedIntent>,
    /// The intent of each broker order.
    pub orders: BTreeMap<BrokerOrderId, IntentId>,
    /// Every position.
    pub positions: BTreeMap<PositionId, FoldedPosition>,
    /// Cash as the ledger explains it.
    pub cash: Option<CashBook>,
    /// Outcomes by run id; of frequent jobs those that acted or failed.
    pub runs: BTreeMap<String, RunRow>,
    /// The deployment stage; `None` while the account is where every account begins.
    pub stage: Option<StageRow>,
    /// The account phase.
    pub phase: Option<PhaseRow>,
    /// Acknowledged daily reports.
    pub acks: BTreeMap<String, Ack>,
    /// Why each paused job is paused.
    pub paused: BTreeMap<String, String>,
    /// Paused strategies, by name.
    pub strategies_paused: BTreeMap<String, StrategyPause>,
}

/// An intent as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedIntent {
    /// Whose it is.
    pub strategy: StrategyId,
    /// Entry or exit.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: IntentState,
    /// Sends so far.
    pub sends: u32,
    /// The send that has not ended.
    pub working: Option<(String, AttemptStatus)>,
    /// Every fill, each once, in order.
    pub fills: Vec<Fill>,
    /// Somebody wants it gone.
    pub cancel: Option<String>,
    /// Why it ended.
    pub ended: Option<String>,
}

/// A position as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedPosition {
    /// Whose it is.
    pub strategy: StrategyId,
    /// What is open of each leg; nothing stands for none.
    pub legs: BTreeMap<Instrument, i64>,
    /// Opening and closing cash, fees not counted.
    pub cash_usd: Usd,
    /// Fees.
    pub fees_usd: Usd,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Why.
    pub exit_reason: Option<ExitReason>,
    /// The ordinal of its next close.
    pub next_close: u32,
}

/// An entry that does not fit what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence} ({kind}): {why}")]
pub struct FoldError {
    /// The entry.
    pub sequence: u64,
    /// Its kind.
    pub kind: String,
    /// What is wrong with it.
    pub why: String,
}

/// What came of comparing the journal's state with the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldOutcome {
    /// The store holds what the journal implies.
    Same,
    /// It does not.
    Differs,
    /// It cannot be told: the journal is not whole.
    Unknown,
}

/// Whether the state of the store follows from the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folding {
    /// The answer.
    pub outcome: FoldOutcome,
    /// Each difference, with both figures.
    pub differences: Vec<String>,
    /// Why it cannot be told.
    pub reason: Option<String>,
}

/// The journal's chain and the state that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The chain.
    pub journal: Verification,
    /// The state.
    pub state: Folding,
}

impl Verified {
    /// True when nothing speaks against the journal.
    pub fn holds(&self) -> bool {
        self.journal.broken.is_none() && self.state.outcome != FoldOutcome::Differs
    }
}

/// Walks the chain, then folds it and compares the outcome with the tables.
pub fn verify(tx: &impl Read, known: &[JournalHead]) -> Result<Verified, StoreError> {
    let journal = tx.verify_journal(known)?;
    let state = match &journal.broken {
        Some(broken) => unknown(format!("the chain is broken at entry {}", broken.sequence)),
        None if journal.first > 1 || (journal.first == 0 && journal.head.sequence > 0) => {
            let kept = if journal.first == 0 { journal.head.sequence + 1 } else { journal.first };
            unknown(format!("the entries before {kept} were pruned"))
        }
        None => fold_all(tx)?,
    };
    Ok(Verified { journal, state })
}

fn unknown(reason: String) -> Folding {
    Folding { outcome: FoldOutcome::Unknown, differences: Vec::new(), reason: Some(reason) }
}

fn fold_all(tx: &impl Read) -> Result<Folding, StoreError> {
    let mut folded = Folded::default();
    let differences = match folded.take_in(tx)? {
        Ok(()) => folded.differences(tx)?,
        Err(error) => vec![error.to_string()],
    };
    let same = differences.is_empty();
    let outcome = if same { FoldOutcome::Same } else { FoldOutcome::Differs };
    Ok(Folding { outcome, differences, reason: None })
}

impl Folded {
    /// Takes in the entries after the last one taken in.
    pub fn take_in(&mut self, tx: &impl Read) -> Result<Result<(), FoldError>, StoreError> {
        loop {
            let entries = tx.journal_entries(self.through + 1, CHUNK)?;
            for entry in &entries {
                if let Err(error) = self.apply(entry) {
                    return Ok(Err(error));
                }
            }
            if entries.len() < CHUNK {
                return Ok(Ok(()));
            }
        }
    }

    /// Takes in one entry; it must be the next.
    pub fn apply(&mut self, entry: &JournalEntry) -> Result<(), FoldError> {
        let why = if entry.sequence == self.through + 1 {
            self.apply_kind(entry).err()
        } else {
            Some(format!("it does not follow entry {}", self.through))
        };
        if let Some(why) = why {
            return Err(FoldError { sequence: entry.sequence, kind: entry.kind.clone(), why });
        }
        self.through = entry.sequence;
        Ok(())
    }

    fn apply_kind(&mut self, entry: &JournalEntry) -> Result<(), String> {
        let JournalEntry { cause, data, .. } = entry;
        match entry.kind.as_str() {
            "halt" | "reduce" | "resume" | "flatten" => self.latch_changed(data),
            "hold" => {
                let hold: Hold = typed(data)?;
                self.holds.insert(hold.name.clone(), hold);
                Ok(())
            }
            "hold_ended" => {
                let hold: Hold = typed(data)?;
                let gone = self.holds.remove(&hold.name);
                gone.map(drop).ok_or_else(|| format!("no hold `{}` was set", hold.name))
            }
            "intent" => self.intent_made(data),
            "sending" => self.sending(cause, data),
            "order" => self.order(cause, data),
            "order_claimed" => self.order_claimed(cause, data),
            "fill" => self.fill(cause, data),
            "cancel_wanted" => self.cancel_wanted(cause, data),
            "ended" => self.ended(cause, data),
            "closed" => self.closed(data),
            "ledger_opened" => {
                self.cash = Some(typed(data)?);
                Ok(())
            }
            "settled" => self.settled(data),
            "foreign" => self.foreign(data),
            "transactions_read" => self.transactions_read(data),
            "delivered" | "adopted" => self.taken_over(data),
            "job.done" | "job.failed" | "job.skipped" | "job.missed" => self.run(cause, data),
            "stage" => {
                #[derive(Deserialize)]
                struct Moved {
                    row: StageRow,
                }
                let Moved { row } = typed(data)?;
                self.stage = Some(row);
                Ok(())
            }
            "ack" => {
                let ack: Ack = typed(data)?;
                self.acks.insert(ack.report.to_string(), ack);
                Ok(())
            }
            "phase" => {
                self.phase = Some(typed(data)?);
                Ok(())
            }
            "job.paused" | "job.resumed" => self.pause(&entry.kind, data),
            "strategy.paused" => {
                let row: StrategyPause = typed(data)?;
                self.strategies_paused.insert(row.strategy.name().to_owned(), row);
                Ok(())
            }
            "strategy.resumed" => {
                #[derive(Deserialize)]
                struct Resumed {
                    strategy: StrategyId,
                }
                let Resumed { strategy } = typed(data)?;
                self.strategies_paused.remove(strategy.name());
                Ok(())
            }
            _ => Ok(()), // it tells of no row that is folded
        }
    }

    fn latch_changed(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Changed {
            holds: Vec<Hold>,
        }
        let Changed { holds } = typed(data)?;
        self.holds = holds.into_iter().map(|hold| (hold.name.clone(), hold)).collect();
        Ok(())
    }

    fn run(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        match self.runs.insert(cause.to_owned(), typed(data)?) {
            None => Ok(()),
            Some(first) => Err(format!("{cause} had ended as {} before", first.status.name())),
        }
    }

    fn pause(&mut self, kind: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Paused {
            job: String,
            reason: Option<String>,
        }
        let Paused { job, reason } = typed(data)?;
        match (kind, reason) {
            ("job.paused", Some(reason)) => self.paused.insert(job, reason),
            _ => self.paused.remove(&job),
        };
        Ok(())
    }
}

fn typed<T: DeserializeOwned>(data: &Value) -> Result<T, String> {
    T::deserialize(data).map_err(|error| format!("cannot be folded: {error}"))
}
