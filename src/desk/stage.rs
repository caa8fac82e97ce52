//! The deployment stage in force (rulebook §3) as the store keeps it, and the acknowledgements of
//! the daily report that its first stages ask for.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::read;
use crate::{
    clock::Timestamp,
    config::stages::StageId,
    store::{Read, StoreError, Table},
};

/// The stage in force; one row, `stage`. Without it the account is on paper, since its ledger began.
pub const STAGE: Table<StageRow> = Table::new("stage", 1);
/// The one key of [`STAGE`].
pub const STAGE_KEY: &str = "stage";
/// Acknowledgements of daily reports, by the report's date; the newest is the one that counts.
pub const ACKS: Table<Ack> = Table::new("acks", 1);

/// How a stage came to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// Every account begins on paper.
    Begun,
    /// A person promoted it.
    Promoted,
    /// A person demoted it.
    Demoted,
    /// A breach demoted it.
    Breached,
}

/// The stage in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Which.
    pub stage: StageId,
    /// Since when; `None` before the ledger was opened.
    pub since: Option<Timestamp>,
    /// How it came about.
    pub came: Came,
    /// Who did it.
    pub by: String,
    /// Why; for a promotion, what was measured.
    pub reason: String,
    /// Promotions that passed over criteria that did not hold, the oldest first.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// A promotion over criteria that did not hold: shown on every report from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// When.
    pub at: Timestamp,
    /// From which stage.
    pub from: StageId,
    /// To which.
    pub to: StageId,
    /// Who did it.
    pub by: String,
    /// The reason given.
    pub reason: String,
    /// What did not hold, each with its figure and bound.
    pub failed: Vec<String>,
}

/// An operator's acknowledgement of a daily report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The session the report is of.
    pub report: NaiveDate,
}

/// The stage in force.
pub fn current(tx: &impl Read) -> Result<StageRow, StoreError> {
    if let Some(row) = tx.get(&STAGE, STAGE_KEY)? {
        return Ok(row);
    }
    Ok(StageRow {
        stage: StageId::Paper,
        since: read::cash(tx)?.map(|book| book.since),
        came: Came::Begun,
        by: "desk".to_owned(),
        reason: "every account begins on paper".to_owned(),
        overrides: Vec::new(),
    })
}

/// When a daily report was last acknowledged.
pub fn acked_at(tx: &impl Read) -> Result<Option<Timestamp>, StoreError> {
    let newest = tx.last(&ACKS, "", 1)?;
    Ok(newest.first().map(|(_, ack)| ack.at))
}
