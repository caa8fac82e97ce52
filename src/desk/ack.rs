//! Acknowledgements of the daily report, which the first stages ask for (rulebook §3).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    store::{Read, StoreError, Table, WriteTx},
};

/// Acknowledgements of daily reports, by the report's date; the newest is the one that counts.
pub const ACKS: Table<Ack> = Table::new("acks", 1);

/// An operator's acknowledgement of a daily report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// When; the last time, where it was repeated.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The session the report is of.
    pub report: NaiveDate,
}

/// When a daily report was last acknowledged.
pub fn acked_at(tx: &impl Read) -> Result<Option<Timestamp>, StoreError> {
    let newest = tx.last(&ACKS, "", 1)?;
    Ok(newest.first().map(|(_, ack)| ack.at))
}

/// Acknowledges the daily report of `report`, the newest one kept; journalled.
pub fn acknowledge(
    tx: &mut WriteTx,
    report: NaiveDate,
    by: &str,
    now: Timestamp,
) -> Result<Ack, StoreError> {
    let ack = Ack { at: now, by: by.to_owned(), report };
    tx.put(&ACKS, &report.to_string(), &ack)?;
    tx.journal(now, by, "ack", &ack)?;
    Ok(ack)
}
